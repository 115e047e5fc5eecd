"""One run on two machines, started on each by the very command that the page shows."""

import os
import subprocess
from pathlib import Path

import pytest

from slm import files
from slm.model.checkpoint import newest_sound
from slm.training.launch import torchrun_command
from slm.training.trainer import train
from tests.training.small_runs import MakeRun
from tests.training.two_hosts import Host, two_hosts

PATIENCE_SECONDS = 180
ROOT = Path(__file__).parents[2]


def on(host: Host, command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": host.device, "OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        return subprocess.Popen(
            [*host.prefix, *command], stdout=output, stderr=output, env=environment, cwd=ROOT
        )


@pytest.mark.slow
def test_two_machines_give_the_losses_of_one(make_run: MakeRun, tmp_path: Path):
    alone = make_run(steps=12, evaluate_every=6)
    together = make_run(steps=12, evaluate_every=6)
    train(alone)
    with two_hosts() as hosts:
        command = torchrun_command(together.absolute(), nproc=1, nodes=2)
        filled_in = [
            [word.replace("HOST", hosts[0].address).replace("NUMBER", number) for word in command]
            for number in ("0", "1")
        ]
        logs = [tmp_path / "first.log", tmp_path / "second.log"]
        started = [on(*each) for each in zip(hosts, filled_in, logs, strict=True)]
        try:
            for process, log in zip(started, logs, strict=True):
                assert process.wait(timeout=PATIENCE_SECONDS) == 0, log.read_text()
        finally:
            for process in started:
                process.kill()
                process.wait()
    pairs = zip(
        files.read_records(alone / "metrics.jsonl").records,
        files.read_records(together / "metrics.jsonl").records,
        strict=True,
    )
    for one, two in pairs:
        for name in ("train_nats", "val_nats"):
            assert two[name] == (one[name] and pytest.approx(one[name], abs=1e-5))
    state = files.read_json(newest_sound(together).folder / "state.json")
    assert state["surroundings"]["processes"] == 2
