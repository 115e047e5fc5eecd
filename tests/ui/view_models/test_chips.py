"""Tokens on screen: every byte visible, nothing taken for markup."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.view_models.chips import Scale, chip, visible


@pytest.mark.parametrize(
    ("token_bytes", "shown"),
    [
        (b" the", "·the"),
        (b"\n\n", "⏎⏎"),
        (b"\tif", "→if"),
        (b"\r\n", "␍⏎"),
        (b"\x00\x1b\x7f", "␀␛␡"),
        (b"", "⟨empty⟩"),
        (b"\xe2\x82", "⟨E2 82⟩"),  # the euro sign without its last byte
        (b"a\xffb", "a⟨FF⟩b"),
        (b"\xa9\n", "⟨A9⟩⏎"),
        ("é€🦊".encode(), "é€🦊"),
        ("\u0301".encode(), "◌\u0301"),  # an accent with no letter
        ("e\u0301".encode(), "e\u0301"),
        ("\u00a0".encode(), "⟨U+00A0⟩"),
        ("\u202eabc".encode(), "⟨U+202E⟩abc"),  # would turn the text around
        ("\u200d".encode(), "⟨U+200D⟩"),
        ("\u2028".encode(), "⟨U+2028⟩"),
        (b"<b>&amp;", "<b>&amp;"),
    ],
)
def test_each_kind_of_byte_has_its_sign(token_bytes, shown):
    assert visible(token_bytes) == shown


@given(st.binary())
def test_whatever_the_bytes_something_printable_is_shown(token_bytes):
    shown = visible(token_bytes)
    assert shown
    assert shown.isprintable()
    assert " " not in shown.replace("⟨", "").replace("⟩", "") or "⟨" in shown


def test_a_chip_keeps_its_bytes():
    made = chip(5, b" a\xff", value=0.5, notes=["loss 2.31 nats"])
    assert (made.text, made.id, made.bytes) == ("·a⟨FF⟩", 5, b" a\xff")
    assert made.notes == ("loss 2.31 nats",)


def test_a_scale_places_and_clips():
    loss = Scale("loss", 0.0, 8.0, "nats")
    assert [loss.place(x) for x in (-1, 0, 2, 8, 100)] == [0, 0, 0.25, 1, 1]
    assert loss.place(nan) is None
    assert loss.place(inf) is None
    assert Scale("flat", 1.0, 1.0).place(1.0) == 0
