"""The whole model drawn: a map of it to the left, one block opened to the right.

``architecture_view(drawing, …)`` draws it and calls ``on_pick`` with the part and the block that
were just clicked. Drawings come from ``ui.view_models.architecture``.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.architecture import Drawing

_mount = register(
    "slm_architecture",
    Path(__file__).parent,
    shared=("base.css", "payload.js"),
    parts=("layout.js",),
)


@dataclass(frozen=True)
class Pick:
    """A part, and the block that it is of (kept for parts outside the blocks)."""

    part: str
    layer: int


def architecture_view(
    drawing: Drawing,
    *,
    key: str,
    part: str | None = None,
    layer: int = 0,
    height: int = 620,
    on_pick: Callable[[Pick], None] | None = None,
) -> None:
    """Draw the model with one part marked; without ``on_pick`` a click tells what a part does."""

    def tell() -> None:
        picked = read_pick(st.session_state.get(key, {}).get("pick"), drawing)
        if on_pick is not None and picked is not None:
            on_pick(picked)

    _mount(
        key=key,
        data=architecture_payload(
            drawing, part=part, layer=layer, height=height, can_pick=on_pick is not None
        ),
        on_pick_change=tell,
    )


def read_pick(value: object, drawing: Drawing) -> Pick | None:
    """What a browser sent, as [part, block]; None where it is no part of this drawing."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    part, layer = value
    names = {node.name for node in (*drawing.before, *drawing.block, *drawing.after)}
    if part not in names or type(layer) is not int or not 0 <= layer < drawing.n_layers:
        return None
    return Pick(part, layer)


def architecture_payload(
    drawing: Drawing,
    *,
    part: str | None = None,
    layer: int = 0,
    height: int = 620,
    can_pick: bool = True,
) -> bytes:
    """What the browser receives: every label as text."""
    return pack(
        {**asdict(drawing), "part": part, "layer": layer, "height": height, "canPick": can_pick}
    )
