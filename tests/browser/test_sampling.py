"""The Sampling page in a browser: bars that follow sliders, and tokens that can be questioned."""

import json
import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from slm.lab.reports import open_run
from slm.sampling.config import SamplingConfig
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import logits
from slm.workspace import Workspace
from tests.browser.app_server import PATIENCE_MS, AppServer, settled

PROMPT = "Ben saw"
HOSTILE = "<img src=x onerror=alert(1)> **Ben** $x$"


def anatomy(page: Page, server: AppServer, **query: object) -> Locator:
    page.goto(server.address("sampling", run="tiny", view="anatomy", prompt=PROMPT, **query))
    settled(page)
    table = page.get_by_test_id("anatomy-table")
    expect(table).to_be_visible()
    return table


def shares(table: Locator, place: int) -> list[float]:
    """What the browser draws in one column: of a stage that acts, by its place among these."""
    columns = table.evaluate(
        """(table) => {
            const rows = table.getRootNode().querySelector(".root").bars;
            const acting = (row) => row.filter((bar) => bar.fill);
            return rows.map((row) => acting(row).map((bar) => Number(bar.cell.dataset.share)));
        }"""
    )
    return [row[place] for row in columns]


def computed(server: AppServer, **settings: object) -> list[float]:
    """What the core computes for the tokens that are shown, in the same order."""
    opened = open_run(Workspace(server.workspace).runs.get("tiny"))
    ids = opened.tokenizer.encode(PROMPT)
    distribution = next_token_distribution(
        logits(opened.model, ids), SamplingConfig(**settings), ids
    )
    model_V, last = distribution.stages[0].probabilities_V, distribution.stages[-1]
    order = (-model_V).argsort(kind="stable")[:12]
    return [float(last.probabilities_V[t]) if last.kept_V[t] else -1.0 for t in order]


def written(page: Page, server: AppServer, **query: object) -> Locator:
    """A text of 12 tokens as chips."""
    page.goto(server.address("sampling", run="tiny", new_tokens=12, **query))
    settled(page)
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("Done:").first).to_be_visible(timeout=PATIENCE_MS)
    settled(page)
    return page.get_by_test_id("tokens-chips").first.get_by_test_id("chip")


def test_the_bars_are_those_that_the_filters_compute(page: Page, server: AppServer):
    table = anatomy(page, server, top_k=5, temperature=1.3)
    drawn = shares(table, -2)[:12]  # the last column is the tally
    wanted = computed(server, top_k=5, temperature=1.3)
    assert all(abs(a - b) < 1e-6 for a, b in zip(drawn, wanted, strict=True))


def test_a_slider_moves_the_bars_without_drawing_the_table_anew(page: Page, server: AppServer):
    table = anatomy(page, server)
    table.evaluate("(table) => { table.firstChild.dataset.kept = 'yes'; }")
    before = shares(table, -2)
    thumb = page.get_by_role("slider", name=re.compile("Temperature")).first
    thumb.focus()
    thumb.press("ArrowRight")
    page.wait_for_function(
        """([before]) => {
            const host = [...document.querySelectorAll("*")].find(
                (e) => e.shadowRoot?.querySelector("[data-testid=anatomy-table]"));
            const bars = host.shadowRoot.querySelector(".root").bars;
            return Number(bars[0].filter((c) => c.fill).at(-2).cell.dataset.share) !== before;
        }""",
        arg=[before[0]],
    )
    settled(page)
    wanted = computed(server, temperature=0.85)
    assert all(abs(a - b) < 1e-6 for a, b in zip(shares(table, -2)[:12], wanted, strict=True))
    assert table.evaluate("(table) => table.firstChild.dataset.kept") == "yes"


def test_a_filter_is_moved_and_the_address_keeps_it(page: Page, server: AppServer):
    table = anatomy(page, server)
    table.get_by_role("button", name="Top-k: earlier").click()
    page.wait_for_url("**filter_order=*")
    settled(page)
    heads = table.locator(".head .title")
    expect(heads.nth(2)).to_have_text("Top-k")
    page.reload()
    settled(page)
    expect(page.get_by_test_id("anatomy-table").locator(".head .title").nth(2)).to_have_text(
        "Top-k"
    )


