"""Windows over documents: what they hold, what they ask for, and that nothing is lost."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data.layout import Stretch, lay_out
from slm.data.windows import apart, cover
from slm.errors import DataError

LENGTHS = st.lists(st.integers(1, 30), min_size=1, max_size=20)


def spans(starts, targets):
    return list(zip(starts.tolist(), targets.tolist(), strict=True))


@settings(deadline=None, max_examples=100)
@given(
    lengths=st.lists(st.integers(1, 30), min_size=2, max_size=20),
    context_length=st.integers(1, 25),
    seed=st.integers(0, 10**9),
)
def test_aligned_windows_too_cover_every_target_in_every_epoch(lengths, context_length, seed):
    ends = np.cumsum(lengths) - 1
    n_tokens = int(ends[-1]) + 1
    context_length = min(context_length, n_tokens - 1)
    windows = cover(n_tokens, context_length, ends)
    n_heads = windows.heads_W.size
    some = np.random.default_rng(seed).integers(2, size=n_heads)
    for phase, behind_W in [(0, 0), (context_length // 2, some), (context_length - 1, 1)]:
        starts = windows.starts(phase, behind_W)
        assert starts.size == windows.n_windows
        targets = {t for start in starts for t in range(start + 1, start + context_length + 1)}
        assert targets == set(range(1, n_tokens))
    inside = windows.heads_W[1:][windows.heads_W[1:] <= n_tokens - 1 - context_length]
    assert set(inside.tolist()) <= set(ends.tolist())


def test_a_long_document_is_cut_elsewhere_in_each_epoch():
    windows = cover(50, 10, np.array([2, 44]))
    assert windows.heads_W.tolist() == [0, 2, 44]
    assert windows.long_L.tolist() == [2] and windows.extra_L.tolist() == [5]
    assert windows.starts(phase=0)[3:].tolist() == [12, 22, 32, 39, 39]  # pushed back
    assert windows.starts(phase=9)[3:].tolist() == [3, 13, 23, 33, 39]


def test_a_document_a_window_from_the_end_of_the_one_before():
    """Ends at 3 and 6: the first has the targets 1 to 3, the second, read from 3, 4 to 6."""
    windows = apart(7, 5, np.array([3, 6]))
    assert spans(*windows.spans(phase=0)) == [(0, 3), (3, 3)]
    assert spans(*windows.spans(phase=0, behind=1)) == [(0, 3), (4, 2)]


def test_a_document_that_fills_its_windows_is_not_begun_behind():
    """Five targets in windows of two are three windows; four would be two."""
    windows = apart(9, 2, np.array([3, 8]))
    assert spans(*windows.spans(0, behind=1)) == spans(*windows.spans(0, behind=0))
    assert spans(*windows.spans(0)) == [(0, 2), (2, 1), (3, 2), (5, 2), (7, 1)]


def test_empty_documents_and_text_behind_the_last_end():
    """Ends at 0, 1 and 4; two more tokens follow. The first document is nothing but its end,
    which nothing asks for; the second is one target."""
    windows = apart(7, 3, np.array([0, 1, 4]))
    assert spans(*windows.spans(0)) == [(0, 1), (1, 3), (4, 2)]


@settings(deadline=None, max_examples=150)
@given(lengths=LENGTHS, context_length=st.integers(1, 25), seed=st.integers(0, 10**9))
def test_no_window_of_one_document_reaches_into_another(lengths, context_length, seed):
    ends = np.cumsum(lengths) - 1
    n_tokens = int(ends[-1]) + 1
    windows = apart(n_tokens, context_length, ends)
    generator = np.random.default_rng(seed)
    some = generator.integers(2, size=windows.n_heads)
    for phase, behind in [(0, 0), (int(generator.integers(context_length)), some)]:
        starts, n_targets = windows.spans(phase, behind)
        assert starts.size == windows.n_windows
        assert ((n_targets >= 1) & (n_targets <= context_length)).all() or n_tokens == 1
        asked = Counter()
        for start, n in spans(starts, n_targets):
            targets = range(start + 1, start + n + 1)
            asked.update(targets)
            assert np.searchsorted(ends, targets[0]) == np.searchsorted(ends, targets[-1])
        first_ones = {0, *(ends[:-1] + 1).tolist()}
        left_out = set(range(n_tokens)) - set(asked)
        assert left_out <= (first_ones if phase or np.any(behind) else {0})
        if not phase:
            assert set(asked.values()) <= {1}


@settings(deadline=None, max_examples=150)
@given(
    lengths=LENGTHS,
    context_length=st.integers(1, 25),
    mode=st.sampled_from(["documents", "packed", "one_document"]),
)
def test_totals_count_what_the_windows_hold(lengths, context_length, mode):
    """Against plain loops over windows and tokens."""
    n_tokens = sum(lengths)
    if n_tokens < 2:
        return
    context_length = min(context_length, n_tokens - 1)
    layout = lay_out(lengths, context_length, mode)
    totals = layout.totals
    owner = np.repeat(np.arange(len(lengths)), lengths)
    asked, touched, whole = Counter(), set(), set()
    for window, (start, n) in enumerate(spans(layout.starts_W, layout.targets_W)):
        held = range(start, start + n + 1)
        before = set(asked)
        assert len(before & set(held[1:])) == layout.again_W[window]
        asked.update(held[1:])
        touched |= {(window, int(owner[token])) for token in held[1:]}
        counted = Counter(owner[list(held)].tolist())
        whole |= {document for document, size in counted.items() if size == lengths[document]}
        pieces = layout.stretches(window)
        assert {piece.document: piece.length for piece in pieces} == counted
        assert pieces[0].first == 0 and sum(piece.length for piece in pieces) == n + 1
    assert set(asked) == set(range(1, n_tokens))
    assert totals.targets == sum(asked.values())
    assert totals.again == totals.targets - (n_tokens - 1)
    assert totals.padded == totals.windows * context_length - totals.targets
    assert totals.cut_documents == len(lengths) - len(whole)
    assert totals.document_windows == len(touched)
    if mode == "packed":
        assert totals.padded == 0 and totals.again < 2 * context_length


def test_the_three_ways_side_by_side():
    """Documents of 4, 3 and 9 tokens in windows of 5, worked by hand.

    packed        0-5, 5-10, 10-15: the second and the third document are cut. In an epoch
                  that cuts elsewhere a fourth is needed, which here is the third again
    documents     0-5 holds the first and two of the second, 3-8 (from the first end) the
                  second whole; the third, from the second end, 6-11, 10-15, and one to spare
    one_document  0-3, 3-6, then 6-11 and 11-15
    """
    lengths = [4, 3, 9]
    packed = lay_out(lengths, 5, "packed")
    assert spans(packed.starts_W, packed.targets_W) == [(0, 5), (5, 5), (10, 5), (10, 5)]
    assert (packed.totals.cut_documents, packed.totals.document_windows) == (2, 1 + 2 + 3)
    aligned = lay_out(lengths, 5, "documents")
    assert spans(aligned.starts_W, aligned.targets_W) == [(0, 5), (3, 5), (6, 5), (10, 5), (10, 5)]
    assert aligned.again_W.tolist() == [0, 2, 2, 1, 5]
    assert (aligned.totals.cut_documents, aligned.totals.again) == (1, 10)
    alone = lay_out(lengths, 5, "one_document")
    assert spans(alone.starts_W, alone.targets_W) == [(0, 3), (3, 3), (6, 5), (11, 4)]
    assert alone.totals.padded == 2 + 2 + 0 + 1
    assert alone.totals.padded_share == 5 / 20
    assert alone.totals.windows_per_document == 4 / 3
    assert alone.stretches(1) == [Stretch(0, 0, 1, 3), Stretch(1, 1, 3, 0)]


def test_without_marked_ends_windows_begin_anywhere_and_documents_cannot_be_kept_apart():
    loose = lay_out([4, 3, 9], 5, "documents", marked=False)
    assert loose.starts_W.tolist() == lay_out([4, 3, 9], 5, "packed").starts_W.tolist()
    with pytest.raises(DataError, match="need a special token behind each document"):
        lay_out([4, 3, 9], 5, "one_document", marked=False)


def test_too_little_text_is_told_with_the_numbers():
    with pytest.raises(DataError, match=r"holds 7 tokens; a context of 7 needs at least 8\."):
        lay_out([4, 3], 7, "packed")
    with pytest.raises(DataError, match="no document"):
        lay_out([], 7, "packed")
