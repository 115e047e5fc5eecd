"""Which way a micro-batch is computed: kernel by kernel, recorded, or compiled.

    plain    every operation is started by itself, forward and backward
    graphs   a GPU's whole micro-batch, and the update, are recorded once (CUDA graphs) and
             started with one call each; the same kernels, so the same numbers
    blocks   torch.compile writes fused kernels, for one block that serves all; on a GPU
             recorded as well
    whole    the same with all the blocks compiled as one

Knows settings and devices, no data and no files.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from slm.errors import ConfigError
from slm.model.config import ModelConfig, flops_per_token
from slm.model.head_loss import gradient_kernel, summed_nats
from slm.model.transformer import Transformer
from slm.training.config import TrainConfig

Way = Literal["plain", "graphs", "blocks", "whole"]

# Measured with GPT-2 124M on an H100 (benchmarks/README.md).
_USED_SHARE = 0.3  # of the GPU's fastest products, without compiling
_BLOCKS_PAY_SECONDS = 60.0  # a run this long saves about half; compiling takes 15 s
_WHOLE_PAYS_SECONDS = 900.0  # 6% more are saved; compiling takes 25 s, more for many layers

Stream = Callable[..., Tensor]


@dataclass(frozen=True)
class Choice:
    """The way taken, whether its kernels are recorded, and why, in words for the log."""

    way: Way
    records: bool
    reason: str


def choose_way(config: TrainConfig, model: ModelConfig, device: str, processes: int = 1) -> Choice:
    """The way that the settings ask for; for auto, the one that ends this run soonest.

    Compiling takes the better part of a minute, so a run must last several for it to pay.

    Raises: ConfigError for graphs without a CUDA GPU, and for compiling without a compiler.
    """
    can_record = device == "cuda" and processes == 1
    asked = config.compile
    if asked == "graphs" and not can_record:
        raise ConfigError(
            f"compile is 'graphs', which needs one process on a CUDA GPU; this run has {processes} "
            f"on {device!r}. Choose auto."
        )
    if asked in {"blocks", "whole"} and not can_compile(device):
        raise ConfigError(
            f"compile is {asked!r}, which needs a C compiler here, and on a GPU Triton; one of "
            f"them is missing, or {device!r} cannot be compiled for. Choose auto."
        )
    if asked == "off":
        return Choice("plain", False, "compile is off")
    if asked != "auto":
        return Choice(asked, can_record, f"compile is {asked}")
    if device != "cuda":
        return Choice("plain", False, f"compile is auto, on {device}")
    seconds = _seconds_of(config, model) / processes
    if seconds > _BLOCKS_PAY_SECONDS and can_compile(device):
        way: Way = "whole" if seconds > _WHOLE_PAYS_SECONDS else "blocks"
        return Choice(way, can_record, f"about {seconds / 60:.0f} min pay for compiling")
    way = "graphs" if can_record else "plain"
    why = "do not pay for compiling" if can_compile(device) else "and nothing here to compile with"
    return Choice(way, can_record, f"about {seconds:.0f} s {why}")


def _seconds_of(config: TrainConfig, model: ModelConfig) -> float:
    """The run's length on this GPU without compiling, from its rate at one product of matrices."""
    places = config.steps * config.batch_size * model.context_length
    side = 4096
    a = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    seconds = []
    for _ in range(3):
        torch.cuda.synchronize()
        begin = time.perf_counter()
        a @ a
        torch.cuda.synchronize()
        seconds.append(time.perf_counter() - begin)
    rate = 2 * side**3 / min(seconds)
    return 3 * flops_per_token(model) * places / (_USED_SHARE * rate)


class Loss(nn.Module):
    """ids and targets → the nats of all targets together, in the way that was chosen."""

    def __init__(self, model: Transformer, way: Way) -> None:
        super().__init__()
        self.model = model
        self._stream: Stream = _stream
        self._block: Stream | None = None
        if way in {"blocks", "whole"}:
            # Without dynamic=False a second batch size would bring slower kernels for any size.
            if way == "whole":
                self._stream = torch.compile(_stream, dynamic=False)
            else:
                self._block = torch.compile(_block, dynamic=False)

    def forward(self, ids_BT: Tensor, targets_BT: Tensor) -> Tensor:
        """Summed nats of the targets that count."""
        normed_BTD = self._stream(self.model, ids_BT, self._block or _block)
        return summed_nats(normed_BTD, self.model.unembedding_weight, targets_BT)


def _stream(model: Transformer, ids_BT: Tensor, block_of: Stream) -> Tensor:
    """The normed residual stream that the head reads."""
    stream_BTD, turns, visible_TS = model.enter(ids_BT)
    for block in model.blocks:
        stream_BTD = block_of(block, stream_BTD, turns, visible_TS)
    normed_BTD: Tensor = model.final_norm(stream_BTD)
    return normed_BTD


def _block(block: nn.Module, stream_BTD: Tensor, *rest: Any) -> Tensor:
    after_BTD: Tensor = block(stream_BTD, *rest)
    return after_BTD


def can_compile(device: str) -> bool:
    """Whether this machine has what torch.compile needs; on a GPU, Triton is tried."""
    if device == "cuda":
        return gradient_kernel() is not None
    return device == "cpu" and any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))
