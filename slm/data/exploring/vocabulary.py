"""Which words a text has, how often, and which stand together; the laws that they follow.

Counts words by number, in bounded memory. Two laws are fitted by least squares on
logarithmic axes. That is how the field draws them, and a fair summary of a line on a
chart; as a test of a power law it is known to mislead (Clauset, Shalizi and Newman 2009).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.data.exploring.hashes import counted, found_at, run_starts
from slm.data.exploring.words import Block

MAX_WORDS = 2**21 - 1  # so that three words' numbers fit into 63 bits
MAX_NGRAMS = 4_000_000
_BITS = 21
_PENDING = 4_000_000
_POINTS = 60
_LEAST_COUNT = 10  # rarer words bend the line, because counts are whole numbers


@dataclass(frozen=True)
class PowerLaw:
    """y = factor · x^exponent, fitted from `first` to `last`; r2 is the share of the variance
    of log y that the line explains."""

    exponent: float
    factor: float
    r2: float
    first: int
    last: int

    def at(self, x: float) -> float:
        """y on the line."""
        return float(self.factor * x**self.exponent)


class WordCounter:
    """Numbers words in the order in which they come, and counts them.

    When `limit` different words are known, new ones are counted together as unlisted.
    """

    def __init__(self, limit: int = MAX_WORDS) -> None:
        self.words: list[str] = []
        self.total = 0
        self.unlisted = 0
        self._limit = limit
        self._counts = np.zeros(1024, np.int64)
        self._table = np.empty(0, np.uint64)
        self._numbers = np.empty(0, np.int64)
        self._first_places: list[NDArray[np.int64]] = []
        self._full_at: int | None = None

    def add(self, block: Block) -> NDArray[np.int64]:
        """Count the words of a block; gives their numbers, -1 for unlisted ones."""
        order = np.argsort(block.hashes)
        ordered = block.hashes[order]
        runs = run_starts(ordered)
        if not len(runs):
            return np.empty(0, np.int64)
        unique = ordered[runs]
        numbers = self._numbers_of(unique, np.minimum.reduceat(order, runs), block)
        times = np.diff(runs, append=len(ordered))
        listed = numbers >= 0
        self._counts[numbers[listed]] += times[listed]
        self.unlisted += int(times[~listed].sum())
        self.total += len(ordered)
        each = np.empty(len(ordered), np.int64)
        each[order] = np.repeat(numbers, times)
        return each

    @property
    def counts(self) -> NDArray[np.int64]:
        """How often each word occurs, by number."""
        return self._counts[: len(self.words)]

    @property
    def full(self) -> bool:
        """Whether words were met that found no room."""
        return self.unlisted > 0

    def top(self, n: int) -> list[tuple[str, int]]:
        """The n most frequent words; of equal ones, those that came first."""
        ranked = np.argsort(-self.counts, kind="stable")[:n]
        return [(self.words[number], int(self.counts[number])) for number in ranked]

    def rank_frequency(self, points: int = _POINTS) -> list[tuple[int, int, str]]:
        """Rank, count and word at ranks evenly spaced on a logarithmic scale."""
        order = np.argsort(-self.counts, kind="stable")
        return [
            (int(rank), int(self.counts[order[rank - 1]]), self.words[order[rank - 1]])
            for rank in log_spaced(len(order), points)
        ]

    def growth(self, points: int = _POINTS) -> list[tuple[int, int]]:
        """How many different words the first n words hold, up to where the table was full."""
        places = np.concatenate([np.empty(0, np.int64), *self._first_places])
        last = self._full_at if self._full_at is not None else self.total
        read = log_spaced(last, points)
        return [(int(n), int(np.searchsorted(places, n))) for n in read]

    def _numbers_of(
        self, unique: NDArray[np.uint64], firsts: NDArray[np.int64], block: Block
    ) -> NDArray[np.int64]:
        """The number of each different word; new ones get the next numbers as they come."""
        places, known = found_at(self._table, unique)
        numbers = np.full(len(unique), -1, np.int64)
        numbers[known] = self._numbers[places[known]]
        fresh = np.flatnonzero(~known)
        fresh = fresh[np.argsort(firsts[fresh])]
        room = self._limit - len(self.words)
        if len(fresh) > room and self._full_at is None:
            self._full_at = self.total + int(firsts[fresh[room]])
        fresh = fresh[:room]
        numbers[fresh] = len(self.words) + np.arange(len(fresh))
        self.words += [block.word(int(first)) for first in firsts[fresh]]
        self._first_places.append(self.total + firsts[fresh])
        if len(self.words) > len(self._counts):
            grown = np.zeros(max(len(self.words), 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        fresh.sort()
        self._table = np.insert(self._table, places[fresh], unique[fresh])
        self._numbers = np.insert(self._numbers, places[fresh], numbers[fresh])
        return numbers


class PhraseCounter:
    """Counts n neighbouring words of one sentence (n at most 3).

    When more than `limit` different ones are held, the rarest are let go (Manku and
    Motwani 2002): from then on a count may be too small, by `undercount` at most.
    """

    def __init__(self, n: int, limit: int = MAX_NGRAMS) -> None:
        assert 1 <= n <= 3
        self.n = n
        self.total = 0
        self.undercount = 0
        self._limit = limit
        self._keys = np.empty(0, np.uint64)
        self._counts = np.empty(0, np.int64)
        self._pending: list[NDArray[np.uint64]] = []
        self._n_pending = 0

    def add(self, numbers: NDArray[np.int64], sentences: NDArray[np.int64]) -> None:
        """Count the phrases of neighbouring words; unlisted words (-1) are in none."""
        count = len(numbers) - self.n + 1
        if count <= 0:
            return
        keys = np.zeros(count, np.uint64)
        keep = sentences[:count] == sentences[self.n - 1 :]
        for offset in range(self.n):
            part = numbers[offset : offset + count]
            keep &= part >= 0
            keys = (keys << np.uint64(_BITS)) | part.astype(np.uint64)
        self._pending.append(keys[keep])
        self._n_pending += len(self._pending[-1])
        self.total += len(self._pending[-1])
        if self._n_pending >= _PENDING:
            self._merge()

    @property
    def distinct(self) -> int:
        """Different phrases held; at least so many are in the text."""
        self._merge()
        return len(self._keys)

    def top(self, n: int) -> list[tuple[tuple[int, ...], int]]:
        """The n most frequent phrases as numbers of words, with their counts."""
        self._merge()
        ranked = np.argsort(-self._counts, kind="stable")[:n]
        return [(self._unpacked(int(self._keys[i])), int(self._counts[i])) for i in ranked]

    def _unpacked(self, key: int) -> tuple[int, ...]:
        shifts = range(_BITS * (self.n - 1), -1, -_BITS)
        return tuple((key >> shift) & (2**_BITS - 1) for shift in shifts)

    def _merge(self) -> None:
        if not self._pending:
            return
        keys, times = counted(np.concatenate(self._pending))
        self._pending, self._n_pending = [], 0
        places, known = found_at(self._keys, keys)
        self._counts[places[known]] += times[known]
        self._keys = np.insert(self._keys, places[~known], keys[~known])
        self._counts = np.insert(self._counts, places[~known], times[~known])
        least = 0
        while np.count_nonzero(self._counts > least) > self._limit:
            least += 1
        if least:
            kept = self._counts > least
            self._keys, self._counts = self._keys[kept], self._counts[kept]
            self.undercount += least


def zipf(points: Sequence[tuple[int, int, str]]) -> PowerLaw | None:
    """The line through count against rank, over words that occur at least 10 times.

    Source: Zipf 1949; the slope of natural text is near -1.
    """
    kept = [(rank, count) for rank, count, _ in points if count >= _LEAST_COUNT]
    return power_law(kept)


def heaps(points: Sequence[tuple[int, int]]) -> PowerLaw | None:
    """V = K·N^β, the growth of the vocabulary V with the words read N, from 100 words on.

    Source: Heaps 1978, section 7.5.
    """
    return power_law([(read, different) for read, different in points if read >= 100])


def power_law(points: Sequence[tuple[int, int]]) -> PowerLaw | None:
    """Least squares on logarithmic axes; None below 5 points.

    >>> law = power_law([(x, 3 * x**2) for x in (1, 2, 4, 8, 16)])
    >>> round(law.exponent, 6), round(law.factor, 6), round(law.r2, 6)
    (2.0, 3.0, 1.0)
    """
    if len(points) < 5:
        return None
    x, y = np.log(np.array(points, np.float64)).T
    slope, intercept = np.polyfit(x, y, 1)
    spread = float(((y - y.mean()) ** 2).sum())
    missed = float(((y - slope * x - intercept) ** 2).sum())
    r2 = 1 - missed / spread if spread else 1.0
    return PowerLaw(float(slope), float(np.exp(intercept)), r2, points[0][0], points[-1][0])


def log_spaced(last: int, points: int) -> NDArray[np.int64]:
    """Whole numbers from 1 to `last`, evenly spaced on a logarithmic scale.

    >>> log_spaced(100, 3)
    array([  1,  10, 100])
    """
    if last < 1:
        return np.empty(0, np.int64)
    return np.unique(np.round(np.geomspace(1, last, points)).astype(np.int64))
