"""How far would a figure move on other text of the same kind? The bootstrap over documents.

Tokens of one document resemble each other, so documents are drawn, not tokens: intervals over
tokens would be far too narrow. Sees sums by document; no tokens, no models.

Legend: D documents (or stretches, where there are few), M measures summed over each, R resamples.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import exp, inf, log
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

RESAMPLES = 1_000
LEVEL = 0.95
FEWEST = 8
"""Fewer documents than this say too little of what other documents would be like."""
_MOST = 2_000  # more documents are joined to so many groups, so that the work is bounded
_DRAWN_AT_ONCE = 2**20


@dataclass(frozen=True)
class Interval:
    """Between `low` and `high` the figure of `level` of all resamples lies."""

    low: float
    high: float
    level: float = LEVEL

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; None for what is not finite."""
        return {key: value if abs(value) < inf else None for key, value in asdict(self).items()}


class Resamples:
    """Sums over documents drawn again and again, as many as there are, with replacement.

    All measures are summed over the same draws, so that ratios and differences of them are paired.

    Source: Efron 1979; percentile intervals, Efron and Tibshirani 1993, chapter 13.
    """

    def __init__(
        self, sums_MD: Sequence[ArrayLike], *, resamples: int = RESAMPLES, seed: int = 0
    ) -> None:
        """`sums_MD`: a row for each measure: nats, tokens, bytes, … of each document."""
        sums = _grouped(np.asarray(sums_MD, dtype=np.float64))
        self.documents = sums.shape[1]
        rng = np.random.default_rng(seed)
        at_once = max(1, _DRAWN_AT_ONCE // max(1, self.documents))
        drawn = []
        for first in range(0, resamples, at_once):
            rows = min(at_once, resamples - first)
            places_RD = rng.integers(self.documents, size=(rows, self.documents))
            drawn.append(np.stack([row_D[places_RD].sum(1) for row_D in sums]))
        self.sums_MR: Floats = np.concatenate(drawn, axis=1)

    def ratio(self, over: int, under: int, level: float = LEVEL) -> Interval | None:
        """Of one measure over another: nats over tokens, say. None for too few documents.

        >>> Resamples([[2.0] * 9, [1.0] * 9]).ratio(0, 1)
        Interval(low=2.0, high=2.0, level=0.95)
        """
        return self._interval(self._ratios(over, under), level)

    def difference(
        self, one: tuple[int, int], other: tuple[int, int], level: float = LEVEL
    ) -> Interval | None:
        """Of a ratio less another: two models on the same documents.

        >>> sums = Resamples([[3.0] * 9, [2.0] * 9, [1.0] * 9])
        >>> sums.difference((0, 2), (1, 2))
        Interval(low=1.0, high=1.0, level=0.95)
        """
        return self._interval(self._ratios(*one) - self._ratios(*other), level)

    def _ratios(self, over: int, under: int) -> Floats:
        over_R, under_R = self.sums_MR[over], self.sums_MR[under]
        nothing_R = np.full(len(over_R), np.nan)  # where only empty documents were drawn
        ratios_R: Floats = np.divide(over_R, under_R, out=nothing_R, where=under_R > 0)
        return ratios_R

    def _interval(self, values_R: Floats, level: float) -> Interval | None:
        known_R = values_R[np.isfinite(values_R)]
        if self.documents < FEWEST or not len(known_R):
            return None
        low, high = np.quantile(known_R, [(1 - level) / 2, (1 + level) / 2])
        return Interval(float(low), float(high), level)


def perplexity_of(nats: Interval | None) -> Interval | None:
    """The interval of the perplexity, from that of nats a token.

    >>> perplexity_of(Interval(0.0, log(2)))
    Interval(low=1.0, high=2.0, level=0.95)
    """
    if nats is None:
        return None
    low, high = (exp(edge) if edge < 700 else inf for edge in (nats.low, nats.high))
    return Interval(low, high, nats.level)


def bits(nats: Interval | None) -> Interval | None:
    """The same interval in bits."""
    if nats is None:
        return None
    return Interval(nats.low / log(2), nats.high / log(2), nats.level)


def _grouped(sums_MD: Floats) -> Floats:
    """Neighbouring documents joined, where there are very many."""
    documents = sums_MD.shape[1]
    if documents <= _MOST:
        return sums_MD
    begins = np.linspace(0, documents, _MOST, endpoint=False).astype(np.int64)
    return np.add.reduceat(sums_MD, begins, axis=1)
