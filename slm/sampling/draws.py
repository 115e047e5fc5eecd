"""The chance in a text: which numbers a seed gives, one for each token that is drawn. No models."""

import torch


def uniforms(seed: int, count: int) -> list[float]:
    """The first numbers of a seed's row, each at least 0 and below 1, as `generate` uses them.

    >>> uniforms(0, 3)[:2] == uniforms(0, 2)
    True
    """
    generator = torch.Generator("cpu").manual_seed(seed)
    return [float(torch.rand((), generator=generator, dtype=torch.float64)) for _ in range(count)]
