"""How good are the rates that the finder suggests? Against a sweep of real short runs.

    python benchmarks/learning_rate_finder.py [--steps 300] [--seeds 1 2 3] [--designs muon adamw]

For each design the same short run is trained with several multiples of the recipe's rates; the
validation loss between them is interpolated. The finder then suggests rates for each seed, and
what its rates cost is the loss there above the best one. Last line: their mean, and that of the
recipe itself.
"""

import argparse
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from slm.data.batches import TokenFile
from slm.model.config import PRESETS, ModelConfig
from slm.model.loss import token_nats
from slm.model.transformer import Transformer
from slm.training.config import TrainConfig, rate_factor, recipe_for
from slm.training.finder import find_rate
from slm.training.optimizer import Optimizers

ROOT = Path(__file__).resolve().parents[1]
NANO = PRESETS["nano"].replace(vocab_size=1024, context_length=64)
SMALL = NANO.replace(n_layers=2, d_model=64, d_ff=176)
GPT = NANO.replace(qk_norm=False, norm="layernorm", positions="learned", mlp="gelu", bias="all")
MUON = recipe_for("nano")
ADAMW = MUON.replace(optimizer="adamw", learning_rate=0.002)
DESIGNS = {
    "muon": (NANO, MUON),
    "adamw": (NANO, ADAMW),
    "gpt_muon": (GPT, MUON),
    "gpt_adamw": (GPT, ADAMW),
    "small_muon": (SMALL, MUON.replace(batch_size=8)),
    "small_adamw": (SMALL, ADAMW.replace(batch_size=8)),
}
MULTIPLES = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


def final_loss(
    model_config: ModelConfig, recipe: TrainConfig, train: TokenFile, val: TokenFile
) -> float:
    """Validation loss of a short run, in nats per token; infinite where it diverged."""
    torch.manual_seed(recipe.seed)
    model = Transformer(model_config).train()
    optimizers = Optimizers(model, recipe)
    for step in range(recipe.steps):
        ids_BT, targets_BT = train.batch(
            recipe.seed, step, recipe.batch_size, model_config.context_length
        )
        loss = token_nats(model(ids_BT), targets_BT).mean()
        if not math.isfinite(loss.item()):
            return math.inf
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_clip)
        optimizers.step(rate_factor(recipe, step))
    model.eval()
    with torch.no_grad():
        batches = [next(val.windows(model_config.context_length, 128))]
        return float(np.mean([token_nats(model(ids), to).mean().item() for ids, to in batches]))


def scaled(recipe: TrainConfig, factor: float) -> TrainConfig:
    """The recipe with both rates times a factor, within their bounds."""
    return recipe.replace(
        learning_rate=min(1.0, recipe.learning_rate * factor),
        muon_learning_rate=min(1.0, recipe.muon_learning_rate * factor),
    )


def main() -> None:
    """Sweep, ask, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--designs", nargs="+", default=list(DESIGNS), choices=DESIGNS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seconds", type=float, default=15.0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    (folder,) = (ROOT / "demo" / "tokens").iterdir()
    val = TokenFile(folder / "val.bin")
    costs, own = [], []
    for name in asked.designs:
        model, recipe = DESIGNS[name]
        recipe = recipe.replace(steps=asked.steps, threads=asked.threads)
        train = TokenFile(folder / "train.bin", model.vocab_size - 1, recipe.windows)
        losses = [final_loss(model, scaled(recipe, x), train, val) for x in MULTIPLES]
        told = ", ".join(f"× {x:g}: {y:.3f}" for x, y in zip(MULTIPLES, losses, strict=True))
        print(f"{name}: {told}", flush=True)

        def cost(factor: float, losses: list[float] = losses) -> float:
            return float(np.interp(np.log(factor), np.log(MULTIPLES), losses)) - min(losses)

        own.append(cost(1.0))
        for seed in asked.seeds:
            for start in (0.1, 1.0, 10.0):
                begun = scaled(recipe, start).replace(seed=seed)
                curve = find_rate(model, begun, train, seconds=asked.seconds)
                assert curve is not None
                factor = start * (curve.suggested_factor or 1.0)
                costs.append(cost(factor))
                print(
                    f"  seed {seed}, from recipe × {start:g}: suggests × {factor:.2f}, "
                    f"{costs[-1]:.3f} nats above the best; {curve.rows} windows, "
                    f"{curve.seconds:.0f} s",
                    flush=True,
                )
    print(f"mean nats above the best: finder {np.mean(costs):.3f}, the recipe {np.mean(own):.3f}")


if __name__ == "__main__":
    main()
