"""Training loss of a large vocabulary without ever holding all its logits.

The head (stream → logits) and the loss behind it are taken together, some positions at a
time: logits, their nats, and at once the gradient, which takes the logits' place. What is
kept for the backward pass is as large as the stream and the weights, not as the logits.
A batch of 64 × 1,024 positions with 50,257 tokens would hold 6.6 GB of logits, and about
as much again for their gradient; here it is 1 GB at a time.

N positions, D width, V vocabulary, C positions of one chunk.
"""

import logging
from collections.abc import Callable
from functools import cache
from subprocess import CalledProcessError
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from slm.model.config import LOGITS_AT_ONCE
from slm.model.loss import IGNORED, token_nats

KERNEL_CHUNK_VALUES = 2**29
"""Logits held at once: 1 GB in bfloat16. With a kernel of its own nothing beside them is made."""
_EVEN = 128  # products of matrices are fastest at multiples of this many columns

ToGradient = Callable[[Tensor, Tensor], Tensor]
_logger = logging.getLogger(__name__)


def summed_nats(
    normed_BTD: Tensor,
    unembedding_VD: Tensor,
    targets_BT: Tensor,
    chunk_values: int | None = None,
) -> Tensor:
    """Nats of all scored targets together, as `token_nats(logits, targets).sum()` gives them.

    In autocast the logits are made in its number format. `chunk_values` is how many may be
    held at once; fewer in all are not cut.
    """
    kernel = gradient_kernel() if unembedding_VD.is_cuda else None
    if chunk_values is None:
        chunk_values = LOGITS_AT_ONCE if kernel is None else KERNEL_CHUNK_VALUES
    if targets_BT.numel() * unembedding_VD.shape[0] <= min(chunk_values, LOGITS_AT_ONCE):
        return token_nats(F.linear(normed_BTD, unembedding_VD), targets_BT).sum()
    rows = max(1, chunk_values // unembedding_VD.shape[0])
    nats: Tensor = _HeadNats.apply(  # type: ignore[no-untyped-call]
        normed_BTD.flatten(0, -2),
        unembedding_VD,
        targets_BT.flatten(),
        kernel or logits_to_gradient,
        rows,
    )
    return nats


@cache
def gradient_kernel() -> ToGradient | None:
    """The same as `logits_to_gradient` in one kernel, where Triton can make one; tried once.

    Triton is not everywhere where CUDA is, and needs a C compiler and Python's headers.
    """
    try:
        from slm.model.head_kernel import logits_to_gradient_on_gpu

        nats = logits_to_gradient_on_gpu(
            torch.zeros(1, 8, device="cuda"), torch.zeros(1, dtype=torch.int64, device="cuda")
        )
        nats.item()
    except (ImportError, OSError, RuntimeError, CalledProcessError) as error:
        _logger.info("no kernel of its own for the loss: %s", error)
        return None
    return logits_to_gradient_on_gpu


def logits_to_gradient(logits_CV: Tensor, targets_C: Tensor) -> Tensor:
    """Each target's nats; in the logits' place, the gradient of their sum: softmax − one-hot.

    >>> logits = torch.zeros(1, 4)
    >>> nats = logits_to_gradient(logits, torch.tensor([2]))
    >>> logits
    tensor([[ 0.2500,  0.2500, -0.7500,  0.2500]])
    """
    wide_CV = logits_CV.float()
    log_sum_C1 = wide_CV.logsumexp(-1, keepdim=True)
    scored_C1 = (targets_C != IGNORED)[:, None]
    picked_C1 = targets_C.clamp(min=0)[:, None]
    nats_C1 = (log_sum_C1 - wide_CV.gather(-1, picked_C1)) * scored_C1
    columns_V = torch.arange(logits_CV.shape[-1], device=logits_CV.device)
    gradient_CV = (wide_CV - log_sum_C1).exp() - (columns_V == picked_C1).float()
    logits_CV.copy_(gradient_CV * scored_C1)
    return nats_C1[:, 0]


class _HeadNats(torch.autograd.Function):
    """Summed nats of the head; the gradient is made with them, and only scaled later."""

    @staticmethod
    def forward(
        ctx: Any,
        normed_ND: Tensor,
        unembedding_VD: Tensor,
        targets_N: Tensor,
        to_gradient: ToGradient,
        rows: int,
    ) -> Tensor:
        kind = normed_ND.device.type
        dtype = normed_ND.dtype
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
        with torch.autocast(kind, enabled=False):
            vocabulary = unembedding_VD.shape[0]
            weight_VD = unembedding_VD.to(dtype)
            if weight_VD.is_cuda and vocabulary % _EVEN:
                weight_VD = F.pad(weight_VD, (0, 0, 0, -vocabulary % _EVEN))
            streams = torch.split(normed_ND.to(dtype), rows)
            parts, sums = [], []
            weight_gradient_VD: Tensor | None = None
            for stream_CD, targets_C in zip(streams, torch.split(targets_N, rows), strict=True):
                logits_CV = stream_CD @ weight_VD.mT
                logits_CV[:, vocabulary:] = 0.0
                sums.append(to_gradient(logits_CV[:, :vocabulary], targets_C).sum())
                parts.append(logits_CV @ weight_VD)
                if ctx.needs_input_grad[1]:  # not where the head is frozen
                    part_VD = (logits_CV.mT @ stream_CD).to(unembedding_VD.dtype)
                    weight_gradient_VD = (
                        part_VD if weight_gradient_VD is None else weight_gradient_VD.add_(part_VD)
                    )
                del logits_CV
        ctx.stream_dtype = normed_ND.dtype
        if weight_gradient_VD is not None:
            weight_gradient_VD = weight_gradient_VD[:vocabulary]
        ctx.save_for_backward(torch.cat(parts), weight_gradient_VD)
        return torch.stack(sums).sum()

    @staticmethod
    def backward(ctx: Any, *scales: Tensor) -> tuple[Tensor | None, ...]:
        stream_gradient_ND, weight_gradient_VD = ctx.saved_tensors
        scaled_ND = (stream_gradient_ND * scales[0]).to(ctx.stream_dtype)
        if weight_gradient_VD is not None:
            weight_gradient_VD = weight_gradient_VD * scales[0]
        return scaled_ND, weight_gradient_VD, None, None, None
