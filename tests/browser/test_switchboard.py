"""The switchboard in a browser: clicks, drags, headers, keys and presets, and what is shown."""

import re
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from slm.attention.edit_notation import read_edits
from slm.attention.importance import importance
from slm.attention.interventions import Change
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, settled
from tests.conftest import TINY

TEXT = "Ben saw the otter. Ben saw <img src=x onerror=alert(1)> the otter."
PARTS = 6
"""Two layers of two heads and a feed-forward part: L0H0, L0H1, L0FF, L1H0, L1H1, L1FF."""


def opened(page: Page, server: AppServer, **query: object) -> Locator:
    page.goto(server.address("attention", run="tiny", view="switchboard", text=TEXT, **query))
    settled(page)
    switches = page.get_by_test_id("switch")
    expect(switches).to_have_count(PARTS)
    return switches


def edits_of(url: str) -> tuple[Change, ...]:
    """What an address says is changed."""
    (line,) = parse_qs(urlsplit(url).query).get("edits", [""])
    return read_edits(line, TINY.model)


def states(page: Page, *wanted: str) -> None:
    """The switches stand like this, in the browser and after Python has answered."""
    for number, state in enumerate(wanted):
        expect(page.get_by_test_id("switch").nth(number)).to_have_attribute("data-state", state)
    settled(page)
    for number, state in enumerate(wanted):
        expect(page.get_by_test_id("switch").nth(number)).to_have_attribute("data-state", state)


def drag(page: Page, first: Locator, last: Locator) -> None:
    start, end = first.bounding_box(), last.bounding_box()
    assert start is not None and end is not None
    page.mouse.move(start["x"] + 12, start["y"] + 12)
    page.mouse.down()
    page.mouse.move(end["x"] + 12, end["y"] + 12, steps=8)
    page.mouse.up()


def test_a_click_switches_off_and_on_and_the_link_keeps_it(page: Page, server: AppServer):
    switches = opened(page, server)
    switches.nth(1).click()
    states(page, "on", "off", "on", "on", "on", "on")
    page.wait_for_url("**edits=0.1%3Aoff*")
    expect(page.get_by_text(re.compile("nats per token instead of"))).to_be_visible()
    page.reload()
    settled(page)
    states(page, "on", "off", "on", "on", "on", "on")
    switches.nth(1).click()
    states(page, *["on"] * PARTS)
    expect(page).not_to_have_url(re.compile("edits="))
    expect(page.get_by_text("Nothing is changed yet", exact=False)).to_be_visible()


def test_clicks_that_come_fast_all_count(page: Page, server: AppServer):
    switches = opened(page, server)
    for number in range(PARTS):
        switches.nth(number).click()
    states(page, *["off"] * PARTS)
    page.wait_for_url(lambda url: len(edits_of(url)) == PARTS)


def test_what_is_dragged_over_is_chosen_and_changed_together(page: Page, server: AppServer):
    switches = opened(page, server)
    drag(page, switches.nth(0), switches.nth(4))
    chosen = page.get_by_test_id("switchboard-chosen")
    expect(chosen).to_have_text("4 heads chosen:")
    states(page, *["on"] * PARTS)
    page.get_by_test_id("switchboard-factor").fill("-1.5")
    page.get_by_test_id("switchboard-scale").click()
    states(page, "x-1.5", "x-1.5", "on", "x-1.5", "x-1.5", "on")
    page.get_by_test_id("switchboard-mean").click()
    states(page, "mean", "mean", "on", "mean", "mean", "on")
    page.get_by_test_id("switchboard-factor").fill("")
    expect(page.get_by_test_id("switchboard-scale")).to_be_disabled()
    page.get_by_test_id("switchboard-on").click()
    states(page, *["on"] * PARTS)


