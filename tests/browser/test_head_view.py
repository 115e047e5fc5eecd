"""One head in a browser: three pictures that point together, keys, zoom, true values."""

import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from slm.attention.flows import layer_means, rollout, value_norms
from slm.attention.maps import attention_maps
from slm.lab.reports import OpenedRun, open_run
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, settled
from ui.view_models.head import NAMES, Measure

TEXT = "Ben saw the otter. Ben saw the bear, and <img src=x onerror=alert(1)>."


@pytest.fixture()
def opened(page: Page, server: AppServer) -> Page:
    """Head 0 of layer 1 on a text, chosen by its address."""
    return opened_with(page, server)


def opened_with(page: Page, server: AppServer, **more: str | int) -> Page:
    asked = {"view": "head", "run": "tiny", "text": TEXT, "layer": 1, "head": 0, **more}
    page.goto(server.address("attention", **asked))
    settled(page)
    expect(page.get_by_test_id("head-canvas")).to_be_visible()
    return page


def model_of(server: AppServer) -> OpenedRun:
    return open_run(Workspace(server.workspace).runs.get("tiny"))


def cell(page: Page, query: int, key: int) -> dict[str, float]:
    at: dict[str, str] = page.get_by_test_id("head-canvas").evaluate("c => ({...c.dataset})")
    side = float(at["cell"])
    return {
        "x": float(at["left"]) + (key + 0.5) * side - float(at["x"]),
        "y": float(at["top"]) + (query + 0.5) * side - float(at["y"]),
    }


def chip(page: Page, index: int) -> Locator:
    return page.get_by_test_id("head-text").get_by_test_id("chip").nth(index)


def readout(page: Page) -> Locator:
    return page.get_by_test_id("head-readout")


def test_the_weight_pointed_at_is_the_one_computed_with_its_rank(opened: Page, server: AppServer):
    run = model_of(server)
    weights_TT = attention_maps(run.model, run.tokenizer.encode(TEXT), [1], [0])[0, 0]
    for query, key in ((5, 2), (12, 12), (20, 1)):
        opened.get_by_test_id("head-canvas").hover(position=cell(opened, query, key))
        expect(readout(opened)).to_have_attribute("data-query", str(query))
        shown = float(readout(opened).get_attribute("data-value") or "nan")
        assert shown == pytest.approx(weights_TT[query, key], abs=1e-6)
        rank = 1 + int((weights_TT[query, : query + 1] > weights_TT[query, key]).sum())
        expect(readout(opened)).to_contain_text(f"rank {rank} of {query + 1} visible")


def test_pointing_at_the_matrix_paints_that_row_and_draws_its_arcs(opened: Page, server: AppServer):
    run = model_of(server)
    weights_TT = attention_maps(run.model, run.tokenizer.encode(TEXT), [1], [0])[0, 0]
    opened.get_by_test_id("head-canvas").hover(position=cell(opened, 9, 4))
    expect(opened.get_by_test_id("head-arcs")).to_have_attribute("data-query", "9")
    expect(opened.get_by_test_id("head-painted")).to_contain_text("Query 9")
    painted = [float(chip(opened, s).get_attribute("data-value") or "nan") for s in range(10)]
    assert painted == pytest.approx(weights_TT[9, :10].tolist(), abs=1e-6)
    expect(chip(opened, 4)).to_have_class(re.compile("pointed"))
    expect(chip(opened, 10)).to_have_class(re.compile("masked"))


def test_pointing_at_a_token_shows_its_row_and_with_a_locked_query_its_key(opened: Page):
    chip(opened, 6).hover()
    expect(opened.get_by_test_id("head-arcs")).to_have_attribute("data-query", "6")
    chip(opened, 9).click()
    opened.wait_for_url("**query=9**")
    settled(opened)
    chip(opened, 3).hover()
    expect(readout(opened)).to_have_attribute("data-query", "9")
    expect(readout(opened)).to_have_attribute("data-key", "3")
    expect(opened.get_by_test_id("head-arcs")).to_have_attribute("data-query", "9")


def test_a_click_locks_a_query_and_escape_frees_it(opened: Page):
    opened.get_by_test_id("head-canvas").click(position=cell(opened, 7, 2))
    opened.wait_for_url("**query=7**")
    expect(opened.get_by_test_id("head-painted")).to_contain_text("locked")
    settled(opened)
    opened.get_by_test_id("head-canvas").focus()
    opened.keyboard.press("Escape")
    opened.keyboard.press("Escape")
    expect(opened.get_by_test_id("head-painted")).to_contain_text("a click on a token locks it")
    opened.wait_for_url(lambda url: "query=" not in url)


