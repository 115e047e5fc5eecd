"""Weights in shares over two processes train as whole weights in one."""

from pathlib import Path

import pytest
import torch

from slm import files
from slm.model.checkpoint import load_checkpoint, newest_sound
from slm.model.tensors import stored_tensors
from slm.training.launch import train_in_processes
from slm.training.trainer import train
from tests.training.small_runs import SMALL_MODEL, MakeRun

LEVEL = {"warmup_steps": 1, "decay_fraction": 0.0}
"""Rates that do not depend on the number of steps."""


def assert_same_numbers(one: Path, other: Path) -> None:
    """The same losses and measures, step by step, and the same checkpoint."""
    pairs = zip(
        files.read_records(one / "metrics.jsonl").records,
        files.read_records(other / "metrics.jsonl").records,
        strict=True,
    )
    for mine, theirs in pairs:
        for name in ("train_nats", "val_nats", "gradient_norm"):
            assert theirs[name] == (mine[name] and pytest.approx(mine[name], abs=1e-5, rel=1e-5))
        for name in ("gradient_norms", "update_ratios"):
            assert theirs.get(name) == (mine.get(name) and pytest.approx(mine[name], rel=1e-3))
    folders = [newest_sound(run).folder for run in (one, other)]
    for stem in ("model", "optimizer"):
        first, second = (stored_tensors(folder, stem) for folder in folders)
        assert first.keys() == second.keys()
        for name, entry in first.items():
            assert torch.allclose(entry.read(), second[name].read(), atol=1e-4)


def set_steps(run: Path, steps: int) -> None:
    values = files.read_json(run / "config.json")
    values["train"]["steps"] = steps
    files.write_json(run / "config.json", values)


def test_a_run_in_shares_goes_on_whole_with_the_numbers_of_one_process(make_run: MakeRun):
    """Micro-batches, weight decay, and validation text of one batch: one process has none."""
    settings = {"steps": 6, "evaluate_every": 2, "grad_accum_steps": 2, "weight_decay": 0.1}
    alone = make_run(**settings, **LEVEL)
    moving = make_run(**settings, **LEVEL, sharding="full")
    train(alone)
    set_steps(moving, 4)
    train_in_processes(moving, 2)
    assert "lie in shares" in (moving / "processes.log").read_text()
    assert load_checkpoint(newest_sound(moving).folder).config == SMALL_MODEL
    set_steps(moving, 6)
    train(moving)
    assert_same_numbers(alone, moving)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_run_goes_on_in_shares_whole_and_in_shares_again(make_run: MakeRun, optimizer: str):
    settings = {"steps": 6, "evaluate_every": 2, "optimizer": optimizer, **LEVEL}
    alone, moving = make_run(**settings), make_run(**settings, sharding="full")
    train(alone)
    set_steps(moving, 2)
    train_in_processes(moving, 2)
    set_steps(moving, 4)
    train(moving)
    set_steps(moving, 6)
    train_in_processes(moving, 2)
    assert newest_sound(moving).step == 6
    assert_same_numbers(alone, moving)


@pytest.mark.slow
def test_shares_may_be_uneven_and_empty(make_run: MakeRun):
    """Five processes: 16 rows lie as 4, 4, 4, 4 and none."""
    alone, shared = make_run(steps=4), make_run(steps=4, sharding="full")
    train(alone)
    train_in_processes(shared, 5)
    assert_same_numbers(alone, shared)
