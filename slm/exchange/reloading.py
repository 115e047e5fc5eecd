"""Run the process that opens an export with another program, and hear what it found.

What it may take is bounded in time; it sees no network and none of this process's secrets.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slm import children
from slm.jobs import StoppedError

WALL_SECONDS = 900
_POLL_SECONDS = 0.1


def reloaded(
    folder: Path,
    task: Path,
    should_stop: Callable[[], bool],
    child: str = "slm.exchange.reload_child",
) -> dict[str, Any]:
    """The answer of the module `child` to the task; {"error": why} when it has none."""
    command = [sys.executable, "-m", child, str(folder.absolute()), str(task)]
    alone = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(task / "home"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TRANSFORMERS_VERBOSITY": "error",
    }
    log = task / "log"
    with log.open("wb") as told:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=told,
            stderr=told,
            env=children.environment(alone, also=["OMP_NUM_THREADS"]),
            cwd=task,
        )
        try:
            ended = _wait(process, should_stop)
        finally:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()
    path = task / "answer.json"
    if path.exists():
        return dict(json.loads(path.read_text("utf-8")))
    lines = log.read_text("utf-8", "replace").strip().splitlines()
    return {"error": f"{ended} {lines[-1][:500] if lines else ''}".strip()}


def _wait(process: "subprocess.Popen[bytes]", should_stop: Callable[[], bool]) -> str:
    begun = time.monotonic()
    while process.poll() is None:
        if should_stop():
            raise StoppedError
        if time.monotonic() - begun > WALL_SECONDS:
            return f"No answer within {WALL_SECONDS} s."
        time.sleep(_POLL_SECONDS)
    return f"The process ended with status {process.returncode}."