def test_a_click_on_a_token_of_the_prompt_looks_at_the_choice_behind_it(
    page: Page, server: AppServer
):
    anatomy(page, server)
    page.get_by_test_id("tokens-chips").get_by_test_id("chip").first.click()
    page.wait_for_url("**anatomy_after=1*")
    settled(page)
    expect(page.get_by_text("In the text “")).to_be_visible()


def test_drawing_again_lets_the_next_number_fall(page: Page, server: AppServer):
    anatomy(page, server)
    expect(page.get_by_text("Number 1 of seed 0")).to_be_visible()
    page.get_by_role("button", name="Draw again").click()
    expect(page.get_by_text("Number 2 of seed 0")).to_be_visible()


def test_an_alternative_is_clicked_and_the_text_goes_on_from_it(page: Page, server: AppServer):
    chips = written(page, server, coloured="Colour by probability")
    first = chips.all_inner_texts()
    assert len(first) <= 12
    chips.nth(3).click()
    expect(page.get_by_text("In place of")).to_be_visible()
    page.locator("[class*=st-key-alternative-] button").nth(4).click()
    expect(page.get_by_role("button", name="Back", exact=True)).to_be_visible()
    expect(page.get_by_text("Done:").first).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Back", exact=True).click()
    settled(page)
    expect(page.get_by_role("button", name="Back", exact=True)).to_have_count(0)
    again = page.get_by_test_id("tokens-chips").first.get_by_test_id("chip")
    expect(again.nth(0)).to_have_text(first[0])
    assert again.all_inner_texts() == first


def test_a_written_token_is_taken_apart_with_the_number_that_drew_it(page: Page, server: AppServer):
    chips = written(
        page, server, coloured="Colour by rank", sampling_seed=3, temperature=1.5, prompt=PROMPT
    )
    chosen = chips.nth(4).inner_text()
    chips.nth(4).click()
    page.get_by_role("button", name="Take this choice apart").click()
    expect(page.get_by_text("Number 5 of seed 3")).to_be_visible()
    settled(page)
    told = page.get_by_text("Number 5 of seed 3").inner_text()
    assert told.endswith(f"it falls on “{chosen}”.")


def test_a_hovered_token_tells_its_alternatives_and_what_was_cut(page: Page, server: AppServer):
    chips = written(page, server, coloured="Colour by entropy", top_k=1)
    chips.nth(2).hover()
    tip = page.get_by_test_id("tokens-readout").first
    expect(tip).to_contain_text("it alone was left")
    expect(tip).to_contain_text("cut by the filters:")
    expect(tip).to_contain_text("entropy")


def test_stopping_a_long_text_keeps_it(page: Page, server: AppServer):
    page.goto(server.address("sampling", run="tiny", new_tokens=2000, go_on="true"))
    settled(page)
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text(re.compile("^Writing ·"))).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("^Stopped"))).to_be_visible()


def test_settings_are_taken_as_json_and_a_preset_changes_them(page: Page, server: AppServer):
    page.goto(server.address("sampling", run="tiny", temperature=0.35))
    settled(page)
    page.get_by_role("button", name="Wild", exact=True).click()
    page.wait_for_url("**temperature=1.5*")
    settled(page)
    page.get_by_role("button", name="Save").first.click()
    with page.expect_download() as taken:
        page.get_by_test_id("stDownloadButton").get_by_role("button").click()
    told = json.loads(Path(taken.value.path()).read_text(encoding="utf-8"))
    assert (told["temperature"], told["min_p"], told["do_sample"]) == (1.5, 0.02, True)


def test_markup_in_a_prompt_stays_text(page: Page, server: AppServer):
    shown: list[str] = []
    page.on("dialog", lambda dialog: (shown.append(dialog.message), dialog.dismiss()))
    chips = written(page, server, prompt=HOSTILE, coloured="Colour by rank", continuations=2)
    chips.nth(0).hover()
    chips.nth(0).click()
    expect(page.get_by_text("In place of")).to_be_visible()
    page.goto(server.address("sampling", run="tiny", view="anatomy", prompt=HOSTILE))
    settled(page)
    expect(page.get_by_test_id("anatomy-table")).to_be_visible()
    assert shown == [] and page.locator("img[src='x']").count() == 0
