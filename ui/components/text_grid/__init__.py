"""Texts side by side in a grid, one of several samples of each cell at a time.

``text_grid(view, key=…)`` only shows: which sample is seen is chosen in the browser. What a text
begins with like the first cell's is faint, so that the eye finds where they part.
"""

from dataclasses import asdict
from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.grids import GridView

_mount = register(
    "slm_text_grid",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "scale.js"),
)


def text_grid(view: GridView, *, key: str) -> None:
    """Draw the grid."""
    _mount(key=key, data=grid_payload(view))


def grid_payload(view: GridView) -> bytes:
    """What the browser receives."""
    return pack(asdict(view))
