"""One choice in the browser: a column of bars for every filter, and the line that is drawn from."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.anatomy import TALLY, Anatomy

_mount = register(
    "slm_anatomy",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "canvas.js"),
    parts=("line.js",),
)


def anatomy_view(anatomy: Anatomy, *, key: str, on_move: Callable[[str, int], None]) -> None:
    """Draw the choice. ``on_move`` is told of a filter that was moved, and by how many places."""

    def moved() -> None:
        value = st.session_state.get(key, {}).get("move")
        names = [column.name for column in anatomy.columns_S[1:]]
        if (
            isinstance(value, list)
            and len(value) == 2
            and value[0] in names
            and type(value[1]) is int
            and abs(value[1]) < len(names)
        ):
            on_move(value[0], value[1])

    _mount(key=key, data=pack_anatomy(anatomy), on_move_change=moved)


def pack_anatomy(anatomy: Anatomy) -> bytes:
    """What the browser receives."""
    return pack({**asdict(anatomy), "draws": TALLY})
