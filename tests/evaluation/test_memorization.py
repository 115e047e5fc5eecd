"""What of a text stands in the training text, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.evaluation.memorization import Span, find_copies, novelty, passages
from slm.evaluation.suffix_array import SuffixArray

END = 0
TRAINING = SuffixArray.build(np.array([1, 2, 3, 4, END, 5, 6, 7, END]))


def test_the_longest_matches_become_spans_that_hold_the_shorter_ones():
    """1 2 3 stands in the first document, 5 6 7 in the second, 9 in none."""
    found = find_copies(TRAINING, [1, 2, 3, 9, 5, 6, 7, 4], END)
    assert found.lengths_Q.tolist() == [3, 2, 1, 0, 3, 2, 1, 1]
    assert found.spans() == (Span(0, 3, 0), Span(4, 3, 5), Span(7, 1, 3))
    assert found.spans(min_length=2) == (Span(0, 3, 0), Span(4, 3, 5))
    assert found.covers().tolist() == [3, 3, 3, 0, 3, 3, 3, 1]
    assert found.copied_share(3) == pytest.approx(6 / 8)
    assert found.longest == 3


def test_a_token_in_two_matches_belongs_to_the_longer():
    """1 2 3 4 and 4 5: training has both, overlapping in 4."""
    index = SuffixArray.build(np.array([1, 2, 3, 4, 9, 4, 5]))
    found = find_copies(index, [1, 2, 3, 4, 5])
    assert found.spans() == (Span(0, 4, 0), Span(3, 2, 5))
    assert found.span_of(3) == Span(0, 4, 0)
    assert found.span_of(4) == Span(3, 2, 5)
    assert found.covers().tolist() == [4, 4, 4, 4, 2]


def test_no_match_and_no_n_gram_reaches_across_the_end_of_a_text():
    """4 END 5 stands in the training text, and still is no match of three tokens."""
    found = find_copies(TRAINING, [3, 4, END, 5, 6], END)
    assert found.lengths_Q.tolist() == [2, 1, 0, 2, 1]
    assert found.tokens == 4
    assert found.novel(2) == (0, 2)  # 3 4 and 5 6
    assert found.novel(3) == (0, 0)


def test_novel_n_grams_are_those_that_the_training_text_lacks():
    """Of 1 2 9 5: every token but 9 is known; of the pairs only 1 2; no triple is."""
    text = find_copies(TRAINING, [1, 2, 9, 5], END)
    assert [text.novel(n) for n in (1, 2, 3, 4, 5)] == [(1, 4), (2, 3), (2, 2), (1, 1), (0, 0)]
    told = novelty(text, [find_copies(TRAINING, [1, 2, 3, 4], END)], orders=(1, 2, 5))
    assert told.shares == (pytest.approx(1 / 4), pytest.approx(2 / 3), None)
    assert told.held_out == ((0.0, 0.0, None),)


@given(st.lists(st.integers(0, 4), max_size=30))
def test_spans_cover_just_the_tokens_that_match_and_lie_in_the_training_text(query):
    row = TRAINING.tokens_N.tolist()
    found = find_copies(TRAINING, query, END)
    covered = {token for span in found.spans() for token in range(span.start, span.stop)}
    assert covered == {n for n, token in enumerate(query) if token in row and token != END}
    for span in found.spans():
        assert query[span.start : span.stop] == row[span.place : span.place + span.length]
    assert all(found.span_of(n) is not None for n in covered)


def test_held_out_passages_begin_with_documents_and_hold_as_much_text():
    row = np.array([1, 2, END, 3, 4, 5, END, 6, END, 7, 8])
    assert passages(row, 2, 9, END) == ([1, 2], [3, 4], [6, END, 7])
    assert passages(row, 2, 2, END) == ([1, 2], [6, END, 7])
    assert passages(row, 9, 2, END) == ()
    assert passages(np.array([1, 2, 3, 4, 5]), 2, 9) == ([1, 2], [3, 4])


def test_an_empty_text_has_nothing_copied():
    found = find_copies(TRAINING, [], END)
    assert (found.tokens, found.longest, found.copied_share(1), found.spans()) == (0, 0, 0.0, ())
