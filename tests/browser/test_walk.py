"""Walking through a model and back through its training, in a browser."""

from playwright.sync_api import Locator, Page, expect

from tests.browser.app_server import AppServer, settled

TEXT = "Ben saw the otter. Ben saw"


def test_keys_walk_on_and_a_click_follows_another_token(page: Page, server: AppServer):
    page.goto(server.address("model", run="tiny", view="walk", walk_text=TEXT))
    settled(page)
    title, stop = page.get_by_test_id("walk-title"), page.get_by_test_id("walk-stop")
    expect(title).to_have_text("Text becomes tokens")
    page.keyboard.press("ArrowRight")
    expect(title).to_have_text("The embedding")
    expect(page.get_by_test_id("walk-formulas").locator("math")).to_have_count(2)
    before = page.get_by_test_id("walk-numbers").inner_text()
    page.get_by_test_id("walk-chips").locator(".chip").first.click()
    expect(page.get_by_test_id("walk-numbers")).not_to_have_text(before)
    page.get_by_test_id("walk-steps").get_by_text("Down, into the stream").click()
    place = int(stop.inner_text().split(" ")[0])
    page.get_by_test_id("walk-next").click()
    expect(title).to_have_text("Norm before attention")
    expect(stop).to_contain_text(f"{place + 1} of")
    expect(page.get_by_test_id("walk-layer")).to_have_value("1")
    page.wait_for_url("**walk=norm*")
    page.reload()
    settled(page)
    expect(title).to_have_text("Norm before attention")


def test_a_cell_of_the_matrix_chooses_query_and_key(page: Page, server: AppServer):
    page.goto(
        server.address("model", run="tiny", view="walk", walk_text=TEXT, walk="scores,0,0,3,")
    )
    settled(page)
    numbers = page.get_by_test_id("walk-numbers")
    before = numbers.inner_text()
    canvas = page.get_by_test_id("walk-pictures").locator("canvas").first
    box = canvas.bounding_box()
    assert box is not None
    canvas.click(position={"x": box["width"] - 6, "y": box["height"] - 6})
    expect(numbers).not_to_have_text(before)
    page.wait_for_url("**walk=scores*")


def test_the_time_machine_moves_plays_and_is_found_again(page: Page, server: AppServer):
    page.goto(server.address("training", run="tiny", view="timeline"))
    settled(page)
    fact, readout = page.get_by_test_id("machine-fact"), page.get_by_test_id("machine-readout")
    expect(fact).to_contain_text("Step 12 of 12")
    page.get_by_test_id("machine-chips").locator(".chip").nth(2).hover()
    expect(readout).to_contain_text("since the first snapshot")
    page.get_by_test_id("machine-slider").focus()
    page.keyboard.press("Home")
    expect(fact).to_contain_text("Step 0 of 12")
    page.wait_for_url("**moment=0*")
    page.reload()
    settled(page)
    expect(fact).to_contain_text("Step 0 of 12")
    page.get_by_test_id("machine-play").click()
    expect(fact).to_contain_text("Step 12 of 12")


def test_back_returns_to_the_moment_that_was_left(page: Page, server: AppServer):
    page.goto(server.address("training", run="tiny", view="timeline", moment="0,0,,,"))
    settled(page)
    expect(_fact(page, "Step 0 of 12")).to_be_visible()
    page.get_by_role("button", name="Where its heads look").click()
    page.wait_for_url("**/attention*")
    expect(page.get_by_test_id("time-fact")).to_contain_text("Step 0 of 12")
    settled(page)
    for _ in range(6):  # each time that page writes its moment into the address is a step too
        if "/attention" in page.url:
            page.go_back()
            settled(page)
    expect(_fact(page, "Step 0 of 12")).to_be_visible()


def test_back_keeps_the_model_that_was_brought_along(page: Page, server: AppServer):
    page.goto(server.address("training", run="tiny", view="timeline", present="true"))
    settled(page)
    page.get_by_role("button", name="Where its heads look").click()
    page.wait_for_url("**/attention*run=tiny*")
    _put_before_this_address(page, without=["run", "present"])
    page.go_back()
    page.wait_for_url("**/attention?*present=true*")
    page.wait_for_url("**/attention?*run=tiny*")
    expect(page.get_by_test_id("time-fact")).to_contain_text("of 12")
    expect(page.get_by_role("button", name="End presenting")).to_be_visible()


def test_back_undoes_the_choice_of_a_model(page: Page, server: AppServer):
    page.goto(server.address("training", view="timeline"))
    settled(page)
    page.get_by_role("combobox", name="Model").click()
    page.get_by_role("option", name="tiny").first.click()
    expect(_fact(page, "of 12")).to_be_visible()
    _put_before_this_address(page, without=["run"])
    page.go_back()
    expect(_fact(page, "of 3,600")).to_be_visible()


def _fact(page: Page, words: str) -> Locator:
    """What the time machine says; while a page is drawn anew the last model's stands beside it."""
    return page.get_by_test_id("machine-fact").filter(has_text=words)


def _put_before_this_address(page: Page, without: list[str]) -> None:
    """One of a few parameters less, as Streamlit writes on the way to a page, when it is slow."""
    settled(page)
    page.evaluate(
        """(without) => {
            const address = location.href, shorter = new URL(address);
            for (const name of without) shorter.searchParams.delete(name);
            history.pushState(null, "", shorter);
            history.pushState(null, "", address);
        }""",
        without,
    )
