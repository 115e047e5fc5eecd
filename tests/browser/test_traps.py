"""Two traps of Streamlit that this app must not fall into.

A folder named `pages/` lets the first visitor of a fresh server land on a page without
the app around it; and a slider must answer while a model is loaded.
"""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, settled

CHAPTERS = {
    "data": "Data",
    "tokenizer": "Tokenizer",
    "model": "Model",
    "training": "Training",
    "evaluation": "Evaluation",
    "attention": "Attention",
    "sampling": "Sampling",
    "library": "Library",
    "workshop": "Workshop",
}


def expect_the_whole_app(page: Page, title: str) -> None:
    settled(page)
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(1 + len(CHAPTERS))
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize(
    ("chapter", "query"),
    [
        ("attention", {"run": "tiny", "layer": "1", "head": "0"}),
        ("sampling", {"run": "tiny", "temperature": "0.5"}),
    ],
)
def test_the_first_visitor_of_a_fresh_server_gets_the_whole_app_at_a_deep_link(
    chapter: str, query: dict[str, str], page: Page, tiny_workspace: Workspace, tmp_path: Path
):
    with app_server(tiny_workspace.root, tmp_path / "server.log") as fresh:
        page.goto(fresh.address(chapter, **query))
        expect_the_whole_app(page, CHAPTERS[chapter])
        assert parameters(page) == {name: [value] for name, value in query.items()}
        page.reload()
        expect_the_whole_app(page, CHAPTERS[chapter])
        assert parameters(page) == {name: [value] for name, value in query.items()}


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_opens_by_its_link(chapter: str, page: Page, server: AppServer):
    page.goto(server.address(chapter, run="tiny"))
    expect_the_whole_app(page, CHAPTERS[chapter])
    assert parameters(page)["run"] == ["tiny"]


@pytest.mark.parametrize("number", ["inf", "9" * 400])
def test_a_number_without_end_in_the_address_is_forgotten(
    page: Page, server: AppServer, number: str
):
    page.goto(server.address("tokenizer", view="train", vocab_size=number, tokenizer_name="inf"))
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    expect(page.get_by_role("spinbutton", name="Vocabulary size")).to_have_value("2048")
    assert parameters(page)["tokenizer_name"] == ["inf"] and "vocab_size" not in parameters(page)


def test_a_page_that_is_gone_leads_home(page: Page, server: AppServer):
    page.goto(server.address("no-such-page"))
    settled(page)
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(1 + len(CHAPTERS))


def test_a_slider_answers_with_a_model_loaded(page: Page, server: AppServer):
    """Value, address, sentence and bars follow the slider; how fast is a benchmark's matter."""
    page.goto(server.address("sampling", run="tiny"))
    settled(page)
    slider = page.get_by_role("slider", name="Temperature")
    summary = page.get_by_text("can be drawn")
    chart = page.get_by_test_id("stVegaLiteChart")
    before = float(slider.input_value())
    told, drawn = summary.inner_text(), chart.screenshot()
    slider.focus()
    for _ in range(4):
        slider.press("ArrowLeft")
    expect(summary).not_to_have_text(told)
    settled(page)
    after = float(slider.input_value())
    assert after < before
    assert float(parameters(page)["temperature"][0]) == pytest.approx(after)
    assert chart.screenshot() != drawn
