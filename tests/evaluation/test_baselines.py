"""Uniform and unigram by hand, and what every baseline is asked."""

import math

import numpy as np
import pytest

from slm.errors import DataError
from slm.evaluation.baselines import (
    Uniform,
    Unigram,
    compare_baselines,
    evaluate_baseline,
    fit_baselines,
)
from slm.evaluation.ngrams import NGrams

TRAIN = np.array([0, 1, 0, 1, 0, 2])  # c(0)=3 c(1)=2 c(2)=1; pairs 01 ×2, 10 ×2, 02 ×1


def test_uniform_is_as_unsure_as_the_vocabulary_is_large():
    found = evaluate_baseline(Uniform(4), np.array([0, 1, 2]), n_bytes=2)
    assert found.perplexity == pytest.approx(4)
    assert found.bits_per_byte == pytest.approx(2 * 2 / 2)


def test_unigram_adds_one_to_every_count():
    """(3 + 1) / (6 + 4), (2 + 1) / 10, (1 + 1) / 10, (0 + 1) / 10."""
    unigram = Unigram.fit(TRAIN, vocab_size=4)
    assert unigram.probabilities_V == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_evaluation_predicts_every_token_but_the_first():
    """On 0 1 2, half a count given up: p(1 | 0) = 1.5 / 3 + 1 / 9, p(2 | 1) = 0.25 / 3.

    Each token followed one other, so what is given up is shared out evenly: 0.5 · 2 / 3 of a
    third after 0, and 0.5 · 1 / 2 of a third after 1, which 0 followed twice.
    """
    bigram = NGrams.fit(TRAIN, vocab_size=3, order=2, discounts=(0.5, 0.5, 0.5))
    found = evaluate_baseline(bigram, np.array([0, 1, 2]))
    assert found.tokens == 2
    assert found.nats_per_token == pytest.approx(-math.log((0.5 + 1 / 9) * 0.25 / 3) / 2)


def test_on_text_with_order_each_baseline_beats_the_one_before():
    rng = np.random.default_rng(0)
    ids = np.zeros(4000, dtype=np.int64)
    for n in range(2, 4000):  # what comes depends on two tokens back, and on chance
        ids[n] = (ids[n - 1] + 3 * (ids[n - 2] % 2) + rng.choice([1, 1, 1, 2])) % 20
    ids[rng.random(4000) < 0.2] = 3
    found = compare_baselines(ids[:3000], ids[3000:], 20, n_bytes=1000, longest=3)
    assert list(found) == ["uniform", "unigram", "bigram", "trigram"]
    losses = [each.nats_per_token for each in found.values()]
    assert losses == sorted(losses, reverse=True) and losses[3] < losses[1] < losses[0]
    assert found["bigram"].bits_per_byte == pytest.approx(losses[2] * 999 / math.log(2) / 1000)


def test_nothing_to_count_or_to_predict_is_refused():
    with pytest.raises(DataError, match="no tokens to count"):
        fit_baselines(np.array([], dtype=np.uint16), 4)
    with pytest.raises(DataError, match="outside"):
        fit_baselines(np.array([0, 4]), 4)
    with pytest.raises(DataError, match="nothing to predict"):
        evaluate_baseline(Uniform(4), np.array([1]))
