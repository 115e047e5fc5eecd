"""A row of attention painted on the Attention page, as a visitor does it."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from slm.attention.maps import attention_maps
from slm.lab.reports import open_run
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui import loaders
from ui.components.payload import unpack

VIEW = "Paint"
TEXT = "Ben saw Ben"
_NUMBERS = count()


def drawn(app: AppTest):
    """The header, the untouched and the painted row, as they go to the browser."""
    assert not app.exception
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("painting")
    ]
    header, values = unpack(element.bytes)
    return header, *np.frombuffer(values, "<f4").reshape(2, header["query"] + 1)


def told(app: AppTest) -> str:
    every = (*app.caption, *app.markdown, *app.error, *app.info)
    return " ".join(each.value for each in every).replace("\\", "")


def code_of(app: AppTest) -> str:
    code = next(each.value for each in app.code if "open_run(" in each.value)
    compile(code, "shown", "exec")
    return code


@pytest.fixture()
def use_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Transformer], None]:
    """Every run has these weights from now on."""

    def use(model: Transformer) -> None:
        load = loaders.load_run
        name = f"other-{next(_NUMBERS)}"  # answers are cached by it

        def loaded(*args: object) -> loaders.LoadedRun:
            return replace(load(*args), run_id=name, model=model.eval())

        monkeypatch.setattr(loaders, "load_run", loaded)

    return use


def small(**changed: int) -> Transformer:
    torch.manual_seed(0)
    shape = {"n_layers": 1, "n_heads": 1, "n_kv_heads": 1, "d_model": 16, "d_ff": 16}
    return Transformer(ModelConfig(vocab_size=512, context_length=64, **(shape | changed)))


def test_it_opens_with_the_untouched_row_of_a_head(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("attention", view=VIEW, text=TEXT, layer="1", head="0")
    header, untouched_S, shares_S = drawn(app)
    opened = open_run(workspace_env.runs.get("tiny"))
    weights = attention_maps(opened.model, opened.tokenizer.encode(TEXT), [1], [0])[0, 0, -1]
    assert header["query"] == len(header["words"]) - 1 and not header["painted"]
    np.testing.assert_allclose(untouched_S, weights, atol=1e-6)
    np.testing.assert_array_equal(untouched_S, shares_S)
    assert "given by hand" in told(app) and "Nothing is changed yet" in told(app)
    assert "edits = " not in code_of(app)


def test_it_opens_on_the_demo(open_page: OpenPage):
    header, _, shares_S = drawn(open_page("attention", run=None, view=VIEW))
    assert header["query"] > 0
    assert shares_S.sum() == pytest.approx(1, abs=1e-5)


def test_a_link_paints_a_row_and_opens_where_it_is_painted(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text=TEXT, painted="1.1@2:1,1,2")
    header, untouched_S, shares_S = drawn(app)
    assert (header["layer"], header["head"], header["query"]) == (1, 1, 2)
    np.testing.assert_allclose(shares_S, [0.25, 0.25, 0.5])
    assert not np.allclose(untouched_S, shares_S)
    assert "nats per token" in told(app) and "nothing before" in told(app)
    assert "read_edits('1.1@2:1,1,2'" in code_of(app)


def test_a_link_without_a_query_opens_the_painted_one_of_its_head(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text=TEXT, layer="1", head="0", painted="1.0@1:1,3")
    header, _, shares_S = drawn(app)
    assert header["query"] == 1
    np.testing.assert_allclose(shares_S, [0.25, 0.75])


def test_all_heads_of_the_layer_can_be_given_the_row(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text=TEXT, painted="1.0@2:0,0,1")
    app.segmented_control(key="painting_heads").set_value("All heads of the layer").run()
    assert app.query_params["painted"] in ("1.*@2:0,0,1", ["1.*@2:0,0,1"])
    assert "all 2 heads of layer 1" in drawn(app)[0]["title"]
    app.selectbox(key="head").select(1).run()
    header, _, shares_S = drawn(app)
    assert header["head"] == 1 and header["painted"] and shares_S[2] == 1
    app.segmented_control(key="painting_heads").set_value("This head").run()
    assert app.query_params["painted"] in ("1.1@2:0,0,1", ["1.1@2:0,0,1"])


def test_a_row_painted_elsewhere_is_named_with_the_way_there(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text=TEXT, layer="0", head="0", painted="1.0@2:0,0,1")
    assert not drawn(app)[0]["painted"]
    assert "layer 1, head 0, query 2. The row below is untouched" in told(app)
    app.button(key="painting_there").click().run()
    header, _, _ = drawn(app)
    assert header["painted"] and (header["layer"], header["query"]) == (1, 2)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ("<b>$x$</b>", "is no edit"),
        ("9.0@2:1,1,1", "no layer 9"),
        ("1.0@2:1,1", "2 weights for query 2"),
        ("1.0@2:0,0,0", "All painted weights are 0"),
        ("1.0:off", "Switchboard"),
    ],
)
def test_a_link_that_cannot_be_read_is_said_and_the_row_is_untouched(
    open_page: OpenPage, link: str, sentence: str
):
    app = open_page("attention", view=VIEW, text=TEXT, painted=link)
    header, _, _ = drawn(app)
    assert not header["painted"]
    assert sentence in app.error[0].value.replace("\\", "")


def test_a_place_that_the_text_or_the_model_lacks_is_let_go(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text=TEXT, layer="9", head="-1", query="5000")
    header, _, _ = drawn(app)
    assert header["query"] == len(header["words"]) - 1 and not app.error
    app = open_page("attention", view=VIEW, text=TEXT, painted="0.0@40:" + ",".join("1" * 41))
    assert "this text ends with token" in told(app) and not drawn(app)[0]["painted"]


def test_empty_text_and_one_token_get_a_calm_sentence(open_page: OpenPage):
    app = open_page("attention", view=VIEW)
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in app.info[0].value
    app.text_area(key="text").set_value("a").run()
    assert "single token" in app.info[0].value
    assert not app.exception and not app.error


def test_the_first_token_has_nothing_to_paint(open_page: OpenPage):
    header, _, shares_S = drawn(open_page("attention", view=VIEW, text=TEXT, query="0"))
    assert "sees only itself" in header["sentence"] and shares_S.tolist() == [1]


def test_foreign_tokens_are_words_and_nothing_else(open_page: OpenPage):
    hostile = "<img src=x onerror=alert(1)> $x$ :red[y] ![z](u) \u202eab"
    app = open_page("attention", view=VIEW, text=hostile, painted="0.*@5:0,1,0,1,0,1")
    header, _, _ = drawn(app)
    assert "".join(header["words"]).replace("·", " ").startswith("<img src=x onerror")
    assert not any("<img" in each.value or "![z]" in each.value for each in app.markdown)
    assert not app.error


def test_one_layer_with_one_head_has_no_choice_of_heads(
    open_page: OpenPage, use_model: Callable[[Transformer], None]
):
    use_model(small())
    app = open_page("attention", view=VIEW, text=TEXT, painted="0.0@2:0,0,1")
    assert drawn(app)[0]["painted"]
    assert "nats per token" in told(app)
    assert not [each for each in app.get("button_group") if "painting_heads" in each.proto.id]


def test_keys_outside_a_window_stay_out(
    open_page: OpenPage, use_model: Callable[[Transformer], None]
):
    use_model(small(n_heads=2, n_kv_heads=2, window=2))
    app = open_page("attention", view=VIEW, text=TEXT, painted="0.0@3:0,0,1,1")
    header, untouched_S, shares_S = drawn(app)
    assert header["hidden"] == 2 and not untouched_S[:2].any()
    np.testing.assert_allclose(shares_S, [0, 0, 0.5, 0.5])
    app = open_page("attention", view=VIEW, text=TEXT, painted="0.0@3:1,0,1,1")
    assert "have to be 0" in app.error[0].value


def test_weights_that_are_no_numbers_become_a_sentence(
    open_page: OpenPage, use_model: Callable[[Transformer], None]
):
    model = small(n_layers=2)
    with torch.no_grad():
        next(iter(model.blocks[1].parameters())).fill_(float("nan"))
    use_model(model)
    app = open_page("attention", view=VIEW, text=TEXT, layer="1", head="0", painted="1.0@2:0,0,1")
    assert not app.exception
    assert "its attention weights are not finite" in told(app)
