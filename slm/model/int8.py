"""Matrices of a product in 8 bits a number: half, or a quarter, of what is read for a token.

PyTorch has the kernel (processor only) without a public name: `available` looks whether it is
there and gives the right numbers, and everything works without it. Sees no ids, no text.

B rows, I outputs, J inputs.
"""

from functools import cache

import torch
from torch import Tensor

_FEW = 8  # from so many rows on, arithmetic takes longer than reading: the full matrix is faster
_KERNEL = "_weight_int8pack_mm"


@cache
def available() -> bool:
    """Whether this PyTorch multiplies by 8-bit matrices on this processor."""
    if not hasattr(torch, _KERNEL):
        return False
    weight_IJ = torch.linspace(-1, 1, 64 * 64).reshape(64, 64).sin()
    x_BJ = torch.linspace(-1, 1, 2 * 64).reshape(2, 64)
    try:
        found_BI = Int8Matrix(weight_IJ)(x_BJ)
    except (RuntimeError, NotImplementedError, TypeError):  # another signature, or no kernel
        return False
    return bool(torch.allclose(found_BI, x_BJ @ weight_IJ.T, atol=0.2))


class Int8Matrix:
    """A matrix rounded to 255 steps a row: `matrix(x_BJ)` gives what `F.linear` gives, nearly.

    Each row has its own step, its largest number over 127; inputs are rounded to bfloat16.

    Source: Dettmers et al. 2022 (LLM.int8()), section 2.1, absmax quantization by row.
    """

    def __init__(self, weight_IJ: Tensor, bias: Tensor | None = None) -> None:
        step_I = (weight_IJ.abs().amax(dim=1) / 127).bfloat16()
        step_I = step_I.clamp(min=torch.finfo(torch.bfloat16).tiny)
        steps_IJ = (weight_IJ / step_I[:, None].to(weight_IJ.dtype)).round_().clamp_(-127, 127)
        self._steps_IJ, self._step_I, self._bias = steps_IJ.to(torch.int8), step_I, bias

    @staticmethod
    def suits(n_rows: int) -> bool:
        """Whether so many rows are faster by it than by the full matrix."""
        return n_rows < _FEW

    def __call__(self, x_BJ: Tensor) -> Tensor:
        kernel = getattr(torch, _KERNEL)
        rounded_BJ = x_BJ.bfloat16().contiguous()
        product_BI: Tensor = kernel(rounded_BJ, self._steps_IJ, self._step_I).to(x_BJ.dtype)
        return product_BI if self._bias is None else product_BI + self._bias
