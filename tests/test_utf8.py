"""Halves of surrogate pairs are treated alike wherever text comes in."""

from itertools import product

import pytest

from slm.data.cleaning.cleaner import storable
from slm.data.reading import frames
from slm.data.sources import Document
from slm.tokenizer import protocol
from slm.utf8 import well_formed, without_controls

HALVES = ("\ud83e", "\udd8a")
PARTS = ("a", *HALVES, "🦊", "\ufffd")


@pytest.mark.parametrize("parts", [*product(PARTS, repeat=3)], ids=ascii)
def test_pairs_are_joined_and_halves_replaced(parts):
    text = "".join(parts)
    joined = text.replace("\ud83e\udd8a", "🦊")
    whole = "".join("\ufffd" if part in HALVES else part for part in joined)
    assert well_formed(text) == protocol.well_formed(text) == whole
    assert storable(Document(text, "x")) == (whole, "x")
    assert frames.encoded(text) == (whole.encode(), sum(part in HALVES for part in joined))


def test_text_without_halves_is_the_same_object():
    for text in ("", "plain", "Zoë 🦊"):
        assert well_formed(text) is text


def test_escape_codes_reach_no_terminal_and_other_text_stays():
    assert without_controls("\x1b]0;title\x07\x1b[2J") == "␛]0;title␇␛[2J"
    text = "Zoë, 日本\n\tand 🦊 \u202e"
    assert without_controls(text) == text
