"""The logit lens of the Attention page, as a visitor uses it."""

from streamlit.testing.v1 import AppTest

from tests.conftest import OpenPage
from ui.components.payload import unpack

VIEW = "Logit lens"


def grids(app: AppTest) -> list[dict[str, object]]:
    """Headers of the grids as they go to the browser: the depths, then who wrote the logit."""
    assert not app.exception
    return [
        unpack(node.proto.bytes)[0]
        for node in app.get("bidi_component")
        if node.proto.component_name.endswith("slm_lens")
    ]


def test_it_opens_with_every_depth_and_who_wrote_the_answer(open_page: OpenPage):
    app = open_page("attention", view=VIEW)
    assert not app.error
    depths, writers = grids(app)
    assert depths["rows"] == ["output", "after layer 0", "embedding"]
    assert writers["rows"] == ["layer 1", "layer 0"]
    assert writers["columns"] == ["head 0", "head 1", "feed-forward"]
    code = next(each.value for each in app.code if "open_run(" in each.value)
    compile(code, "shown", "exec")


def test_the_address_reproduces_text_cell_and_way_of_reading(open_page: OpenPage):
    app = open_page(
        "attention", view=VIEW, text="Ben saw Ben", query="1", lens_depth="embedding",
        lens_between="true", at_step="3",
    )  # fmt: skip
    depths, _ = grids(app)
    assert "layer 1's attention" in depths["rows"]
    assert depths["chosen"] == [4, 1] and depths["rows"][4] == "embedding"
    assert app.select_slider(key="at_step").value == 3


def test_a_browser_that_sends_nonsense_moves_nothing(open_page: OpenPage):
    app = open_page("attention", view=VIEW, query="1")
    app.session_state["lens"] = {"pick": [99, "<b>"]}
    app.run()
    assert grids(app)[0]["chosen"] == [0, 1]


def test_other_tokens_and_comparisons_can_be_chosen(open_page: OpenPage):
    app = open_page("attention", view=VIEW)
    offered = app.selectbox(key="lens_token").options
    app.selectbox(key="lens_token").select(offered[1]).run()
    app.selectbox(key="lens_against").select("nothing").run()
    assert any("Logit of “" in caption.value for caption in app.caption)


def test_empty_text_and_hostile_tokens_are_calm(open_page: OpenPage):
    app = open_page("attention", view=VIEW, text="<img src=x onerror=alert(1)> $x$")
    assert len(grids(app)) == 2
    assert not app.error and "alert" not in " ".join(each.value for each in app.markdown)
    app.text_area(key="text").set_value("").run()
    assert "Type a text" in app.info[0].value and not grids(app)


def test_choices_that_the_model_lacks_are_let_go(open_page: OpenPage):
    app = open_page("attention", view=VIEW, query="5000", lens_depth="block 77", lens_token="nope")
    assert grids(app) and not app.error
