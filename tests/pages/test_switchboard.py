"""The switchboard on the Attention page, as a visitor uses it."""

import shutil

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from slm.attention.importance import importance
from slm.lab.reports import open_run
from slm.model.checkpoint import save_checkpoint
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack
from ui.view_models import switchboard_words
from ui.view_models.attention import DEFAULT_TEXT

VIEW = "Switchboard"


def board(app: AppTest) -> tuple[dict[str, object], np.ndarray]:
    """Header and numbers of the board as they go to the browser."""
    assert not app.exception
    (node,) = (
        each
        for each in app.get("bidi_component")
        if each.proto.component_name.endswith("slm_switchboard")
    )
    header, values = unpack(node.proto.bytes)
    return header, np.frombuffer(values, "<f4")


def told(app: AppTest) -> str:
    every = (*app.caption, *app.markdown, *app.error, *app.info)
    return " ".join(each.value for each in every).replace("\\", "")


def put_in_place(workspace: Workspace, config: ModelConfig, times: float = 1.0) -> None:
    """Another model in place of the tiny one, its weights that many times as large."""
    (run,) = workspace.runs.list()
    for name in ("ckpt", "snapshots"):
        shutil.rmtree(run.folder / name, ignore_errors=True)
    torch.manual_seed(0)
    model = Transformer(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight *= times
    save_checkpoint(model, run.folder / "snapshots" / "0")


SMALL = ModelConfig(vocab_size=512, context_length=64, n_layers=1, n_heads=1, d_model=16, d_ff=16)


def test_it_opens_with_every_part_on_and_what_each_is_worth(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("attention", view=VIEW)
    assert not app.error
    header, worth = board(app)
    assert (header["layers"], header["heads"], header["parts"]) == (2, 2, [])
    (run,) = workspace_env.runs.list()
    opened = open_run(run)
    ids = opened.tokenizer.encode(DEFAULT_TEXT)[:64]
    np.testing.assert_allclose(
        worth.reshape(2, 3), importance(opened.model, ids).change_LP, atol=1e-5
    )
    assert "Hardest to do without" in told(app) and "Nothing is changed yet" in told(app)


def test_the_address_says_what_is_switched_and_the_outcome_stands_below(open_page: OpenPage):
    app = open_page("attention", view=VIEW, edits="0.1:off 1.ff:x0.5")
    header, _ = board(app)
    assert header["parts"] == [[1, "off", 1.0], [5, "scale", 0.5]]
    assert "Off: head 1 of layer 0. × 0.5: the feed-forward part of layer 1." in told(app)
    assert "nats per token instead of" in told(app)
    code = next(each.value for each in app.code if "open_run(" in each.value)
    compile(code, "shown", "exec")
    assert "0.1:off 1.ff:x0.5" in code


def test_mean_ablation_is_another_map(open_page: OpenPage):
    _, off = board(open_page("attention", view=VIEW))
    _, mean = board(open_page("attention", view=VIEW, switchboard_by="Mean ablation"))
    assert not np.allclose(off, mean)


@pytest.mark.parametrize("line", ["<img src=x onerror=alert(1)>", "7.0:off", "0.ff:uniform"])
def test_a_link_that_cannot_be_read_gets_a_sentence_and_an_untouched_board(
    open_page: OpenPage, line: str
):
    app = open_page("attention", view=VIEW, edits=line)
    header, _ = board(app)
    assert header["parts"] == [] and len(app.error) == 1
    assert "Nothing is changed yet" in told(app)


def test_a_painted_row_of_a_link_counts_and_is_said(open_page: OpenPage):
    app = open_page("attention", view=VIEW, edits="0.0:off 1.1@2:0,1,1")
    assert board(app)[0]["parts"] == [[0, "off", 1.0]]
    assert "1 painted row stays painted" in told(app)


def test_one_layer_of_one_head_is_a_board_of_two_parts(
    open_page: OpenPage, workspace_env: Workspace
):
    put_in_place(workspace_env, SMALL)
    app = open_page("attention", view=VIEW, edits="0.0:mean 0.ff:off")
    assert not app.error
    header, worth = board(app)
    assert header["parts"] == [[0, "mean", 1.0], [1, "off", 1.0]] and np.isfinite(worth).all()


@pytest.mark.parametrize("times", [float("nan"), 1e40])
def test_weights_that_are_no_numbers_get_a_sentence(
    open_page: OpenPage, workspace_env: Workspace, times: float
):
    put_in_place(workspace_env, SMALL, times)
    app = open_page("attention", view=VIEW, edits="0.0:off")
    assert len(app.error) == 1 and "not finite" in told(app) and not app.exception


def test_a_factor_that_bursts_the_model_gets_a_sentence_and_the_board_stays(open_page: OpenPage):
    app = open_page("attention", view=VIEW, edits="0.0:x1e39 0.ff:x1e39")
    assert board(app)[0]["parts"] and len(app.error) == 1
    assert any("open_run(" in each.value for each in app.code)


def test_empty_text_one_token_and_hostile_tokens_are_calm(open_page: OpenPage):
    app = open_page(
        "attention", view=VIEW, text="<img src=x onerror=alert(1)> $x$", edits="0.0:off"
    )
    assert not app.error and board(app)[0]["parts"]
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in told(app) and not app.error
    app.text_area(key="text").set_value("a").run()
    assert "single token" in told(app) and not app.error and not app.exception


def test_a_model_that_takes_time_is_measured_when_asked(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(switchboard_words, "_SOON_FLOPS", 0.0)
    app = open_page("attention", view=VIEW)
    assert np.isnan(board(app)[1]).all()
    button = app.button(key="switchboard_measure")
    assert button.label.startswith("Measure what each of the 6 parts is worth (about 5")
    button.click().run()
    assert np.isfinite(board(app)[1]).all()
    assert not [each for each in app.button if each.key == "switchboard_measure"]


def test_a_large_model_is_drawn_before_its_heads_are_named(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ui.views.attention.switchboard._SOON", 0)
    app = open_page("attention", view=VIEW)
    header, _ = board(app)
    assert not header["naming"] and header["labels"]
