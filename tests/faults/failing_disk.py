"""Trains copies of a run on a disk that fails, each at another moment.

    LD_PRELOAD=… python -m tests.faults.failing_disk LIBRARY RUN STRAIGHT PLAN

RUN is a fresh run, STRAIGHT the same run after a training that nothing disturbed. PLAN is
JSON: a list of [at, errno, lasting]; `at` counts the calls that change something below the
run's folder, and 0 fails none. Every attempt is a fork, so that torch is imported once.
Prints one JSON line an attempt: how many calls there were, and what the trainer said.
"""

import ctypes
import json
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import WorkspaceError
from slm.model.checkpoint import checkpoints, require_sound
from slm.training import resume
from slm.training.trainer import train
from tests.faults.equal_runs import assert_equal_runs


def attempt(library: Path, fresh: Path, straight: Path, fault: tuple[int, int, bool]) -> None:
    """Train a copy of the run under one fault, then once more on a disk that is well."""
    disk = ctypes.CDLL(str(library))
    run = fresh.with_name(f"{fresh.name}-{os.getpid()}")
    shutil.copytree(fresh, run)
    saved: list[int] = []
    commit = resume.Store.commit

    def told(store: resume.Store, progress: resume.Progress) -> None:
        commit(store, progress)
        saved.append(progress.step)

    resume.Store.commit = told  # type: ignore[method-assign]
    disk.disk_arm(str(run).encode(), *fault)
    words = None
    try:
        train(run)
    except WorkspaceError as error:
        words = str(error)
    calls = disk.disk_count()
    disk.disk_arm(b"", 0, 0, 0)
    resume.Store.commit = commit  # type: ignore[method-assign]
    listed = [ref.step for ref in checkpoints(run)]
    assert max(saved, default=0) <= max(listed, default=0), (saved, listed)
    for ref in checkpoints(run):
        require_sound(ref.folder)
    records = files.read_records(run / "metrics.jsonl")
    assert records.damaged == 0
    train(run)
    assert_equal_runs(run, straight)
    assert not [left for left in run.rglob(".tmp-*") if left.parent.name == "ckpt"]
    shutil.rmtree(run)
    answer: dict[str, Any] = {"fault": fault, "calls": calls, "words": words, "saved": saved}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def warm_up(fresh: Path) -> None:
    """Let this process import what a training imports, once for all that fork from it."""
    run = fresh.with_name(f"{fresh.name}-warm")
    shutil.copytree(fresh, run)
    train(run)
    shutil.rmtree(run)


def main() -> None:
    library, fresh, straight = (Path(argument) for argument in sys.argv[1:4])
    warm_up(fresh)
    for fault in json.loads(sys.argv[4]):
        child = os.fork()
        if child == 0:
            exit_status = 1
            try:
                attempt(library, fresh, straight, tuple(fault))
                exit_status = 0
            finally:
                if exit_status:
                    sys.stderr.write(f"fault {fault}\n")
                    traceback.print_exc()
                os._exit(exit_status)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"fault {fault} was not survived")


if __name__ == "__main__":
    main()
