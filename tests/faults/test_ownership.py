"""One owner at a time, whoever dies, halts or sets the clock; strangers are left alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from slm import files, jobs, locks, processes
from slm.errors import JobError, WorkspaceError
from slm.jobs import Job
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.processes import end_all
from tests.training.small_runs import MakeRun

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
DAY = 86_400.0
LONG = ("prepare", "--source", "tales", "--documents", "500000", "--name", "long")

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture()
def job(workspace: Workspace) -> Iterator[Job]:
    """A job that works and will go on for long."""
    workspace.root.mkdir(exist_ok=True)
    started = jobs.start(workspace, LONG, name="long")
    until(lambda: started.status().state == "running")
    yield started
    end_all(workspace)


def winners_of(folder: Path, racers: int, rounds: int) -> list[int]:
    command = [sys.executable, "-m", "tests.faults.racers", str(folder), str(racers), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    return [int(line) for line in done.stdout.splitlines()]


@posix_only
def test_of_twenty_racers_one_owns_the_lock_fifty_times_and_its_death_frees_it(tmp_path: Path):
    assert winners_of(tmp_path, racers=20, rounds=50) == [1] * 50


def test_a_second_trainer_of_one_run_is_told_so(make_run: MakeRun):
    run = make_run(steps=4)
    lock = locks.FileLock(run / "run.lock")
    assert lock.acquire()
    with pytest.raises(JobError, match="already running"):
        train(run)
    lock.release()
    assert train(run).step == 4


def test_a_run_that_trains_cannot_be_deleted(make_run: MakeRun, workspace: Workspace):
    run = make_run(steps=4)
    lock = locks.FileLock(run / "run.lock")
    assert lock.acquire()
    with pytest.raises(WorkspaceError, match="stop it first"):
        workspace.runs.delete(run.name)
    lock.release()
    workspace.runs.delete(run.name)
    assert workspace.runs.list() == []


def test_a_clock_that_jumps_ends_no_job_and_shields_none(job: Job, monkeypatch: pytest.MonkeyPatch):
    """A day ahead, then a day back."""
    now, born = time.time, psutil.Process.create_time
    monkeypatch.setattr(jobs, "_children", {})  # as another server sees it
    for jump in (DAY, -DAY):
        monkeypatch.setattr(time, "time", lambda jump=jump: now() + jump)
        monkeypatch.setattr(
            psutil.Process, "create_time", lambda process, jump=jump: born(process) + jump
        )
        before = job.status()
        assert before.state == "running" and not before.stalled
        assert 0 <= before.elapsed_seconds < PATIENCE_SECONDS
    job.kill()
    until(lambda: job.status().state == "interrupted")


def test_a_job_that_is_starting_is_not_dead_whatever_the_clock_says(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    workspace.root.mkdir(exist_ok=True)
    monkeypatch.setattr(jobs, "_spawn", lambda workspace, job: None)
    job = jobs.start(workspace, LONG, name="starting")
    told = {"pid": os.getpid(), "process_started": processes.birth(os.getpid())}
    files.write_json(job.folder / "spawned.json", told)
    os.utime(job.folder / "job.json", (0, 0))
    assert job.status().state == "queued"
    files.write_json(job.folder / "spawned.json", {**told, "process_started": 1.0})
    assert job.status().state == "interrupted"


@posix_only
def test_a_halted_process_is_called_stalled_is_not_ended_and_goes_on(
    job: Job, monkeypatch: pytest.MonkeyPatch
):
    pid = files.read_json(job.folder / "heartbeat.json")["pid"]
    os.kill(pid, signal.SIGSTOP)
    job.status()
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + jobs.STALLED_SECONDS + 1)
    status = job.status()
    assert status.stalled and status.state == "running"
    monkeypatch.undo()
    assert processes.birth(pid) is not None
    os.kill(pid, signal.SIGCONT)
    job.stop()
    until(lambda: job.status().state == "stopped")


@posix_only
def test_a_halted_process_that_cannot_hear_a_stop_may_be_forced(
    job: Job, monkeypatch: pytest.MonkeyPatch
):
    os.kill(files.read_json(job.folder / "heartbeat.json")["pid"], signal.SIGSTOP)
    job.stop()
    assert job.status().stopping and not job.status().may_force
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + jobs.FORCE_SECONDS + 1)
    assert job.status().may_force
    monkeypatch.undo()
    job.kill()
    until(lambda: job.status().state == "interrupted")


def test_a_process_is_named_by_its_birth():
    born = processes.birth(os.getpid())
    assert born is not None
    assert processes.is_alive(os.getpid(), born)
    assert not processes.is_alive(os.getpid(), born - 5)
    processes.end_all(os.getpid(), born - 5)  # a stranger: we are still here


@posix_only
def test_a_dead_child_that_nobody_collected_does_not_count_as_alive():
    child = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
    assert processes.birth(child.pid) is None
    child.wait()
