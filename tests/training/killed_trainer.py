"""Trains a run in processes that are killed, one after another, until one gets through.

    python -m tests.training.killed_trainer RUN_FOLDER PLAN

PLAN is JSON: a list of [point, count] (die when that point is reached for the
count-th time) and of seconds (be killed after that long). This process imports
torch once and forks, so that a kill costs a fraction of a second. Prints how many
of the kills struck.
"""

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from slm import files
from slm.training.events import request_change
from slm.training.trainer import train


class Killer:
    """Stands at `files.at_point` and ends its own process without a word."""

    def __init__(self, point: str, count: int) -> None:
        self.point, self.left = point, count

    def __call__(self, name: str) -> None:
        self.left -= name == self.point
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Wishes:
    """A reporter that asks for changes at the steps that `wishes.json` names, each once ever."""

    def __init__(self, run: Path) -> None:
        self.run = run
        path = run / "wishes.json"
        self.wishes = json.loads(path.read_text()) if path.exists() else {}

    def __call__(self, fraction: float | None, message: str = "", **facts: Any) -> None:
        pass

    def plan(self, stages: Any) -> None:
        pass

    def should_stop(self) -> bool:
        records = files.read_records(self.run / "metrics.jsonl").records if self.wishes else []
        step = str(records[-1]["step"]) if records else "0"
        once = self.run / f"wished-{step}"
        if step in self.wishes and not once.exists():
            request_change(self.run, self.wishes[step])
            once.touch()
        return False


def attempt(run: Path, kill: list | float | None) -> bool:
    """One process that trains the run; whether a kill ended it."""
    child = os.fork()
    if child == 0:
        if isinstance(kill, list):
            files.at_point = Killer(*kill)
        exit_status = 1
        try:
            train(run, report=Wishes(run))
            exit_status = 0
        finally:
            if exit_status:
                traceback.print_exc()
            os._exit(exit_status)  # past the parent's cleanup, which is not this process's
    if isinstance(kill, float):
        time.sleep(kill)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    if os.WEXITSTATUS(status):
        sys.exit("a trainer failed")
    return False


if __name__ == "__main__":
    run_folder, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
    struck = sum(attempt(run_folder, kill) for kill in plan)
    assert not attempt(run_folder, None)
    sys.stdout.write(str(struck))
