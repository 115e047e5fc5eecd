"""One attention weight in the browser: from query and key to score, share and mixture.

All numbers of the cell and its row are sent; hovering asks the server nothing, another query
or key does.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.cell import CellView

_mount = register(
    "slm_cell",
    Path(__file__).parent,
    shared=(
        "base.css",
        "chips.css",
        "payload.js",
        "scale.js",
        "canvas.js",
        "chips.js",
        "diverging.js",
        "formula.js",
    ),
    parts=("drawing.js",),
)


def cell_view(
    view: CellView,
    tokens: Sequence[str],
    *,
    key: str,
    on_move: Callable[[int, int | None], None],
) -> None:
    """Draw the cell. `tokens` as `visible()` shows them.

    `on_move` hears the query and the key that the visitor went to (key None: the strongest of
    that query) before the script runs again.
    """

    def tell() -> None:
        moved = place_of(st.session_state.get(key, {}).get("go"), len(tokens))
        if moved is not None:
            on_move(*moved)

    _mount(key=key, data=cell_payload(view, tokens), on_go_change=tell)


def place_of(value: object, n_tokens: int) -> tuple[int, int | None] | None:
    """Query and key that the browser sent; None for anything that is not a place of this text.

    >>> place_of([3, None], 5), place_of([3, 9], 5), place_of("x", 5)
    ((3, None), None, None)
    """
    if not isinstance(value, list) or len(value) != 2:
        return None
    query, key = value
    wanted = [query] if key is None else [query, key]
    if not all(type(at) is int and 0 <= at < n_tokens for at in wanted):
        return None
    return query, key


def cell_payload(view: CellView, tokens: Sequence[str]) -> bytes:
    """What the browser receives: words in the header, all numbers as float32 behind it."""
    header = {
        "tokens": list(tokens),
        "query": view.query,
        "key": view.key,
        "sentence": view.sentence,
        "steps": {
            step.id: {
                "title": step.title,
                "formula": list(step.formula),
                "told": step.told,
                "terms": [list(each) for each in step.terms],
            }
            for step in view.steps
        },
        "width": view.products_K.size,
        "vectors": [name for name, _ in view.vectors],
        "values": [name for name, _ in view.values],
        "value_keys": list(view.value_keys),
    }
    numbers = [
        *(values for _, values in view.vectors),
        view.products_K,
        view.scores_S,
        view.visible_S,
        view.weights_S,
        *(values for _, values in view.values),
    ]
    return pack(header, b"".join(np.ascontiguousarray(each, "<f4").tobytes() for each in numbers))
