"""Weights of 8 bits beside all of theirs: tokens a second, and what the rounding costs.

    python benchmarks/generation_int8.py [--threads 1] [--rounds 3] [--demo]
    python benchmarks/generation_int8.py --model FOLDER --text FILE

Speed: random weights of two shapes, one text, both ways in turns in this process. Loss: the
demo run, or a published model from a folder, reads a text token by token both ways; told are
nats a token and perplexity. The last line is tokens a second of the larger shape, 8 bits over
full.
"""

import argparse
import math
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import torch.nn.functional as F

from slm.data.batches import TokenFile
from slm.lab.reports import open_run
from slm.model import int8
from slm.model.config import PRESETS, ModelConfig
from slm.model.inference import inference
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer
from slm.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
SHAPES = {
    "10.8M": ModelConfig(
        vocab_size=512, context_length=256, n_layers=6, n_heads=6, d_model=384, d_ff=1536,
        mlp="gelu", qk_norm=False, norm="layernorm", positions="learned", bias="all",
    ),
    "GPT-2 124M": PRESETS["gpt2-124m"],
}  # fmt: skip
STEPS = 20
WINDOW = 128
READ = 4 * WINDOW


def main() -> None:
    """Measure both and print the ratio as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--demo", action="store_true", help="measure the loss on the demo run")
    parser.add_argument("--model", type=Path, help="a folder with a published model")
    parser.add_argument("--text", type=Path, help="what it reads")
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    if not int8.available():
        raise SystemExit("this PyTorch has no product with 8-bit matrices on this processor")
    if choice.demo or choice.model:
        report_loss(*(demo() if choice.demo else published(choice.model, choice.text)))
    ratio = math.nan
    for name, config in SHAPES.items():
        full, rounded = speeds(config, choice.rounds)
        ratio = rounded / full
        print(f"{name:12} full {full:7.1f}, 8 bits {rounded:7.1f} tokens/s: {ratio:.2f}")
    print("tokens a second of GPT-2 124M, 8 bits over full")
    print(f"ratio: {ratio:.2f}")


def speeds(config: ModelConfig, rounds: int) -> tuple[float, float]:
    """Tokens a second of one row behind 64 others, full and rounded, best of the rounds."""
    torch.manual_seed(1)
    model = Transformer(config).eval()
    steppers = []
    with inference(model):
        for rounded in (False, True):
            steppers.append(Stepper(model, model.new_cache(1, 256), int8=rounded))
        best = [math.inf, math.inf]
        for _ in range(rounds + 1):  # the first warms up
            for side, stepper in enumerate(steppers):
                stepper.cache.lengths_B.fill_(64)
                begin = time.perf_counter()
                for token in range(STEPS):
                    stepper(torch.tensor([token]))
                best[side] = min(best[side], (time.perf_counter() - begin) / STEPS)
    return 1 / best[0], 1 / best[1]


def report_loss(model: Transformer, ids: list[int]) -> None:
    """Nats a token of both ways, over the same windows."""
    window = min(WINDOW, model.config.context_length)
    nats = [read_nats(model, ids, window, rounded) for rounded in (False, True)]
    told = " → ".join(f"{each:.4f} nats, perplexity {math.exp(each):.3f}" for each in nats)
    worse = 100 * (math.exp(nats[1] - nats[0]) - 1)
    print(f"loss of {len(ids):,} tokens: {told} ({worse:+.2f}%)")


def read_nats(model: Transformer, ids: list[int], window: int, rounded: bool) -> float:
    """Mean of -ln p of each token but a window's first, one row at a time, as writing reads."""
    total, count = 0.0, 0
    with inference(model):
        stepper = Stepper(model, model.new_cache(1, window), int8=rounded)
        for begin in range(0, len(ids) - window + 1, window):
            stepper.cache.reset()
            for token, following in zip(
                ids[begin : begin + window - 1], ids[begin + 1 : begin + window], strict=True
            ):
                logits_1V = stepper(torch.tensor([token]))
                total += float(F.cross_entropy(logits_1V, torch.tensor([following])))
                count += 1
    return total / count


def demo() -> tuple[Transformer, list[int]]:
    """The demo run, and the first tokens of its own validation text."""
    workspace = Workspace(ROOT / "demo")
    (run,) = workspace.runs.list()
    opened = open_run(run)
    (tokens,) = workspace.tokens.list()
    return opened.model, TokenFile(tokens.folder / "val.bin").ids(0, 8 * READ).tolist()


def published(folder: Path, text: Path) -> tuple[Transformer, list[int]]:
    """A published model, and the first tokens of a text."""
    from slm.exchange.pretrained import load_pretrained

    model, tokenizer = load_pretrained(folder)
    return model.eval(), tokenizer.encode(text.read_text(encoding="utf-8")[: 8 * READ])[:READ]


if __name__ == "__main__":
    main()
