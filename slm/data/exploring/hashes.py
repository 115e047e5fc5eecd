"""Hashes of many stretches at once: words, shingles, n-grams.

Knows arrays of numbers only. A stretch is hashed from two prefix sums of a polynomial
modulo 2^64 (Karp and Rabin 1987), so that all windows of any length cost a few numpy
operations. Among a million different stretches, two fall together once in about
40 million tries.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

_FACTOR = 0x9E3779B97F4A7C15


def scrambled(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers spread evenly over 64 bits, one to one.

    Source: Steele, Lea and Flood 2014 (the last steps of SplitMix64).
    """
    mixed = values + np.uint64(_FACTOR)
    mixed ^= mixed >> np.uint64(30)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def prefix_sums(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Sums from which `span_hashes` hashes any stretch of the values, which should be scrambled."""
    sums = np.empty(len(values) + 1, np.uint64)
    sums[0] = 0
    weighted = values * _powers(len(values))[0]
    np.cumsum(weighted, out=sums[1:])
    return sums


def span_hashes(
    sums: NDArray[np.uint64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hashes of the stretches starts[i]:ends[i], the same wherever equal stretches stand."""
    inverse = _powers(len(sums))[1]
    return scrambled((sums[ends] - sums[starts]) * inverse[starts])


def counted(values: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The different values in order, and how often each occurs (faster than `np.unique`)."""
    ordered = np.sort(values)
    firsts = run_starts(ordered)
    return ordered[firsts], np.diff(firsts, append=len(ordered))


def run_starts(ordered: NDArray[np.generic]) -> NDArray[np.int64]:
    """Where runs of equal neighbours begin.

    >>> run_starts(np.array([5, 5, 7, 9, 9]))
    array([0, 2, 3])
    """
    if not len(ordered):
        return np.empty(0, np.int64)
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))


def found_at(
    table: NDArray[np.uint64], values: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """For each value its place in a sorted table, and whether it stands there."""
    places = np.searchsorted(table, values)
    if not len(table):
        return places, np.zeros(len(values), np.bool_)
    return places, table[np.minimum(places, len(table) - 1)] == values


def _powers(n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The first n powers of the factor and of its inverse, modulo 2^64."""
    powers, inverse = _powers_up_to(1 << max(16, (n - 1).bit_length()))
    return powers[:n], inverse[:n]


@cache
def _powers_up_to(n: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return _geometric(_FACTOR, n), _geometric(pow(_FACTOR, -1, 2**64), n)


def _geometric(factor: int, n: int) -> NDArray[np.uint64]:
    """1, factor, factor², … modulo 2^64, by doubling; n is a power of two."""
    row = np.ones(n, np.uint64)
    done = 1
    while done < n:
        row[done : 2 * done] = row[:done] * np.uint64(pow(factor, done, 2**64))
        done *= 2
    return row
