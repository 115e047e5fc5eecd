"""When two runs are the same run: everything that they logged but for the times, and weights."""

from pathlib import Path
from typing import Any

import torch

from slm import files
from slm.model.checkpoint import load_checkpoint, newest_sound

TRACED = ("step", "tokens", "train_nats", "val_nats", "learning_rate", "gradient_norm")


def traces(run: Path) -> list[tuple[Any, ...]]:
    """All that a run logged, but for the times."""
    records = files.read_records(run / "metrics.jsonl").records
    return [tuple(record[name] for name in TRACED) for record in records]


def assert_equal_runs(run: Path, other: Path) -> None:
    assert traces(run) == traces(other)
    ends = [load_checkpoint(newest_sound(folder).folder).state_dict() for folder in (run, other)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
