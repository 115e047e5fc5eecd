"""Which machine this is, so far as speed goes: its processor and how many of them it may use.

Not its name: a container has another one each time, and a name is nobody else's business.
"""

import os
import platform
from functools import cache
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


@cache
def this_machine() -> str:
    """The processor and its cores in words, the same text on the same machine."""
    return f"{_processor()}, {usable_cores()} cores"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in {"model name", "Model", "Hardware"} and value.strip():
                return " ".join(value.split())
    return platform.processor() or platform.machine() or "unknown processor"
