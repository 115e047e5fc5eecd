"""Measures of texts, each worked out by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.sampling.diversity import (
    bleu,
    distinct,
    longest_repeat,
    repeated,
    self_bleu,
    variety,
    words,
)


def test_words_of_scripts_without_spaces_are_their_letters():
    assert words("abc漢字 x_1!") == ["abc", "漢", "字", "x_1", "!"]


def test_distinct_counts_over_all_texts():
    """ab, bc and ab, bd: three different pairs of four."""
    assert distinct([["a", "b", "c"], ["a", "b", "d"]], 2) == 0.75
    assert distinct([["a"]], 2) is None


def test_bleu_is_that_of_papineni():
    """Papineni et al., example 2: "the" seven times; the references have it twice at most."""
    text = ["the"] * 7
    references = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert bleu(text, references, longest=1) == pytest.approx(2 / 7)


def test_bleu_of_two_lengths_by_hand():
    """Words: 3 of 4. Pairs ab, bc, cx: 2 of 3. The reference is one longer: e^(1 − 5/4)."""
    value = bleu(list("abcx"), [list("abcde")], longest=2)
    assert value == pytest.approx(math.exp(-0.25) * math.sqrt(3 / 4 * 2 / 3))


def test_a_length_without_matches_counts_a_tenth_of_one():
    """Words a, c of 2 match, the pair ac does not: sqrt(1 · 0.1)."""
    assert bleu(["a", "c"], [["a", "b", "c"], ["c", "a"]], longest=2) == pytest.approx(
        math.sqrt(0.1)
    )
    assert bleu(["x"], [["a"]]) == 0.0 == bleu([], [["a"]])


def test_self_bleu_of_texts_that_say_the_same_is_one():
    same = words("one two three four five")
    assert self_bleu([same, same, same]) == pytest.approx(1.0)
    assert self_bleu([same, words("a b c d e")]) == 0.0
    assert self_bleu([same]) is None


def test_repetition_and_its_longest_passage():
    text = words("the cat sat and the cat sat and ran")
    assert longest_repeat(text) == 4  # the cat sat and
    assert repeated(text, 4) == pytest.approx(1 / 6)
    assert longest_repeat([]) == longest_repeat(["a"]) == 0
    assert longest_repeat(["a"] * 5) == 4  # the two may overlap


def test_one_text_has_no_self_bleu_and_short_ones_no_repetition():
    found = variety(["Hello."])
    assert found.self_bleu is None and found.repeated_4 is None and found.n_words == 2


@given(st.lists(st.text("ab ", max_size=30), min_size=1, max_size=5))
def test_measures_stay_within_their_bounds(texts: list[str]):
    found = variety(texts)
    shares = (
        found.distinct_1,
        found.distinct_2,
        found.distinct_3,
        found.self_bleu,
        found.repeated_4,
    )
    assert all(share is None or -1e-9 <= share <= 1 + 1e-9 for share in shares)
    assert found.longest_repeat <= max(0, max(len(words(text)) for text in texts) - 1)


@given(st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_repeat_is_what_trying_all_finds(text: list[str]):
    found = 0
    for length in range(1, len(text)):
        grams = [tuple(text[at : at + length]) for at in range(len(text) - length + 1)]
        found = length if len(set(grams)) < len(grams) else found
    assert longest_repeat(text) == found
