"""How long 10,000 characters take from the key press to chips on screen, and a step of the replay.

    python benchmarks/chips_latency.py [--rounds 12] [--characters 10000]

This app on its demo, in headless Chromium, on the Tokenizer page. A round types a text that
was never seen before into the box and presses Ctrl+Enter. What is ours: the server's work
(encoding, chips, payload; measured in this process) and drawing, by the browser's clock from
the moment the new chips are in the page until their frame was painted. Chips beyond the
first screens follow in the frames after; "all" is when the last one stands. Beside it the whole,
from the key press on, most of which is Streamlit's way to the server and back. The last lines
move the slider of the merge replay over 2,000 characters: script, layout and paint of one move.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Page

from slm.data.embedded import tales
from slm.tokenizer.loading import load_tokenizer
from slm.workspace import Workspace
from tests.browser.app_server import app_server, chromium, new_page, settled
from ui.components.tokens import tokens_payload
from ui.session import DEMO
from ui.view_models.tokenizer import text_view

TARGET_MS = 100
# The chips live in the component's shadow tree. Two frames later they are on the screen.
_WATCH = """() => {
  const box = document.querySelector("[data-testid=stBidiComponentRegular]")?.shadowRoot
    ?.querySelector(".chips") ?? [...document.querySelectorAll("*")]
    .map((e) => e.shadowRoot?.querySelector("[data-testid=tokens-chips]")).find(Boolean);
  const state = { begun: null, arrived: null, drawn: null, all: null, chips: 0 };
  const count = () => box.querySelectorAll(".chip").length;
  const grow = (before) => requestAnimationFrame(() => {
    state.chips = count();
    if (state.chips === before) state.all = performance.now(); else grow(state.chips);
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Enter") state.begun = performance.now();
  }, { capture: true });
  const watcher = new MutationObserver(() => {
    if (state.begun === null) return;
    state.arrived = performance.now();
    watcher.disconnect();
    requestAnimationFrame(() => {
      const channel = new MessageChannel();   // its turn comes right after the frame was painted
      channel.port1.onmessage = () => { state.drawn = performance.now(); grow(-1); };
      channel.port2.postMessage(0);
    });
  });
  watcher.observe(box, { childList: true });
  return state;
}"""
_STEP = """([to]) => {
  const root = [...document.querySelectorAll("*")]
    .map((e) => e.shadowRoot?.querySelector("[data-testid=replay]")).find(Boolean);
  const slider = root.querySelector(".slider");
  const begun = performance.now();
  slider.value = Math.round(to * Number(slider.max));
  slider.dispatchEvent(new Event("input"));
  root.querySelector(".chips").scrollHeight;   // asks for the layout at once
  const script = performance.now() - begun;
  return new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done([script, performance.now() - begun]);
    channel.port2.postMessage(0);
  }));
}"""


def text_of(round_number: int, characters: int) -> str:
    """A text of tales that no other round has."""
    told = ""
    seed = 1_000 * round_number
    while len(told) < characters:
        told += tales.generate(seed).text + "\n\n"
        seed += 1
    return told[:characters]


class Round(NamedTuple):
    """Milliseconds: from the key press, of drawing the first screens and all; how many chips."""

    whole: float
    drawing: float
    all: float
    chips: int


def shown(page: Page, text: str) -> Round:
    """One text, from the key press to the picture."""
    box = page.get_by_role("textbox", name="Text")
    box.fill(text)
    state = page.evaluate_handle(_WATCH)
    box.press("Control+Enter")
    page.wait_for_function("state => state.all !== null", arg=state)
    settled(page)
    begun, arrived, drawn, every = state.evaluate("s => [s.begun, s.arrived, s.drawn, s.all]")
    return Round(
        drawn - begun, drawn - arrived, every - arrived, int(state.evaluate("s => s.chips"))
    )


def served(text: str) -> float:
    """Milliseconds of the server's work for one text."""
    tokenizer = load_tokenizer(Workspace(DEMO).tokenizers.list()[0].folder)
    begun = time.perf_counter()
    tokens_payload(text_view(tokenizer, text).chips, height=400)
    return 1_000 * (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--characters", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as held, chromium() as browser:
        folder = Path(held)
        with app_server(folder / "workspace", folder / "log") as server:
            page = new_page(browser)
            page.goto(server.address("tokenizer"))
            settled(page)
            page.get_by_test_id("chip").first.wait_for()
            took = [shown(page, text_of(n, options.characters)) for n in range(options.rounds + 3)][
                3:
            ]
            serving = statistics.median(
                served(text_of(n, options.characters)) for n in range(options.rounds)
            )
            drawing = statistics.median(each.drawing for each in took)
            print(
                f"{options.characters:,} characters, {took[-1].chips:,} chips: server "
                f"{serving:.0f} ms, drawing {drawing:.0f} ms, all chips "
                f"{statistics.median(each.all for each in took):.0f} ms"
            )
            whole = [each.whole for each in took]
            print(
                f"from the key press on: median {statistics.median(whole):.0f} ms "
                f"({min(whole):.0f} to {max(whole):.0f})"
            )
            page.goto(server.address("tokenizer", view="Merge replay"))
            settled(page)
            page.get_by_role("textbox", name="Text").fill(text_of(99, 2_000))
            page.get_by_role("textbox", name="Text").press("Control+Enter")
            settled(page)
            page.wait_for_timeout(500)
            places = [n / 20 for n in range(21)] + [1.0, 0.0, 0.5, 0.1, 0.9]
            moves = [page.evaluate(_STEP, [to]) for to in places]
    scripts, frames = zip(*moves, strict=True)
    print(
        f"replay of 2,000 characters: a move takes {statistics.median(scripts):.1f} ms "
        f"(worst {max(scripts):.1f}) of script and layout, {statistics.median(frames):.1f} ms "
        "to the next painted frame"
    )
    print("milliseconds of server and drawing, over the target of 100")
    print(f"ratio: {(serving + drawing) / TARGET_MS:.2f}")


if __name__ == "__main__":
    main()
