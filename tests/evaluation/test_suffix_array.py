"""Looking a row of tokens up in a long one: the same as looking everywhere."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.errors import DataError
from slm.evaluation import suffix_array
from slm.evaluation.suffix_array import SuffixArray, sort_suffixes
from slm.jobs import StoppedError

FEW = st.integers(0, 3)
MANY = st.sampled_from([0, 1, 2, 255, 256, 65_534, 65_535, 70_000])
rows = st.one_of(st.lists(FEW, min_size=1, max_size=60), st.lists(MANY, min_size=1, max_size=30))


def longest_by_looking_everywhere(row: list[int], wanted: list[int]) -> int:
    def common(place: int) -> int:
        length = 0
        while (
            length < len(wanted)
            and place + length < len(row)
            and row[place + length] == wanted[length]
        ):
            length += 1
        return length

    return max(map(common, range(len(row))), default=0)


@given(row=rows)
def test_suffixes_stand_in_the_order_of_python_lists(row):
    wanted = sorted(range(len(row)), key=lambda place: row[place:])
    assert sort_suffixes(np.array(row)).tolist() == wanted


@given(row=rows)
@settings(max_examples=60)
def test_small_batches_give_the_same_order(row):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suffix_array, "_BATCH", 3)
        found = sort_suffixes(np.array(row)).tolist()
    assert found == sorted(range(len(row)), key=lambda place: row[place:])


@given(row=rows, query=st.one_of(st.lists(FEW, max_size=12), st.lists(MANY, max_size=12)))
def test_the_longest_match_is_that_of_looking_everywhere(row, query):
    found = SuffixArray.build(np.array(row)).longest_matches(query)
    for start, (length, place) in enumerate(zip(found.lengths_Q, found.places_Q, strict=True)):
        assert length == longest_by_looking_everywhere(row, query[start:])
        assert row[place : place + length] == query[start : start + length]


@given(row=st.lists(FEW, min_size=1, max_size=40), query=st.lists(FEW, min_size=1, max_size=4))
def test_every_occurrence_is_found(row, query):
    n = len(query)
    wanted = [place for place in range(len(row)) if row[place : place + n] == query]
    assert SuffixArray.build(np.array(row)).occurrences(query).tolist() == wanted


def test_long_copies_are_measured_to_their_end():
    """More than the tokens that are compared first, and more than eight times as many."""
    row = np.random.default_rng(1).integers(0, 50, 2_000)
    found = SuffixArray.build(row).longest_matches([*row[100:450].tolist(), 99])
    assert found.lengths_Q.tolist() == [*range(350, 0, -1), 0]
    assert found.places_Q[0] == 100


def test_a_row_of_one_token_over_and_over_is_sorted_from_its_end():
    assert sort_suffixes(np.zeros(1_000, dtype=np.int64)).tolist() == list(range(999, -1, -1))


@pytest.mark.parametrize("stranger", [-1, 7, 65_535, 10**9])
def test_ids_that_the_row_lacks_match_nothing(stranger):
    row = SuffixArray.build(np.array([1, 2, 3]))
    assert row.longest_matches([stranger, 2]).lengths_Q.tolist() == [0, 1]


def test_what_is_written_is_read_again(tmp_path: Path):
    SuffixArray.write(tmp_path, np.array([70_000, 1, 70_000, 2]))
    row = SuffixArray.open(tmp_path)
    assert row.longest_matches([70_000, 2]).lengths_Q.tolist() == [2, 1]
    assert row.longest_matches([70_000, 2]).places_Q.tolist() == [2, 3]


def test_damaged_files_are_told(tmp_path: Path):
    with pytest.raises(DataError, match="Build it again"):
        SuffixArray.open(tmp_path)
    SuffixArray.write(tmp_path, np.array([1, 2, 3]))
    (tmp_path / "suffixes.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(DataError, match="Build it again"):
        SuffixArray.open(tmp_path)
    np.save(tmp_path / "suffixes.npy", np.zeros(2, np.uint32))
    with pytest.raises(DataError, match="do not fit"):
        SuffixArray.open(tmp_path)


def test_an_empty_row_and_a_stop_are_no_index():
    class Stopping:
        def __call__(self, *told, **facts): ...

        def plan(self, stages): ...

        def should_stop(self):
            return True

    with pytest.raises(DataError, match="0 tokens"):
        sort_suffixes(np.empty(0, dtype=np.int64))
    with pytest.raises(StoppedError):
        sort_suffixes(np.array([1, 2]), Stopping())
