"""All attention heads in a browser: pointing, keys, order, zoom, both themes, true values."""

import json
import re

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from slm.attention.heads import head_scores
from slm.attention.maps import Floats, attention_maps
from slm.lab.reports import OpenedRun, open_run
from slm.workspace import Workspace
from tests.browser.app_server import PATIENCE_MS, AppServer, settled
from ui.view_models.attention import labels_of

TEXT = "Ben saw the otter. Ben saw the bear, and <img src=x onerror=alert(1)>."


@pytest.fixture()
def opened(page: Page, server: AppServer) -> Page:
    """Head 0 of layer 1 on a text, chosen by its address."""
    page.goto(server.address("attention", run="tiny", text=TEXT, layer=1, head=0))
    settled(page)
    expect(page.get_by_test_id("attention-canvas")).to_be_visible()
    return page


def model_of(server: AppServer) -> OpenedRun:
    return open_run(Workspace(server.workspace).runs.get("tiny"))


def weights_of(server: AppServer) -> Floats:
    run = model_of(server)
    return attention_maps(run.model, run.tokenizer.encode(TEXT))


def overview(page: Page) -> Locator:
    return page.get_by_test_id("attention-overview-canvas")


def geometry(canvas: Locator) -> dict[str, str]:
    found: dict[str, str] = canvas.evaluate("canvas => ({...canvas.dataset})")
    return found


def thumbnail(page: Page, place: int) -> dict[str, float]:
    """The middle of the thumbnail at this place of the order."""
    at = geometry(overview(page))
    row, column = divmod(place, int(at["columns"]))
    half = float(at["size"]) / 2
    x = float(at["left"]) + column * float(at["stepX"]) + half
    return {"x": x, "y": float(at["top"]) + row * float(at["stepY"]) + half}


def cell(page: Page, query: int, key: int) -> dict[str, float]:
    at = geometry(page.get_by_test_id("attention-canvas"))
    side = float(at["cell"])
    return {
        "x": float(at["left"]) + (key + 0.5) * side - float(at["x"]),
        "y": float(at["top"]) + (query + 0.5) * side - float(at["y"]),
    }


def test_the_weight_pointed_at_is_the_one_computed(opened: Page, server: AppServer):
    weights_LHTT = weights_of(server)
    readout = opened.get_by_test_id("attention-readout")
    for query, key in ((5, 2), (12, 12), (20, 1)):
        opened.get_by_test_id("attention-canvas").hover(position=cell(opened, query, key))
        expect(readout).to_have_attribute("data-query", str(query))
        shown = float(readout.get_attribute("data-weight") or "nan")
        assert shown == pytest.approx(weights_LHTT[1, 0, query, key], abs=1e-6)
    opened.get_by_test_id("attention-canvas").hover(position=cell(opened, 3, 9))
    expect(readout).to_contain_text("a token cannot look at a later one")


def test_pointing_names_a_head_and_a_click_opens_it(opened: Page, server: AppServer):
    run = model_of(server)
    ids = run.tokenizer.encode(TEXT)
    labels = labels_of(head_scores(run.model, ids, eos_id=run.tokenizer.eos_id))
    readout = opened.get_by_test_id("attention-overview-readout")
    name = opened.get_by_test_id("attention-head-name")
    overview(opened).hover(position=thumbnail(opened, 1))
    expect(readout).to_have_text(f"Layer 0, head 1: {labels[0][1]} · click or Enter to open")
    overview(opened).click(position=thumbnail(opened, 1))
    expect(name).to_have_text(f"Layer 0, head 1: {labels[0][1]}")
    opened.wait_for_url(re.compile("layer=0.*head=1|head=1.*layer=0"))
    opened.reload()
    settled(opened)
    expect(name).to_have_text(f"Layer 0, head 1: {labels[0][1]}")


def test_arrows_and_enter_do_what_the_mouse_does(opened: Page):
    overview(opened).focus()
    opened.keyboard.press("ArrowUp")
    opened.keyboard.press("ArrowRight")
    readout = opened.get_by_test_id("attention-overview-readout")
    expect(readout).to_contain_text("Layer 0, head 1")
    opened.keyboard.press("Enter")
    expect(opened.get_by_test_id("attention-head-name")).to_contain_text("Layer 0, head 1")
    opened.get_by_test_id("attention-canvas").focus()
    opened.keyboard.press("Home")
    expect(opened.get_by_test_id("attention-readout")).to_have_attribute("data-key", "0")
    opened.keyboard.press("Enter")
    opened.wait_for_url("**query=**")


