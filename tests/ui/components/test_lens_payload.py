"""What the browser receives of a grid of cells."""

import numpy as np

from ui.components.lens_view import lens_payload
from ui.components.payload import unpack
from ui.view_models.grid import Fact, Grid, GridScale


def test_arrays_follow_the_header_in_four_byte_numbers():
    grid = Grid(
        row_names=("top", "low"),
        column_names=("<img onerror=x>",),
        column_title="at",
        words=("a", "b"),
        word_RC=np.array([[1], [-1]], np.int32),
        place_RC=np.array([[0.5], [np.nan]], np.float32),
        scale=GridScale("share", "0", "1"),
        label="L",
        facts=(Fact("f", "nats", np.array([[2.0], [3.0]], np.float32)),),
        candidates_RCK=np.array([[[0, 1]], [[1, 0]]], np.int32),
        shares_RCK=np.array([[[0.75, 0.25]], [[1, 0]]], np.float32),
        marked_RC=np.array([[True], [False]]),
    )
    header, values = unpack(lens_payload(grid, chosen=(1, 0)))
    assert header["columns"] == ["<img onerror=x>"] and header["chosen"] == [1, 0]
    assert header["candidates"] == 2 and header["facts"] == [["f", "nats"]]
    whole, real = np.frombuffer(values, "<i4"), np.frombuffer(values, "<f4")
    np.testing.assert_array_equal(real[:2], [0.5, np.nan])
    assert whole[2:10].tolist() == [1, -1, 1, 0, 0, 1, 1, 0]
    assert real[10:].tolist() == [0.75, 0.25, 1, 0, 2, 3]


def test_a_grid_without_candidates_marks_or_facts_is_packed_too():
    one = np.zeros((1, 1))
    grid = Grid(("r",), ("c",), "", (), one.astype(np.int32) - 1, one.astype(np.float32),
                GridScale("s", "−1", "1", diverging=True), "L")  # fmt: skip
    header, values = unpack(lens_payload(grid))
    assert len(values) == 12 and header["chosen"] is None
