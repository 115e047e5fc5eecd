"""The app in a process of its own, and a browser that looks at it.

Used by the browser tests, the screenshots and the benchmark of sliders. A server is
ended by the id of the process that was started here, and by nothing else.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
PATIENCE_MS = 60_000  # a busy machine is slow, not broken
expect.set_options(timeout=PATIENCE_MS)
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "msedge")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SETTLED = "[data-testid=stApp][data-test-script-state=notRunning]"


@dataclass(frozen=True)
class AppServer:
    """A running app. `address("data", run="tiny")` is a page of it."""

    url: str
    workspace: Path

    def address(self, chapter: str = "", **query: object) -> str:
        """The address of a page; keywords are its parameters."""
        parameters = f"?{urlencode(query)}" if query else ""
        return f"{self.url}/{chapter}{parameters}"


@contextmanager
def app_server(
    workspace: Path,
    log: Path,
    *,
    launcher: Sequence[str] = ("-m", "streamlit"),
    script: str | Path = "app.py",
) -> Iterator[AppServer]:
    """A fresh server on a free port of this machine, healthy when given, ended afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, *launcher, "run", str(script)]
    command += ["--server.port", str(port), "--server.address", "127.0.0.1"]
    told = {"SLM_WORKSPACE": str(workspace)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **told}, stdout=output, stderr=output
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, process, log)
        yield AppServer(url, workspace)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Headless Chromium: the one of SLM_CHROMIUM, else one of this machine, else Playwright's."""
    named = os.environ.get("SLM_CHROMIUM", "playwright")
    path = named if named != "playwright" else next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Browser) -> Page:
    """A visitor of their own, on a laptop's screen, in the light theme."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    return context.new_page()


def settled(page: Page) -> Page:
    """Wait until the app has nothing left to run or to draw; gives the page."""
    page.wait_for_selector(_SETTLED, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=PATIENCE_MS)
    expect(page.get_by_test_id("stSpinner")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_selector(_SETTLED, timeout=PATIENCE_MS)
    return page


def _wait_until_healthy(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    words = log.read_text(errors="replace")[-2000:]
    raise RuntimeError(f"The app did not start at {url}: {words}")
