"""Which process is meant: ids come again, so a process is named by its id and its birth.

Knows processes of this machine, not what they work on.
"""

import os
import sys
from pathlib import Path

import psutil


def birth(pid: int) -> float | None:
    """When that process was born, in seconds on a clock that nobody can set; None when it is gone.

    Linux counts from the machine's start (`psutil` adds the time of day of that start,
    which moves whenever the clock is set); other systems keep the time of day of the birth.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if sys.platform == "linux":
            # after the name, which may hold blanks and brackets, comes field 3; see proc(5)
            fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2]
            return int(fields.split()[22 - 3]) / os.sysconf("SC_CLK_TCK")
        return process.create_time()
    except (psutil.NoSuchProcess, psutil.AccessDenied, OSError, ValueError):
        return None


def is_alive(pid: int, born: float) -> bool:
    """Whether the process of that id and birth lives; a zombie does not."""
    now = birth(pid)
    return now is not None and abs(now - born) < 1.0


def end_all(pid: int, born: float) -> None:
    """End the process of that id and birth, and what it started, at once; never a stranger."""
    if not is_alive(pid, born):
        return
    try:
        process = psutil.Process(pid)
        doomed = [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return
    for member in doomed:
        try:
            member.kill()  # psutil compares the start time again before it signals
        except psutil.NoSuchProcess:
            continue
