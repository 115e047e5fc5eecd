"""Weights in shares over two processes train as whole weights in one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def trained(out: Path, launcher: tuple[str, ...], *flags: str) -> dict[str, Any]:
    command = [sys.executable, *launcher, "-m", "tests.training.sharded_trainer", str(out), *flags]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(out.read_text())
    return told


def test_shares_in_two_processes_give_the_losses_and_the_weights_of_one(tmp_path: Path):
    """Muon and AdamW, a clipped gradient, weight decay; also the optimizers' averages."""
    alone = trained(tmp_path / "alone.json", (), "--plain")
    shared = trained(tmp_path / "shared.json", TORCHRUN)
    assert alone["nats"][0] - alone["nats"][-1] > 0.01
    assert shared["nats"] == pytest.approx(alone["nats"], abs=1e-5)
    assert shared["norms"] == pytest.approx(alone["norms"], rel=1e-4)
    assert shared["sums"] == pytest.approx(alone["sums"], rel=1e-4)
