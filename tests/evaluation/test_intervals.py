"""Bootstrap over documents: what it must give, by hand and by what it is for."""

import math

import numpy as np
import pytest

from slm.evaluation import intervals
from slm.evaluation.intervals import Interval, Resamples, bits, perplexity_of

N = 40


def test_documents_that_are_all_alike_leave_no_doubt():
    found = Resamples([[6.0] * N, [3.0] * N]).ratio(0, 1)
    assert found == Interval(2.0, 2.0)


def test_the_interval_is_that_of_the_mean_where_documents_are_equally_long():
    """100 documents of one token, 0 or 2 nats: the mean is 1, its deviation 1/10: 1 ± 0.196."""
    sums = Resamples([[0.0, 2.0] * 50, [1.0] * 100], resamples=4_000)
    found = sums.ratio(0, 1)
    assert found is not None
    assert found.low == pytest.approx(1 - 0.196, abs=0.03)
    assert found.high == pytest.approx(1 + 0.196, abs=0.03)


def test_long_documents_weigh_what_they_hold():
    """One document of 90 tokens at 1 nat, nine of one token at 10: near 180/99, not near 9.1."""
    nats, tokens = [90.0] + [10.0] * 9, [90.0] + [1.0] * 9
    found = Resamples([nats, tokens]).ratio(0, 1)
    assert found is not None and found.low < 180 / 99 < found.high


def test_it_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        sizes = rng.integers(20, 60, 60).astype(float)
        nats = sizes * rng.normal(3.0, 0.5, 60)  # the mean is 3 nats a token
        found = Resamples([nats, sizes], resamples=300, seed=seed).ratio(0, 1)
        assert found is not None
        held += found.low <= 3.0 <= found.high
    assert 176 <= held <= 200  # 95% is 190; the percentile interval is a little narrow


def test_two_models_are_compared_on_the_same_draws():
    """Each document is as hard for both; only the pairing sees that one is better."""
    rng = np.random.default_rng(1)
    one = rng.uniform(1, 9, N)
    sums = Resamples([one, one + 0.1, np.ones(N)])
    apart = sums.difference((1, 2), (0, 2))
    assert apart is not None
    assert apart.low == pytest.approx(0.1) and apart.high == pytest.approx(0.1)
    alone = sums.ratio(0, 2)
    assert alone is not None and alone.high - alone.low > 1


def test_the_same_seed_gives_the_same_interval():
    rows = np.random.default_rng(2).uniform(1, 2, (2, N))
    assert Resamples(rows).ratio(0, 1) == Resamples(rows).ratio(0, 1)
    assert Resamples(rows, seed=1).ratio(0, 1) != Resamples(rows).ratio(0, 1)


def test_few_documents_give_no_interval():
    few = intervals.FEWEST - 1
    assert Resamples([[1.0] * few, [1.0] * few]).ratio(0, 1) is None
    assert perplexity_of(None) is None and bits(None) is None


def test_very_many_documents_are_joined_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(intervals, "_MOST", 10)
    rows = np.random.default_rng(3).uniform(1, 2, (2, 997))
    sums = Resamples(rows)
    assert sums.documents == 10
    assert sums.sums_MR.mean(1) == pytest.approx(rows.sum(1), rel=0.02)


def test_an_interval_of_nats_becomes_one_of_perplexity_and_of_bits():
    nats = Interval(math.log(4), math.log(8))
    assert perplexity_of(nats) == Interval(pytest.approx(4.0), pytest.approx(8.0))
    assert bits(nats) == Interval(pytest.approx(2.0), pytest.approx(3.0))
    assert Interval(1.0, math.inf).to_json() == {"low": 1.0, "high": None, "level": 0.95}
