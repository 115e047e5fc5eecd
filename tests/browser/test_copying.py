"""The copy detective in a browser: a click on a match shows where it stands, and stays."""

from playwright.sync_api import Page, expect

from tests.browser.app_server import AppServer, settled

TEXT = "<img src=x onerror=alert(1)> Once upon a time there was"


def opened(page: Page, server: AppServer, **query: object) -> Page:
    page.goto(server.address("evaluation", run="tiny", view="copying", **query))
    settled(page)
    expect(page.get_by_text("Held against all")).to_be_visible()
    return page


def test_a_click_on_a_match_opens_its_passage_and_the_link_keeps_it(page: Page, server: AppServer):
    opened(page, server, copy_least=2, copy_length=60)
    text = page.get_by_test_id("tokens-chips").first
    text.get_by_test_id("chip").nth(20).click()
    page.wait_for_url("**copy_at=*")
    settled(page)
    expect(page.get_by_text("stand in the training text").last).to_be_visible()
    expect(page.get_by_test_id("tokens-chips")).to_have_count(2)
    passage = page.get_by_test_id("tokens-chips").nth(1).inner_text()
    page.reload()
    settled(page)
    expect(page.get_by_test_id("tokens-chips").nth(1)).to_have_text(passage, use_inner_text=True)


def test_pasted_markup_is_shown_as_typed(page: Page, server: AppServer):
    shown: list[str] = []
    page.on("dialog", lambda dialog: (shown.append(dialog.message), dialog.dismiss()))
    opened(page, server, copy_from="Your own", copy_text=TEXT)
    text = page.get_by_test_id("tokens-chips").first
    expect(text).to_contain_text("<")
    text.get_by_test_id("chip").first.hover()
    expect(page.get_by_test_id("tokens-readout").first).to_be_visible()
    assert shown == []
    assert page.locator("img[src='x']").count() == 0


def test_keys_reach_a_match(page: Page, server: AppServer):
    opened(page, server, copy_least=2, copy_length=40)
    page.get_by_test_id("tokens-chips").first.focus()
    for key in ("Home", *["ArrowRight"] * 12, "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**copy_at=*")