def test_heads_are_sorted_and_filtered_and_the_address_keeps_it(opened: Page, server: AppServer):
    run = model_of(server)
    scores = head_scores(run.model, run.tokenizer.encode(TEXT), eos_id=run.tokenizer.eos_id)
    distance = scores["distance"].ravel()
    opened.get_by_test_id("attention-score").select_option("distance")
    expected = " ".join(map(str, np.argsort(-distance, kind="stable")))
    expect(overview(opened)).to_have_attribute("data-order", expected)
    opened.get_by_test_id("attention-order").select_option("lowest")
    turned = " ".join(map(str, np.argsort(distance, kind="stable")))
    expect(overview(opened)).to_have_attribute("data-order", turned)
    opened.wait_for_url("**overview_heads=distance*")
    settled(opened).reload()
    settled(opened)
    expect(overview(opened)).to_have_attribute("data-order", turned)
    last = int(turned.split()[-1])
    overview(opened).click(position=thumbnail(opened, distance.size - 1))
    named = (
        f"Layer {last // scores['distance'].shape[1]}, head {last % scores['distance'].shape[1]}"
    )
    expect(opened.get_by_test_id("attention-head-name")).to_contain_text(named)
    slider = opened.get_by_test_id("attention-least")
    slider.evaluate("el => { el.value = el.max; el.dispatchEvent(new Event('input')); }")
    expect(opened.get_by_test_id("attention-overview-readout")).to_contain_text("No head is like")
    expect(overview(opened)).to_have_attribute("data-shown", "0")


def test_choosing_a_kind_fades_the_others_where_they_stand(opened: Page):
    kinds = opened.get_by_test_id("attention-kinds").get_by_role("button")
    first = kinds.first
    count = (first.text_content() or "").rsplit(" ", 1)[-1]
    first.click()
    expect(first).to_have_attribute("aria-pressed", "true")
    expect(overview(opened)).to_have_attribute("data-shown", count)
    assert len(geometry(overview(opened))["order"].split()) == 4
    first.click()
    expect(overview(opened)).to_have_attribute("data-shown", "4")


def test_zoom_shows_fewer_cells_larger_and_fit_all_again(opened: Page, server: AppServer):
    canvas = opened.get_by_test_id("attention-canvas")
    before = float(geometry(canvas)["cell"])
    opened.get_by_test_id("attention-zoom-in").click()
    opened.get_by_test_id("attention-zoom-in").click()
    zoomed = float(geometry(canvas)["cell"])
    assert zoomed > 1.5 * before
    place = geometry(canvas)
    query = int((float(place["y"]) + 120) / zoomed)
    canvas.hover(position=cell(opened, query, query - 1))
    readout = opened.get_by_test_id("attention-readout")
    expect(readout).to_have_attribute("data-query", str(query))
    shown = float(readout.get_attribute("data-weight") or "nan")
    assert shown == pytest.approx(weights_of(server)[1, 0, query, query - 1], abs=1e-6)
    opened.get_by_test_id("attention-fit").click()
    assert float(geometry(canvas)["cell"]) == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_thumbnail_is_painted_in_both_themes(
    browser: Browser, server: AppServer, scheme: str
):
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(server.address("attention", run="tiny", text=TEXT))
    settled(page)
    expect(overview(page)).to_be_visible()
    painted = overview(page).evaluate("""canvas => {
        const { left, top, size, stepX, stepY, columns } = canvas.dataset;
        const side = +size, pen = canvas.getContext("2d");
        const ratio = canvas.width / parseFloat(canvas.style.width);
        const at = (x, y) => [...pen.getImageData(x * ratio, y * ratio, 1, 1).data];
        const heads = [0, 1, 2, 3].map((i) => {
            const x = +left + (i % columns) * stepX, y = +top + Math.floor(i / columns) * stepY;
            return { seen: at(x + 3, y + side - 4), masked: at(x + side - 4, y + 3) };
        });
        return JSON.stringify(heads);
    }""")
    for head in json.loads(painted):
        assert head["seen"] != head["masked"]  # the scale's colours and the theme's panel
        assert (sum(head["masked"][:3]) > 3 * 128) == (scheme == "light")
    context.close()


def test_foreign_text_is_drawn_and_never_run(opened: Page):
    chips = opened.get_by_test_id("attention-text")
    assert "onerror" in (chips.text_content() or "").replace("·", " ")
    assert chips.locator("img").count() == 0
