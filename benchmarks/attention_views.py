"""All heads of a GPT-2-shaped model on the screen: this app beside BertViz's model view.

    python benchmarks/attention_views.py [--layers 12] [--heads 12] [--tokens 256 512]
        [--rounds 5] [--peer FOLDER] [--peer-tokens 64]

A random model (GPT-2 124M by default) is written as a run, and the app opened on it in headless
Chromium. A round types a text that was never seen before and presses Ctrl+Enter. By the browser's
clock: from the key press to the frame that shows all heads; from a click on a thumbnail to the
frame that shows that head in full; what pointing at another head, and at another cell, costs the
browser (script and layout). Beside it, what the server sent, and the page's JavaScript memory.

FOLDER holds BertViz (pip install --target FOLDER bertviz ipython mpld3 nbclassic; the last two for
the copies of d3, jQuery and RequireJS that its page otherwise loads from the network). Its page is
made from the same weights at --peer-tokens, since it draws a line for each weight: 12 × 12 × 256²
are 9.4 million. Ours is then timed at as many tokens, from the key press, forward pass and way
through the server included, where BertViz's page has but to be opened. `--peer-seconds` is how
long it may take.
"""

import argparse
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from playwright.sync_api import Error, Page, Route

from slm.attention.maps import attention_maps
from slm.lab.reports import open_run
from slm.model.checkpoint import save_checkpoint
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.workspace import Artefact, Workspace
from tests.browser.app_server import app_server, chromium, new_page, settled
from ui.session import DEMO

TARGETS = {"overview": 1500.0, "head": 300.0, "hover": 16.0, "bytes": 2e6}
_LIBRARIES = {
    "require.js": "nbclassic/static/components/requirejs/require.js",
    "jquery": "nbclassic/static/components/jquery/jquery.min.js",
    "d3": "mpld3/js/d3.v5.min.js",
}
_FIND = """(name) => [...document.querySelectorAll("*")]
  .map((e) => e.shadowRoot?.querySelector(`[data-testid=${name}]`)).find(Boolean)"""
# Resolves with the milliseconds from the event to the frame after the canvas was drawn anew.
_WATCH = f"""([event, name, wanted]) => {{
  const canvas = ({_FIND})(name);
  let begun = null;
  addEventListener(event, (e) => {{
    if (event !== "keydown" || e.key === "Enter") begun ??= performance.now();
  }}, {{ capture: true }});
  window.drawn = new Promise((done) => new MutationObserver((_, watcher) => {{
    if (begun === null) return;
    if (Object.entries(wanted).some(([key, value]) => canvas.dataset[key] !== value)) return;
    watcher.disconnect();
    requestAnimationFrame(() => {{
      const channel = new MessageChannel();   // its turn comes right after the frame was painted
      channel.port1.onmessage = () => done(performance.now() - begun);
      channel.port2.postMessage(0);
    }});
  }}).observe(canvas, {{ attributes: true }}));
}}"""
# Script and layout of one move of the pointer over a canvas, for many moves.
_HOVER = f"""(name) => {{
  const canvas = ({_FIND})(name), frame = canvas.getBoundingClientRect(), costs = [];
  for (let i = 0; i < 120; i++) {{
    const clientX = frame.left + frame.width * (0.2 + 0.75 * ((i * 37) % 120) / 120);
    const clientY = frame.top + frame.height * (0.2 + 0.75 * ((i * 53) % 120) / 120);
    const began = performance.now();
    canvas.dispatchEvent(new PointerEvent("pointermove", {{ clientX, clientY, bubbles: true }}));
    document.body.getBoundingClientRect();
    canvas.getRootNode().host.getBoundingClientRect();
    costs.push(performance.now() - began);
  }}
  return costs;
}}"""


class Round(NamedTuple):
    """Milliseconds and bytes of one text."""

    overview: float
    head: float
    hover_heads: float
    hover_cells: float
    bytes: int


