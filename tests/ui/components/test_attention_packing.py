"""Attention weights on their way to the browser: nothing lost, nothing made up."""

import numpy as np
import pytest

from slm.attention.heads import MEASURES, HeadScores
from ui.components.attention_view.packing import (
    as_weights,
    pack_head,
    pack_overview,
    pack_view,
    unpack_head,
    unpack_overview,
    unpack_view,
)
from ui.components.payload import unpack
from ui.view_models.head_grid import grid_of


def test_the_open_head_arrives_bit_for_bit():
    weights_TS = np.array([[1.0, 0.0], [1 / 3, 2 / 3]], dtype=np.float32)
    data = pack_head(weights_TS, ["·a", "</script>"], layer=1, head=2, query=1, window=8)
    header, arrived_TS = unpack_head(data)
    assert arrived_TS.tobytes() == weights_TS.tobytes()
    assert header["tokens"] == ["·a", "</script>"]
    assert (header["layer"], header["head"], header["query"], header["window"]) == (1, 2, 1, 8)


def test_a_slice_that_is_not_contiguous_arrives_in_order():
    weights_LHTS = np.arange(16, dtype=np.float32).reshape(2, 2, 2, 2)
    _, arrived_TS = unpack_head(
        pack_head(weights_LHTS.transpose(1, 0, 3, 2)[1, 0], ["a", "b"], layer=0, head=0)
    )
    assert arrived_TS.tolist() == [[4, 6], [5, 7]]


def test_weights_and_tokens_must_match():
    with pytest.raises(ValueError, match="3 tokens"):
        pack_head(np.zeros((2, 2)), ["a", "b", "c"], layer=0, head=0)


def test_weights_that_are_no_numbers_are_counted():
    weights_TS = np.array([[1.0, 0.0], [np.nan, np.inf]], dtype=np.float32)
    header, _ = unpack_head(pack_head(weights_TS, ["a", "b"], layer=0, head=0))
    assert header["unsound"] == 2


def test_bytes_count_as_255ths():
    assert as_weights(np.array([0, 51, 255], dtype=np.uint8)).tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 7), (2, 5, 130)])
def test_the_overview_comes_back_as_packed(shape):
    n_layers, n_heads, length = shape
    side = min(length, 64)
    pictures = np.random.default_rng(0).integers(
        0, 256, (n_layers, n_heads, side, side), dtype=np.uint8
    )
    data = pack_overview(pictures, tokens=length, layer=0, head=n_heads - 1)
    header, arrived = unpack_overview(data)
    assert (arrived == pictures).all()
    assert (header["layers"], header["heads"], header["head"]) == (n_layers, n_heads, n_heads - 1)
    assert header["tokens"] == length
    assert header["labels"] is None and header["columns"] == []


def test_names_and_scores_travel_with_the_pictures():
    scores = HeadScores(MEASURES, np.full((1, 2, len(MEASURES)), 0.9, dtype=np.float32))
    grid = grid_of(scores)
    pictures = np.zeros((1, 2, 3, 3), dtype=np.uint8)
    data = pack_overview(pictures, tokens=3, layer=0, head=0, grid=grid, arrangement="x")
    header, _ = unpack_overview(data)
    assert header["labels"] == [["induction 0.90"] * 2]
    assert header["kindsOf"] == [["induction"] * 2]
    assert header["kinds"][0]["count"] == 2 and header["kinds"][0]["colour"].startswith("#")
    assert header["columns"][0]["values"] == [0.9, 0.9]
    assert header["arrangement"] == "x"


@pytest.mark.parametrize(("n_heads", "beside"), [(1, "few"), (6, "few"), (12, "many"), (32, "")])
def test_the_overview_stands_beside_the_head_where_it_has_room(n_heads, beside):
    header, _ = unpack(pack_view(b"", b"", n_heads=n_heads))
    assert header["beside"] == beside


def test_both_halves_come_apart_again():
    assert unpack_view(pack_view(b"all heads", b"one head", n_heads=4)) == (
        b"all heads",
        b"one head",
    )
