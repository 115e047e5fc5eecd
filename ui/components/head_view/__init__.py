"""One head in the browser: matrix, painted text and arcs, linked. Draws values; computes none."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.head import Shown

_mount = register(
    "slm_head",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "payload.js", "scale.js", "canvas.js", "diverging.js"),
        *("chips.js", "matrix.js", "matrix_stage.js"),
    ),
    parts=("arcs.js",),
)


def head_view(
    values_TS: NDArray[np.float32],
    tokens: Sequence[str],
    shown: Shown,
    *,
    query: int | None = None,
    window: int | None = None,
    key: str,
    height: int = 480,
    on_lock: Callable[[int | None], None] | None = None,
) -> None:
    """What one head gives to each query from each key; ``shown`` says what the values are.

    A query sees itself and what is before it, at most ``window`` positions (None: all).
    ``on_lock`` is told of the query that was locked, or None when it was freed, before the
    script runs again.
    """

    def picked() -> None:
        value = st.session_state.get(key, {}).get("pick")
        if on_lock is not None and type(value) is int and -1 <= value < len(tokens):
            on_lock(None if value < 0 else value)

    data = pack_head_view(values_TS, tokens, shown, query=query, window=window, height=height)
    _mount(key=key, data=data, on_pick_change=picked)


def pack_head_view(
    values_TS: NDArray[Any],
    tokens: Sequence[str],
    shown: Shown,
    *,
    query: int | None = None,
    window: int | None = None,
    height: int = 480,
) -> bytes:
    """What the browser receives: the values in float32, so that those shown are those computed."""
    if values_TS.shape != (len(tokens), len(tokens)):
        raise ValueError(f"values {values_TS.shape} do not match {len(tokens)} tokens")
    header = {
        "tokens": list(tokens),
        "query": query,
        "window": window,
        "height": height,
        "unsound": int((~np.isfinite(values_TS)).sum()),
        "most": shown.scale_end,
        "shown": {
            "title": shown.title,
            "unit": shown.unit,
            "diverging": shown.diverging,
            "most": shown.most_of_row,
        },
    }
    return pack(header, np.ascontiguousarray(values_TS, dtype="<f4").tobytes())
