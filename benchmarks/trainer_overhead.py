"""What the trainer adds to the bare loop of batch, forward, backward and update.

    python benchmarks/trainer_overhead.py [--steps 200] [--rounds 3]

Both sides run in turn on the same made-up tokens, and processor seconds are compared,
which other programs on the machine disturb little. The trainer logs every step and
commits a checkpoint at the end; evaluations and observers come on top as they are asked
for, so they are measured apart.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.data.batches import TokenFile
from slm.lab.snapshots import observers_for
from slm.model.config import ModelConfig
from slm.model.loss import token_nats
from slm.model.transformer import Transformer
from slm.tokenizer.characters import CharacterTokenizer
from slm.training.config import TrainConfig, rate_factor
from slm.training.optimizer import Optimizers
from slm.training.runs import RunSettings, create_run, tokens_folder
from slm.training.trainer import train
from slm.workspace import Workspace

TEXT = "".join(chr(97 + i) for i in range(26)) * 40
MODEL = ModelConfig(context_length=64, n_layers=4, d_model=128, d_ff=256)


def main() -> None:
    """Print the shares that logging and checkpoints, and that looking, add to the bare loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    choice = parser.parse_args()
    quiet = TrainConfig(
        steps=choice.steps,
        evaluate_every=choice.steps,
        evaluation_tokens=1_024,
        sample_every=0,
        snapshots=0,
        threads=1,
        device="cpu",
    )
    watched = TrainConfig(steps=choice.steps, threads=1, device="cpu")
    shares: dict[str, list[float]] = {"records and checkpoint": [], "with looking": []}
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch))
        parts = prepare(workspace)
        for round_number in range(choice.rounds):
            folders = [
                create_run(workspace, model(parts), config, name="run", **parts).folder
                for config in (quiet, watched)
            ]
            bare = bare_seconds(RunSettings.read(folders[0]), folders[0])
            for name, folder in zip(shares, folders, strict=True):
                begin = time.process_time()
                train(folder, observers=observers_for(folder) if name == "with looking" else ())
                shares[name].append((time.process_time() - begin) / bare)
            print(f"round {round_number + 1}: bare loop {bare:.2f} processor seconds", flush=True)
    for name, values in shares.items():
        print(f"{name}: {statistics.median(values):.3f} × the bare loop")
    print("processor time of the trainer, without looking, over the bare loop's")
    print(f"ratio: {statistics.median(shares['records and checkpoint']):.4f}")


def model(parts: dict[str, Any]) -> ModelConfig:
    vocab_size = TokenFile(parts["tokens"].folder / "train.bin").vocab_size
    return MODEL.replace(vocab_size=vocab_size)


def prepare(workspace: Workspace) -> dict[str, Any]:
    tokenizer = CharacterTokenizer.train([TEXT])
    rng = np.random.default_rng(0)
    with workspace.corpora.create("letters") as corpus:
        (corpus.folder / "original").mkdir()
    with workspace.tokenizers.create("letters") as saved:
        tokenizer.save(saved.folder)
    with workspace.tokens.create("letters") as tokens:
        for name, count in (("train.bin", 200_000), ("val.bin", 40_000)):
            ids = rng.integers(26, size=count)
            TokenFile.write(tokens.folder / name, [ids], tokenizer.vocab_size)
    return {
        "corpus": workspace.corpora.get(corpus.id),
        "tokenizer": workspace.tokenizers.get(saved.id),
        "tokens": workspace.tokens.get(tokens.id),
    }


def bare_seconds(settings: RunSettings, run: Path) -> float:
    """Processor seconds of the loop that the trainer wraps."""
    config = settings.train
    tokens = TokenFile(tokens_folder(run, settings) / "train.bin")
    begin = time.process_time()
    torch.set_num_threads(config.threads or 1)
    torch.manual_seed(config.seed)
    network = Transformer(settings.model)
    optimizers = Optimizers(network, config)
    network.train()
    for step in range(config.steps):
        ids_BT, targets_BT = tokens.batch(
            config.seed, step, config.batch_size, settings.model.context_length
        )
        nats = token_nats(network(ids_BT), targets_BT).sum() / targets_BT.numel()
        nats.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), config.gradient_clip)
        optimizers.step(rate_factor(config, step))
    return time.process_time() - begin


if __name__ == "__main__":
    main()
