"""A disk that is full, fails, or is read-only: told in words, nothing saved is lost.

The errors are real ones, at the system calls: also those of libraries that are not Python.
"""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slm import files, jobs
from slm.errors import DiskFullError, WorkspaceError
from slm.model.checkpoint import newest_sound
from slm.training import resume
from slm.training.runs import create_run
from slm.training.trainer import train
from slm.worker import JobReporter, reserve
from slm.workspace import Workspace
from tests.faults.conftest import DROPPING
from tests.faults.equal_runs import assert_equal_runs
from tests.training.small_runs import SHORT, MakeRun, artefacts

ROOT = Path(__file__).parents[2]
EIO_ONCE = (errno.EIO, False)
FULL_FROM_THEN_ON = (errno.ENOSPC, True)


class Attempts:
    """A fresh run, its undisturbed twin, and trainings of copies on a failing disk."""

    def __init__(self, make_run: MakeRun, library: Path) -> None:
        settings = {"steps": 7, "checkpoint_every": 3, "evaluate_every": 4, "log_every": 2}
        self.fresh, self.straight, self.library = (
            make_run(**settings),
            make_run(**settings),
            library,
        )
        train(self.straight)

    def __call__(self, plan: list[tuple[int, int, bool]]) -> list[dict[str, Any]]:
        command = [sys.executable, "-m", "tests.faults.failing_disk", str(self.library)]
        command += [str(self.fresh), str(self.straight), json.dumps(plan)]
        environment = {**os.environ, "LD_PRELOAD": str(self.library), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture()
def attempts(make_run: MakeRun, failing_disk: Path) -> Attempts:
    return Attempts(make_run, failing_disk)


def test_a_disk_that_fails_in_mid_run_costs_no_checkpoint_and_the_run_goes_on(attempts: Attempts):
    plan = [(at, *EIO_ONCE) for at in (20, 33)] + [(at, *FULL_FROM_THEN_ON) for at in (15, 29)]
    assert all(attempt["words"] for attempt in attempts(plan))


@pytest.mark.slow
@pytest.mark.parametrize("fault", [EIO_ONCE, FULL_FROM_THEN_ON], ids=["EIO", "ENOSPC"])
def test_whichever_call_fails_nothing_that_was_saved_is_lost(
    attempts: Attempts, fault: tuple[int, bool]
):
    (undisturbed,) = attempts([(0, *fault)])
    assert undisturbed["words"] is None
    found = attempts([(at, *fault) for at in range(1, undisturbed["calls"] + 1)])
    assert len(found) == undisturbed["calls"] > 30
    assert all(attempt["words"] or 7 in attempt["saved"] for attempt in found)


@pytest.fixture()
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real disk of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(place)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("mounting a small disk needs Linux and the right to do so")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_disk_that_is_really_full_stops_the_run_in_words_and_it_goes_on_later(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resume, "SPARE_BYTES", 0)
    workspace = Workspace(small_disk / "workspace")
    parts = artefacts(workspace)
    settings = SHORT.replace(steps=12, checkpoint_every=4)
    run, straight = (
        create_run(workspace, DROPPING, settings, name="run", **parts).folder for _ in range(2)
    )
    train(straight)
    commit = resume.Store.commit

    def and_then_fill(store: resume.Store, progress: resume.Progress) -> None:
        commit(store, progress)
        free = shutil.disk_usage(small_disk).free
        (small_disk / "filler").write_bytes(bytes(free - 20_480))

    with monkeypatch.context() as patch:
        patch.setattr(resume.Store, "commit", and_then_fill)
        patch.setattr(resume.Store, "_require_space", lambda store: None)
        with pytest.raises(DiskFullError, match="the disk is full"):
            train(run)
    assert newest_sound(run).step == 4
    (small_disk / "filler").unlink()
    train(run)
    assert_equal_runs(run, straight)


def test_how_a_job_ended_finds_room_on_a_full_disk(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(jobs, "_spawn", lambda workspace, job: None)
    job = jobs.start(Workspace(small_disk / "workspace"), ["train"], name="full")
    reserve(job).write_bytes(bytes(65_536))
    report = JobReporter(job)
    with (small_disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(4_096))
    report(0.5, "half of it")
    assert job.status().message == ""
    report.turn("paused", "The disk is full.")
    assert (job.status().state, job.status().error) == ("paused", "The disk is full.")


def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_called_saved(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    """As root nothing is forbidden, so the refusal is the system call's, made here."""
    run = make_run(steps=4)
    train(run)
    before = sorted(run.rglob("*"))

    def refuse(path: object, *args: object, **kwargs: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(os, "mkdir", refuse)
        with (
            pytest.raises(WorkspaceError, match="the disk is read-only; choose another"),
            files.commit_folder(run / "ckpt" / "9"),
        ):
            raise AssertionError("nothing can be staged there")
    assert sorted(run.rglob("*")) == before