def main() -> None:
    """Print what each number of tokens takes, then BertViz's page, then the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--heads", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--tokens", type=int, nargs="*", default=[256, 512])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", type=Path)
    parser.add_argument("--peer-tokens", type=int, default=64)
    parser.add_argument("--peer-seconds", type=float, default=300)
    choice = parser.parse_args()
    ours: Round | None = None
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch) / "workspace", read_only=[DEMO])
        workspace.root.mkdir()
        run = write_model(workspace, choice)
        with app_server(workspace.root, Path(scratch) / "server.log") as server:
            for tokens in [*choice.tokens, choice.peer_tokens]:
                with chromium() as browser:
                    page = new_page(browser)
                    ours = measure(page, server.address("attention", run=run.id), tokens, choice)
        if choice.peer is not None and ours is not None:
            peer(choice, run, Path(scratch), ours)


def write_model(workspace: Workspace, choice: argparse.Namespace) -> Artefact:
    """A random model in GPT-2's form, with the demo's tokenizer."""
    torch.manual_seed(0)
    config = ModelConfig(
        vocab_size=50_257,
        context_length=1024,
        n_layers=choice.layers,
        n_heads=choice.heads,
        d_model=choice.width,
        d_ff=4 * choice.width,
        norm="layernorm",
        positions="learned",
        mlp="gelu",
        qk_norm=False,
        bias="all",
        tie_embeddings=True,
    )
    model = Transformer(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("attention.query.weight"):
                weight.mul_(12)  # attention that is not even
    tokenizer = workspace.tokenizers.list()[0]
    with workspace.runs.create("GPT-2's form", details={"parameters": model.n_parameters}) as draft:
        (draft.folder / "tokenizer").mkdir()
        for file in tokenizer.folder.glob("*.json*"):
            if file.name != "manifest.json":
                (draft.folder / "tokenizer" / file.name).write_bytes(file.read_bytes())
        demo = next(run for run in workspace.runs.list() if run.read_only)
        (draft.folder / "config.json").write_bytes((demo.folder / "config.json").read_bytes())
        (draft.folder / "metrics.jsonl").touch()
    run = workspace.runs.get(draft.id)
    save_checkpoint(model, run.folder / "ckpt" / "1", step=1)
    print(f"model: {choice.layers} × {choice.heads} heads, {model.n_parameters / 1e6:.0f}M numbers")
    return run


def words(tokens: int, seed: int) -> str:
    """A text of at least so many tokens that no cache knows; the page shows its first ones."""
    rng = random.Random(seed)
    names = ["otter", "Ben", "saw", "the", "lamp", "copper", "mill", "bear", "Emil", "Carla"]
    return " ".join(rng.choice(names) for _ in range(tokens))


def measure(page: Page, address: str, tokens: int, choice: argparse.Namespace) -> Round:
    """Medians over the rounds at this length, printed against the targets."""
    received = [0]

    def watch(socket: Any) -> None:
        socket.on("framereceived", lambda frame: received.__setitem__(0, received[0] + len(frame)))

    page.on("websocket", watch)
    began = time.perf_counter()
    page.goto(address)
    page.get_by_test_id("attention-overview-canvas").wait_for()
    first = time.perf_counter() - began
    settled(page)
    page.get_by_text("Finding out what each head does").wait_for(state="hidden")
    rounds = [one_round(page, tokens, seed, received, choice) for seed in range(choice.rounds)]
    found = Round(*(statistics.median(column) for column in zip(*rounds, strict=True)))
    memory = page.context.new_cdp_session(page).send("Runtime.getHeapUsage")["usedSize"]
    print(
        f"{tokens} tokens: page opened {first:.2f} s; text -> all heads {found.overview:.0f} ms "
        f"(target {TARGETS['overview']:.0f}), {found.bytes / 1e6:.2f} MB sent; "
        f"click -> head {found.head:.0f} ms (target {TARGETS['head']:.0f}); pointing at a head "
        f"{found.hover_heads:.1f} ms, at a cell {found.hover_cells:.1f} ms, 95% (target "
        f"{TARGETS['hover']:.0f}); JavaScript memory {memory / 1e6:.0f} MB",
        flush=True,
    )
    return found


def one_round(
    page: Page, tokens: int, seed: int, received: list[int], choice: argparse.Namespace
) -> Round:
    """One new text, one head opened, and the pointer moved over both canvases."""
    box = page.get_by_label("Text", exact=True)
    box.fill(words(tokens, 1000 * tokens + seed))
    received[0] = 0
    page.evaluate(_WATCH, ["keydown", "attention-overview-canvas", {}])
    box.press("Control+Enter")
    overview = float(page.evaluate("drawn"))
    settled(page)
    sent = received[0]
    canvas = page.get_by_test_id("attention-overview-canvas")
    at = canvas.evaluate("canvas => ({...canvas.dataset})")
    head, layer = (5 + seed) % choice.heads, (3 + seed) % choice.layers
    x = float(at["left"]) + (head + 0.5) * float(at["stepX"])
    y = float(at["top"]) + layer * float(at["stepY"]) + float(at["size"]) / 2
    wanted = {"layer": str(layer), "head": str(head)}
    page.evaluate(_WATCH, ["click", "attention-canvas", wanted])
    canvas.click(position={"x": x, "y": y})
    opened = float(page.evaluate("drawn"))
    settled(page)
    heads, cells = (
        sorted(page.evaluate(_HOVER, name))[113]
        for name in ("attention-overview-canvas", "attention-canvas")
    )
    return Round(overview, opened, heads, cells, sent)


def peer(choice: argparse.Namespace, run: Artefact, scratch: Path, ours: Round) -> None:
    """BertViz's model view on the same weights: the size of its page, and how long it draws."""
    tokens = choice.peer_tokens
    opened = open_run(run)
    ids = opened.tokenizer.encode(words(tokens, 1000 * tokens))[:tokens]
    torch.save(torch.from_numpy(attention_maps(opened.model, ids)), scratch / "weights.pt")
    html = scratch / "bertviz.html"
    began = time.perf_counter()
    made = [str(Path(__file__).resolve()), "--make", str(choice.peer), str(scratch)]
    subprocess.run([sys.executable, *made], check=True)
    made_seconds = time.perf_counter() - began
    with chromium() as browser:
        page = new_page(browser)
        page.set_default_timeout(1000 * choice.peer_seconds)
        page.route(re.compile("^https://"), lambda route: _serve(route, choice.peer))
        began = time.perf_counter()
        try:
            page.goto(html.as_uri(), timeout=1000 * choice.peer_seconds)
            lines = f"document.querySelectorAll('svg line').length >= {choice.layers}"
            page.wait_for_function(lines)
            page.evaluate("() => new Promise((d) => requestAnimationFrame(() => setTimeout(d)))")
        except Error as error:
            print(f"BertViz: no picture within {choice.peer_seconds:.0f} s ({error.message[:80]})")
            return
        seconds = time.perf_counter() - began
        nodes = page.evaluate("document.querySelectorAll('*').length")
        memory = page.context.new_cdp_session(page).send("Runtime.getHeapUsage")["usedSize"]
    size = html.stat().st_size
    print(
        f"BertViz, {tokens} tokens: page made in {made_seconds:.1f} s (its imports included), "
        f"{size / 1e6:.1f} MB; drawn in {seconds:.2f} s, {nodes:,} elements; "
        f"JavaScript memory {memory / 1e6:.0f} MB"
    )
    print(f"bytes sent, ours over BertViz's: {ours.bytes / size:.4f}")
    print(f"quantity: seconds to the picture of all heads at {tokens} tokens, ours over BertViz's")
    print(f"ratio: {ours.overview / 1000 / seconds:.3f}")


def _serve(route: Route, folder: Path) -> None:
    """The libraries that BertViz's page asks the network for, from installed packages."""
    for part, file in _LIBRARIES.items():
        if part in route.request.url:
            route.fulfill(path=folder / file, content_type="text/javascript")
            return
    route.abort()


def make_peer_page(folder: Path, scratch: Path) -> None:
    """In a process of its own: BertViz's page. Its package also imports models; not needed here."""
    import types

    sys.path.append(str(folder))
    package = types.ModuleType("bertviz")
    package.__path__ = [str(folder / "bertviz")]
    sys.modules["bertviz"] = package
    from bertviz.model_view import model_view  # type: ignore[import-not-found]

    weights_LHTT = torch.load(scratch / "weights.pt", weights_only=True)
    tokens = [f"t{place}" for place in range(weights_LHTT.shape[-1])]
    page = model_view(
        [weights_HTT[None] for weights_HTT in weights_LHTT], tokens, html_action="return"
    )
    (scratch / "bertviz.html").write_text(f"<meta charset=utf-8>{page.data}", encoding="utf-8")


if __name__ == "__main__":
    if "--make" in sys.argv:
        make_peer_page(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
