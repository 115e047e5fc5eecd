"""A training in the browser: started once, changed, paused, reloaded, and gone on with."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from slm import jobs
from slm.training.events import read_events
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, settled

TRAINED_MS = 240_000
RECIPE = "steps:20000,batch_size:2,evaluate_every:10,sample_every:50,threads:1"
DESIGN = "nano,n_layers:1,n_kv_heads:auto,d_model:32,d_ff:32,context_length:32"


@pytest.fixture()
def trained(tmp_path: Path, tiny_workspace: Workspace) -> Iterator[AppServer]:
    """The app on a copy of the tiny workspace; no job outlives it."""
    shutil.copytree(tiny_workspace.root, tmp_path / "workspace")
    with app_server(tmp_path / "workspace", tmp_path / "server.log") as started:
        yield started
        for job in jobs.list_jobs(Workspace(started.workspace)):
            job.kill()


def test_a_training_is_steered_from_the_page(page: Page, trained: AppServer):
    workspace = Workspace(trained.workspace)
    page.goto(
        trained.address("training", run="tiny", view="New training", design=DESIGN, recipe=RECIPE)
    )
    settled(page)
    page.get_by_role("button", name="Start training").dblclick()
    pause = page.get_by_role("button", name="Pause")
    expect(pause).to_be_visible(timeout=TRAINED_MS)
    (job,) = [job for job in jobs.list_jobs(workspace) if job.verb == "train"]
    run = workspace.runs.get(str(job.status().result["run"]))

    page.get_by_role("radio", name="Change settings").click()
    rate = page.get_by_label("Learning rate", exact=True).first
    rate.fill("0.004")
    page.wait_for_timeout(2_500)  # polls pass, and what was typed stays
    expect(rate).to_have_value("0.004")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("radio", name="Change settings")).not_to_be_checked()

    pause.click()
    go_on = page.get_by_role("button", name="Go on")
    expect(go_on).to_be_visible(timeout=TRAINED_MS)
    page.reload()
    expect(go_on).to_be_visible()
    assert job.status().state == "paused"
    go_on.click()
    expect(pause).to_be_visible(timeout=TRAINED_MS)
    (change,) = [event for event in read_events(run.folder) if event.field == "learning_rate"]
    assert change.new == 0.004

    job.kill()
    expect(page.get_by_text("Interrupted", exact=True)).to_be_visible()
    expect(go_on).to_be_visible()
