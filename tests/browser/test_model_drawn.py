"""The drawing in a browser: a click or a key opens a part, and its numbers are those computed."""

import re

import torch
from playwright.sync_api import Page, expect

from slm.lab.reports import open_run
from slm.model.anatomy import values_of
from slm.model.parts import PARTS
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, settled

RUN = "tiny"
TEXT = "Once upon a time"


def heading(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_a_click_opens_a_part_and_the_link_brings_it_back(page: Page, server: AppServer):
    page.goto(server.address("model", run=RUN, view="drawn", text=TEXT))
    settled(page)
    page.get_by_test_id("part-gate").click()
    heading(page, "Feed-forward: Gate")
    page.get_by_test_id("layer-1").click()
    page.wait_for_url("**layer=1**")
    settled(page)
    assert "part=Feed-forward" in page.url
    page.reload()
    heading(page, "Feed-forward: Gate")
    expect(page.get_by_test_id("layer-1")).to_have_class(re.compile("open"))


def test_keys_move_between_parts_and_open_them(page: Page, server: AppServer):
    page.goto(server.address("model", run=RUN, view="drawn", part="Attention: Query"))
    settled(page)
    page.get_by_test_id("part-query").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("part-key")).to_be_focused()
    page.keyboard.press("Enter")
    heading(page, "Attention: Key")


def test_hovering_tells_the_number_that_was_computed(page: Page, server: AppServer):
    address = server.address(
        "model", run=RUN, view="drawn", part="Attention: Value", text=TEXT, layer=1, head=1
    )
    page.goto(address)
    settled(page)
    canvas = page.get_by_test_id("heatmap-canvas")
    canvas.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
    readout = page.get_by_test_id("heatmap-readout")
    expect(readout).to_contain_text("dimension of the head 2")
    shown = float(readout.inner_text().rpartition(": ")[2])
    run = open_run(Workspace(server.workspace).runs.get(RUN))
    ids = run.tokenizer.encode(TEXT)
    computed = values_of(run.model, ids, PARTS["value"], layer=1, head=1)[1, 2]
    torch.testing.assert_close(torch.tensor(shown), computed, rtol=2e-3, atol=1e-5)


def test_zooming_fills_the_drawing_with_a_branch(page: Page, server: AppServer):
    page.goto(server.address("model", run=RUN, view="drawn"))
    settled(page)
    part = page.get_by_test_id("part-gate")
    before = part.bounding_box()
    page.get_by_test_id("zoom-feed_forward").click()
    expect(page.get_by_test_id("zoom-feed_forward")).to_have_attribute("aria-pressed", "true")
    after = part.bounding_box()
    assert before is not None and after is not None
    assert after["width"] > 1.2 * before["width"]
