"""What the components send to the browser, and what they accept from it."""

import numpy as np
import pytest
import streamlit as st

from slm.model.config import PRESETS
from slm.model.parts import PARTS
from slm.model.pictures import picture
from ui.components import attention_view as attention
from ui.components.architecture import Pick, architecture_payload, read_pick
from ui.components.attention_view import AttentionPick
from ui.components.heatmap import heatmap_payload
from ui.components.payload import pack, unpack
from ui.components.tokens import tokens_payload
from ui.view_models.architecture import drawing_of
from ui.view_models.chips import Scale, chip
from ui.view_models.part_panel import values_heat


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
    assert header["scale"] == {
        "title": "loss",
        "low": 0.0,
        "high": 8.0,
        "unit": "nats",
        "diverging": False,
    }
    assert header["selected"] == 1


def test_no_tokens_and_no_scale_is_a_payload_too():
    header, _ = unpack(tokens_payload([]))
    assert header["texts"] == []
    assert header["scale"] is None


def test_every_label_of_the_drawing_is_text():
    header, _ = unpack(architecture_payload(drawing_of(PRESETS["nano"], 8), part="query", layer=2))
    assert header["part"] == "query" and header["layer"] == 2
    query = next(node for node in header["block"] if node["name"] == "query")
    assert query["letters"] == "H×T×K" and query["sizes"] == "4×8×32"
    assert [group["name"] for group in header["groups"]] == ["attention", "feed_forward"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (["gate", 2], Pick("gate", 2)),
        (["logits", 0], Pick("logits", 0)),
        (["gate", 3], None),  # nano has three blocks
        (["gate", True], None),
        (["position_embedding", 0], None),  # nano has none
        (["<b>", 0], None),
        ("gate", None),
        (None, None),
    ],
)
def test_a_pick_is_a_part_of_the_drawing_or_none(sent, expected):
    assert read_pick(sent, drawing_of(PRESETS["nano"], 8)) == expected


def test_a_heat_map_travels_as_half_floats():
    matrix = np.array([[1.0, -0.5], [np.nan, 2.0]])
    heat = values_heat(picture(matrix, cell="mean"), PARTS["scores"], ["<b>", "·a"], "mean")
    header, values = unpack(heatmap_payload(heat))
    assert header["rowNames"] == header["columnNames"] == ["<b>", "·a"]
    assert not header["shares"]
    cells = np.frombuffer(values, dtype="<f2").reshape(header["cells"])
    np.testing.assert_array_equal(cells, matrix)


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
