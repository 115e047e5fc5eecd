"""Which process is meant: ids come again, so a process is named by its id and its birth.

Knows processes of this machine, not what they work on.
"""

import os
import sys
import time
from pathlib import Path

import psutil

_LOW_PRIORITY = 10  # of -20 to 19, where more is less
_SESSION = Path("/proc/self/autogroup")


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


def give_way() -> None:
    """Let everything else on this machine have the processor before this process.

    Linux may share the processor out between sessions first (`sched_autogroup_enabled`), and
    then a process's own niceness counts within its session alone; so a job, which has a session
    to itself, lets the session give way too. See sched(7).
    """
    process = psutil.Process()
    if sys.platform == "win32":
        process.nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    elif process.nice() < _LOW_PRIORITY:
        process.nice(_LOW_PRIORITY)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        _let_session_give_way()


def _let_session_give_way() -> None:
    """Tell the kernel; it hears ten such wishes a second from all of the machine together."""
    for _ in range(20):
        try:
            _SESSION.write_text(str(_LOW_PRIORITY))
        except BlockingIOError:
            time.sleep(0.1)
        except OSError:  # not every kernel has it, and not everybody may
            return
        else:
            return
