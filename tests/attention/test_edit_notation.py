"""Edits as a line of text: what it says, and that it comes back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.attention.edit_notation import read_edits, write_edits
from slm.attention.interventions import Edit, PaintedRow
from slm.errors import DataError
from slm.model.config import ModelConfig

CONFIG = ModelConfig(n_layers=3, n_heads=4, context_length=8)


def test_each_word_is_one_edit():
    line = "0.3:off 2.ff:x0.5 1.2:mean 0.1@2:0,0.5,0.5"
    assert read_edits(line, CONFIG) == (
        Edit(0, 3, "off"),
        Edit(2, None, "scale", 0.5),
        Edit(1, 2, "mean"),
        PaintedRow(0, 1, 2, (0.0, 0.5, 0.5)),
    )


def test_a_star_is_every_head_and_a_later_word_counts():
    assert read_edits("1.*:off 1.0:x1", CONFIG) == (
        Edit(1, 0, "scale", 1.0),
        Edit(1, 1),
        Edit(1, 2),
        Edit(1, 3),
    )


def test_a_whole_layer_is_written_as_a_star():
    edits = [Edit(1, head, "uniform") for head in range(4)]
    assert write_edits(edits, n_heads=4) == "1.*:uniform"
    assert write_edits([Edit(1, None, "off"), *edits], n_heads=4) == "1.*:uniform 1.ff:off"
    assert write_edits(edits[:2], n_heads=4) == "1.0:uniform 1.1:uniform"
    assert write_edits([]) == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0:off", "is no edit"),
        ("<script>", "is no edit"),
        ("0.0:loud", "done to no part"),
        ("0.0:xhuge", "no number"),
        ("0.0:xinf", "no number"),
        ("3.0:off", "no layer 3"),
        ("0.4:off", "no head 4"),
        ("0.ff:uniform", "no attention"),
        ("0.ff@1:1,1", "Name a head"),
        ("0.0@1:1", "give 2"),
        ("0.0:off " * 3000, "characters long"),
    ],
)
def test_what_is_no_edit_is_refused_in_words(line: str, says: str):
    with pytest.raises(DataError, match=says):
        read_edits(line, CONFIG)


numbers = st.integers(-400, 400).map(lambda n: n / 100)
edits = st.one_of(
    st.builds(Edit, st.integers(0, 2), st.integers(0, 3), st.sampled_from(["off", "uniform"])),
    st.builds(Edit, st.integers(0, 2), st.none(), st.just("scale"), numbers),
    st.integers(0, 7).flatmap(
        lambda query: st.builds(
            PaintedRow,
            st.integers(0, 2),
            st.integers(0, 3),
            st.just(query),
            st.tuples(*[st.integers(1, 100).map(lambda n: n / 100)] * (query + 1)),
        )
    ),
)


@given(st.lists(edits, unique_by=lambda e: (e.layer, e.head, getattr(e, "query", None))))
def test_what_was_written_is_read_back(changes: list[Edit | PaintedRow]):
    assert set(read_edits(write_edits(changes, n_heads=4), CONFIG)) == set(changes)
