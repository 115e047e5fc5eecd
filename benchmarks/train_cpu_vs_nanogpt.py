"""A race to nanoGPT's own loss on a CPU: tiny Shakespeare by characters.

    python benchmarks/train_cpu_vs_nanogpt.py --peer NANOGPT_FOLDER --text FILE [--seeds 3]

The peer runs its README's CPU recipe with its own model and the settings read from
its own files. The target is the loss that it ends with, and never above the 1.88 that
its README promises, also for a seed that ends higher. We run our trainer with nearly its
default recipe on the same ids until a measurement is at or below the target. Both sides are
measured on the whole validation split, in the same windows, and the time that measuring
takes is left out on both sides.
"""

import argparse
import ast
import importlib.util
import math
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm import files
from slm.data.batches import TokenFile
from slm.model.config import ModelConfig, parameter_counts
from slm.model.loss import LossTally, token_nats
from slm.training.config import TrainConfig
from slm.training.runs import create_run
from slm.training.trainer import train
from slm.workspace import Workspace

# The overrides that the peer's README gives for a CPU ("I only have a macbook").
README_CPU = {
    "device": "cpu",
    "compile": False,
    "block_size": 64,
    "batch_size": 12,
    "n_layer": 4,
    "n_head": 4,
    "n_embd": 128,
    "max_iters": 2000,
    "lr_decay_iters": 2000,
    "dropout": 0.0,
}
README_LOSS = 1.88
CONTEXT = 64
PEER_MEASURES_EVERY = 250
EVALUATION_ROWS = 128

OUR_MODEL = ModelConfig(
    context_length=CONTEXT,
    n_layers=4,
    n_heads=4,
    n_kv_heads=1,
    d_model=128,
    d_ff=192,
    tie_embeddings=False,
    copy_start=0.0,
)
OUR_TRAINING = TrainConfig(
    steps=160,
    muon_learning_rate=0.02,
    warmup_steps=5,
    evaluate_every=10,
    evaluation_tokens=0,
    sample_every=0,
    snapshots=0,
)


class Reached(NamedTuple):
    """Where a side stood when its loss was at or below the target."""

    nats: float
    seconds: float
    steps: int


def main() -> None:
    """Run both sides on every seed and print the ratio of their times as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--text", type=Path, required=True, help="tiny Shakespeare as one file")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true", help="torch.compile the peer's model")
    parser.add_argument("--target", type=float, help="race to this loss and leave the peer out")
    parser.add_argument("--set", nargs="*", default=[], metavar="FIELD=VALUE", help="try settings")
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    changes = {name: ast.literal_eval(value) for name, value in (s.split("=") for s in choice.set)}

    times: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace(Path(scratch))
        parts = prepare(workspace, choice.text)
        for seed in range(1, choice.seeds + 1):
            peer = None
            target = choice.target
            if target is None:
                peer = run_peer(choice.peer, parts["tokens"].folder, seed, choice.compile)
                target = min(peer.nats, README_LOSS)
                print(f"seed {seed}  peer  {told(peer)}", flush=True)
            ours = run_ours(workspace, parts, seed, choice.threads, target, changes)
            print(f"seed {seed}  ours  {told(ours)}  (target {target:.4f})", flush=True)
            if peer is not None:
                times.append((ours.seconds, peer.seconds))
    if times:
        ours_median, peer_median = (statistics.median(side) for side in zip(*times, strict=True))
        print(f"seconds: ours {ours_median:.2f}, peer {peer_median:.2f} (medians of {len(times)})")
        print("wall clock to the peer's loss, ours over the peer's")
        print(f"ratio: {ours_median / peer_median:.4f}")


def told(side: Reached) -> str:
    return f"{side.nats:.4f} nats after {side.steps} steps, {side.seconds:.2f} s"


def prepare(workspace: Workspace, text_file: Path) -> dict[str, Any]:
    """The text as the peer's prepare.py cuts it: sorted characters, the last tenth held out."""
    text = text_file.read_text(encoding="utf-8")
    ids_of = {character: i for i, character in enumerate(sorted(set(text)))}
    ids = np.array([ids_of[character] for character in text])
    edge = int(len(ids) * 0.9)
    with workspace.corpora.create("text") as corpus:
        files.write_json(corpus.folder / "ledger.json", {})
    with workspace.tokenizers.create("characters") as tokenizer:
        files.write_json(tokenizer.folder / "characters.json", ids_of)
    with workspace.tokens.create("text by characters") as tokens:
        TokenFile.write(tokens.folder / "train.bin", [ids[:edge]], len(ids_of))
        TokenFile.write(tokens.folder / "val.bin", [ids[edge:]], len(ids_of))
    return {
        "corpus": workspace.corpora.get(corpus.id),
        "tokenizer": workspace.tokenizers.get(tokenizer.id),
        "tokens": workspace.tokens.get(tokens.id),
    }


