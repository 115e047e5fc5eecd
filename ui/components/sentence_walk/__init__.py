"""A walk through a model in the browser: one step at a time, with formula, numbers and pictures.

Stepping inside a block asks the server nothing; another token, head or block does.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.walk import (
    Bars,
    Columns,
    Floats,
    Matrix,
    Picture,
    Place,
    Step,
    Strips,
    Table,
    Turns,
)
from ui.view_models.walk_terms import terms_of

_mount = register(
    "slm_sentence_walk",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "payload.js", "scale.js", "canvas.js", "chips.js"),
        *("diverging.js", "formula.js"),
    ),
    parts=("pictures.js", "canvases.js"),
)


def sentence_walk(
    steps: Sequence[Step],
    tokens: Sequence[str],
    place: Place,
    *,
    n_layers: int,
    n_heads: int,
    key: str,
    on_move: Callable[[Any], None],
) -> None:
    """Draw the walk. `tokens` as `visible()` shows them.

    `on_move` hears where the visitor went (the step of rest, another token, head, block or
    key) before the script runs again; it comes from a browser, so it may be anything.
    """

    def tell() -> None:
        on_move(st.session_state.get(key, {}).get("go"))

    data = walk_payload(steps, tokens, place, n_layers=n_layers, n_heads=n_heads)
    _mount(key=key, data=data, on_go_change=tell)


def walk_payload(
    steps: Sequence[Step], tokens: Sequence[str], place: Place, *, n_layers: int, n_heads: int
) -> bytes:
    """What the browser receives: words in the header, all numbers as float32 behind it."""
    numbers = _Numbers()
    header = {
        "tokens": list(tokens),
        "place": {
            "step": place.step,
            "layer": place.layer,
            "head": place.head,
            "token": place.token,
            "key": place.key,
        },
        "layers": n_layers,
        "heads": n_heads,
        "steps": [
            {
                "id": step.id,
                "group": step.group,
                "title": step.title,
                "formula": list(step.formula),
                "shape": step.shape,
                "why": step.why,
                "told": step.told,
                "source": step.source,
                "line": step.line,
                "terms": [list(each) for each in terms_of(step)],
                "pictures": [_packed(picture, numbers) for picture in step.pictures],
            }
            for step in steps
        ],
    }
    return pack(header, numbers.bytes())


class _Numbers:
    """Arrays one behind the other; each is known by where it begins and how long it is."""

    def __init__(self) -> None:
        self._parts: list[Floats] = []
        self._end = 0

    def add(self, values: Any) -> list[int]:
        flat = np.asarray(values, dtype="<f4").ravel()
        self._parts.append(flat)
        self._end += flat.size
        return [self._end - flat.size, flat.size]

    def bytes(self) -> bytes:
        return b"".join(part.tobytes() for part in self._parts)


def _packed(picture: Picture, numbers: _Numbers) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": type(picture).__name__.lower(), "title": picture.title}
    match picture:
        case Strips():
            told["rows"] = [[name, *numbers.add(values)] for name, values in picture.rows]
            told["picks"] = picture.picks
        case Matrix():
            told["values"] = numbers.add(picture.values_TS)
            hidden = picture.hidden_TS
            told["hidden"] = None if hidden is None else numbers.add(hidden)
            told["share"] = picture.is_share
        case Columns():
            told["values"] = numbers.add(picture.values)
            told |= {"labels": list(picture.labels), "marked": picture.marked}
            told["picks"] = picture.picks
        case Bars():
            told["values"] = numbers.add(picture.values)
            told |= {"labels": list(picture.labels), "shown": list(picture.shown)}
            told["marked"] = picture.marked
        case Turns():
            told["before"] = numbers.add(picture.before_P2)
            told["after"] = numbers.add(picture.after_P2)
            told["radians"] = numbers.add(picture.radians_P)
        case Table():
            told |= {"head": list(picture.head), "rows": [list(row) for row in picture.rows]}
    return told
