"""A film and a cell in a browser: keys and clicks move them, and the link brings them back."""

import re

import pytest
from playwright.sync_api import Page, expect

from slm.attention.maps import attention_maps
from slm.lab.filmstrip import FilmConfig, film
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, settled

RUN, TEXT = "tiny", "Ben saw the old lamp"


def test_stepping_shows_the_row_that_was_recorded(page: Page, server: AppServer):
    page.goto(
        server.address(
            "attention",
            run=RUN,
            view="filmstrip",
            text=TEXT,
            layer=1,
            head=0,
            filmstrip_tokens=5,
            filmstrip_temperature=0,
        )
    )
    settled(page)
    view = page.get_by_test_id("filmstrip")
    page.get_by_test_id("filmstrip-after").click()
    view.press("ArrowRight")
    expect(view).to_have_attribute("data-frame", "2")
    run = open_run(Workspace(server.workspace).runs.get(RUN))
    ids = run.tokenizer.encode(TEXT)
    frames = list(film(run.model, ids, FilmConfig(max_new_tokens=5, temperature=0)))
    shown = (
        page.get_by_test_id("filmstrip-text").locator(".chip").nth(1).get_attribute("data-weight")
    )
    assert float(shown or "nan") == pytest.approx(float(frames[2].weights_LHS[1, 0, 1]), abs=1e-3)
    page.wait_for_url("**filmstrip=2%2Chead**")
    page.reload()
    settled(page)
    expect(page.get_by_test_id("filmstrip")).to_have_attribute("data-frame", "2")


def test_play_reaches_the_last_frame_and_stops(page: Page, server: AppServer):
    page.goto(server.address("attention", run=RUN, view="filmstrip", text=TEXT, filmstrip_tokens=3))
    settled(page)
    page.get_by_test_id("filmstrip-play").click()
    expect(page.get_by_test_id("filmstrip-fact")).to_contain_text(
        re.compile(r"Frame (\d+) of \1\.")
    )
    expect(page.get_by_test_id("filmstrip-play")).to_contain_text("Play")


def test_a_click_in_the_rows_opens_that_head(page: Page, server: AppServer):
    page.goto(
        server.address(
            "attention", run=RUN, view="filmstrip", text=TEXT, layer=1, head=0, filmstrip_tokens=3
        )
    )
    settled(page)
    page.get_by_test_id("filmstrip-rows").click(position={"x": 60, "y": 3})
    expect(page.get_by_test_id("filmstrip-painted")).to_contain_text("layer 0, head 0")
    page.wait_for_url("**layer=0**")


def test_a_click_on_a_token_moves_the_cell_and_hovering_links_dimensions(
    page: Page, server: AppServer
):
    page.goto(
        server.address("attention", run=RUN, view="cell", text=TEXT, layer=1, head=1, query=4)
    )
    settled(page)
    cell = page.get_by_test_id("cell-view")
    page.get_by_test_id("cell-text").locator(".chip").nth(1).click()
    expect(cell).to_have_attribute("data-key", "1")
    page.wait_for_url("**cell_key=1**")
    run = open_run(Workspace(server.workspace).runs.get(RUN))
    weight = attention_maps(run.model, run.tokenizer.encode(TEXT), [1], [1])[0, 0, 4, 1]
    expect(page.get_by_test_id("cell-sentence")).to_contain_text(f"weight {weight:.3f}")
    page.get_by_test_id("cell-vectors").hover()
    readouts = page.locator("[data-step=products] .readout")
    expect(readouts).to_contain_text("query")
    cell.focus()
    page.keyboard.press("ArrowLeft")
    expect(cell).to_have_attribute("data-key", "0")
    page.keyboard.press("ArrowDown")
    expect(cell).to_have_attribute("data-query", "5")
