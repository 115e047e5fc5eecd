"""How long a slider takes from key press to what it changes on screen, with a model loaded.

    python benchmarks/slider_latency.py [--moves 40] [--view anatomy]

Both sides are this app on its demo, in headless Chromium, on the Sampling page: with
warm objects frozen out of garbage collection, as the app does it once at its start, and
without. Streamlit collects all garbage after each run of a script, and so walks every
object that torch and the chart libraries brought. Sides take turns, a few moves each;
the median of each side counts, by the browser's clock. What changes is the sentence below the
bars of the view Write, or the bars of every stage in Anatomy of a choice.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, Page

from tests.browser.app_server import app_server, chromium, new_page, settled

TURNS = 4
MODULE = ("-m", "streamlit")
WITHOUT_FREEZE = (
    "-c",
    "import gc; gc.freeze = lambda: None; from streamlit.web.cli import main; main()",
)
# Begins with the key press, ends when the sentence below the bars has changed.
_WATCH = """() => {
  const told = () => [...document.querySelectorAll("[data-testid=stCaptionContainer]")]
    .map((caption) => caption.innerText).find((text) => text.includes("can be drawn"));
  const before = told(), state = { begun: null, took: null };
  addEventListener("keydown", () => { state.begun = performance.now(); },
                   { capture: true, once: true });
  const watcher = new MutationObserver(() => {
    const now = told();
    if (state.begun === null || now === undefined || now === before) return;
    state.took = performance.now() - state.begun;
    watcher.disconnect();
  });
  watcher.observe(document.body, { subtree: true, childList: true, characterData: true });
  return state;
}"""
# Ends with the frame in which a bar has another length.
_WATCH_BARS = """() => {
  const host = [...document.querySelectorAll("*")].find(
    (e) => e.shadowRoot?.querySelector("[data-testid=anatomy-table]"));
  const share = () => host.shadowRoot.querySelector(".root").bars
    .map((row) => row.filter((c) => c.fill).map((c) => c.cell.dataset.share).join()).join();
  const before = share(), state = { begun: null, took: null };
  addEventListener("keydown", () => { state.begun = performance.now(); },
                   { capture: true, once: true });
  const look = () => {
    if (state.begun !== null && share() !== before) state.took = performance.now() - state.begun;
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  return state;
}"""
_WATCHES = {"write": _WATCH, "anatomy": _WATCH_BARS}
_ADDRESSES = {"write": {}, "anatomy": {"view": "anatomy"}}


def moved(page: Page, key: str, view: str) -> float:
    """Milliseconds from the key press to what it changed."""
    slider = page.get_by_role("slider", name="Temperature").first
    slider.focus()
    state = page.evaluate_handle(_WATCHES[view])
    slider.press(key)
    page.wait_for_function("state => state.took !== null", arg=state)
    settled(page)
    return float(state.evaluate("state => state.took"))


@contextmanager
def side(browser: Browser, launcher: tuple[str, ...], folder: Path, view: str) -> Iterator[Page]:
    """A page on a server of its own, warmed up."""
    folder.mkdir()
    with app_server(folder / "workspace", folder / "log", launcher=launcher) as server:
        page = new_page(browser)
        page.goto(server.address("sampling", **_ADDRESSES[view]))
        settled(page)
        for key in ("ArrowLeft", "ArrowRight") * 3:
            moved(page, key, view)
        yield page


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=40, help="moves of each side")
    parser.add_argument("--view", choices=sorted(_WATCHES), default="write")
    choice = parser.parse_args()
    moves, view = choice.moves, choice.view
    took: dict[str, list[float]] = {"frozen": [], "not frozen": []}
    with tempfile.TemporaryDirectory() as held, chromium() as browser, ExitStack() as stack:
        pages = {
            name: stack.enter_context(side(browser, launcher, Path(held) / name, view))
            for name, launcher in (("frozen", MODULE), ("not frozen", WITHOUT_FREEZE))
        }
        for _ in range(TURNS):
            for name, page in pages.items():
                keys = ("ArrowLeft", "ArrowRight") * max(1, moves // (2 * TURNS))
                took[name] += [moved(page, key, view) for key in keys]
    for name, times in took.items():
        quick, slow = min(times), max(times)
        print(
            f"{name}: median {statistics.median(times):.0f} ms "
            f"({quick:.0f} to {slow:.0f}, {len(times)} moves)"
        )
    print("milliseconds from key press to screen, frozen over not frozen")
    print(f"ratio: {statistics.median(took['frozen']) / statistics.median(took['not frozen']):.2f}")


if __name__ == "__main__":
    main()
