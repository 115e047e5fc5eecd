"""Patching on the Attention page, as a visitor uses it."""

from streamlit.testing.v1 import AppTest

from tests.conftest import OpenPage
from ui.components.payload import unpack

VIEW = "Patching"


def grids(app: AppTest) -> list[dict[str, object]]:
    """Headers of the grids as they go to the browser: by position, then by head."""
    assert not app.exception
    return [
        unpack(node.proto.bytes)[0]
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("slm_lens")
    ]


def told(app: AppTest) -> str:
    every = (*app.caption, *app.markdown, *app.error, *app.info)
    return " ".join(each.value for each in every).replace("\\", "")


def test_it_opens_with_what_comes_back_by_position_and_by_head(open_page: OpenPage):
    app = open_page("attention", view=VIEW)
    assert not app.error
    positions, heads = grids(app)
    assert positions["rows"] == ["before layer 1", "before layer 0"]
    assert heads["columns"] == ["head 0", "head 1"]
    assert "comes back" in told(app)
    code = next(each.value for each in app.code if "open_run(" in each.value)
    compile(code, "shown", "exec")


def test_the_address_reproduces_texts_site_and_place(open_page: OpenPage):
    app = open_page(
        "attention", view=VIEW, patch_clean="Ben saw Mia", patch_corrupt="Ben ate Mia",
        patch_site="Attention", patch_place="attn_out.1.2",
    )  # fmt: skip
    positions, heads = grids(app)
    assert positions["chosen"] == [0, 2] and heads["chosen"] is None
    assert "Attention of layer 1, at token 2" in told(app)


def test_texts_of_different_length_are_aligned_and_said_so(open_page: OpenPage):
    app = open_page("attention", view=VIEW, patch_clean="Ben saw Mia", patch_corrupt="Ben saw")
    assert "token for token" in told(app)
    assert app.get("button_group")
    assert grids(app) or app.error


def test_texts_that_cannot_be_compared_get_a_sentence(open_page: OpenPage):
    app = open_page("attention", view=VIEW, patch_clean="Ben saw", patch_corrupt="Ben saw")
    assert "same, so there is nothing" in app.error[0].value.replace("\\", "")
    app.text_area(key="patch_clean").set_value("").run()
    assert "Type two texts" in app.info[0].value
    app.text_area(key="patch_clean").set_value("so long " * 200).run()
    app.text_area(key="patch_corrupt").set_value("so late " * 200).run()
    assert "Shorten it" in app.error[0].value and not app.exception


def test_an_answer_that_is_no_single_token_is_said(open_page: OpenPage):
    app = open_page("attention", view=VIEW, patch_answer="no single token at all")
    assert "An answer is a single one" in app.error[0].value.replace("\\", "")
