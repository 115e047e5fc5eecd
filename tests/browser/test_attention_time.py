"""A text of one's own through training, in a browser."""

from playwright.sync_api import Page, expect

from tests.browser.app_server import AppServer, settled

TEXT = "Ben saw the otter. Ben saw"


def test_it_moves_plays_opens_a_head_and_is_found_again(page: Page, server: AppServer):
    page.goto(server.address("attention", run="tiny", view="timeline", text=TEXT))
    settled(page)
    fact, lens = page.get_by_test_id("time-fact"), page.get_by_test_id("time-lens")
    expect(fact).to_contain_text("Step 12 of 12")
    before = lens.inner_text()
    page.get_by_test_id("time-slider").focus()
    page.keyboard.press("Home")
    expect(fact).to_contain_text("Step 0 of 12")
    expect(lens).not_to_have_text(before)
    page.wait_for_url("**at_step=0*")
    page.get_by_test_id("time-chips").locator(".chip").nth(2).click()
    expect(page.get_by_test_id("time-readout")).to_contain_text("gives most")
    page.get_by_test_id("time-head").select_option("3")
    page.wait_for_url("**layer=1*")
    expect(page.get_by_test_id("time-head")).to_have_value("3")
    expect(fact).to_contain_text("Step 0 of 12")
    page.reload()
    settled(page)
    expect(fact).to_contain_text("Step 0 of 12")
    expect(page.get_by_test_id("time-head")).to_have_value("3")
    page.get_by_test_id("time-play").click()
    expect(fact).to_contain_text("Step 12 of 12")


def test_the_place_is_kept_on_a_way_through_another_view(page: Page, server: AppServer):
    page.goto(
        server.address("attention", run="tiny", view="timeline", text=TEXT, at_step=0, layer=1)
    )
    settled(page)
    expect(page.get_by_test_id("time-fact")).to_contain_text("Step 0 of 12")
    page.get_by_role("radio", name="All heads").click()
    expect(page.get_by_text("Training step")).to_be_visible()
    settled(page)
    page.get_by_role("radio", name="Over time").click()
    expect(page.get_by_test_id("time-fact")).to_contain_text("Step 0 of 12")
    page.wait_for_url("**at_step=0*")


def test_two_steps_stand_side_by_side(page: Page, server: AppServer):
    page.goto(
        server.address(
            "attention", run="tiny", view="timeline", text=TEXT, timeline_show="Compare two"
        )
    )
    settled(page)
    expect(page.get_by_test_id("heatmap")).to_have_count(3)
    expect(page.get_by_text("would have to move")).to_be_visible()
