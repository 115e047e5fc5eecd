"""One row of attention as bars that are dragged. The browser keeps their sum at 1.

While a bar moves nothing is asked of the server; it hears the row when the pointer is let go.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.painting import PaintingView

_mount = register(
    "slm_painting",
    Path(__file__).parent,
    shared=("base.css", "chips.css", "payload.js", "scale.js", "chips.js"),
    parts=("shares.js", "bars.js"),
)


def painting(
    view: PaintingView,
    *,
    key: str,
    on_paint: Callable[[object], None],
    on_query: Callable[[int], None],
) -> None:
    """Draw the row, and hear what is done with it before the script runs again.

    `on_paint` is given what the browser sent: a list of shares, one a key, or None for the row
    as it was; anything else has to be expected too. `on_query` hears which token of the text
    shall be the query.
    """
    heard = f"{key}-heard"

    def painted() -> None:
        sent = st.session_state.get(key, {}).get("paint")
        if isinstance(sent, list) and len(sent) == 2 and type(sent[0]) is int:
            st.session_state[heard] = sent[0]
            on_paint(sent[1])

    def asked() -> None:
        query = st.session_state.get(key, {}).get("query")
        if type(query) is int and 0 <= query < len(view.words):
            on_query(query)

    data = painting_payload(view, heard=st.session_state.get(heard, 0))
    _mount(key=key, data=data, on_paint_change=painted, on_query_change=asked)


def painting_payload(view: PaintingView, *, heard: int = 0) -> bytes:
    """What the browser receives: words in the header, then the untouched and the painted row.

    `heard` is the number of the last painting that the browser sent, so that an answer to an
    earlier one does not undo a later one.
    """
    header = {
        "words": list(view.words),
        "layer": view.place.layer,
        "head": view.place.head,
        "query": view.place.query,
        "hidden": view.hidden,
        "painted": view.painted,
        "title": view.title,
        "sentence": view.sentence,
        "hint": view.hint,
        "heard": heard,
    }
    rows = (view.untouched_S, view.shares_S)
    return pack(header, b"".join(np.ascontiguousarray(row, "<f4").tobytes() for row in rows))