def test_headers_choose_layers_and_columns_and_uniform_passes_feed_forward_by(
    page: Page, server: AppServer
):
    switches = opened(page, server)
    board = page.get_by_test_id("switchboard-grid")
    board.get_by_role("rowheader", name="Choose all of layer 1").click()
    expect(page.get_by_test_id("switchboard-chosen")).to_have_text(
        "2 heads, 1 feed-forward part chosen:"
    )
    page.get_by_test_id("switchboard-uniform").click()
    states(page, "on", "on", "on", "uniform", "uniform", "on")
    board.get_by_role("columnheader", name="Choose the feed-forward part of every layer").click()
    expect(page.get_by_test_id("switchboard-uniform")).to_be_disabled()
    page.get_by_test_id("switchboard-off").click()
    states(page, "on", "on", "off", "uniform", "uniform", "off")
    switches.nth(0).click()
    switches.nth(1).click(modifiers=["Shift"])
    expect(page.get_by_test_id("switchboard-chosen")).to_have_text("2 heads chosen:")
    switches.nth(5).click(modifiers=["Control"])
    expect(page.get_by_test_id("switchboard-chosen")).to_have_text(
        "2 heads, 1 feed-forward part chosen:"
    )
    page.get_by_test_id("switchboard-reset").click()
    states(page, *["on"] * PARTS)


def test_the_keyboard_reaches_and_does_all(page: Page, server: AppServer):
    switches = opened(page, server)
    switches.nth(0).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("switchboard-readout")).to_contain_text("Layer 1, head 1")
    page.keyboard.press(" ")
    states(page, "on", "on", "on", "on", "off", "on")
    expect(switches.nth(4)).to_be_focused()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    expect(page.get_by_test_id("switchboard-chosen")).to_have_text(
        "2 heads, 2 feed-forward parts chosen:"
    )
    page.keyboard.press("Enter")
    states(page, "on", "off", "off", "on", "off", "off")
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    states(page, "off", "off", "off", "on", "off", "off")
    expect(switches.nth(0)).to_have_attribute("aria-label", re.compile("Layer 0, head 0.*off"))


def test_presets_and_names_switch_by_what_heads_do(page: Page, server: AppServer):
    switches = opened(page, server)
    switches.nth(3).click()
    presets = page.get_by_test_id("switchboard-presets")
    presets.select_option("Only this head on")
    states(page, "off", "off", "on", "on", "off", "on")
    presets.select_option("All feed-forward parts off")
    states(page, "on", "on", "off", "on", "on", "off")
    kind = page.get_by_test_id("switchboard-kinds").get_by_role("button").first
    count = int(kind.inner_text().split()[-1])
    kind.click()
    words = "1 head chosen:" if count == 1 else f"{count} heads chosen:"
    expect(page.get_by_test_id("switchboard-chosen")).to_have_text(words)
    page.get_by_test_id("switchboard-off").click()
    settled(page)
    assert page.locator("[data-testid=switch][data-state=off]").count() == count + 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_worths_shown_are_those_computed(
    page: Page, server: AppServer, tiny_workspace: Workspace, scheme: str
):
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    switches = opened(page, server)
    (run,) = tiny_workspace.runs.list()
    found = open_run(run)
    change = importance(found.model, found.tokenizer.encode(TEXT)).change_LP.ravel()
    shown = [switches.nth(n).locator(".worth").inner_text() for n in range(PARTS)]
    np.testing.assert_allclose(
        [float(each.replace("−", "-")) for each in shown], change, atol=0.006
    )
    colours = {switches.nth(n).evaluate("cell => cell.style.background") for n in range(PARTS)}
    assert len(colours) > 1 and "" not in colours
    switches.nth(2).hover()
    expect(page.get_by_test_id("switchboard-readout")).to_contain_text("Layer 0, feed-forward")
    page.set_viewport_size({"width": 1024, "height": 720})
    expect(switches.nth(5)).to_be_in_viewport()


def test_a_head_that_was_switched_is_open_in_the_other_views(page: Page, server: AppServer):
    switches = opened(page, server)
    switches.nth(4).click()
    settled(page)
    page.get_by_test_id("stButtonGroup").get_by_text("All heads").click()
    settled(page)
    expect(page.get_by_test_id("attention-head-name")).to_contain_text("Layer 1, head 1")
    page.get_by_test_id("stButtonGroup").get_by_text("Switchboard").click()
    settled(page)
    states(page, "on", "on", "on", "on", "off", "on")
