"""The Attention page, as a visitor uses it."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from slm.attention.heads import head_scores
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.conftest import OpenPage
from ui.components.attention_view.packing import unpack_head, unpack_overview, unpack_view
from ui.view_models.attention import DEFAULT_TEXT, labels_of
from ui.views.attention import overview as views

LONG = "The otter saw the otter. " * 30


def drawn(app: AppTest):
    """Headers of overview and head, and the head's weights, as they go to the browser."""
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("attention")
    ]
    overview, head = unpack_view(element.bytes)
    return unpack_overview(overview)[0], *unpack_head(head)


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_it_opens_with_every_head_labelled_and_one_in_full(
    open_page: OpenPage, workspace_env: Workspace
):
    app = open_page("attention")
    assert not app.exception and not app.error
    overview, head, weights_TT = drawn(app)
    opened = open_run(workspace_env.runs.get("tiny"))
    ids = opened.tokenizer.encode(DEFAULT_TEXT)[:64]
    scores = head_scores(opened.model, ids, eos_id=opened.tokenizer.eos_id)
    assert overview["labels"] == labels_of(scores)
    assert overview["columns"][0]["measure"] == "induction"
    assert weights_TT.shape == (len(head["tokens"]),) * 2
    np.testing.assert_allclose(weights_TT.sum(-1), 1, atol=1e-5)


def test_the_address_reproduces_text_step_head_and_query(open_page: OpenPage):
    app = open_page("attention", text="Ben saw Ben", layer="1", head="0", query="2", at_step="3")
    _, head, _ = drawn(app)
    assert (head["layer"], head["head"], head["query"]) == (1, 0, 2)
    assert app.text_area(key="text").value == "Ben saw Ben"
    assert app.select_slider(key="at_step").value == 3


def test_the_address_says_how_heads_are_put(open_page: OpenPage):
    overview, _, _ = drawn(open_page("attention", overview_heads="positional,lowest,0.2,"))
    assert overview["arrangement"] == "positional,lowest,0.2,"
    overview, _, _ = drawn(open_page("attention", overview_heads="<b>,up,nan,nobody"))
    assert overview["arrangement"] == ""


def test_heads_of_a_large_model_are_drawn_before_they_are_named(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    """Naming takes a run of its own, so that the picture stands meanwhile."""
    monkeypatch.setattr(views, "_SOON", 0)
    asked: list[bool] = []
    told = views._name_heads
    monkeypatch.setattr(views, "_name_heads", lambda loaded: (asked.append(True), told(loaded)))
    app = open_page("attention")
    assert not app.exception and not app.error
    assert asked == [True]
    overview, _, _ = drawn(app)
    assert overview["labels"] is not None


def test_the_open_head_goes_along_to_the_view_of_one_weight(open_page: OpenPage):
    app = open_page("attention", layer="1", head="0")
    app.button(key="overview_cell").click().run()
    assert not app.exception
    assert (app.session_state["layer"], app.session_state["head"]) == (1, 0)


def test_choosing_a_head_by_keyboard_keeps_the_layer(open_page: OpenPage):
    app = open_page("attention")
    _, before, _ = drawn(app)
    app.selectbox(key="head").select(1 - before["head"]).run()
    _, after, _ = drawn(app)
    assert (after["layer"], after["head"]) == (before["layer"], 1 - before["head"])


def test_another_training_step_shows_other_weights(open_page: OpenPage):
    app = open_page("attention", layer="0", head="0")
    _, _, last = drawn(app)
    app.select_slider(key="at_step").set_value(0).run()
    _, _, first = drawn(app)
    assert not app.exception
    assert not np.allclose(first, last)


def test_a_text_longer_than_the_context_says_which_part_is_shown(open_page: OpenPage):
    app = open_page("attention", text=LONG[:480])
    assert "You see tokens 0 to 63 of" in captions(app)
    app.number_input(key="from_token").set_value(10).run()
    assert "You see tokens 10 to 73 of" in captions(app)
    _, head, _ = drawn(app)
    assert len(head["tokens"]) == 64


def test_empty_text_and_one_token_get_a_calm_sentence(open_page: OpenPage):
    app = open_page("attention")
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in app.info[0].value
    app.text_area(key="text").set_value("a").run()
    assert "single token" in app.info[0].value
    assert not app.exception and not app.error


def test_foreign_text_is_shown_as_typed(open_page: OpenPage):
    hostile = "<script>alert(1)</script> $x$ :red[y] ![z](u)"
    app = open_page("attention", text=hostile)
    assert not app.exception
    _, head, _ = drawn(app)
    assert "".join(head["tokens"]).replace("·", " ") == hostile
    assert all("alert" not in element.value for element in app.markdown)


def test_a_choice_that_the_model_lacks_is_let_go(open_page: OpenPage):
    app = open_page("attention", layer="9", head="-1", query="5000")
    assert not app.exception
    _, head, _ = drawn(app)
    assert head["layer"] < 2 and head["head"] < 2


def test_the_code_names_the_run_and_the_step(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("attention", at_step="3")
    code = next(each.value for each in app.code if "open_run(" in each.value)
    assert workspace_env.runs.get("tiny").id in code
    assert "step=3" in code
    compile(code, "shown", "exec")
