"""Every part of a model as a switch, coloured by what it is worth. Draws a board; computes none."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.switchboard import Board

_mount = register(
    "slm_switchboard",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "scale.js", "canvas.js", "diverging.js"),
    parts=("states.js", "cells.js"),
)


def switchboard_view(
    board: Board, *, key: str, on_edit: Callable[[object, object], None] | None = None
) -> None:
    """Draw the board. `on_edit(parts, at)` is called before the script runs again.

    `parts` is the whole board as the browser has it now, `at` the part that was touched last.
    A browser may send anything: both are unchecked.

    The browser draws a change at once and numbers what it sends. The number that was heard last
    goes back with the board, so that an answer to an older change never undoes a newer one.
    """

    def tell() -> None:
        value = st.session_state.get(key, {}).get("edit")
        if not isinstance(value, dict):
            return
        if type(value.get("count")) is int:
            st.session_state[f"{key}-heard"] = value["count"]
        if on_edit is not None:
            on_edit(value.get("parts"), value.get("at"))

    heard = st.session_state.get(f"{key}-heard", 0)
    _mount(key=key, data=switchboard_payload(board, heard), on_edit_change=tell)


def switchboard_payload(board: Board, heard: int = 0) -> bytes:
    """What the browser receives: the board, and float32 numbers of what each part is worth."""
    header = {
        "layers": board.n_layers,
        "heads": board.n_heads,
        "parts": [list(part) for part in board.parts],
        "labels": board.labels,
        "kindsOf": board.kinds_of,
        "kinds": [asdict(kind) for kind in board.kinds],
        "presets": [asdict(preset) for preset in board.presets],
        "most": board.most,
        "scaleTitle": board.scale_title,
        "without": board.without,
        "chosen": board.chosen,
        "naming": board.naming,
        "heard": heard,
    }
    return pack(header, board.worth_LP.astype("<f4").tobytes())
