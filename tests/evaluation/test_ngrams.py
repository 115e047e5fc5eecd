"""Interpolated Kneser-Ney: by hand, as probabilities, and in bounded pieces."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError
from slm.evaluation import ngrams
from slm.evaluation.baselines import baseline_losses, evaluate_baseline
from slm.evaluation.ngrams import NGrams

TRAIN = np.array([0, 1, 0, 1, 0, 2])  # pairs 01 ×2, 10 ×2, 02 ×1; vocabulary of 4
HALF = (0.5, 0.5, 0.5)


def test_at_the_bottom_a_token_counts_by_how_many_tokens_it_came_after():
    """0, 1 and 2 came after one token each: (1 − ½)/3 + ½ · ¼ = 7/24; 3 never did: ½ · ¼."""
    bigram = NGrams.fit(TRAIN, 4, order=2, discounts=HALF)
    assert bigram.probabilities_after([]) == pytest.approx([7 / 24, 7 / 24, 7 / 24, 1 / 8])


def test_a_bigram_takes_a_discount_from_each_pair_and_shares_it_out_below():
    """After 0 came 1 twice and 2 once. The discounts leave 2 · ½ / 3 = ⅓ for the level below:
    p(1 | 0) = 1.5/3 + ⅓ · 7/24 = 43/72, p(2 | 0) = 0.5/3 + 7/72 = 19/72, p(0 | 0) = 7/72.
    """
    bigram = NGrams.fit(TRAIN, 4, order=2, discounts=HALF)
    assert bigram.probabilities_after([0]) == pytest.approx([7 / 72, 43 / 72, 19 / 72, 3 / 72])


def test_a_trigram_counts_below_in_how_many_surroundings_a_pair_was_seen():
    """Of three in a row there are 010 ×2, 101 ×1, 102 ×1, so each pair came after one token.

    Level 1, from the pairs 10, 01, 02 each once: p = 7/24 as above.
    Level 2, after 0: 1 and 2 once each: p(1 | 0) = ½/2 + ½ · 7/24 = 19/48.
    Level 3, after 1 0: 1 and 2 once each: p(1 | 1 0) = ½/2 + ½ · 19/48 = 43/96.
    """
    trigram = NGrams.fit(TRAIN, 4, order=3, discounts=HALF)
    assert trigram.probabilities_after([0])[1] == pytest.approx(19 / 48)
    assert trigram.probabilities_after([1, 0])[1] == pytest.approx(43 / 96)
    assert trigram.probabilities_after([3, 0])[1] == pytest.approx(19 / 48)  # 3 0 never came


def test_a_frequent_token_of_one_surrounding_is_no_likely_guess_elsewhere():
    """Kneser and Ney's "Francisco" (1): five times, but only after "San" (0); 2 after three."""
    text = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 3, 2, 4, 2, 5, 2])
    after_unknown = NGrams.fit(text, 8, order=2).probabilities_after([7])
    assert after_unknown[2] > 1.5 * after_unknown[1]


def test_discounts_are_estimated_from_how_many_are_rare():
    """n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 4/8; D1 = 1 − 2Y·2/4, D2 = 2 − 3Y·1/2, D3 = 3 − 4Y·1."""
    counts = np.array([1, 1, 1, 1, 2, 2, 3, 4])
    assert ngrams._discounts(counts) == pytest.approx((0.5, 1.25, 1.0))
    assert ngrams._discounts(np.array([7, 7])) == (0.5, 1.0, 1.5)  # none is rare


@given(
    ids=st.lists(st.integers(0, 5), min_size=4, max_size=80),
    order=st.integers(1, 4),
    context=st.lists(st.integers(0, 6), max_size=4),
)
def test_probabilities_sum_to_one_after_any_tokens(ids: list[int], order: int, context: list[int]):
    fitted = NGrams.fit(np.array(ids), 7, order)
    after = fitted.probabilities_after(context)
    assert after.sum() == pytest.approx(1)
    assert (after > 0).all()


def test_each_token_of_a_text_is_predicted_from_the_tokens_before_it():
    fitted = NGrams.fit(TRAIN, 4, order=3)
    text = [1, 0, 2, 0, 1]
    expected = [fitted.probabilities_after(text[:n])[token] for n, token in enumerate(text)]
    assert fitted.probabilities(np.array(text)) == pytest.approx(expected)
    assert fitted.nats(np.array(text), 2) == pytest.approx([-math.log(p) for p in expected[2:]])


def test_counting_and_judging_in_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    ids = np.random.default_rng(0).integers(0, 12, 1000).astype(np.uint16)
    whole = NGrams.fit(ids, 12, order=3)
    expected = evaluate_baseline(whole, ids).nats_per_token
    monkeypatch.setattr(ngrams, "_CHUNK", 7)
    pieces = NGrams.fit(ids, 12, order=3)
    for one, other in zip(pieces.levels, whole.levels, strict=True):
        assert (one.keys_G == other.keys_G).all()
        assert one.shares_G == pytest.approx(other.shares_G)
    assert evaluate_baseline(pieces, ids).nats_per_token == pytest.approx(expected)
    starts = [n for n, _ in baseline_losses(pieces, ids)]
    assert starts[:3] == [1, 9, 16]  # 9 ids, of which 8 are predicted; then 7 a run


def test_on_text_that_follows_its_pairs_the_trigram_is_nearly_certain():
    ids = np.tile([0, 1, 0, 2], 300)  # after 0 comes 1 or 2, after 1 0 always 2
    assert evaluate_baseline(NGrams.fit(ids, 4, 2), ids).perplexity > 1.3
    assert evaluate_baseline(NGrams.fit(ids, 4, 3), ids).perplexity < 1.02


def test_too_little_text_and_too_many_different_tokens_are_refused():
    with pytest.raises(DataError, match="3 in a row cannot be counted"):
        NGrams.fit(np.array([1, 2]), 4, 3)
    with pytest.raises(DataError, match="outside"):
        NGrams.fit(np.array([0, 4]), 4, 2)
    with pytest.raises(DataError, match="vocabulary of 150,000"):
        NGrams.fit(np.array([0, 1, 2, 3]), 150_000, 4)
