"""Numbers in bins, and how they spread. Knows numbers only."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_N_BINS = 40


@dataclass(frozen=True)
class Histogram:
    """counts[i] values lie in edges[i] <= value < edges[i + 1]."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """Whole numbers summed up: how many, their sum, the least, the middle, the greatest."""

    count: int
    total: int
    least: int
    median: float
    greatest: int
    histogram: Histogram

    @property
    def mean(self) -> float:
        """The mean, 0 of nothing."""
        return self.total / self.count if self.count else 0.0


def spread(values: NDArray[np.int64]) -> Spread:
    """The values summed up.

    >>> found = spread(np.array([1, 2, 2, 3]))
    >>> found.total, found.median, found.histogram.counts
    (8, 2.0, (1, 2, 1))
    """
    if not values.size:
        return Spread(0, 0, 0, 0.0, 0, Histogram((), ()))
    return Spread(
        count=int(values.size),
        total=int(values.sum()),
        least=int(values.min()),
        median=float(np.median(values)),
        greatest=int(values.max()),
        histogram=histogram(values),
    )


def spread_of_counts(times: NDArray[np.int64]) -> Spread:
    """The spread of the values 0, 1, 2, … of which there are so many each.

    >>> found = spread_of_counts(np.array([0, 1, 2, 1]))
    >>> found.total, found.median, found.histogram.counts
    (8, 2.0, (1, 2, 1))
    """
    values = np.flatnonzero(times)
    if not values.size:
        return spread(values)
    reached = np.cumsum(times[values])
    count = int(reached[-1])
    middle = np.searchsorted(reached, [(count + 1) // 2, count // 2 + 1])
    return Spread(
        count=count,
        total=int((values * times[values]).sum()),
        least=int(values[0]),
        median=float(values[middle].mean()),
        greatest=int(values[-1]),
        histogram=histogram(values, times=times[values]),
    )


def histogram(
    values: NDArray[np.int64], n_bins: int = _N_BINS, *, times: NDArray[np.int64] | None = None
) -> Histogram:
    """Counts of whole numbers in bins of equal width; wider by equal factors when the
    values span more than a factor of 50. `times`: how often each value counts.

    >>> histogram(np.array([1, 2, 2, 3])).counts
    (1, 2, 1)
    """
    if not values.size:
        return Histogram((), ())
    low, high = int(values.min()), int(values.max())
    if low >= 0 and high > 50 * max(low, 1):
        first = max(low, 1)
        edges: NDArray[np.float64] = np.unique(np.round(np.geomspace(first, high + 1, n_bins + 1)))
        edges[-1] = max(edges[-1], high + 1)
        if low == 0:
            edges = np.append(0, edges)
    else:
        step = max(1, -(-(high + 1 - low) // n_bins))
        edges = np.arange(low, high + 1 + step, step, dtype=np.float64)
        edges = edges[: np.searchsorted(edges, high + 1) + 1]
    counts, edges = np.histogram(values, bins=edges, weights=times)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))
