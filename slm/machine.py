"""Which machine this is, so far as speed goes: processor, cores, memory, and what it takes.

Not its name: a container has another one each time, and a name is nobody else's business.
"""

import os
import platform
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil

_CPU_INFO = Path("/proc/cpuinfo")
_POWER_CAPS = Path("/sys/class/powercap")
_GROUP = Path("/sys/fs/cgroup")
_BYTES_OF_A_TRAINING = 1_500_000_000
_BYTES_OF_SHORT_WORK = 700_000_000
_MOST_SLOTS = 8
_SHORTEST_LOOK_SECONDS = 0.5
_sharers = 1
_looking = threading.Lock()
_processor_times: tuple[float, float, float] | None = None


@cache
def this_machine() -> str:
    """The processor and its cores in words, the same text on the same machine."""
    return f"{_processor()}, {usable_cores()} cores"


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_cores(among: int) -> None:
    """Say that so many processes like this one work at the same time."""
    global _sharers
    _sharers = max(1, among)


def own_cores() -> int:
    """Cores that this process may keep busy, its part of those that several share."""
    return max(1, usable_cores() // _sharers)


def count_gpus(listed: Path = Path("/proc/driver/nvidia/gpus")) -> int:
    """NVIDIA GPUs of this machine, where its driver lists them (Linux); without torch."""
    return sum(1 for _ in listed.iterdir()) if listed.is_dir() else 0


def slots_for_many() -> int:
    """How many trainings at once this machine carries when many people share it.

    One a core, as far as memory goes, since small models gain little from a second core; at
    least one for each GPU.
    """
    by_memory = int(available_memory() // _BYTES_OF_A_TRAINING)
    return max(1, count_gpus(), min(usable_cores(), by_memory, _MOST_SLOTS))


def slots_for_short_work() -> int:
    """How many shorter pieces of work at once it carries beside them: a core each, two at least."""
    by_memory = int(available_memory() // _BYTES_OF_SHORT_WORK)
    return max(2, min(usable_cores(), by_memory, _MOST_SLOTS))


@dataclass(frozen=True)
class Load:
    """How busy the machine is: percent of its processor, bytes of memory and of disk."""

    processor: float
    memory_used: int
    memory: int
    disk_free: int


def load(folder: Path) -> Load:
    """How busy the machine is now; the disk is that of `folder`.

    The processor's share is that since the last look, whoever looked.
    """
    memory = psutil.virtual_memory()
    used = int(memory.total - memory.available)
    return Load(_busy_percent(), used, int(memory.total), shutil.disk_usage(folder).free)


def _busy_percent() -> float:
    """`psutil.cpu_percent` remembers for each thread, and every look of a page is a new one."""
    global _processor_times
    now = psutil.cpu_times()
    idle, total = now.idle + getattr(now, "iowait", 0.0), sum(now)
    with _looking:
        if _processor_times is None or total - _processor_times[1] > _SHORTEST_LOOK_SECONDS:
            idle_before, total_before, _ = _processor_times or (0.0, 0.0, 0.0)
            share = 100 * (1 - (idle - idle_before) / (total - total_before))
            _processor_times = (idle, total, max(0.0, min(100.0, share)))
        return _processor_times[2]


def available_memory(group: Path = _GROUP) -> int:
    """Bytes of memory that a process may still take: of the machine, and of its container."""
    free = int(psutil.virtual_memory().available)
    limit, used = _number(group / "memory.max"), _number(group / "memory.current")
    if limit is None or used is None:
        return free
    cached = _named(group / "memory.stat").get("inactive_file", 0)  # given up when needed
    return max(0, min(free, limit - used + cached))


class CpuEnergy:
    """Joules that the processor packages took since this was made, as Linux counts them (RAPL).

    Source: the kernel's documentation of the power capping framework; counters wrap around
    at `max_energy_range_uj`, after minutes at full power at the earliest.
    """

    def __init__(self, caps: Path = _POWER_CAPS) -> None:
        zones = sorted(caps.glob("intel-rapl:[0-9]*")) if caps.is_dir() else []
        packages = [zone for zone in zones if _word(zone / "name").startswith("package")]
        self._ranges = {zone: _number(zone / "max_energy_range_uj") for zone in packages}
        self._last = self._read()
        self._microjoules = 0

    def joules(self) -> float | None:
        """Joules so far; None where the counters are not there or may not be read."""
        if not self._last:
            return None
        for zone, now in self._read().items():
            taken = now - self._last.get(zone, now)
            self._microjoules += taken if taken >= 0 else taken + (self._ranges[zone] or 0)
            self._last[zone] = now
        return self._microjoules / 1e6

    def _read(self) -> dict[Path, int]:
        told = {zone: _number(zone / "energy_uj") for zone in self._ranges}
        return {zone: value for zone, value in told.items() if value is not None}


def _word(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    """The number in a file of the kernel; None where there is none (no file, not ours, `max`)."""
    word = _word(path)
    return int(word) if word.isascii() and word.isdigit() else None


def _named(path: Path) -> Mapping[str, int]:
    lines = (line.split() for line in _word(path).splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text(errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in {"model name", "Model", "Hardware"} and value.strip():
                return " ".join(value.split())
    return platform.processor() or platform.machine() or "unknown processor"
