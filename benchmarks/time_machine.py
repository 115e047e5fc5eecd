"""How long one waits for the next snapshot in “Attention, Over time”.

    python benchmarks/time_machine.py [--text FILE]

Two waits in a real browser, on the demo run: from an arrow key to the map of the next snapshot
(the browser has it already), and from opening another head to its map (the server is asked).
Beside them the cost of a first reading on the server: a snapshot loaded, checked and read.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from slm import device  # noqa: E402
from slm.attention.history import read_text  # noqa: E402
from slm.attention.timeline import Timeline  # noqa: E402
from slm.tokenizer.loading import load_tokenizer  # noqa: E402
from tests.browser.app_server import app_server, chromium, new_page, settled  # noqa: E402
from ui.view_models.attention import DEFAULT_TEXT  # noqa: E402

_TOKENS, _MOVES = 64, 40
_STEP = """(key) => {
  const all = [...document.querySelectorAll('*')];
  const found = all.map((e) => e.shadowRoot?.querySelector('.machine'));
  const root = found.find(Boolean), from = performance.now();
  root.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
  return new Promise((done) => requestAnimationFrame(() => done(performance.now() - from)));
}"""


def main() -> None:
    """Print the waits in milliseconds; the last line is the one that the aim is set for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--text", type=Path, help="a text file; its first 64 tokens are read")
    asked = parser.parse_args()
    run = next((ROOT / "demo" / "runs").iterdir())
    timeline, tokenizer = Timeline(run), load_tokenizer(run / "tokenizer")
    text = asked.text.read_text(encoding="utf-8")[:2000] if asked.text else DEFAULT_TEXT
    ids = tokenizer.encode(text)[:_TOKENS]
    device.set_threads(1)  # as the app does for small models
    read = []
    for step in timeline.steps:
        begun = time.perf_counter()
        read_text(timeline.load_model(step), ids, eos_id=tokenizer.eos_id)
        read.append(1000 * (time.perf_counter() - begun))
    print(f"a snapshot read for the first time: {statistics.median(read):.0f} ms (median)")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with app_server(Path(folder) / "workspace", log) as server, chromium() as browser:
            page = new_page(browser)
            page.goto(
                server.address("attention", view="timeline", text=tokenizer.decode(ids)[:490])
            )
            settled(page)
            page.wait_for_selector("[data-testid=time-map]")
            opened = []
            for head in ("1", "2", "3", "1", "2", "3"):
                begun = time.perf_counter()
                page.get_by_test_id("time-head").select_option(head)
                page.wait_for_selector(".machine:not(.waiting)")
                opened.append(1000 * (time.perf_counter() - begun))
            keys = ["Home", *["ArrowRight", "ArrowLeft"] * (_MOVES // 2)]
            moves = sorted(page.evaluate(_STEP, key) for key in keys)
    print(f"another head: {statistics.median(opened):.0f} ms (median of {len(opened)})")
    print(
        f"the next snapshot: {moves[len(moves) // 2]:.0f} ms (median), {moves[-1]:.0f} ms (worst)"
    )
    print(f"share of the 500 ms that are allowed: {moves[-1] / 500:.3f}")


if __name__ == "__main__":
    main()
