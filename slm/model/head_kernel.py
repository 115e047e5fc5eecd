"""`logits_to_gradient` as one kernel for NVIDIA GPUs: read a row twice, write it once.

Triton comes with PyTorch's CUDA builds; nobody else imports this file. A row of 50,000
logits stays in the GPU's caches between the two readings, so the memory is read once.

Source: Milakov and Gimelshein 2018, "Online normalizer calculation for softmax".
"""

import torch
import triton  # type: ignore[import-not-found]
import triton.language as tl  # type: ignore[import-not-found]
from torch import Tensor

from slm.model.loss import IGNORED

_BLOCK = 8192
_WARPS = 16


@triton.jit  # type: ignore[untyped-decorator]
def _one_row(  # type: ignore[no-untyped-def]
    logits, targets, nats, stride, n_columns, ignored: tl.constexpr, block: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64)
    logits += row * stride
    target = tl.load(targets + row)
    offsets = tl.arange(0, block)
    highest = -float("inf")
    total = 0.0
    for begin in range(0, n_columns, block):
        inside = begin + offsets < n_columns
        x = tl.load(logits + begin + offsets, mask=inside, other=-float("inf")).to(tl.float32)
        new = tl.maximum(highest, tl.max(x))
        total = total * tl.exp(highest - new) + tl.sum(tl.exp(x - new))
        highest = new
    log_sum = highest + tl.log(total)
    scored = target != ignored
    picked = tl.load(logits + tl.where(scored, target, 0)).to(tl.float32)
    tl.store(nats + row, tl.where(scored, log_sum - picked, 0.0))
    for begin in range(0, n_columns, block):
        columns = begin + offsets
        inside = columns < n_columns
        x = tl.load(logits + columns, mask=inside, other=0.0).to(tl.float32)
        gradient = tl.exp(x - log_sum) - tl.where(columns == target, 1.0, 0.0)
        gradient = tl.where(scored, gradient, 0.0)
        tl.store(logits + columns, gradient.to(logits.dtype.element_ty), mask=inside)


def logits_to_gradient_on_gpu(logits_CV: Tensor, targets_C: Tensor) -> Tensor:
    """Each target's nats; in the logits' place the gradient of their sum. Rows may be padded."""
    rows, columns = logits_CV.shape
    nats_C = torch.empty(rows, device=logits_CV.device, dtype=torch.float32)
    assert logits_CV.stride(1) == 1
    _one_row[(rows,)](
        logits_CV,
        targets_C,
        nats_C,
        logits_CV.stride(0),
        columns,
        IGNORED,
        _BLOCK,
        num_warps=_WARPS,
    )
    return nats_C
