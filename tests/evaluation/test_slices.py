"""Losses summed by document, place, frequency and source: each adds up to the whole."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.evaluation import slices
from slm.evaluation.slices import LossSums, Slice, by_frequency, by_place, by_source

END = 9
IDS = np.array([END, 1, 2, END, 3, END, 1, 1, 1, END])  # three documents behind a first END
STARTS = np.array([1, 4, 6])
WIDTHS = np.array([1, 1, 2, 3, 1, 1, 1, 1, 1, 0])  # bytes of each token; the end is none
NATS = np.array([1.0, 2.0, 0.5, 3.0, 0.5, 1.0, 0.2, 0.1, 0.2])  # of IDS[1:]
SEEN = np.array([1, 2, 3, 4, 1, 2, 3, 4, 1])  # windows of 4


def summed(few: int = 0) -> LossSums:
    sums = LossSums(STARTS, WIDTHS, 4, few)
    sums.add(1, IDS[1:5], NATS[:4], SEEN[:4])
    sums.add(5, IDS[5:], NATS[4:], SEEN[4:])
    return sums


def test_a_document_has_its_tokens_and_the_end_behind_them():
    sums = summed().by_document
    assert sums.nats == pytest.approx([3.5, 3.5, 1.5])
    assert sums.tokens.tolist() == [3, 2, 4]
    assert sums.n_bytes.tolist() == [3, 3, 3]


def test_places_are_told_in_doublings():
    found = by_place(summed())
    assert [each.label for each in found] == ["1", "2", "3–4"]
    assert [each.tokens for each in found] == [3, 2, 4]
    assert found[0].nats == pytest.approx(1.0 + 0.5 + 0.2)
    assert found[1].nats_per_token == pytest.approx((2.0 + 1.0) / 2)


def test_frequencies_are_those_of_the_training_text():
    counts = np.array([0, 500, 3, 0, 0, 0, 0, 0, 0, 12_000])
    found = {each.label: each for each in by_frequency(summed(), counts)}
    assert list(found) == ["0", "1–9", "100–999", "10,000–99,999"]
    assert found["0"].tokens == 1 and found["0"].nats == pytest.approx(3.0)  # the token 3
    assert found["100–999"].tokens == 4
    assert found["10,000–99,999"].bits_per_byte is None  # the end stands for no text


def test_sources_are_those_of_documents_without_their_numbers():
    found = by_source(summed(), ["tale 1", "tale 22", "notes.txt"])
    assert [(each.label, each.tokens) for each in found] == [("tale", 5), ("notes.txt", 4)]
    assert found[0].nats == pytest.approx(7.0)


def test_many_sources_are_joined(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(slices, "MANY_SOURCES", 2)
    found = by_source(summed(), ["a", "b", "c"])
    assert [each.label for each in found] == ["c", "2 others"]
    assert sum(each.tokens for each in found) == 9


def test_few_documents_are_cut_into_stretches_of_text(monkeypatch: pytest.MonkeyPatch):
    """Bytes before each token are 0 1 3 3 6 6 7 8 9: stretches of 4 bytes."""
    monkeypatch.setattr(slices, "STRETCH_BYTES", 4)
    sums = summed(few=8)
    assert sums.stretches
    assert sums.by_unit.tokens.tolist() == [4, 3, 2]
    assert sums.by_unit.nats == pytest.approx([6.5, 1.7, 0.3])
    assert summed().by_unit is not summed().by_stretch


@given(
    cuts=st.lists(st.integers(1, 199), max_size=8),
    starts=st.lists(st.integers(2, 199), max_size=12),
    few=st.sampled_from([0, 99]),
)
def test_however_they_come_and_are_sliced_losses_add_up(
    cuts: list[int], starts: list[int], few: int
):
    rng = np.random.default_rng(0)
    ids, nats = rng.integers(0, 30, 200), rng.uniform(0, 5, 200)
    widths, seen = rng.integers(0, 4, 30), rng.integers(1, 17, 200)
    sums = LossSums(np.array(sorted({1, *starts})), widths, 16, few)
    edges = sorted({1, *cuts, 200})
    for first, stop in pairwise(edges):
        sums.add(first, ids[first:stop], nats[first:stop], seen[first:stop])
    for group in (sums.by_document, sums.by_place, sums.by_token, sums.by_unit):
        assert group.nats.sum() == pytest.approx(nats[1:].sum())
        assert group.tokens.sum() == 199
        assert group.n_bytes.sum() == widths[ids[1:]].sum()
    assert sum(each.tokens for each in by_place(sums)) == 199
    assert sum(each.tokens for each in by_frequency(sums, rng.integers(0, 2000, 30))) == 199


def test_a_slice_tells_its_figures():
    each = Slice("x", tokens=2, nats=2 * np.log(8), n_bytes=3)
    assert each.perplexity == pytest.approx(8)
    assert each.bits_per_byte == pytest.approx(2)
    assert Slice("x", 1, 800.0, 0).to_json()["perplexity"] is None  # too large for JSON
