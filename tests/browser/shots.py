"""The README's screenshots: `python dev.py shots`.

The app with the demo that ships with it, at 1440×900 in the light theme. Seeds are fixed
and speeds are blanked out, so that the same pictures come out twice.
"""

import logging
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Page, expect

from slm.workspace import Workspace
from tests.browser.app_server import ROOT, AppServer, app_server, chromium, new_page, settled

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 300_000
_STILL_MS = 800  # charts and canvases draw after the script has ended
_log = logging.getLogger("shots")


def home(page: Page) -> None:
    expect(page.get_by_test_id("stage-sampling")).to_be_visible()


def attention(page: Page) -> None:
    expect(page.get_by_test_id("attention-canvas")).to_be_visible()


def sampling(page: Page) -> None:
    page.get_by_role("button", name="Write", exact=True).click()
    expect(page.get_by_text("Done: ")).to_be_visible()
    page.mouse.move(0, 0)


def training(page: Page) -> None:
    expect(page.locator("[data-testid=stVegaLiteChart] svg").first).to_be_visible()


SHOTS: dict[str, tuple[str, dict[str, object], Callable[[Page], None]]] = {
    "home": ("", {}, home),
    "attention": ("attention", {}, attention),
    "sampling": (
        "sampling",
        {"new_tokens": 120, "sampling_seed": 7, "coloured": "Colour by probability"},
        sampling,
    ),
    "training": ("training", {}, training),
}


def take(server: AppServer, name: str, page: Page) -> Path:
    """One picture; gives where it lies."""
    chapter, query, prepare = SHOTS[name]
    page.goto(server.address(chapter, **query))
    settled(page)
    prepare(page)
    settled(page)
    page.wait_for_timeout(_STILL_MS)
    path = IMAGES / f"{name}.png"
    page.screenshot(
        path=path,
        animations="disabled",
        caret="hide",
        mask=[page.get_by_text(re.compile(r"\d tokens/s")).locator("visible=true")],
        mask_color="#ffffff",
    )
    assert path.stat().st_size <= MOST_BYTES, f"{path} has {path.stat().st_size:,} bytes"
    return path


def main() -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if not Workspace(ROOT / "demo").runs.list():
        _log.error("There is no demo to show: make it with `python dev.py demo`.")
        return 1
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        here = Path(folder)
        with app_server(here / "workspace", here / "server.log") as server:
            for name in SHOTS:
                page = new_page(browser)
                path = take(server, name, page)
                page.context.close()
                _log.info("%s: %.0f kB", path.relative_to(ROOT), path.stat().st_size / 1e3)
    return 0


if __name__ == "__main__":
    sys.exit(main())