def run_ours(
    workspace: Workspace,
    parts: dict[str, Any],
    seed: int,
    threads: int,
    target: float,
    changes: dict[str, Any],
) -> Reached:
    """Our trainer as a user runs it, logs and checkpoint included; its first time at the target."""
    vocab_size = TokenFile(parts["tokens"].folder / "train.bin").vocab_size
    model = OUR_MODEL.replace(
        vocab_size=vocab_size, **{k: v for k, v in changes.items() if k in ModelConfig.model_fields}
    )
    training = OUR_TRAINING.replace(
        seed=seed,
        threads=threads,
        device="cpu",
        **{k: v for k, v in changes.items() if k in TrainConfig.model_fields},
    )
    if seed == 1:
        print(f"ours: {sum(parameter_counts(model).values()):,} parameters", flush=True)
    run = create_run(workspace, model, training, name=f"seed {seed}", **parts)
    train(run.folder)
    records = files.read_records(run.folder / "metrics.jsonl").records
    measured = [record for record in records if record["val_nats"] is not None]
    at = next((record for record in measured if record["val_nats"] <= target), None)
    if at is None:
        last = measured[-1]
        return Reached(last["val_nats"], math.inf if not changes else last["train_seconds"], -1)
    return Reached(at["val_nats"], at["train_seconds"], at["step"])


def run_peer(folder: Path, tokens: Path, seed: int, compiled: bool) -> Reached:
    """The peer's loop: its model, its optimizer, its schedule, its batches at random places."""
    settings = peer_settings(folder)
    module = load_module(folder / "model.py")
    train_ids, val_tokens = TokenFile(tokens / "train.bin"), TokenFile(tokens / "val.bin")
    ids = torch.from_numpy(train_ids.ids())
    torch.manual_seed(seed)
    config = module.GPTConfig(
        n_layer=settings["n_layer"],
        n_head=settings["n_head"],
        n_embd=settings["n_embd"],
        block_size=settings["block_size"],
        bias=settings["bias"],
        vocab_size=train_ids.vocab_size,
        dropout=settings["dropout"],
    )
    model = module.GPT(config)
    optimizer = model.configure_optimizers(
        settings["weight_decay"],
        settings["learning_rate"],
        (settings["beta1"], settings["beta2"]),
        "cpu",
    )
    if seed == 1:
        print(f"peer: {sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    offsets = torch.arange(CONTEXT + 1)
    measured: list[Reached] = []
    seconds, begin = 0.0, time.perf_counter()
    step_model = torch.compile(model) if compiled else model
    for step in range(settings["max_iters"]):
        for group in optimizer.param_groups:
            group["lr"] = peer_rate(settings, step)
        starts = torch.randint(len(ids) - CONTEXT, (settings["batch_size"],))
        window = ids[starts[:, None] + offsets]
        _, loss = step_model(window[:, :-1].contiguous(), window[:, 1:].contiguous())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["grad_clip"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if (step + 1) % PEER_MEASURES_EVERY == 0:
            seconds += time.perf_counter() - begin
            measured.append(Reached(peer_nats(model, val_tokens), seconds, step + 1))
            begin = time.perf_counter()
    final = measured[-1].nats
    return next(m for m in measured if m.nats <= final)._replace(nats=final)


@torch.no_grad()
def peer_nats(model: Any, tokens: TokenFile) -> float:
    """Nats per token over the whole split, in the windows that our trainer measures too."""
    model.eval()
    tally = LossTally()
    for ids_BT, targets_BT in tokens.windows(CONTEXT, EVALUATION_ROWS):
        logits_BTV, _ = model(ids_BT, targets_BT)
        nats = token_nats(logits_BTV, targets_BT).double().sum().item()
        tally.add(nats=nats, tokens=int((targets_BT >= 0).sum()))
    model.train()
    return tally.nats_per_token


def peer_rate(settings: dict[str, Any], step: int) -> float:
    """Warm-up, then half a cosine down to min_lr, as the peer's get_lr defines it."""
    peak, low = settings["learning_rate"], settings["min_lr"]
    if step < settings["warmup_iters"]:
        return peak * (step + 1) / (settings["warmup_iters"] + 1)
    span = settings["lr_decay_iters"] - settings["warmup_iters"]
    done = min(1.0, (step - settings["warmup_iters"]) / span)
    return low + 0.5 * (1 + math.cos(math.pi * done)) * (peak - low)


def peer_settings(folder: Path) -> dict[str, Any]:
    """The peer's defaults, its character configuration over them, its README's flags over both."""
    settings: dict[str, Any] = {}
    for name in ("train.py", "config/train_shakespeare_char.py"):
        for statement in ast.parse((folder / name).read_text()).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                try:
                    value = ast.literal_eval(statement.value)
                except ValueError:
                    continue  # computed while the peer runs; none of the settings is
                settings.setdefault(statement.targets[0].id, value)
                if name.startswith("config"):
                    settings[statement.targets[0].id] = value
    return {**settings, **README_CPU}


def load_module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("peer_model", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
