"""The views Windows and Enough text? of the Data page, as a visitor uses them."""

import runpy
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from slm.data.batches import TokenFile
from slm.errors import ConfigError
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.pages.waiting import finished
from ui.components.payload import unpack

WINDOWS, ENOUGH = "Windows", "Enough text?"


def picture(app: AppTest) -> dict:
    """What the browser receives of the windows."""
    return unpack(app.get("bidi_component")[0].proto.bytes)[0]


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_windows_of_the_current_corpus_are_drawn_and_follow_the_controls(open_page: OpenPage):
    app = open_page("data", view=WINDOWS)
    assert not app.exception and not app.error
    assert picture(app)["places"] == 64 + 1  # the current model's context
    assert metrics(app)["Padded"] == "0.0%"
    app.select_slider(key="windows_context").set_value(256).run()
    app.radio(key="windows_mode").set_value("one_document").run()
    assert not app.exception and picture(app)["places"] == 257
    assert metrics(app)["Documents cut"] != "" and metrics(app)["Padded"] != "0.0%"


def test_a_click_shows_the_tokens_of_a_window(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("data", view=WINDOWS, windows_mode="Side by side")
    app.session_state["windows-picture"] = {"pick": 2}
    app.run()
    assert not app.exception
    chips = unpack(app.get("bidi_component")[1].proto.bytes)[0]
    tokens = workspace_env.tokens.list()[0]
    assert chips["ids"] == TokenFile(tokens.folder / "train.bin").ids(64, 129).tolist()


def test_documents_that_nothing_marks_cannot_be_kept_apart(open_page: OpenPage):
    app = open_page("data", view=WINDOWS, separator="Nothing", windows_mode="One document each")
    assert not app.exception
    assert "need a special token behind each document" in app.error[0].value.replace("\\", "")
    app.radio(key="windows_mode").set_value("packed").run()
    assert not app.error and picture(app)["rows"]


@pytest.mark.parametrize("number", ["99999999", "-3"])
def test_a_window_beyond_the_text_falls_back(open_page: OpenPage, number: str):
    app = open_page("data", view=WINDOWS, window_from=number)
    assert not app.exception and app.number_input(key="window_from").value == 1


def test_enough_text_is_answered_for_the_current_model_and_for_presets(open_page: OpenPage):
    app = open_page("data", view=ENOUGH)
    assert not app.exception and not app.error
    assert metrics(app)["Tokens read"] == "3,072"  # 12 steps of 4 windows of 64
    assert any("text for this model" in element.value for element in app.markdown)
    app.selectbox(key="enough_preset").set_value("mini").run()
    assert not app.exception and app.select_slider(key="enough_steps").value == 2_000
    app.select_slider(key="enough_steps").set_value(100).run()
    assert not app.exception
    assert metrics(app)["Tokens read"] == "1.64 M"  # 100 steps of 32 windows of 512


def test_a_time_is_only_told_as_measured_when_it_was(open_page: OpenPage, workspace_env: Workspace):
    for machine in workspace_env.runs.folder.glob("*/machine.json"):
        machine.unlink()
    app = open_page("data", view=ENOUGH)
    said = "\n".join(element.value for element in app.markdown)
    assert "not measured" in said
    app.button(key="enough-measure").click().run()
    assert finished(workspace_env, "rate").status().state == "done"
    app.run()
    said = "\n".join(element.value for element in app.markdown).replace("\\", "")
    assert not app.exception and "Measured on this machine by a short probe" in said


@pytest.mark.parametrize("view", [WINDOWS, ENOUGH])
def test_without_any_tokenizer_it_leads_to_one(open_page: OpenPage, no_demo: None, view: str):
    app = open_page("data", view=view, run=None)
    assert not app.exception and "Choose one in the sidebar" in app.info[0].value


@pytest.mark.parametrize(("view", "printed"), [(WINDOWS, "Totals("), (ENOUGH, "tokens_per_step")])
def test_the_lines_of_code_run(
    open_page: OpenPage, tmp_path: Path, capsys: pytest.CaptureFixture[str], view: str, printed: str
):
    app = open_page("data", view=view)
    lines = next(block.value for block in app.code if block.value.startswith("from "))
    (tmp_path / "shown.py").write_text(lines)
    runpy.run_path(str(tmp_path / "shown.py"))
    assert printed in capsys.readouterr().out


@pytest.mark.parametrize("view", [WINDOWS, ENOUGH])
def test_a_tokenizer_that_lost_its_files_costs_a_sentence(
    open_page: OpenPage, workspace_env: Workspace, view: str
):
    (workspace_env.tokenizers.list()[0].folder / "tokenizer.json").unlink()
    app = open_page("data", view=view)
    assert not app.exception
    assert "has lost its files" in app.error[0].value.replace("\\", "")


def test_a_model_that_cannot_be_costs_a_sentence_also_when_it_is_drawn_again(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    app = open_page("data", view=ENOUGH)

    def refuse(*args: object, **settings: object) -> None:
        raise ConfigError("vocab_size is 1; it must be greater than or equal to 2.")

    monkeypatch.setattr("ui.views.data.enough.words.preset_rows", refuse)
    app.select_slider(key="enough_steps").set_value(100).run()
    assert not app.exception and "it must be greater" in app.error[0].value
