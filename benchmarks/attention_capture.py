"""What it costs to capture every attention weight, and what it costs when nothing is captured.

    python benchmarks/attention_capture.py [--preset small] [--tokens 256] [--rounds 30]

Both sides are forward passes of the same model over the same tokens on this machine's CPU.
Capturing must compute the weights, which the fused kernel never writes down, so it is set
against a forward pass with unfused attention that keeps nothing. Beside it: a pass with a
probe that wants no weights against one without a probe. Sides take turns; medians count.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from slm.attention.maps import attention_maps
from slm.model.config import PRESETS
from slm.model.inference import inference
from slm.model.transformer import Transformer


class Unfused:
    """A probe that asks for the weights of every layer, so that they are computed, and looks away.

    With `sites` empty it asks for nothing.
    """

    layers = None

    def __init__(self, sites: frozenset[str]) -> None:
        self.sites = sites

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        return


def milliseconds(work: Callable[[], object]) -> float:
    """One call by the clock."""
    begun = time.perf_counter()
    work()
    return 1_000 * (time.perf_counter() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small", choices=PRESETS)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--threads", type=int, default=None)
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    config = PRESETS[asked.preset]
    model = Transformer(config).eval()
    n_tokens = min(asked.tokens, config.context_length)
    ids_BT = torch.randint(config.vocab_size, (1, n_tokens))

    def forward(probe: Unfused | None) -> None:
        with inference(model):
            model(ids_BT, probe=probe, last_only=True)

    sides: dict[str, Callable[[], object]] = {
        "capture": lambda: attention_maps(model, ids_BT[0]),
        "unfused": lambda: forward(Unfused(frozenset({"weights"}))),
        "idle probe": lambda: forward(Unfused(frozenset())),
        "no probe": lambda: forward(None),
    }
    took: dict[str, list[float]] = {name: [] for name in sides}
    for work in sides.values():
        for _ in range(3):
            work()
    for turn in range(asked.rounds):
        names = list(sides) if turn % 2 else list(sides)[::-1]
        for name in names:
            took[name].append(milliseconds(sides[name]))
    medians = {name: statistics.median(times) for name, times in took.items()}
    print(
        f"{asked.preset}: {config.n_layers} layers of {config.n_heads} heads, {n_tokens} tokens, "
        f"{torch.get_num_threads()} threads"
    )
    for name, times in took.items():
        print(f"{name}: median {medians[name]:.2f} ms ({min(times):.2f} to {max(times):.2f})")
    print("milliseconds without capture, idle probe over no probe")
    print(f"idle ratio: {medians['idle probe'] / medians['no probe']:.3f}")
    print("milliseconds, all weights captured over a forward pass with unfused attention")
    print(f"ratio: {medians['capture'] / medians['unfused']:.3f}")


if __name__ == "__main__":
    main()
