"""What the device could do at best, and what it takes: peak FLOP/s, and joules.

The peak is what model FLOPs utilization is a share of (MFU; Chowdhery et al. 2022, appendix B).
For GPUs whose data sheet is known it is the sheet's, for dense products in that number format;
elsewhere it is measured with a few large products, which is what the library reaches at best.
"""

import ctypes
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch

from slm.machine import CpuEnergy

_T = 1e12
_DATASHEETS: tuple[tuple[str, float | None, float], ...] = (
    ("H100 PCIe", 756 * _T, 51 * _T),
    ("H100 NVL", 835 * _T, 60 * _T),
    ("H100", 989 * _T, 67 * _T),
    ("H200 NVL", 835 * _T, 60 * _T),
    ("H200", 989 * _T, 67 * _T),
    ("A100", 312 * _T, 19.5 * _T),
    ("L40S", 362 * _T, 91.6 * _T),
    ("L4", 121 * _T, 30.3 * _T),
    ("T4", None, 8.1 * _T),
    ("V100", None, 15.7 * _T),
    ("RTX 4090", 165.2 * _T, 82.6 * _T),
    ("RTX 3090", 71 * _T, 35.6 * _T),
)
"""Name, bfloat16 (None: not in hardware) and float32 FLOP/s without tensor cores, dense: as
NVIDIA's data sheets give them, of two figures (sparse and dense) the smaller."""

_MEASURED_SECONDS = 0.25
_SIDES = {"cpu": 1024, "cuda": 4096, "mps": 2048}


@dataclass(frozen=True)
class Peak:
    """FLOP/s of one device at best, and how that is known."""

    flops: float
    source: Literal["datasheet", "measured"]


@cache
def peak_of(device: str, dtype: torch.dtype, threads: int) -> Peak:
    """The peak of this machine's device, CPU threads as given; measured at most once a process.

    Random numbers are left as they are.
    """
    if device == "cuda":
        told = datasheet_flops(torch.cuda.get_device_name(), dtype)
        if told is not None:
            return Peak(told, "datasheet")
    return Peak(_measured(device, dtype), "measured")


def datasheet_flops(name: str, dtype: torch.dtype) -> float | None:
    """FLOP/s in the data sheet of a GPU of that name; None for one that is not in the table.

    >>> datasheet_flops("NVIDIA H100 80GB HBM3", torch.bfloat16)
    989000000000000.0
    >>> datasheet_flops("NVIDIA H200 NVL", torch.bfloat16)
    835000000000000.0
    >>> datasheet_flops("NVIDIA A10G", torch.bfloat16) is None
    True
    """
    for known, bfloat16, float32 in _DATASHEETS:
        if re.search(rf"\b{known}\b", name):
            return bfloat16 if dtype == torch.bfloat16 else float32
    return None


def _measured(device: str, dtype: torch.dtype) -> float:
    side = _SIDES.get(device, 1024)
    left, right = (torch.full((side, side), 0.5, device=device, dtype=dtype) for _ in range(2))
    settle = _settling(device)
    left @ right  # the first product loads the library
    settle()
    shortest, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < _MEASURED_SECONDS:
        begin = time.perf_counter()
        left @ right
        settle()
        shortest = min(shortest, time.perf_counter() - begin)
    return float(2 * side**3 / shortest)


def _settling(device: str) -> Callable[[], None]:
    if device == "cuda":
        return torch.cuda.synchronize
    return torch.mps.synchronize if device == "mps" else lambda: None


class EnergyMeter:
    """Joules that the processor, and the GPU where it works, took since the meter was made.

    The counters are the hardware's: what other programs took meanwhile is in them too.
    """

    def __init__(self, device: str) -> None:
        self._cpu = CpuEnergy()
        self._gpu = _GpuEnergy() if device == "cuda" else None

    def joules(self) -> float | None:
        """Joules so far; None where no counter may be read. Ask every few minutes at least."""
        told = [self._cpu.joules(), None if self._gpu is None else self._gpu.joules()]
        known = [joules for joules in told if joules is not None]
        return sum(known) if known else None


class _GpuEnergy:
    """The counter of the current GPU, asked through the driver's own library (NVML).

    Source: NVML API reference, nvmlDeviceGetTotalEnergyConsumption (millijoules, from the
    Volta generation on).
    """

    def __init__(self) -> None:
        self._library, self._handle = _nvml()
        self._first = self._millijoules()

    def joules(self) -> float | None:
        """Joules since this was made; None where the driver does not tell."""
        now = self._millijoules()
        return None if now is None or self._first is None else (now - self._first) / 1000

    def _millijoules(self) -> int | None:
        if self._library is None:
            return None
        told = ctypes.c_ulonglong()
        ask = self._library.nvmlDeviceGetTotalEnergyConsumption
        return int(told.value) if ask(self._handle, ctypes.byref(told)) == 0 else None


def _nvml() -> tuple[Any, ctypes.c_void_p]:
    """The driver's library and its handle of the current GPU; (None, …) where there is none."""
    handle = ctypes.c_void_p()
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
        name = f"GPU-{torch.cuda.get_device_properties(torch.cuda.current_device()).uuid}"
        if library.nvmlInit_v2() != 0:
            return None, handle
        if library.nvmlDeviceGetHandleByUUID(name.encode(), ctypes.byref(handle)) != 0:
            return None, handle
    except (OSError, AttributeError):  # no such library, or too old a one
        return None, handle
    return library, handle
