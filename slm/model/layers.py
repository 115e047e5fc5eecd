"""The parts of a block that look at one position at a time: norms, rotary positions, feed-forward.

They know nothing about text, and nothing about other positions.

B batch, T position, D width, H heads, K head width, F feed-forward width.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slm.model.config import ModelConfig, RopeScaling
from slm.model.probe import Probe, tap


def make_norm(config: ModelConfig, width: int) -> nn.Module:
    """The norm that the settings name: it brings each position's vector to an even size.

    LayerNorm also subtracts the mean, and has a bias where every part has one.

    Source: Ba et al. 2016 (LayerNorm), Zhang & Sennrich 2019 (RMSNorm).
    """
    if config.norm == "layernorm":
        return nn.LayerNorm(width, eps=config.norm_eps, bias=config.bias == "all")
    return RMSNorm(width, eps=config.norm_eps)


class RMSNorm(nn.RMSNorm):
    """x / RMS(x) times a learned gain; faster than PyTorch's on a CPU, and in autocast.

    Source: Zhang and Sennrich 2019, eq. 4.
    """

    def forward(self, x: Tensor) -> Tensor:
        """The vectors at an even size, in x's number format."""
        assert self.eps is not None
        plain = x.device.type == "cpu" and x.dtype == self.weight.dtype == torch.float32
        if plain and not torch.compiler.is_compiling():
            y: Tensor = _FusedRMSNorm.apply(x, self.weight, self.eps)  # type: ignore[no-untyped-call]
            return y
        return F.rms_norm(x, self.normalized_shape, self.weight.to(x.dtype), self.eps)


class _FusedRMSNorm(torch.autograd.Function):
    """RMSNorm in few passes over the memory, which is what it costs on a CPU.

    Backward, with r = 1 / RMS(x) and g the gradient times the gain, N numbers a vector:
    dx = r · g − x · r³ · (g · x) / N. PyTorch's fused backward pass of LayerNorm, told that
    means are 0, gives this less r · sum(g) / N, which is put back.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        flat_ND = x.reshape(-1, x.shape[-1])
        norms_N1 = torch.linalg.vector_norm(flat_ND, dim=-1, keepdim=True)
        rescale_N1 = norms_N1.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(flat_ND, rescale_N1, weight)
        y: Tensor = (flat_ND * rescale_N1).mul_(weight).view(x.shape)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        flat_ND, rescale_N1, weight = ctx.saved_tensors
        width = flat_ND.shape[-1]
        gradient_ND = gradients[0].reshape(-1, width)
        means_N1 = torch.zeros_like(rescale_N1)
        dx_ND, dweight, _ = torch.ops.aten.native_layer_norm_backward(
            gradient_ND, flat_ND, [width], means_N1, rescale_N1, weight, None, [True, True, False]
        )
        lost_N1 = (gradient_ND @ weight)[:, None].mul_(rescale_N1).div_(width)
        return dx_ND.add_(lost_N1).view(gradients[0].shape), dweight, None


def rotary_frequencies(width: int, theta: float, scaling: RopeScaling | None = None) -> Tensor:
    """By what angle (radians) each pair of a head's numbers turns from one position to the next.

    Pair i of K/2 turns by theta^(-2i/K).

    Source: Su et al. 2021 (RoFormer), section 3.2.2; for `scaling` see RopeScaling.
    """
    pairs = torch.arange(0, width, 2, device="cpu", dtype=torch.float32)
    frequencies = 1.0 / theta ** (pairs / width)
    if scaling is None:
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    turns = frequencies * scaling.original_context_length / (2 * math.pi)
    slow, fast = scaling.low_freq_factor, scaling.high_freq_factor
    share_kept = ((turns - slow) / (fast - slow)).clamp(0.0, 1.0)
    return frequencies * (share_kept + (1 - share_kept) / scaling.factor)


def rotary_tables(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cosine and signed sine of every position's angles, each (context_length, K), float32.

    Pair i is (i, i + K/2), as the published Llama and Qwen weights have it. The
    minus sign of the rotation stands in the first half of the sine.
    """
    frequencies = rotary_frequencies(config.head_width, config.rope_theta, config.rope_scaling)
    positions = torch.arange(config.context_length, device="cpu", dtype=torch.float32)
    angles = torch.outer(positions, frequencies)
    cosine, sine = angles.cos(), angles.sin()
    return torch.cat([cosine, cosine], dim=-1), torch.cat([-sine, sine], dim=-1)


def rotate(heads_BHTK: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn each pair of numbers by its position's angle: (a, b) → (a cos − b sin, b cos + a sin).

    The tables are (T, K), or (B, 1, T, K) where rows stand at different positions.
    """
    halves_swapped = heads_BHTK.roll(heads_BHTK.shape[-1] // 2, dims=-1)
    return heads_BHTK * cosine + halves_swapped * sine


class FeedForward(nn.Module):
    """What each position works out for itself.

    gelu:    down(GELU(up(x)))            Source: Vaswani et al. 2017, section 3.3
    swiglu:  down(SiLU(gate(x)) · up(x))  Source: Shazeer 2020, eq. 6
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        with_bias = config.bias == "all"
        self.gate = None
        if config.mlp == "swiglu":
            self.gate = nn.Linear(config.d_model, config.d_ff, bias=with_bias)
        self.up = nn.Linear(config.d_model, config.d_ff, bias=with_bias)
        self.down = nn.Linear(config.d_ff, config.d_model, bias=with_bias)

    def forward(self, normed_BTD: Tensor, layer: int = 0, probe: Probe | None = None) -> Tensor:
        """The part's output, to be added to the residual stream."""
        if self.gate is None:
            hidden_BTF = F.gelu(self.up(normed_BTD), approximate="tanh")
        else:
            hidden_BTF = F.silu(self.gate(normed_BTD)) * self.up(normed_BTD)
        hidden_BTF = tap(probe, "mlp_hidden", layer, hidden_BTF)
        output_BTD: Tensor = self.down(hidden_BTF)
        return output_BTD
