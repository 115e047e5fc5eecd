"""Certainty against what came, in bins: the reliability diagram and its one number.

Sees probabilities and whether each came true; no tokens, no models.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

_CELLS_A_BIN = 4_096


@dataclass(frozen=True)
class Bin:
    """Statements whose probability lies in (low, high], and what became of them.

    confidence  their mean probability
    accuracy    share of them that came true
    by_chance   by how much the two differ on average where every statement is just as
                likely as it says, because there are only so many
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float
    by_chance: float

    @property
    def gap(self) -> float:
        """Above 0: it is more certain than it has reason to be."""
        return self.confidence - self.accuracy


@dataclass(frozen=True)
class Reliability:
    """Bins that hold something, from the least to the most certain.

    ece        expected calibration error: the bins' |confidence − accuracy|, weighted by count
    by_chance  the ECE of a calibrated model on as many independent statements
    """

    bins: tuple[Bin, ...]

    @property
    def count(self) -> int:
        """Statements in all."""
        return sum(each.count for each in self.bins)

    @property
    def ece(self) -> float:
        """Source: Guo et al. 2017, eq. 3."""
        return self._weighted(abs(each.gap) for each in self.bins)

    @property
    def by_chance(self) -> float:
        """Below about this, an ECE says nothing."""
        return self._weighted(each.by_chance for each in self.bins)

    def _weighted(self, values: Iterable[float]) -> float:
        total = sum(each.count * value for each, value in zip(self.bins, values, strict=True))
        return total / self.count if self.count else 0.0


class Cells:
    """Statements counted by probability in fine cells, from which bins are put together.

    Each of `n_bins` bins of equal width is a whole number of cells; bins of equal count are
    exact to a cell. What lies within a cell is summed, so means are exact.
    """

    def __init__(self, n_bins: int) -> None:
        self._n = n_bins * _CELLS_A_BIN
        self._sums = np.zeros((4, self._n))  # count, probability, came true, p·(1 − p)

    def add(self, chances_N: NDArray[np.floating], came_N: NDArray[np.bool_]) -> None:
        """Count statements: their probabilities, and whether they came true."""
        chances_N = chances_N.astype(np.float64)
        cells_N = np.clip(np.ceil(chances_N * self._n).astype(np.int64) - 1, 0, self._n - 1)
        weights = (None, chances_N, came_N, chances_N * (1 - chances_N))
        for row, weights_N in zip(self._sums, weights, strict=True):
            row += np.bincount(cells_N, weights=weights_N, minlength=self._n)

    def equal_width(self, n_bins: int) -> Reliability:
        """Bins (0, 1/n], (1/n, 2/n], …, as in Guo et al. 2017, section 2.

        >>> cells = Cells(2)
        >>> cells.add(np.array([0.2, 0.4, 0.5, 0.9]), np.array([False, True, True, True]))
        >>> [(each.count, each.accuracy.__round__(3)) for each in cells.equal_width(2).bins]
        [(3, 0.667), (1, 1.0)]
        """
        assert self._n % n_bins == 0
        return self._bins(np.arange(0, self._n + 1, self._n // n_bins))

    def equal_mass(self, n_bins: int) -> Reliability:
        """Bins that hold about equally many statements; fewer where many are equally likely.

        Source: Nixon et al. 2019, "Measuring calibration in deep learning", section 3.
        """
        counted = np.cumsum(self._sums[0])
        wanted = counted[-1] * np.arange(1, n_bins) / n_bins
        edges = np.searchsorted(counted, wanted - 1e-9) + 1
        return self._bins(np.unique(np.concatenate([[0], edges, [self._n]])))

    def _bins(self, edges: NDArray[np.integer]) -> Reliability:
        sums = np.add.reduceat(self._sums, edges[:-1], axis=1)
        found = []
        for (count, chances, came, spread), low, high in zip(
            sums.T.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True
        ):
            if count:
                n = int(count)
                by_chance = sqrt(2 * max(0.0, spread / n) / (pi * n))  # E|x| of a normal
                each = Bin(low / self._n, high / self._n, n, chances / n, came / n, by_chance)
                found.append(each)
        return Reliability(tuple(found))
