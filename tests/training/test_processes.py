"""Two processes train as one, stop as one, and go on as one."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from slm import files
from slm.errors import ConfigError, JobError
from slm.model.checkpoint import newest_sound
from slm.training.launch import _last_words, torchrun_command, train_in_processes
from slm.training.trainer import train
from tests.training.small_runs import MakeRun


class Listener:
    """A reporter that remembers, and asks to stop from some step on."""

    def __init__(self, stop_at: float = float("inf")) -> None:
        self.stop_at, self.step = stop_at, 0
        self.fractions: list[float | None] = []

    def __call__(self, fraction: float | None, message: str = "", **facts: Any) -> None:
        self.fractions.append(fraction)
        self.step = facts["step"]

    def plan(self, stages: Any) -> None:
        pass

    def should_stop(self) -> bool:
        return self.step >= self.stop_at


def test_two_processes_give_the_losses_of_one(make_run: MakeRun):
    """Also after a stop by one process in mid-run, so at another number of processes."""
    alone = make_run(steps=12, grad_accum_steps=2, evaluate_every=6)
    together = make_run(steps=12, grad_accum_steps=2, evaluate_every=6)
    train(alone)
    listener = Listener()
    train_in_processes(together, 2, report=listener)
    assert listener.fractions[-1] == 1.0
    pairs = zip(
        files.read_records(alone / "metrics.jsonl").records,
        files.read_records(together / "metrics.jsonl").records,
        strict=True,
    )
    for one, two in pairs:
        for name in ("train_nats", "val_nats", "gradient_norm"):
            assert two[name] == (one[name] and pytest.approx(one[name], abs=1e-5, rel=1e-5))
    assert newest_sound(together).step == 12
    state = files.read_json(together / "ckpt" / "12" / "state.json")
    assert state["surroundings"]["processes"] == 2 and len(state["generators"]["torch"]) == 2


@pytest.mark.slow
def test_processes_stop_when_asked_and_one_goes_on_from_their_checkpoint(make_run: MakeRun):
    run = make_run(steps=100_000)
    train_in_processes(run, 2, report=Listener(stop_at=20))
    stopped = newest_sound(run).step
    assert 20 <= stopped < 100_000
    values = files.read_json(run / "config.json")
    values["train"]["steps"] = stopped + 3
    files.write_json(run / "config.json", values)
    assert train(run).step == stopped + 3
    fields = [event["field"] for event in files.read_records(run / "events.jsonl").records]
    assert fields == ["resumed", "steps", "processes"]


def test_more_processes_than_rows_are_refused(make_run: MakeRun):
    with pytest.raises(ConfigError, match="nproc is 9; choose 1 to 8"):
        train_in_processes(make_run(), 9)


@pytest.mark.slow
def test_a_terminated_process_saves_and_ends_well(make_run: MakeRun):
    run = make_run(steps=100_000)
    command = [sys.executable, "-m", "slm.training", str(run)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2])
    while not files.read_records(run / "metrics.jsonl").records:
        assert process.poll() is None
        time.sleep(0.1)
    process.terminate()
    assert process.wait(timeout=30) == 0
    assert newest_sound(run).step == files.read_records(run / "metrics.jsonl").records[-1]["step"]


@pytest.mark.slow
def test_an_error_of_the_processes_is_told_in_their_words(make_run: MakeRun):
    run = make_run()
    next((run.parents[1] / "tokens").glob("*/val.bin")).unlink()
    with pytest.raises(JobError, match=r"val\.bin"):
        train_in_processes(run, 2)


def test_an_error_that_is_not_ours_is_told_too(tmp_path: Path):
    log = tmp_path / "processes.log"
    log.write_text(
        "step 1 of 60\n[rank1]: Traceback (most recent call last):\n"
        "[rank1]: RuntimeError: No backend type associated with device type cpu\n"
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n====\n"
    )
    assert _last_words(log) == "RuntimeError: No backend type associated with device type cpu"
    log.write_text("the machine was switched off\n")
    assert _last_words(log) == "the machine was switched off"
    log.write_text("  traceback : Signal 9 (SIGKILL) received by PID 2695\n====\n")
    assert _last_words(log).startswith("One of them was ended from outside (SIGKILL). A system")
    log.write_text("it was here\n=====\n")
    assert _last_words(log) == "it was here"


def test_the_command_for_several_machines_names_what_to_fill_in(tmp_path: Path):
    words = " ".join(torchrun_command(tmp_path / "run", nproc=2, nodes=3))
    assert "--nnodes=3" in words and "--node-rank=NUMBER --master-addr=HOST" in words
    assert words.endswith(f"--nproc-per-node=2 -m slm.training {tmp_path / 'run'}")


@pytest.mark.slow
def test_a_run_goes_on_at_any_number_of_processes(make_run: MakeRun):
    """One process, then two, then one: the losses are those of one from first to last."""
    settings = {"steps": 12, "evaluate_every": 4, "log_every": 1, "checkpoint_every": 4}
    alone, moving = make_run(**settings), make_run(**settings)
    train(alone)
    train(moving, report=Listener(stop_at=4))
    first = newest_sound(moving).step
    train_in_processes(moving, 2, report=Listener(stop_at=first + 4))
    train(moving)
    assert newest_sound(moving).step == 12
    pairs = zip(
        files.read_records(alone / "metrics.jsonl").records,
        files.read_records(moving / "metrics.jsonl").records,
        strict=True,
    )
    for one, other in pairs:
        for name in ("train_nats", "val_nats", "gradient_norm"):
            assert other[name] == (one[name] and pytest.approx(one[name], abs=1e-5, rel=1e-5))
    worlds = [
        (event["old"], event["new"])
        for event in files.read_records(moving / "events.jsonl").records
        if event["field"] == "processes"
    ]
    assert worlds in ([(1, 2), (2, 1)], [(1, 2)])  # two may be done before they hear the stop