def test_arrows_move_in_the_matrix_and_along_the_line(opened: Page):
    opened.get_by_test_id("head-canvas").focus()
    opened.keyboard.press("Home")
    expect(readout(opened)).to_have_attribute("data-key", "0")
    opened.keyboard.press("ArrowUp")
    last = int(readout(opened).get_attribute("data-query") or -1)
    opened.get_by_test_id("head-strip").focus()
    opened.keyboard.press("ArrowLeft")
    expect(opened.get_by_test_id("head-arcs")).to_have_attribute("data-query", str(last - 1))
    opened.keyboard.press("Enter")
    opened.wait_for_url(f"**query={last - 1}**")


def test_zoom_makes_cells_larger_and_fit_brings_all_back(opened: Page):
    canvas = opened.get_by_test_id("head-canvas")
    before = float(canvas.get_attribute("data-cell") or 0)
    opened.get_by_test_id("head-zoom-in").click()
    assert float(canvas.get_attribute("data-cell") or 0) == pytest.approx(1.5 * before)
    opened.get_by_test_id("head-fit").click()
    assert float(canvas.get_attribute("data-cell") or 0) == before


@pytest.mark.parametrize("measure", ["value_norm", "layer_mean", "rollout"])
def test_what_is_shown_is_what_was_computed(page: Page, server: AppServer, measure: Measure):
    run = model_of(server)
    ids = run.tokenizer.encode(TEXT)
    expected = {
        "value_norm": lambda: value_norms(run.model, ids, [1], [0])[0, 0],
        "layer_mean": lambda: layer_means(run.model, ids)[1],
        "rollout": lambda: rollout(layer_means(run.model, ids))[1],
    }[measure]()
    opened = opened_with(page, server, head_show=NAMES[measure])
    opened.get_by_test_id("head-canvas").hover(position=cell(opened, 11, 5))
    shown = float(readout(opened).get_attribute("data-value") or "nan")
    assert shown == pytest.approx(float(expected[11, 5]), abs=1e-6)


def test_contributions_diverge_from_the_pages_own_colour(page: Page, server: AppServer):
    opened = opened_with(page, server, head_show=NAMES["logit"], query=11)
    expect(opened.get_by_test_id("head-most")).to_contain_text("Moves the logit most")
    gradient = opened.locator(".gradient").first.evaluate("e => e.style.backgroundImage")
    assert "rgb(0, 114, 178)" in gradient and "rgb(213, 94, 0)" in gradient


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_tokens_are_text_and_nothing_runs_in_either_theme(
    browser: Browser, server: AppServer, scheme: str
):
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    opened_with(page, server, query=20)
    shown = "".join(
        page.get_by_test_id("head-text").get_by_test_id("chip").all_text_contents()
    ).replace("·", " ")
    assert shown == TEXT
    assert page.get_by_test_id("head-view").locator("img").count() == 0
    assert not dialogs
    arcs = page.get_by_test_id("head-arcs")
    ink: int = arcs.evaluate(
        "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data"
        ".filter((v, i) => i % 4 === 3 && v > 0).length"
    )
    assert ink > 500
    context.close()


def test_the_overview_leads_to_the_open_head(page: Page, server: AppServer):
    page.goto(server.address("attention", run="tiny", text=TEXT, layer=1, head=0, query=9))
    settled(page)
    page.get_by_role("button", name="Open it in full").click()
    expect(page.get_by_test_id("head-name")).to_contain_text("Layer 1, head 0")
    expect(page.get_by_test_id("head-arcs")).to_have_attribute("data-query", "9")


def test_the_matrix_is_painted(opened: Page):
    pixels: int = opened.get_by_test_id("head-canvas").evaluate(
        "c => new Set(Array.from({length: 200}, (_, i) => c.getContext('2d')"
        ".getImageData(c.width / 3 + i, c.height / 2, 1, 1).data.join())).size"
    )
    assert pixels > 5
    assert np.isfinite(pixels)


def test_a_drawing_ends_when_newer_values_are_drawn(page: Page, server: AppServer):
    """One that went on watching the size drew the old text's matrix over the new one's."""
    page.add_init_script("""
        const Real = window.ResizeObserver;
        window.watched = new Set();
        window.ResizeObserver = class extends Real {
          observe(element) {
            if (element.className === "stage") window.watched.add(this);
            super.observe(element);
          }
          disconnect() { window.watched.delete(this); super.disconnect(); }
        };
    """)
    opened_with(page, server)
    canvas = page.get_by_test_id("head-canvas")
    for text in ("Ben saw Ben", "Ben saw the otter, and Ben saw Ben"):
        before = canvas.get_attribute("data-tokens") or ""
        page.locator("textarea").first.fill(text)
        page.keyboard.press("Control+Enter")
        expect(canvas).not_to_have_attribute("data-tokens", before)
        settled(page)
    assert page.evaluate("window.watched.size") == 1
