"""Explore in a browser: a click on a bar or a point shows the documents behind it."""

import re

from playwright.sync_api import Page, expect

from tests.browser.app_server import AppServer, settled

CORPUS = "tiny"


def click_mark(page: Page, marks: str, index: int) -> None:
    """A real click in the middle of a mark of the chart."""
    mark = page.locator(f".js-plotly-plot {marks}").nth(index)
    expect(mark).to_be_visible()
    box = mark.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_bar_leads_to_its_documents_and_the_link_brings_them_back(page: Page, server: AppServer):
    page.goto(server.address("data", run=CORPUS, aspect="Lengths"))
    settled(page)
    click_mark(page, ".bars .point path", 6)
    note = page.get_by_text(re.compile(r"characters: \d+ of 120 documents"))
    expect(note).to_be_visible()
    said = note.inner_text()
    settled(page)
    assert "only=characters" in page.url
    page.reload()
    expect(page.get_by_text(said)).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("120 documents", exact=True)).to_be_visible()


def test_a_word_leads_to_the_places_where_it_stands(page: Page, server: AppServer):
    page.goto(server.address("data", run=CORPUS, aspect="Words"))
    settled(page)
    click_mark(page, ".scatterlayer .points path", 9)
    found = page.get_by_text(re.compile(r"“.+”: [\d,]+ times in \d+ of 120 documents"))
    expect(found).to_be_visible()
    settled(page)
    assert "find=" in page.url and "whole_words=true" in page.url
    page.set_viewport_size({"width": 1024, "height": 800})
    page.get_by_role("button", name="Show all").click()  # nothing lies on it
    expect(page.get_by_text("120 documents", exact=True)).to_be_visible()
