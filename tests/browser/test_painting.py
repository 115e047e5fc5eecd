"""Bars of one row of attention in a browser: dragged, by keys, by finger, in both themes."""

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from slm.attention.edit_notation import read_edits
from slm.attention.interventions import PaintedRow
from slm.attention.maps import Floats, attention_maps
from slm.lab.reports import OpenedRun, open_run
from slm.workspace import Workspace
from tests.browser.app_server import PATIENCE_MS, AppServer, settled

TEXT = "Ben saw the otter. Ben saw <img src=x onerror=alert(1)>"
LAYER, HEAD, QUERY = 1, 0, 9
PLACE = {"layer": LAYER, "head": HEAD, "query": QUERY}


@pytest.fixture()
def opened(page: Page, server: AppServer) -> Page:
    """Query 9 of a head, chosen by its address."""
    return open_row(page, server)


def open_row(page: Page, server: AppServer, **query: object) -> Page:
    asked = {"run": "tiny", "view": "painting", "text": TEXT, **PLACE, **query}
    page.goto(server.address("attention", **asked))
    settled(page)
    expect(page.get_by_test_id("painting-view")).to_be_visible()
    return page


def model_of(server: AppServer) -> OpenedRun:
    return open_run(Workspace(server.workspace).runs.get("tiny"))


def untouched(server: AppServer) -> Floats:
    run = model_of(server)
    ids = run.tokenizer.encode(TEXT)
    row_S: Floats = attention_maps(run.model, ids, [LAYER], [HEAD])[0, 0, QUERY, : QUERY + 1]
    return row_S


def bars(page: Page) -> Locator:
    return page.get_by_role("slider", name="Weight of")


def shown(page: Page) -> list[float]:
    """The weights as they are read aloud."""
    found: list[float] = bars(page).evaluate_all(
        "all => all.map((bar) => Number(bar.getAttribute('aria-valuenow')))"
    )
    return found


def heights(page: Page, part: str) -> list[float]:
    """How high each bar, or its outline, is drawn, as a part of the whole height."""
    found: list[float] = (
        bars(page)
        .locator(f".{part}")
        .evaluate_all("all => all.map((bar) => parseFloat(bar.style.height) / 100)")
    )
    return found


def drag(page: Page, key: int, share: float) -> None:
    """From the empty space at the top of a column down to this share; the button stays down."""
    box = bars(page).nth(key).get_by_test_id("painting-track").bounding_box()
    assert box is not None
    x = box["x"] + box["width"] / 2
    page.mouse.move(x, box["y"] + 2)
    page.mouse.down()
    page.mouse.move(x, box["y"] + box["height"] * (1 - share), steps=4)


def painted(page: Page, server: AppServer) -> PaintedRow:
    """The row that stands in the address, once it does."""
    page.wait_for_url("**painted=*")
    link = page.evaluate("new URLSearchParams(location.search).get('painted')")
    (row,) = read_edits(link, model_of(server).model.config)
    assert isinstance(row, PaintedRow)
    return row


def test_bars_begin_as_the_weights_that_were_computed(opened: Page, server: AppServer):
    row_S = untouched(server)
    np.testing.assert_allclose(shown(opened), row_S, atol=6e-5)
    np.testing.assert_allclose(heights(opened, "fill"), row_S, atol=1e-5)
    bars(opened).nth(2).hover()
    told = opened.get_by_test_id("painting-readout").get_attribute("data-weight")
    assert float(told or "nan") == pytest.approx(row_S[2], abs=1e-6)


def test_a_bar_that_is_dragged_takes_its_share_from_the_others(opened: Page, server: AppServer):
    """The others keep their proportions, at once; Python hears of it when it is let go."""
    row_S = untouched(server).astype(float)
    drag(opened, 3, 0.6)
    moving = np.array(shown(opened))
    assert moving[3] == pytest.approx(0.6, abs=0.01)
    expected_S = row_S * (1 - moving[3]) / (1 - row_S[3])
    expected_S[3] = moving[3]
    np.testing.assert_allclose(moving, expected_S, atol=2e-4)
    np.testing.assert_allclose(heights(opened, "was"), row_S, atol=1e-5)
    assert "painted=" not in opened.url
    opened.mouse.up()
    row = painted(opened, server)
    assert (row.layer, row.head, row.query) == (LAYER, HEAD, QUERY)
    np.testing.assert_allclose(row.shares_S, expected_S, rtol=0.011, atol=2e-4)
    settled(opened)
    expect(opened.get_by_test_id("painting-sentence")).to_contain_text("has moved")
    expect(opened.get_by_text("nats per token")).to_be_visible()
    np.testing.assert_allclose(shown(opened), row.shares_S, atol=6e-5)
    opened.reload()
    settled(opened)
    np.testing.assert_allclose(shown(opened), row.shares_S, atol=6e-5)


def test_escape_takes_a_drag_back(opened: Page):
    before = shown(opened)
    drag(opened, 3, 0.6)
    opened.keyboard.press("Escape")
    opened.mouse.up()
    assert shown(opened) == before
    expect(opened.get_by_test_id("painting-reset")).to_be_disabled()


