"""All heads at once: names, colours, scores, and how they are put."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.attention.heads import MEASURES, TEXT_MEASURES, HeadScores
from ui.view_models.attention import COLUMNS, KINDS
from ui.view_models.head_grid import Arrangement, grid_of, read_arrangement, write_arrangement


def scores_of(**measures_LH: list[list[float]]) -> HeadScores:
    """One layer of three heads; measures that are not named are 0."""
    values_LHM = np.zeros((1, 3, len(MEASURES)), dtype=np.float32)
    for name, values_LH in measures_LH.items():
        values_LHM[..., MEASURES.index(name)] = values_LH
    return HeadScores(MEASURES, values_LHM)


SCORES = scores_of(
    induction=[[0.9, 0.0, 0.5]], positional=[[0.1, 0.8, 0.2]], distance=[[3.2, 1.0, 0.5]]
)


def test_every_head_has_a_name_and_every_name_a_colour_and_a_meaning():
    grid = grid_of(SCORES)
    assert grid.labels == (("induction 0.90", "positional 0.80", "induction 0.50"),)
    assert grid.kinds_of == (("induction", "positional", "induction"),)
    assert [(kind.name, kind.count) for kind in grid.kinds] == [("induction", 2), ("positional", 1)]
    assert len({kind.colour for kind in grid.kinds}) == 2
    assert all(kind.meaning for kind in grid.kinds)


def test_scores_are_listed_layer_by_layer_with_the_end_of_their_scale():
    columns = {column.measure: column for column in grid_of(SCORES).columns}
    assert columns["induction"].values == (0.9, 0.0, 0.5)
    assert columns["induction"].most == 1
    assert columns["distance"].most == 4
    assert set(columns) == set(COLUMNS)


def test_before_the_standard_measures_are_taken_no_head_is_named():
    on_text = HeadScores(TEXT_MEASURES, SCORES.values_LHM[..., : len(TEXT_MEASURES)])
    grid = grid_of(on_text)
    assert grid.labels is None and grid.kinds_of is None and grid.kinds == ()
    assert "induction" not in {column.measure for column in grid.columns}


@given(
    st.builds(
        Arrangement,
        measure=st.sampled_from(sorted(COLUMNS)),
        order=st.sampled_from(["layers", "highest", "lowest"]),
        least=st.integers(0, 100).map(lambda hundredths: hundredths / 100),
        kind=st.sampled_from(["", *KINDS]),
    )
)
def test_an_arrangement_is_read_as_it_was_written(arrangement):
    assert read_arrangement(write_arrangement(arrangement)) == arrangement


@pytest.mark.parametrize("text", [None, "", ",,,", "nothing,highest,0.5,", "a,b,c,d,e,f", "<img>"])
def test_what_makes_no_sense_is_the_usual_order(text):
    assert read_arrangement(text) == Arrangement()
    assert write_arrangement(Arrangement()) == ""


@given(st.text())
def test_any_text_of_an_address_is_an_arrangement(text):
    found = read_arrangement(text)
    assert read_arrangement(write_arrangement(found)) == found
