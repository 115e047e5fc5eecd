"""Attention weights on their way to the browser: nothing lost, small pictures honest."""

import numpy as np
import pytest

from ui.components.attention_view.packing import (
    as_weights,
    pack_head,
    pack_overview,
    pack_view,
    thumbnails,
    unpack_head,
    unpack_overview,
    unpack_view,
)


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


def test_a_short_text_keeps_every_weight_in_its_thumbnail():
    """The square root of 0.25 is a half: 127.5, rounded to the even 128."""
    weights_LHTS = np.array([[[[1.0, 0.0], [0.25, 0.75]]]], dtype=np.float32)
    assert thumbnails(weights_LHTS).tolist() == [[[[255, 0], [128, 221]]]]


def test_a_long_text_keeps_the_largest_weight_of_each_block():
    """5 tokens on at most 3 pixels a side: blocks of 2, the last one padded."""
    weights_LHTS = np.zeros((1, 1, 5, 5), dtype=np.float32)
    weights_LHTS[0, 0, 1, 0] = 1.0
    weights_LHTS[0, 0, 4, 2] = 0.25
    weights_LHTS[0, 0, 4, 3] = np.nan
    assert thumbnails(weights_LHTS, side=3)[0, 0].tolist() == [[255, 0, 0], [0, 0, 0], [0, 128, 0]]


def test_bytes_count_as_255ths():
    assert as_weights(np.array([0, 51, 255], dtype=np.uint8)).tolist() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 2, 7), (2, 5, 130)])
def test_the_overview_comes_back_as_packed(shape):
    n_layers, n_heads, length = shape
    weights = np.random.default_rng(0).random((n_layers, n_heads, length, length))
    small = thumbnails(weights.astype(np.float32))
    labels = [[f"{layer}.{head}" for head in range(n_heads)] for layer in range(n_layers)]
    data = pack_overview(small, tokens=length, layer=0, head=n_heads - 1, labels=labels)
    header, arrived = unpack_overview(data)
    assert (arrived == small).all()
    assert max(arrived.shape[2:]) <= 64
    assert header["labels"] == labels
    assert header["tokens"] == length


def test_both_halves_come_apart_again():
    assert unpack_view(pack_view(b"all heads", b"one head", beside=True)) == (
        b"all heads",
        b"one head",
    )
