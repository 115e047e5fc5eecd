"""Uniform, unigram and the one-page bigram: formulas by hand, probabilities that sum to 1."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError
from slm.evaluation import ngrams
from slm.evaluation.baselines import (
    Bigram,
    Uniform,
    Unigram,
    compare_baselines,
    evaluate_baseline,
    fit_baselines,
)

TRAIN = np.array([0, 1, 0, 1, 0, 2])  # c(0)=3 c(1)=2 c(2)=1; pairs 01 ×2, 10 ×2, 02 ×1


def test_uniform_is_as_unsure_as_the_vocabulary_is_large():
    found = evaluate_baseline(Uniform(4), np.array([0, 1, 2]), n_bytes=2)
    assert found.perplexity == pytest.approx(4)
    assert found.bits_per_byte == pytest.approx(2 * 2 / 2)


def test_unigram_adds_one_to_every_count():
    """(3 + 1) / (6 + 4), (2 + 1) / 10, (1 + 1) / 10, (0 + 1) / 10."""
    unigram = Unigram.fit(TRAIN, vocab_size=4)
    assert unigram.probabilities_V == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_bigram_mixes_what_followed_with_the_unigram():
    """After 0 came 1 twice and 2 once: three pairs, two kinds.

    p(1 | 0) = (2 + 2 · 0.3) / (3 + 2), p(2 | 0) = (1 + 2 · 0.2) / 5, p(0 | 0) = 2 · 0.4 / 5.
    """
    bigram = Bigram.fit(TRAIN, vocab_size=4)
    assert bigram.probabilities_after(0) == pytest.approx([0.16, 0.52, 0.28, 0.04])


def test_after_a_token_that_nothing_followed_the_unigram_alone_speaks():
    bigram = Bigram.fit(TRAIN, vocab_size=4)
    for never_followed in (2, 3):
        assert bigram.probabilities_after(never_followed) == pytest.approx([0.4, 0.3, 0.2, 0.1])


@given(ids=st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_probabilities_sum_to_one_after_every_token(ids: list[int]):
    bigram = Bigram.fit(np.array(ids), vocab_size=7)
    assert bigram.unigram.probabilities_V.sum() == pytest.approx(1)
    for previous in range(7):
        assert bigram.probabilities_after(previous).sum() == pytest.approx(1)


def test_evaluation_predicts_every_token_but_the_first():
    """On 0 1 2: p(1 | 0) = 0.52, p(2 | 1) = 1 · 0.2 / (2 + 1)."""
    bigram = Bigram.fit(TRAIN, vocab_size=4)
    p_after_one = 1 * 0.2 / 3  # after 1 came 0 twice: one kind
    found = evaluate_baseline(bigram, np.array([0, 1, 2]))
    assert found.tokens == 2
    assert found.nats_per_token == pytest.approx(-(math.log(0.52) + math.log(p_after_one)) / 2)


def test_counting_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    ids = np.random.default_rng(0).integers(0, 50, 1000).astype(np.uint16)
    whole = Bigram.fit(ids, vocab_size=50)
    expected = evaluate_baseline(whole, ids)
    monkeypatch.setattr(ngrams, "_CHUNK", 7)
    pieces = Bigram.fit(ids, vocab_size=50)
    assert (pieces.pair_keys == whole.pair_keys).all()
    assert (pieces.pair_counts == whole.pair_counts).all()
    assert evaluate_baseline(pieces, ids).nats_per_token == pytest.approx(expected.nats_per_token)


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
