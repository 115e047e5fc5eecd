"""Counts small enough to check by eye."""

import numpy as np

from slm.data.statistics import describe, histogram


def test_a_small_corpus_is_counted_whole():
    stats = describe(["The cat sat.", "The CAT's 2 naïve é!\n"])
    assert (stats.documents, stats.characters, stats.bytes) == (2, 33, 35)
    assert (stats.words, stats.unique_words) == (8, 7)
    assert stats.top_words[0] == ("the", 2)
    assert ("cat's", 1) in stats.top_words
    assert dict(stats.categories) == {
        "lower-case letters": 17,
        "upper-case letters": 5,
        "digits": 1,
        "blanks": 6,
        "line breaks": 1,
        "punctuation": 3,
    }
    assert (stats.shortest_characters, stats.longest_characters) == (12, 21)
    assert not stats.sampled
    assert set(stats.sample) == {"The cat sat.", "The CAT's 2 naïve é!\n"}


def test_a_large_corpus_is_sampled_and_says_so():
    stats = describe((f"word{i} again" for i in range(1_000)), max_documents=100)
    assert stats.documents == sum(stats.document_characters.counts) == 1_000
    assert stats.examined_documents == 100
    assert stats.sampled
    assert stats.top_words[0] == ("again", 100)
    assert stats == describe((f"word{i} again" for i in range(1_000)), max_documents=100)


def test_ranks_begin_with_the_commonest_word_and_end_with_the_rarest():
    stats = describe(["a " * 9 + "b " * 3 + "c"])
    assert stats.rank_frequency == ((1, 9), (2, 3), (3, 1))


def test_nothing_is_described_as_nothing():
    stats = describe([])
    assert (stats.documents, stats.words, stats.median_characters) == (0, 0, 0.0)
    assert stats.document_characters.counts == ()


def test_histograms_count_every_value_once():
    for values in ([5], [0, 0, 7], range(1_000), [1, 10, 100, 10_000], [2**40, 1]):
        found = histogram(np.array(list(values)))
        assert sum(found.counts) == len(list(values))
        assert len(found.edges) == len(found.counts) + 1
        assert all(a < b for a, b in zip(found.edges, found.edges[1:], strict=False))
