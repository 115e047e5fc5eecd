"""Pictures of matrices: small, and honest about what is left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from slm.errors import DivergedError
from slm.model.pictures import picture

MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    elements=st.floats(-100, 100, width=16),
)


@given(MATRICES)
def test_figures_are_of_all_numbers_and_not_of_the_cells(matrix):
    shown = picture(matrix, most_rows=3, most_columns=3, cell="mean")
    assert shown.cells.shape[0] <= 3 and shown.cells.shape[1] <= 3
    assert shown.minimum == matrix.min() and shown.maximum == matrix.max()
    assert shown.mean == pytest.approx(matrix.mean(dtype=np.float64), abs=1e-6)
    assert shown.beyond == (np.abs(matrix) > shown.limit).sum()


@given(MATRICES)
def test_the_largest_number_is_always_drawn(matrix):
    shown = picture(matrix, most_rows=3, most_columns=3, cell="largest")
    assert np.abs(shown.cells).max() == np.abs(matrix).max()


def test_each_cell_is_the_mean_or_the_largest_of_its_block():
    matrix = np.array([[1, 2, 10], [3, -6, 20]])
    mean = picture(matrix, most_rows=1, most_columns=2, cell="mean")
    assert mean.block == (2, 2) and mean.cells.tolist() == [[0.0, 15.0]]
    largest = picture(matrix, most_rows=1, most_columns=2, cell="largest")
    assert largest.cells.tolist() == [[-6.0, 20.0]]


def test_what_is_not_there_is_in_no_figure():
    matrix = np.array([[1.0, np.nan], [2.0, 3.0]])
    shown = picture(matrix, cell="mean")
    assert np.isnan(shown.cells[0, 1]) and shown.missing == 1
    assert (shown.minimum, shown.maximum, shown.mean) == (1.0, 3.0, 2.0)
    small = picture(matrix, most_rows=1, most_columns=1, cell="mean")
    assert small.cells.tolist() == [[2.0]]


def test_zeros_have_a_scale_too():
    assert picture(np.zeros((2, 2)), cell="mean").limit == 1.0


def test_infinite_numbers_are_a_sentence():
    with pytest.raises(DivergedError, match="infinite"):
        picture(np.array([[np.inf]]), cell="mean")
