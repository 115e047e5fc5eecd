"""Counts of words and phrases, and the lines through them, worked by hand."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from slm.data.exploring import vocabulary
from slm.data.exploring.vocabulary import PhraseCounter, WordCounter, heaps, power_law, zipf
from slm.data.exploring.words import blocks


def counted(texts, **limits):
    words, phrases = WordCounter(**limits), PhraseCounter(2)
    for block in blocks(texts):
        phrases.add(words.add(block), block.sentences)
    return words, phrases


def shown(words, phrases, n=10):
    return {
        " ".join(words.words[number] for number in numbers): times
        for numbers, times in phrases.top(n)
    }


def test_words_are_counted_in_the_order_in_which_they_come():
    words, _ = counted(["b a b", "B c"])
    assert words.words == ["b", "a", "c"] and words.counts.tolist() == [3, 1, 1]
    assert words.top(2) == [("b", 3), ("a", 1)]
    assert words.rank_frequency() == [(1, 3, "b"), (2, 1, "a"), (3, 1, "c")]


def test_phrases_stay_inside_a_sentence_and_a_document():
    words, phrases = counted(["The fox ran. The fox", "fox ran, the fox"])
    assert shown(words, phrases) == {"the fox": 3, "fox ran": 2, "ran the": 1}
    assert (phrases.total, phrases.distinct, phrases.undercount) == (6, 3, 0)


def test_the_vocabulary_grows_at_first_occurrences():
    """a b a c: one different word in the first, two in the first two and three, three in all."""
    words, _ = counted(["a b", "a c"])
    assert words.growth() == [(1, 1), (2, 2), (3, 2), (4, 3)]


def test_a_full_table_counts_new_words_together_and_old_ones_exactly():
    words, phrases = counted(["a b c a d a"], limit=2)
    assert words.words == ["a", "b"] and words.counts.tolist() == [3, 1]
    assert words.full and words.unlisted == 2 and words.total == 6
    assert words.growth()[-1] == (2, 2)  # followed up to where the table was full
    assert shown(words, phrases) == {"a b": 1}


@given(some.lists(some.text(alphabet="ab c", max_size=30), max_size=8))
def test_counts_equal_those_of_a_counter(texts):
    words, phrases = counted(texts)
    expected = Counter(word for text in texts for word in text.split())
    assert dict(zip(words.words, words.counts.tolist(), strict=True)) == expected
    pairs = Counter(
        " ".join(pair)
        for text in texts
        for pair in zip(text.split(), text.split()[1:], strict=False)
    )
    assert shown(words, phrases, 1_000) == pairs


@given(some.lists(some.text(alphabet="abcdefgh ", max_size=40), min_size=1, max_size=12))
def test_a_pruned_count_is_too_small_by_undercount_at_most(texts):
    words, exact, pruned = WordCounter(), PhraseCounter(2), PhraseCounter(2, limit=4)
    for text in texts:
        for block in blocks([text]):
            numbers = words.add(block)
            exact.add(numbers, block.sentences)
            pruned.add(numbers, block.sentences)
            pruned.distinct  # noqa: B018  merges now, so that something is let go
    held = dict(pruned.top(1_000))
    for phrase, times in exact.top(1_000):
        assert times - pruned.undercount <= held.get(phrase, 0) <= times


def test_zipf_of_an_exact_law_is_its_slope():
    """The n-th word occurs 100,000 / n times."""
    points = [(n, 100_000 // n, f"w{n}") for n in (1, 2, 4, 8, 10, 20, 50, 100)]
    law = zipf(points)
    assert law is not None
    assert law.exponent == pytest.approx(-1, abs=0.01) and law.r2 > 0.999
    assert law.at(10) == pytest.approx(10_000, rel=0.02)


def test_words_that_occur_less_than_ten_times_do_not_bend_the_line():
    points = [(n, 1_000 // n, "w") for n in (1, 2, 5, 10, 50, 100)]
    law = zipf([*points, (500, 1, "w"), (1_000, 1, "w")])
    assert law is not None and law.last == 100


def test_heaps_of_an_exact_law_gives_back_k_and_beta():
    points = [(n, round(5 * n**0.5)) for n in (100, 400, 1_600, 6_400, 25_600)]
    law = heaps(points)
    assert law is not None
    assert law.exponent == pytest.approx(0.5) and law.factor == pytest.approx(5)


def test_too_few_points_make_no_line():
    assert power_law([(1, 1), (2, 2)]) is None


def test_many_merges_give_the_same_counts(monkeypatch):
    texts = [f"a b c{i % 7} a b" for i in range(50)]
    whole = shown(*counted(texts), n=100)
    monkeypatch.setattr(vocabulary, "_PENDING", 10)
    assert shown(*counted(texts), n=100) == whole
