"""Windows as rows, a colour for each document; a row that is clicked is told to Python."""

from pathlib import Path
from typing import Any

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.windows import Picture

_mount = register(
    "slm_windows",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "scale.js", "canvas.js"),
)


def windows_view(picture: Picture, *, selected: int | None = None, key: str) -> int | None:
    """Draw the windows; the number of the one clicked in this run, else None.

    ``selected`` is the number of the window that is outlined.
    """
    data = windows_payload(picture, selected=selected)
    result = _mount(key=key, data=data, on_pick_change=lambda: None)
    pick = result.get("pick")
    known = {row.number for row in picture.rows}
    return pick if isinstance(pick, int) and not isinstance(pick, bool) and pick in known else None


def windows_payload(picture: Picture, *, selected: int | None = None) -> bytes:
    """What the browser receives: a row is its number, segments, marks, held places, repeats."""
    rows: list[dict[str, Any]] = [
        {
            "number": row.number,
            "segments": [
                [s.number, s.first, s.length, s.from_token, s.of_tokens, s.begins, s.ends]
                for s in row.segments
            ],
            "marks": row.marks,
            "held": row.held,
            "again": row.again,
        }
        for row in picture.rows
    ]
    return pack(
        {
            "places": picture.places,
            "rows": rows,
            "beginnings": {str(number): text for number, text in picture.beginnings.items()},
            "selected": selected,
        }
    )
