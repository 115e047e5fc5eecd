"""Which temperature would make the model say what it means?

One number T divides all logits. Below 1 the model becomes more certain, above 1 less; its
first guess stays the same. The T of the lowest loss on held-out text calibrates best.

Legend: N targets, V vocabulary.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from slm.evaluation.binning import Cells, Reliability

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.75, 2.0)
SAMPLED = 10_000
"""Targets that are looked at, spread evenly over the text."""

_FAR = 1e4  # below the highest logit: a probability of 0, and still a number to count with
_FLAT = 1e-6  # nats between the highest and the lowest loss


@dataclass(frozen=True)
class AtTemperature:
    """The model with its logits divided by `temperature`: its first guesses, and its loss."""

    temperature: float
    nats_per_token: float
    width: Reliability


@dataclass(frozen=True)
class Tempering:
    """The model at each of TEMPERATURES, on `tokens` targets.

    best        the temperature of the lowest loss
    at_an_end   whether that is the lowest or highest one tried: the real one lies beyond
    best_nats   nats per token there
    """

    tokens: int
    at: tuple[AtTemperature, ...]
    best: float
    at_an_end: bool
    best_nats: float


class Tempers:
    """Sums over targets at every temperature, in one pass."""

    def __init__(self, n_targets: int, n_bins: int) -> None:
        self._every = max(1, -(-n_targets // SAMPLED))
        self._n_bins = n_bins
        self._passed = 0
        self._tokens = 0
        self._nats = np.zeros(len(TEMPERATURES))
        self._slopes = np.zeros(len(TEMPERATURES))  # of the nats over 1/T
        self._cells = [Cells(n_bins) for _ in TEMPERATURES]

    def add(self, logits_NV: Tensor, targets_N: Tensor) -> None:
        """Count those of the next targets that are looked at."""
        first = -self._passed % self._every
        self._passed += targets_N.numel()
        if first >= targets_N.numel():
            return
        logits_NV, targets_N = logits_NV[first :: self._every], targets_N[first :: self._every]
        self._tokens += targets_N.numel()
        logits_NV = logits_NV.float()
        logits_NV = (logits_NV - logits_NV.amax(-1, keepdim=True)).clamp(min=-_FAR)
        target_N = logits_NV.gather(-1, targets_N[:, None])[:, 0]
        came_N = (logits_NV.argmax(-1) == targets_N).cpu().numpy()
        for row, temperature in enumerate(TEMPERATURES):
            shares_NV = (logits_NV / temperature).exp_()
            total_N = shares_NV.sum(-1)
            mean_N = torch.linalg.vecdot(shares_NV, logits_NV) / total_N
            nats_N = total_N.log() - target_N / temperature
            self._nats[row] += float(nats_N.sum(dtype=torch.float64))
            self._slopes[row] += float((mean_N - target_N).sum(dtype=torch.float64))
            self._cells[row].add((1 / total_N).cpu().numpy(), came_N)

    def result(self) -> Tempering:
        """The best temperature, and the model at each."""
        n = max(1, self._tokens)
        nats, slopes = self._nats / n, self._slopes / n
        best, best_nats, at_an_end = lowest(nats, slopes)
        at = (
            AtTemperature(temperature, float(mean), cells.equal_width(self._n_bins))
            for temperature, mean, cells in zip(TEMPERATURES, nats, self._cells, strict=True)
        )
        return Tempering(self._tokens, tuple(at), best, at_an_end, best_nats)


def lowest(
    nats: np.ndarray[tuple[int], np.dtype[np.float64]],
    slopes: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> tuple[float, float, bool]:
    """Temperature of the lowest loss, that loss, and whether it is the first or last one tried.

    The loss is convex in 1/T, so it falls until its slope changes sign. Between two tried
    temperatures it is taken to be the cubic with their values and slopes. Where it is the
    same at all of them, 1 does as well as any.

    Source: Guo et al. 2017, section 4.2, temperature scaling.
    """
    if float(np.ptp(nats)) < _FLAT:
        return 1.0, float(nats[TEMPERATURES.index(1.0)]), False
    inverse = 1 / np.array(TEMPERATURES)  # falling
    rising = np.flatnonzero(slopes >= 0)  # where 1/T is too large already
    if rising.size == 0 or rising[-1] == len(TEMPERATURES) - 1:
        end = 0 if rising.size == 0 else len(TEMPERATURES) - 1
        return TEMPERATURES[end], float(nats[end]), True
    right, left = int(rising[-1]), int(rising[-1]) + 1
    width = float(inverse[right] - inverse[left])
    low, high = float(slopes[left]), float(slopes[right])
    mean = float(nats[right] - nats[left]) / width
    b = 6 * (mean - low) - 2 * (high - low)
    c = (high - low) - b
    # The root of low + b·u + c·u² between 0 and 1, in the form that stays sound for c near 0.
    u = -2 * low / (b + sqrt(max(0.0, b * b - 4 * c * low))) if low else 0.0
    u = min(1.0, max(0.0, u))
    best_nats = float(nats[left]) + width * (low * u + b * u**2 / 2 + c * u**3 / 3)
    return 1 / (float(inverse[left]) + u * width), best_nats, False
