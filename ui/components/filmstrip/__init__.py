"""Attention while a text is written, token by token: a film to step through.

Everything is sent once; going from frame to frame asks the server nothing.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.filmstrip import FilmPlace, FilmView, read_place

_mount = register(
    "slm_filmstrip",
    Path(__file__).parent,
    shared=(
        "base.css",
        "chips.css",
        "player.css",
        "payload.js",
        "scale.js",
        "canvas.js",
        "player.js",
        "chips.js",
    ),
    parts=("rows.js",),
)


def filmstrip(
    view: FilmView,
    *,
    place: FilmPlace,
    layer: int,
    head: int,
    key: str,
    on_move: Callable[[FilmPlace, int, int], None],
) -> None:
    """Draw the film. `place` is what it opens with; later it stays where the visitor went.

    `on_move` hears, before the script runs again, where the visitor rests, and which head is
    open.
    """

    def tell() -> None:
        moved = rest_of(st.session_state.get(key, {}).get("rest"), view)
        if moved is not None:
            on_move(*moved)

    data = film_payload(view, place=place, layer=layer, head=head)
    _mount(key=key, data=data, on_rest_change=tell)


def rest_of(value: object, view: FilmView) -> tuple[FilmPlace, int, int] | None:
    """Place, layer and head that the browser sent; None for anything else."""
    if not isinstance(value, list) or len(value) != 3:
        return None
    place, layer, head = value
    known = [(layer, view.n_layers), (head, view.n_heads)]
    if not isinstance(place, str) or not all(type(at) is int and 0 <= at < n for at, n in known):
        return None
    return read_place(place, len(view.frames)), layer, head


def film_payload(view: FilmView, *, place: FilmPlace, layer: int, head: int) -> bytes:
    """What the browser receives: words in the header, weights as 16-bit numbers behind it."""
    header = {
        "tokens": list(view.tokens),
        "prompt": view.prompt,
        "layers": view.n_layers,
        "heads": view.n_heads,
        "begin": asdict(place),
        "layer": layer,
        "head": head,
        "frames": [
            {
                "fact": frame.fact,
                "bars": [asdict(bar) for bar in frame.bars],
                "depths": [asdict(depth) for depth in frame.depths],
            }
            for frame in view.frames
        ],
    }
    return pack(header, view.rows.tobytes())
