"""What fits where: the memory of machines that people have, against what a model takes.

Knows shapes and bytes; no tensor is made. That a model fits does not say how fast it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psutil

from slm.model.config import BYTES_FLOAT32, ModelConfig, largest_count, memory_bytes

GB = 1_000_000_000
MB_BINARY = 2**20
_MOST_WINDOWS = 1_000_000
_SYSTEM_BYTES, _SYSTEM_SHARE = 3 * GB, 0.35  # operating system and browser, on a small machine
_PYTORCH_BYTES = GB // 2
_GPU_BYTES = GB  # CUDA's context and PyTorch's kernels
_HOLES = 1.25  # a processor's heap keeps holes between tensors; measured 1.13 to 1.29

Optimizer = Literal["adamw", "muon"]


@dataclass(frozen=True)
class Machine:
    """A place to train. `bytes_per_value`: of the products, 2 where it computes in bfloat16."""

    name: str
    memory: int
    is_gpu: bool
    bytes_per_value: int = BYTES_FLOAT32

    @property
    def usable(self) -> int:
        """Bytes for tensors: system and PyTorch taken off, and on a processor the heap's holes."""
        if self.is_gpu:
            return self.memory - _GPU_BYTES
        system = min(_SYSTEM_BYTES, round(_SYSTEM_SHARE * self.memory))
        return round((self.memory - system - _PYTORCH_BYTES) / _HOLES)


MACHINES: tuple[Machine, ...] = (
    Machine("Laptop, 8 GB", 8 * 1024 * MB_BINARY, is_gpu=False),
    Machine("Laptop, 16 GB", 16 * 1024 * MB_BINARY, is_gpu=False),
    Machine("NVIDIA T4, 16 GB", 15_360 * MB_BINARY, is_gpu=True),
    Machine("RTX 4090, 24 GB", 24_564 * MB_BINARY, is_gpu=True, bytes_per_value=2),
    Machine("A100, 80 GB", 81_920 * MB_BINARY, is_gpu=True, bytes_per_value=2),
    Machine("H100, 80 GB", 81_559 * MB_BINARY, is_gpu=True, bytes_per_value=2),
)
"""Memory as `nvidia-smi` tells it. A T4 has no bfloat16 and computes in float32."""


@dataclass(frozen=True)
class Fit:
    """What a machine can do with a model; 0 windows or texts: not even one fits.

    training_windows   most windows of the full context in one micro-batch
    training_bytes     what training on `asked` windows takes
    writing_texts      most texts written at once, each up to the full context, float32
    """

    machine: Machine
    asked: int
    training_windows: int
    training_bytes: int
    writing_texts: int
    writing_bytes: int

    @property
    def trains(self) -> bool:
        """Whether training fits with the windows asked for."""
        return self.training_windows >= self.asked

    def to_json(self) -> dict[str, Any]:
        """Every number."""
        return {
            "machine": self.machine.name,
            "usable_bytes": self.machine.usable,
            "training_windows": self.training_windows,
            "training_bytes": self.training_bytes,
            "writing_texts": self.writing_texts,
            "writing_bytes": self.writing_bytes,
        }


def machines_here() -> tuple[Machine, ...]:
    """The processor's memory here, and each GPU's."""
    import torch

    found = [Machine("This machine", psutil.virtual_memory().total, is_gpu=False)]
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        told = torch.cuda.get_device_properties(number)
        width = 2 if told.major >= 8 else BYTES_FLOAT32  # bfloat16 from Ampere on
        found.append(Machine(f"This machine's {told.name}", told.total_memory, True, width))
    return tuple(found)


def fits(
    config: ModelConfig,
    windows: int = 1,
    machines: Sequence[Machine] = MACHINES,
    optimizer: Optimizer = "adamw",
) -> tuple[Fit, ...]:
    """For each machine, whether the model trains there on so many windows at once, and writes.

    >>> from slm.model.config import PRESETS
    >>> [fit.training_windows for fit in fits(PRESETS["gpt2-124m"])][:2]
    [1, 12]
    """
    return tuple(_fit(config, windows, machine, optimizer) for machine in machines)


def _fit(config: ModelConfig, windows: int, machine: Machine, optimizer: Optimizer) -> Fit:
    def training(rows: int) -> int:
        values = machine.bytes_per_value
        return sum(
            memory_bytes(
                config, rows, "train", bytes_per_value=values, optimizer=optimizer
            ).values()
        )

    def writing(texts: int) -> int:
        return sum(memory_bytes(config, texts, "generate").values())

    return Fit(
        machine,
        windows,
        largest_count(_MOST_WINDOWS, lambda rows: training(rows) <= machine.usable),
        training(windows),
        largest_count(_MOST_WINDOWS, lambda texts: writing(texts) <= machine.usable),
        writing(1),
    )
