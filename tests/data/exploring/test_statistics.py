"""Spreads and histograms small enough to check by eye."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as some

from slm.data.exploring.statistics import histogram, spread


def test_a_spread_sums_up():
    found = spread(np.array([4, 1, 1, 10]))
    assert (found.count, found.total, found.least, found.greatest) == (4, 16, 1, 10)
    assert (found.median, found.mean) == (2.5, 4.0)


def test_nothing_has_an_empty_spread():
    found = spread(np.empty(0, np.int64))
    assert (found.count, found.mean, found.histogram.counts) == (0, 0.0, ())


@given(some.lists(some.integers(0, 2**40), min_size=1, max_size=60))
def test_histograms_count_every_value_once(values):
    found = histogram(np.array(values))
    assert sum(found.counts) == len(values)
    assert len(found.edges) == len(found.counts) + 1
    assert all(a < b for a, b in zip(found.edges, found.edges[1:], strict=False))
    for low, high, count in zip(found.edges, found.edges[1:], found.counts, strict=False):
        last = high == found.edges[-1]
        assert count == sum(low <= value < high or (last and value == high) for value in values)
