"""One side of a race in a process of its own: its seconds, and the most memory it took.

Memory is what the process and all its children hold at the same moment, looked at twenty
times a second; pages that they share count once (PSS) where the system tells, else as often
as they are held (RSS).
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import psutil

_LOOK_SECONDS = 0.05


class Measured(NamedTuple):
    """Wall clock from start to end of the process, its peak of memory, and what it printed."""

    seconds: float
    peak_bytes: int
    told: dict[str, Any]


def measure(arguments: Sequence[str]) -> Measured:
    """Run `python ARGUMENTS`; its last line of output must be JSON."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    family = psutil.Process(process.pid)
    peak = 0
    while process.poll() is None:
        peak = max(peak, _held(family))
        time.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    if process.returncode or not lines:
        raise SystemExit(f"{' '.join(arguments)} ended with status {process.returncode}")
    return Measured(seconds, peak, json.loads(lines[-1]))


def _held(family: psutil.Process) -> int:
    total = 0
    try:
        members = [family, *family.children(recursive=True)]
    except psutil.Error:
        return 0
    for member in members:
        try:
            memory = member.memory_full_info()
            total += getattr(memory, "pss", memory.rss)
        except psutil.Error:  # it has just ended
            continue
    return total
