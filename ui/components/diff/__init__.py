"""Texts with their changes: what went struck through, what came underlined, both coloured.

``diff_view(cards, key=…)`` draws passages, a card each; ``on_open`` hears which card's
document the visitor wants to see whole.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.diffs import DiffCard

_mount = register("slm_diff", Path(__file__).parent, shared=("base.css", "payload.js"))


def diff_view(
    cards: Sequence[DiffCard],
    *,
    key: str,
    height: int = 180,
    on_open: Callable[[int], None] | None = None,
) -> None:
    """Draw the cards, each at most ``height`` pixels high before it scrolls.

    With ``on_open``, cards whose document is known have a button; it is called with the
    document's place before the script runs again.
    """

    def tell() -> None:
        place = st.session_state.get(key, {}).get("open")
        if on_open is not None and place in {card.document for card in cards}:
            on_open(place)

    data = diff_payload(cards, height=height, can_open=on_open is not None)
    _mount(key=key, data=data, on_open_change=tell)


def diff_payload(cards: Sequence[DiffCard], *, height: int, can_open: bool) -> bytes:
    """What the browser receives."""
    return pack(
        {
            "cards": [
                {
                    "label": card.label,
                    "note": card.note,
                    "document": card.document,
                    "pieces": [[piece.kind, piece.text] for piece in card.pieces],
                }
                for card in cards
            ],
            "height": height,
            "can_open": can_open,
        }
    )
