"""The way of a new user: from an empty workspace to a model that was built, looked at and heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from slm import jobs
from slm.attention.maps import attention_maps
from slm.lab.reports import open_run
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, settled
from ui.view_models.attention import DEFAULT_TEXT

BUILT_MS = 240_000
SMALL_BUILD = ("build", "--steps", "30", "--documents", "300", "--threads", "1", "--name", "tiny")


@pytest.fixture()
def fresh(tmp_path: Path) -> Iterator[AppServer]:
    """The app on a workspace where nothing was made yet; no job outlives it."""
    with app_server(tmp_path / "workspace", tmp_path / "server.log") as started:
        yield started
        for job in jobs.list_jobs(Workspace(started.workspace)):
            job.kill()


def test_a_new_user_builds_a_model_and_uses_it(page: Page, fresh: AppServer):
    workspace = Workspace(fresh.workspace)
    the_demo_speaks(page, fresh)
    a_build_starts_with_one_button_and_stops_with_another(page)
    a_build_survives_a_reload_and_ends_with_a_model(page, fresh, workspace)
    hovering_shows_the_computed_weight(page, workspace)
    the_model_writes_until_it_is_stopped(page, fresh)
    the_library_lists_the_run(page)


def the_demo_speaks(page: Page, fresh: AppServer) -> None:
    page.goto(fresh.address())
    settled(page)
    expect(page.get_by_text("demo model that ships with the app")).to_be_visible()
    expect(page.get_by_test_id("stage-sampling")).to_have_attribute("data-state", "done")
    tale = page.get_by_test_id("stText").first.inner_text()
    page.get_by_role("button", name="Another tale").click()
    expect(page.get_by_test_id("stText").first).not_to_have_text(tale)


def a_build_starts_with_one_button_and_stops_with_another(page: Page) -> None:
    page.get_by_role("button", name="Build my first model").click()
    expect(page.locator("[data-testid^=stage-][data-state=running]")).to_have_count(1)
    page.get_by_role("button", name="Stop", exact=True).click()
    aside = page.get_by_role("button", name="Put it aside")
    expect(aside).to_be_visible()
    aside.click()
    expect(page.get_by_role("button", name="Build another model")).to_be_visible()


def a_build_survives_a_reload_and_ends_with_a_model(
    page: Page, fresh: AppServer, workspace: Workspace
) -> None:
    job = jobs.start(workspace, SMALL_BUILD, name="tiny", key="build")
    page.goto(fresh.address())
    training = page.get_by_test_id("stage-training")
    expect(training).to_have_attribute("data-state", "running", timeout=BUILT_MS)
    page.reload()
    expect(page.get_by_test_id("stage-tokens")).to_have_attribute("data-state", "done")
    assert [other.id for other in jobs.list_jobs(workspace) if other.is_alive()] == [job.id]
    expect(page.get_by_text("Real words", exact=True)).to_be_visible(timeout=BUILT_MS)
    settled(page)
    assert job.status().state == "done"
    page.wait_for_url("**run=tiny**")
    expect(page.get_by_test_id("stage-sampling")).to_have_attribute("data-state", "done")


def hovering_shows_the_computed_weight(page: Page, workspace: Workspace) -> None:
    open_chapter(page, "Attention")
    canvas = page.get_by_test_id("attention-canvas")
    expect(canvas).to_be_visible()
    readout = page.get_by_test_id("attention-readout")
    opened = open_run(workspace.runs.get("tiny"))
    weights_LHTT = attention_maps(opened.model, opened.tokenizer.encode(DEFAULT_TEXT))
    overview = page.get_by_test_id("attention-overview-readout")
    for query, key in ((5, 2), (20, 20), (30, 11)):
        place = canvas.evaluate("canvas => ({...canvas.dataset})")
        cell = float(place["cell"])
        x = float(place["left"]) + (key + 0.5) * cell - float(place["x"])
        y = float(place["top"]) + (query + 0.5) * cell - float(place["y"])
        canvas.hover(position={"x": x, "y": y})
        expect(readout).to_have_attribute("data-query", str(query))
        expect(readout).to_have_attribute("data-key", str(key))
        layer, head = (int(overview.get_attribute(f"data-{n}") or -1) for n in ("layer", "head"))
        weight = float(readout.get_attribute("data-weight") or "nan")
        assert weight == pytest.approx(weights_LHTT[layer, head, query, key], abs=1e-6)


def the_model_writes_until_it_is_stopped(page: Page, fresh: AppServer) -> None:
    """Greedy, so that a model this young goes on and on and does not end by itself."""
    page.goto(fresh.address("sampling", run="tiny", temperature=0, new_tokens=2000))
    settled(page)
    written = page.locator(".st-key-written")
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("Writing · ")).to_be_visible()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text("Stopped · ")).to_be_visible()
    kept = written.inner_text()
    assert len(kept) > len("Once upon a time")
    page.wait_for_timeout(1_000)
    assert written.inner_text() == kept


def the_library_lists_the_run(page: Page) -> None:
    open_chapter(page, "Library")
    cells = page.locator("[data-testid=stDataFrame] td")  # drawn on a canvas; this is its text
    expect(cells.filter(has_text="tiny").first).to_be_attached()


def open_chapter(page: Page, title: str) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=title).click()
    expect(page.get_by_role("heading", name=title, exact=True, level=1)).to_be_visible()
    settled(page)
