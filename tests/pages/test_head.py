"""One head in full, as a visitor uses it."""

from itertools import count

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from slm.model.checkpoint import save_checkpoint
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.payload import unpack
from ui.view_models.head import MEASURES, NAMES, Measure

TEXT = "Ben saw Ben"
SMALLEST = ModelConfig(
    vocab_size=512, context_length=64, n_layers=1, n_heads=1, n_kv_heads=1, d_model=8, d_ff=8
)


def drawn(app: AppTest):
    """The header and the values, as they go to the browser."""
    assert not app.exception and not app.error
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("head")
    ]
    header, values = unpack(element.bytes)
    n = len(header["tokens"])
    return header, np.frombuffer(values, "<f4").reshape(n, n)


def test_it_opens_on_weights_whose_rows_sum_to_one(open_page: OpenPage):
    header, values_TT = drawn(open_page("attention", view="head"))
    np.testing.assert_allclose(values_TT.sum(axis=1), 1, atol=1e-5)
    assert header["shown"]["title"].startswith("Layer ")
    assert header["most"] == 1 and header["query"] is None


@pytest.mark.parametrize("measure", MEASURES)
def test_every_choice_is_drawn_and_its_code_gives_the_same_numbers(
    open_page: OpenPage, measure: Measure
):
    chosen = NAMES[measure]  # in the address a choice is its label
    app = open_page("attention", view="head", text=TEXT, layer="1", head="0", head_show=chosen)
    assert app.selectbox(key="head_show").value == measure
    header, values_TT = drawn(app)
    assert header["shown"]["diverging"] == (measure == "logit")
    code = next(each.value for each in app.code if "values_TT" in each.value)
    found: dict[str, object] = {}
    exec(compile(code, "shown", "exec"), found)  # noqa: S102
    np.testing.assert_allclose(found["values_TT"], values_TT, atol=1e-5)
    assert not values_TT[np.triu_indices(len(values_TT), 1)].any(), "nothing looks ahead"


def test_the_target_is_asked_for_where_logits_are_shown(open_page: OpenPage):
    app = open_page("attention", view="head", text=TEXT, head_show=NAMES["logit"])
    came = drawn(app)[1]
    app.selectbox(key="head_target").set_value("top").run()
    assert not np.array_equal(drawn(app)[1], came)
    app.selectbox(key="head_show").set_value("weights").run()
    assert "head_target" not in [each.key for each in app.selectbox]


def test_the_address_reproduces_head_and_query(open_page: OpenPage):
    app = open_page("attention", view="head", text=TEXT, layer="0", head="1", query="2")
    header, _ = drawn(app)
    assert header["query"] == 2
    assert header["shown"]["title"] == "Layer 0, head 1"


def test_a_place_that_the_text_lacks_is_let_go(open_page: OpenPage):
    app = open_page("attention", view="head", text=TEXT, layer="9", head="-1", query="5000")
    assert drawn(app)[0]["query"] is None


def test_a_choice_that_does_not_exist_is_weights(open_page: OpenPage):
    app = open_page("attention", view="head", text=TEXT, head_show="nonsense")
    assert drawn(app)[0]["most"] == 1


def test_empty_text_and_one_token_get_a_calm_sentence(open_page: OpenPage):
    app = open_page("attention", view="head")
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in app.info[0].value
    app.text_area(key="text").set_value("a").run()
    assert "single token" in app.info[0].value
    assert not app.exception and not app.error


def test_hostile_tokens_go_as_text(open_page: OpenPage):
    app = open_page("attention", view="head", text="<img src=x onerror=alert(1)> \u202edne \x00")
    header, _ = drawn(app)
    assert "\u202e" not in "".join(header["tokens"])


def test_a_text_longer_than_the_model_reads_is_windowed(open_page: OpenPage):
    app = open_page("attention", view="head", head_show=NAMES["rollout"])
    app.text_area(key="text").set_value("Ben saw the otter. " * 60).run()
    header, _ = drawn(app)
    assert len(header["tokens"]) <= 512
    assert app.number_input(key="from_token") is not None


_STEPS = count(900)  # answers are cached by run and step


def with_checkpoint(workspace: Workspace, model: Transformer) -> None:
    """The tiny run goes on with this model."""
    (run,) = (run for run in workspace.runs.list() if run.name == "tiny")
    step = next(_STEPS)
    save_checkpoint(model, run.folder / "ckpt" / f"{step:08d}", step=step)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_model_of_one_layer_and_one_head_is_drawn(
    open_page: OpenPage, workspace_env: Workspace, measure: Measure
):
    with_checkpoint(workspace_env, Transformer(SMALLEST))
    header, _ = drawn(open_page("attention", view="head", text=TEXT, head_show=NAMES[measure]))
    assert "0" in header["shown"]["title"] or measure == "all_mean"


@pytest.mark.parametrize("measure", MEASURES)
def test_a_diverged_model_is_a_sentence(
    open_page: OpenPage, workspace_env: Workspace, measure: Measure
):
    model = Transformer(SMALLEST)  # weights that are no numbers would be refused when it is opened
    torch.nn.init.constant_(model.blocks[0].attention_norm.weight, 3e38)
    with_checkpoint(workspace_env, model)
    app = open_page(
        "attention", view="head", text=TEXT, layer="0", head="0", head_show=NAMES[measure]
    )
    assert not app.exception
    assert not app.get("bidi_component")
    assert "diverged" in app.error[0].value
