"""What the switchboard's browser part receives: a header, and a number for each part."""

import numpy as np

from slm.attention.interventions import Edit
from slm.model.config import ModelConfig
from ui.components.payload import unpack
from ui.components.switchboard import switchboard_payload
from ui.view_models.switchboard import board_of

CONFIG = ModelConfig(n_layers=1, n_heads=2, d_model=8, n_kv_heads=2)


def test_states_go_by_number_and_worths_layer_by_layer_with_feed_forward_last():
    worth = np.array([[0.5, np.nan, -1.0]], np.float32)
    board = board_of(CONFIG, [Edit(0, 1, "scale", 0.5), Edit(0, None)], None, worth)
    header, values = unpack(switchboard_payload(board, heard=3))
    assert header["parts"] == [[1, "scale", 0.5], [2, "off", 1.0]]
    assert (header["layers"], header["heads"], header["heard"]) == (1, 2, 3)
    assert header["most"] == 0.5 and header["naming"] is True
    np.testing.assert_array_equal(np.frombuffer(values, "<f4"), worth.ravel())


def test_the_largest_board_stays_small():
    """24 layers of 32 heads, every head changed: some kilobytes."""
    config = ModelConfig(n_layers=24, n_heads=32, d_model=64, n_kv_heads=32, d_head=2)
    edits = [Edit(layer, head, "mean") for layer in range(24) for head in range(32)]
    assert len(switchboard_payload(board_of(config, edits))) < 100_000
