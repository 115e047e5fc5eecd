"""Anatomy of a choice, as a visitor uses it."""

import pytest
from streamlit.testing.v1 import AppTest

from tests.conftest import OpenPage
from ui.components.payload import unpack


def drawn(app: AppTest):
    assert not app.exception and not app.error
    (element,) = [
        node.proto
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("anatomy")
    ]
    return unpack(element.bytes)[0]


def test_it_opens_on_the_stages_of_the_next_token(open_page: OpenPage):
    header = drawn(open_page("sampling", view="anatomy", prompt="Ben saw"))
    assert header["columns_S"][0]["name"] == "model" and len(header["columns_S"]) == 7
    assert sum(header["counts_N"]) + header["count_others"] == header["draws"]


def test_sliders_move_the_bars_and_the_number_falls_again(open_page: OpenPage):
    app = open_page("sampling", view="anatomy", prompt="Ben saw")
    before = drawn(app)
    app.slider(key="top_k").set_value(1).run()
    after = drawn(app)
    assert after["columns_S"][3]["kept"].startswith("1 of")
    assert after["labels_N"] == before["labels_N"]
    app.button(key="anatomy_again").click().run()
    assert drawn(app)["uniform"] != before["uniform"]


def test_the_order_of_filters_comes_from_the_address(open_page: OpenPage):
    order = "top_k,repetition_penalty,temperature,top_p,min_p,typical_p"
    header = drawn(open_page("sampling", view="anatomy", filter_order=order))
    assert [column["name"] for column in header["columns_S"]][1] == "top_k"


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": ""},
        {"prompt": "<img src=x onerror=alert(1)> ‮"},
        {"prompt": "Ben saw the otter. " * 200},
        {"filter_order": "<b>,x"},
        {"anatomy_after": "99999"},
        {"temperature": "0"},
    ],
)
def test_odd_input_is_drawn_or_said(open_page: OpenPage, asked: dict[str, str]):
    app = open_page("sampling", view="anatomy", **asked)
    drawn(app)


def test_the_code_gives_the_same_stages(open_page: OpenPage, capsys: pytest.CaptureFixture[str]):
    app = open_page("sampling", view="anatomy", prompt="Ben saw", top_p="0.5")
    code = next(each.value for each in app.code if "next_token_distribution(logits" in each.value)
    exec(compile(code, "shown", "exec"), {})  # noqa: S102
    told = capsys.readouterr().out
    last = drawn(app)["columns_S"][-1]
    assert told.split()[-1] == last["kept"].split()[0]


def test_inside_a_text_it_is_told_what_came(open_page: OpenPage):
    app = open_page("sampling", view="anatomy", prompt="Ben saw the otter", anatomy_after="1")
    drawn(app)
    assert any("the model gave it" in each.value for each in app.markdown)
