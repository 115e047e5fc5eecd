"""Tables of cells in a browser: pointing tells, a click opens, the keyboard reaches all."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.app_server import AppServer, settled

TEXT = "Ben saw the otter. Ben saw the otter. <img src=x onerror=alert(1)> " * 2


def opened(page: Page, server: AppServer, view: str, **query: object) -> Page:
    page.goto(server.address("attention", run="tiny", view=view, **query))
    settled(page)
    expect(page.get_by_test_id("lens-canvas")).to_have_count(2)
    return page


def click_cell(canvas: Locator, row: int, from_left: int) -> None:
    """Click a row, counted from 0, so many pixels from the canvas' left edge."""
    canvas.click(position={"x": from_left, "y": 24 + 27 * row + 12})


def test_pointing_tells_a_click_opens_and_the_link_keeps_it(page: Page, server: AppServer):
    opened(page, server, "lens", text=TEXT)
    depths = page.get_by_test_id("lens-canvas").first
    depths.hover(position={"x": 220, "y": 24 + 2 * 27 + 12})
    expect(page.get_by_test_id("lens-readout").first).to_contain_text("embedding, at token")
    click_cell(depths, row=1, from_left=220)
    page.wait_for_url("**lens_depth=*")
    expect(page.locator("strong", has_text="After layer 0, at token")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.locator("strong", has_text="After layer 0, at token")).to_be_visible()


def test_arrow_keys_move_scroll_and_enter_opens(page: Page, server: AppServer):
    opened(page, server, "lens", text=TEXT, query=0)
    depths = page.get_by_test_id("lens-canvas").first
    depths.focus()
    for _ in range(45):
        page.keyboard.press("ArrowRight")
    readout = page.get_by_test_id("lens-readout").first
    expect(readout).to_contain_text("at token 45")
    scroller = page.get_by_test_id("lens-scroller").first
    assert scroller.evaluate("each => each.scrollLeft") > 0
    page.keyboard.press("Enter")
    page.wait_for_url("**query=45*")


def test_a_click_on_a_head_is_the_chapters_choice(page: Page, server: AppServer):
    opened(page, server, "lens", text="Ben saw the otter. Ben saw")
    writers = page.get_by_test_id("lens-canvas").nth(1)
    click_cell(writers, row=0, from_left=80)
    settled(page)
    page.get_by_test_id("stButtonGroup").get_by_text("All heads").click()
    settled(page)
    expect(page.get_by_test_id("attention-head-name")).to_contain_text("Layer 1, head 0")
    assert "Ben saw the otter" in page.locator("textarea").first.input_value()


def test_a_place_that_is_clicked_is_patched_and_stays_in_the_link(page: Page, server: AppServer):
    opened(page, server, "patching")
    click_cell(page.get_by_test_id("lens-canvas").nth(1), row=1, from_left=90)
    page.wait_for_url("**patch_place=head_out.0.0*")
    expect(page.locator("strong", has_text="Layer 0, head 0")).to_be_visible()
    page.reload()
    settled(page)
    expect(page.locator("strong", has_text="Layer 0, head 0")).to_be_visible()


def test_patching_keeps_the_text_of_the_other_views(page: Page, server: AppServer):
    opened(page, server, "lens", text="Ben saw the otter. Ben saw")
    page.get_by_test_id("stButtonGroup").get_by_text("Patching").click()
    settled(page)
    expect(page.get_by_text("Clean text", exact=True)).to_be_visible()
    page.get_by_test_id("stButtonGroup").get_by_text("Logit lens").click()
    settled(page)
    assert page.locator("textarea").first.input_value() == "Ben saw the otter. Ben saw"
