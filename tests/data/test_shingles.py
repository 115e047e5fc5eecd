"""When two texts are nearly the same, and that cleaning and exploring agree on it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.data.cleaning.near_duplicates import NearDuplicates
from slm.data.cleaning.rules_filter import Dropped
from slm.data.exploring.copies import CopyFinder
from slm.data.exploring.words import blocks, word_texts
from slm.data.shingles import shingle_hashes, shingles, similarity, words_of

WORDS = [f"word{i}" for i in range(5_000)]


def text_of(seed: int, words: int = 200) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def with_changes(text: str, changes: int) -> str:
    """The text with some words replaced, far from one another."""
    words = text.split()
    for i in range(changes):
        words[i * len(words) // changes + 5] = f"changed{i}"
    return " ".join(words)


def dropped(text: str, other: str) -> bool:
    rule = NearDuplicates(0.8)
    rule(text)
    return isinstance(rule(other), Dropped)


def grouped(text: str, other: str) -> bool:
    finder = CopyFinder()
    for document in (text, other):
        finder.add_text(document)
    for block in blocks([text, other]):
        finder.add_block(block)
    return finder.near_groups(finder.exact_groups()).tolist() == [0, 0]


def test_a_text_is_its_runs_of_five_words():
    assert shingles("One, two three FOUR five six.") == [
        "one two three four five",
        "two three four five six",
    ]
    assert shingles("too short") == ["too short"]
    assert shingles("?!") == []


def test_similarity_is_shared_runs_over_all_runs():
    """200 words have 196 runs; a changed word spoils 5: 191 stay of 196 + 5."""
    text = text_of(1)
    assert similarity(text, with_changes(text, 1)) == pytest.approx(191 / 201)
    assert similarity(text, text.upper().replace(" ", ",\n")) == 1.0
    assert similarity(text, text_of(2)) == similarity("", "?!") == 0.0


LETTERS = st.sampled_from("aZß0_éΣςжあア漢字々한ﬁ²'’ʼ\u200d\u0301-. \n「€😀ा")


KNOWN = st.characters(exclude_categories=["Cn"], exclude_characters="İ")


@given(st.text(LETTERS | KNOWN))
def test_words_are_those_that_exploring_counts(text):
    """But for one letter, whose small form is two characters, and for letters newer than Python."""
    assert words_of(text) == word_texts(text)


@given(st.lists(st.text(st.sampled_from("ab' .\n漢"), max_size=40), max_size=6))
def test_arrays_and_strings_hold_the_same_shingles(texts):
    """As many different ones in each text, and the same ones shared by any two."""
    hashes: dict[int, set[int]] = {i: set() for i in range(len(texts))}
    for block in blocks(texts):
        for value, document in zip(*(row.tolist() for row in shingle_hashes(block)), strict=True):
            hashes[document].add(value)
    runs = [set(shingles(text)) for text in texts]
    for i in range(len(texts)):
        for j in range(len(texts)):
            assert len(hashes[i] & hashes[j]) == len(runs[i] & runs[j])


@pytest.mark.parametrize(
    ("text", "other", "alike"),
    [
        ("a b c d", "A, b: c… D!", True),
        ("a b c d", "a b c e", False),
        ("don't stop", "don t stop", False),
        ("it’s a fox in a well", "It’s a fox — in a well.", True),
        ("漢字かな交じり文です", "漢字、かな交じり。文です", True),
        ("snake_case is a word or two", "snake case is a word or two", True),
        ("?!", "?!?", False),
    ],
)
def test_cleaning_and_exploring_judge_small_pairs_alike(text, other, alike):
    assert (dropped(text, other), grouped(text, other)) == (alike, alike)


@pytest.mark.parametrize("changes", [1, 2, 8, 12])
def test_cleaning_and_exploring_judge_planted_pairs_alike(changes):
    """Of 200 words, 1 and 2 changed leave 0.95 and 0.90; 8 leave 0.66, 12 leave 0.53."""
    for seed in range(40):
        text = text_of(seed)
        other = with_changes(text, changes)
        alike = changes <= 2
        assert (similarity(text, other) >= 0.8) == alike
        assert (dropped(text, other), grouped(text, other)) == (alike, alike)


def test_a_text_of_several_blocks_is_judged_by_all_of_it():
    """Two texts of 1.5 M characters: their first million, all that is in the first block, is the
    same, but of 251,000 shingles in the whole they share only 131,000.
    """
    beginning = " ".join(f"w{i:06}" for i in range(131_072))
    ends = [" ".join(f"{letter}{i:06}" for i in range(60_000)) for letter in "xy"]
    text, other = (f"{beginning} {end}" for end in ends)
    assert not dropped(text, other) and not grouped(text, other)
    assert grouped(text, text + " and a little more")
