"""Calibration, as a visitor uses it."""

import pytest

from slm import jobs
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.pretrained import export_pretrained
from slm.lab.calibration import CalibrationConfig, calibration_report
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.views.evaluation import calibration as view

VIEW = "Calibration"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    view._box.clear()  # what another test measured
    monkeypatch.setattr(view, "_QUICK_TOKENS", 400)


def captions(app) -> str:
    return " ".join(each.value for each in app.caption)


def test_certainty_is_held_against_held_out_text(open_page: OpenPage):
    app = open_page("evaluation", view=VIEW)
    assert not app.exception and not app.error
    figures = {each.label: each.value for each in app.metric}
    assert set(figures) == {"Right at once", "Among first 5", "Among first 10", "ECE"}
    assert len(app.get("plotly_chart")) == 2
    assert "Measured on the first 399 of" in captions(app).replace("\\", "")


def test_the_address_says_bins_and_temperature(open_page: OpenPage):
    app = open_page("evaluation", view=VIEW, certainty_bins="First ten guesses")
    assert not app.exception and "first ten guesses" in captions(app)
    app = open_page("evaluation", view=VIEW, certainty_temperature="2")
    assert not app.exception and "At temperature 2 it gives" in captions(app)
    assert app.selectbox(key="certainty_bins").disabled


def test_all_of_it_is_measured_by_one_job_whose_figures_are_shown(
    open_page: OpenPage, workspace_env: Workspace, monkeypatch
):
    asked = []
    monkeypatch.setattr(jobs, "start", lambda *a, **k: asked.append((a[1], k["key"])))
    app = open_page("evaluation", view=VIEW)
    app.button(key="certainty-all").click().run()
    run = workspace_env.runs.get("tiny")
    ((argv, key),) = asked
    assert argv[:5] == ["calibration", "--run", run.id, "--split", "val"]
    assert key == f"calibration-{run.id}-val-"
    calibration_report(workspace_env, run, CalibrationConfig(max_tokens=int(argv[-1])))
    app.run()
    assert "Measured on all" in captions(app)
    assert "certainty-all" not in [button.key for button in app.button]


def test_a_model_trained_elsewhere_is_measured_on_a_corpus_of_the_workspace(
    open_page: OpenPage, workspace_env: Workspace, tmp_path
):
    opened = open_run(workspace_env.runs.get("tiny"))
    export_pretrained(opened.model, opened.tokenizer, tmp_path / "elsewhere")
    import_model(workspace_env, ImportConfig(source=str(tmp_path / "elsewhere")))
    app = open_page("evaluation", run="elsewhere (imported)", view=VIEW)
    assert not app.exception and not app.error
    assert "trained elsewhere" in captions(app)
    name = workspace_env.corpora.list()[0].name
    assert f"tokens of the held-out text of {name}" in captions(app).replace("\\", "")
    assert len(app.get("plotly_chart")) == 2
    app.selectbox(key="certainty_corpus").set_value(workspace_env.corpora.list()[-1].id).run()
    assert not app.exception and not app.error


def test_without_any_corpus_a_model_trained_elsewhere_asks_for_one(
    open_page: OpenPage, workspace_env: Workspace, tmp_path, no_demo
):
    opened = open_run(workspace_env.runs.get("tiny"))
    export_pretrained(opened.model, opened.tokenizer, tmp_path / "elsewhere")
    import_model(workspace_env, ImportConfig(source=str(tmp_path / "elsewhere")))
    for corpus in workspace_env.corpora.list():
        workspace_env.corpora.delete(corpus.id)
    app = open_page("evaluation", run="elsewhere (imported)", view=VIEW)
    assert not app.exception and not app.error
    assert "Collect a corpus" in app.info[0].value


def test_token_files_that_are_gone_are_told(open_page: OpenPage, workspace_env: Workspace):
    for tokens in workspace_env.tokens.list():
        workspace_env.tokens.delete(tokens.id)
    app = open_page("evaluation", view=VIEW)
    assert not app.exception
    assert "are gone" in app.error[0].value
