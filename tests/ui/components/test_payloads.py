"""What the components send to the browser, and what they accept from it."""

import numpy as np
import pytest
import streamlit as st

from slm.model.config import PRESETS
from ui.components import attention_view as attention
from ui.components.attention_view import AttentionPick
from ui.components.block import block_payload
from ui.components.payload import pack, unpack
from ui.components.tokens import tokens_payload
from ui.view_models.block_drawing import block_drawing
from ui.view_models.chips import Scale, chip


def test_header_and_values_come_back_whatever_the_text():
    header = {"text": ["·", "é\u202e", "<b>", "\x00", "🦊"], "none": None}
    values = np.arange(5, dtype="<f4").tobytes()
    assert unpack(pack(header, values)) == (header, values)


def test_a_lone_surrogate_does_not_break_the_page():
    assert unpack(pack({"text": "\udc80"}))[0] == {"text": "?"}


def test_tokens_travel_as_one_list_for_each_property():
    chips = [chip(7, b" the", value=1 / 3, notes=["rank 2"]), chip(9, b"\xe2\x82")]
    header, _ = unpack(tokens_payload(chips, scale=Scale("loss", 0.0, 8.0, "nats"), selected=1))
    assert header["texts"] == ["·the", "⟨E2 82⟩"]
    assert header["bytes"] == ["20 74 68 65", "E2 82"]
    assert header["values"] == [0.3333, None]
    assert header["notes"] == [["rank 2"], []]
    assert header["scale"] == {"title": "loss", "low": 0.0, "high": 8.0, "unit": "nats"}
    assert header["selected"] == 1


def test_no_tokens_and_no_scale_is_a_payload_too():
    header, _ = unpack(tokens_payload([]))
    assert header["texts"] == []
    assert header["scale"] is None


def test_every_label_of_the_block_is_text():
    header, _ = unpack(block_payload(block_drawing(PRESETS["nano"], batch_size=8)))
    assert header["stream"] == {"name": "", "letters": "B×T×D", "text": "8×256×128"}
    assert [branch["name"] for branch in header["branches"]] == ["attention", "mlp"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ([1, 2, 3], AttentionPick(1, 2, 3)),
        ([0, 0, None], AttentionPick(0, 0, None)),
        ([2, 0, None], None),  # no such layer
        ([0, 0, 4], None),  # beyond the text
        ([0, -1, None], None),
        ([0, True, None], None),
        (["0", 0, None], None),
        ([0, 0], None),
        ("[0, 0, null]", None),
        (None, None),
    ],
)
def test_a_pick_that_does_not_fit_is_no_pick(monkeypatch, sent, expected):
    monkeypatch.setattr(st, "session_state", {"maps": {"pick": sent}})
    assert attention._picked("maps", (2, 3, 4)) == expected
