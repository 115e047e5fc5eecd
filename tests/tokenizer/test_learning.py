"""Learning on arrays: equal to the readable trainer, merge by merge and count by count."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.tokenizer import bpe
from slm.tokenizer.learning import learn
from slm.tokenizer.patterns import PATTERNS, count_chunks

FEW = st.text(alphabet="ab -\n", max_size=40)
SCRIPTS = st.text(
    alphabet=st.sampled_from("aeé ß日本🦊🪁\u0301\u200d ٣1'\n\U0001f3fd"), max_size=60
)
RUNS = st.lists(st.sampled_from(["a", "ab", "aba"]), max_size=30).map(lambda p: "".join(p) * 3)


def test_the_first_merges_worked_by_hand():
    """ "u g" stands three times; then "h ug" and "p ug" tell how many tokens are left.

    hug, hug, pug are 9 bytes: "ug" makes 6 tokens of them, "hug" 4, "pug" 3.
    """
    steps = list(learn({"hug": 2, "pug": 1}))
    assert [(step.merge.bytes, step.merge.count, step.tokens) for step in steps] == [
        (b"ug", 3, 6),
        (b"hug", 2, 4),
        (b"pug", 1, 3),
    ]


def test_a_pair_that_stands_in_itself_is_counted_everywhere_and_joined_from_the_left():
    """ "aaaaa": 4 times "a a", then "aa aa a": "aa a" and "aa aa" once each; aa is 256, a is 97."""
    steps = list(learn({"aaaaa": 1}))
    assert [(step.merge.bytes, step.merge.count) for step in steps] == [
        (b"aa", 4),
        (b"aaa", 1),
        (b"aaaaa", 1),
    ]
    assert [step.tokens for step in steps] == [3, 2, 1]


@pytest.mark.parametrize("pattern", PATTERNS)
@given(texts=st.lists(st.text() | FEW | SCRIPTS | RUNS, max_size=5))
def test_both_learn_the_same_to_the_last_pair(pattern, texts):
    counts = count_chunks(texts, pattern)
    assert [step.merge for step in learn(counts)] == list(bpe.learn(counts))


@given(st.dictionaries(st.text(alphabet="abc", max_size=12), st.integers(1, 10**12), max_size=8))
def test_counts_may_be_as_large_as_a_corpus_makes_them(counts):
    assert [step.merge for step in learn(counts)] == list(bpe.learn(counts))


@given(texts=st.lists(FEW | RUNS, min_size=1, max_size=4))
def test_the_tokens_told_are_those_that_encoding_gives(texts):
    """Encode with the first so many merges alone."""
    steps = list(islice(learn(count_chunks(texts)), 20))
    merges = [step.merge for step in steps]
    for number, step in enumerate(steps, start=1):
        assert step.tokens == sum(len(bpe.encode(text, merges[:number])) for text in texts)


def test_a_vast_word_is_learned_from_in_near_linear_time():
    """A trainer that goes through the word at every merge would need minutes.

    "a c" stands once in every four letters: 250,000 times, and 2 × 100,000 times.
    """
    steps = list(islice(learn({"acgt" * 250_000: 1, "acca" * 100_000: 2}), 50))
    assert steps[0].merge.count == 450_000


def test_no_text_gives_no_merge():
    assert list(learn({})) == []
    assert list(learn({"a": 5, "": 3})) == []