def test_a_click_alone_changes_nothing_and_a_double_click_gives_all(
    opened: Page, server: AppServer
):
    before = shown(opened)
    bars(opened).nth(5).get_by_test_id("painting-track").click()
    assert shown(opened) == before
    bars(opened).nth(5).get_by_test_id("painting-track").dblclick()
    assert shown(opened) == [float(key == 5) for key in range(QUERY + 1)]
    assert painted(opened, server).weights_S[5] == 1000
    expect(opened.get_by_test_id("painting-sentence")).to_contain_text("All of its attention")


def test_keys_choose_and_change_a_bar(opened: Page, server: AppServer):
    row_S = untouched(server)
    bars(opened).nth(4).get_by_test_id("painting-track").click()
    opened.keyboard.press("ArrowRight")
    expect(bars(opened).nth(5)).to_be_focused()
    opened.keyboard.press("Shift+ArrowUp")
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowUp")
    assert shown(opened)[5] == pytest.approx(row_S[5] + 0.12, abs=1e-4)
    assert painted(opened, server).shares_S[5] == pytest.approx(row_S[5] + 0.12, rel=0.011)
    settled(opened)
    expect(bars(opened).nth(5)).to_be_focused()
    opened.keyboard.press("Delete")
    assert shown(opened)[5] == 0
    opened.keyboard.press("Enter")
    assert shown(opened)[5] == 1
    opened.keyboard.press("Home")
    expect(bars(opened).first).to_be_focused()


def test_even_and_as_it_was(opened: Page, server: AppServer):
    opened.get_by_test_id("painting-even").click()
    np.testing.assert_allclose(shown(opened), 1 / (QUERY + 1), atol=6e-5)
    painted(opened, server)
    settled(opened)
    expect(opened.get_by_test_id("painting-sentence")).to_contain_text("has the same share, 10.0%")
    opened.get_by_test_id("painting-reset").click()
    np.testing.assert_allclose(shown(opened), untouched(server), atol=6e-5)
    opened.wait_for_url(lambda url: "painted=" not in url)
    expect(opened.get_by_test_id("painting-sentence")).to_contain_text("Nothing is painted yet")
    expect(opened.get_by_test_id("painting-reset")).to_be_disabled()


def test_a_later_change_is_not_undone_by_the_answer_to_an_earlier_one(opened: Page):
    for key in (1, 2, 3, 4):
        bars(opened).nth(key).get_by_test_id("painting-track").dblclick()
    settled(opened)
    expect(opened.get_by_test_id("painting-sentence")).to_contain_text("(4)")
    assert shown(opened)[4] == 1


def test_root_heights_show_small_weights_and_change_none(opened: Page, server: AppServer):
    opened.get_by_test_id("painting-scale").select_option("root")
    row_S = untouched(server)
    np.testing.assert_allclose(heights(opened, "fill"), np.sqrt(row_S), atol=1e-4)
    drag(opened, 3, 0.5)
    opened.mouse.up()
    assert shown(opened)[3] == pytest.approx(0.25, abs=0.01)


def test_a_token_of_the_text_becomes_the_query(opened: Page):
    opened.get_by_test_id("painting-text").locator(".chip").nth(5).click()
    opened.wait_for_url("**query=5*")
    expect(bars(opened)).to_have_count(6)


def test_foreign_tokens_are_drawn_and_never_run(page: Page, server: AppServer):
    """The last query of the text, so that every token stands below a bar."""
    run = model_of(server)
    open_row(page, server, query=len(run.tokenizer.encode(TEXT)) - 1)
    view = page.get_by_test_id("painting-view")
    names = "".join(view.locator(".name").all_text_contents()).replace("·", " ")
    assert names == TEXT
    assert view.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_and_outlines_stand_out_in_both_themes(
    browser: Browser, server: AppServer, scheme: str
):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = open_row(
        context.new_page(), server, painted=f"{LAYER}.{HEAD}@{QUERY}:0,0,0,1" + ",0" * 6
    )
    fill, outline = bars(page).nth(3).locator(".fill"), bars(page).nth(3).locator(".was")
    style = "(each, name) => getComputedStyle(each)[name]"
    assert fill.evaluate(style, "backgroundColor") == "rgb(230, 159, 0)"
    lightness = sum(
        int(part) for part in outline.evaluate(style, "borderTopColor")[4:-1].split(",")[:3]
    )
    assert (lightness < 3 * 128) == (scheme == "light")
    for key in (0, 3):
        box = bars(page).nth(key).bounding_box()
        assert box is not None and box["width"] >= 15
    context.close()


def test_a_finger_drags_a_bar(browser: Browser, server: AppServer):
    context = browser.new_context(viewport={"width": 1024, "height": 900}, has_touch=True)
    context.set_default_timeout(PATIENCE_MS)
    page = open_row(context.new_page(), server)
    track = bars(page).nth(2).get_by_test_id("painting-track")
    track.scroll_into_view_if_needed()
    box = track.bounding_box()
    assert box is not None
    session = context.new_cdp_session(page)
    x, top = box["x"] + box["width"] / 2, box["y"]
    for kind, y in (("touchStart", 4), ("touchMove", 30), ("touchMove", box["height"] / 2)):
        point = {"type": kind, "touchPoints": [{"x": x, "y": top + y}]}
        session.send("Input.dispatchTouchEvent", point)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert painted(page, server).shares_S[2] == pytest.approx(0.5, abs=0.02)
    context.close()
