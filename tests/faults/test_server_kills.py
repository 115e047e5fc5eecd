"""The app's server is killed again and again while a job works; visitors find the job again."""

import os
import time
from pathlib import Path

import psutil
import pytest

pytest.importorskip("playwright")

from playwright.sync_api import expect

from slm import jobs
from slm.workspace import Workspace
from tests.browser.app_server import app_server, chromium, new_page
from tests.processes import end_all

KILLS = int(os.environ.get("SLM_SERVER_KILLS", "20"))
REATTACH_SECONDS = 5.0


@pytest.mark.slow
@pytest.mark.browser
def test_a_job_outlives_every_server_and_is_seen_again_within_seconds(tmp_path: Path):
    workspace = Workspace(tmp_path / "workspace")
    workspace.root.mkdir()
    argv = ["prepare", "--source", "tales", "--documents", "5000000", "--name", "long"]
    job = jobs.start(workspace, argv, name="long work")
    seen_after = []
    try:
        with chromium() as browser:
            for _ in range(KILLS):
                with app_server(workspace.root, tmp_path / "server.log") as server:
                    page = new_page(browser)
                    page.goto(server.address())
                    begin = time.monotonic()
                    expect(page.get_by_text("Running: long work").first).to_be_visible()
                    seen_after.append(time.monotonic() - begin)
                    for child in psutil.Process().children():
                        dead = child.status() == psutil.STATUS_ZOMBIE  # of another test
                        if not dead and "streamlit" in child.cmdline():
                            child.kill()
                    page.context.close()
                assert job.status().state == "running"
    finally:
        end_all(workspace)
    assert len(seen_after) == KILLS
    assert sorted(seen_after)[int(0.9 * KILLS)] <= REATTACH_SECONDS, seen_after
