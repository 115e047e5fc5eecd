"""A table of coloured cells, each with a word: the lens by depth and position, patching by place.

Only the cells in sight are drawn, so thousands of columns scroll. Draws grids; computes none.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.grid import Grid

_mount = register(
    "slm_lens",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "scale.js", "canvas.js"),
    parts=("colours.js", "telling.js"),
)


def lens_view(
    grid: Grid,
    *,
    key: str,
    chosen: tuple[int, int] | None = None,
    height: int = 360,
    on_pick: Callable[[int, int], None] | None = None,
) -> None:
    """Draw the grid, `chosen` (row, column) framed; `height` is the most pixels for its cells.

    `on_pick(row, column)` is called before the script runs again.
    """

    def tell() -> None:
        picked = picked_cell(key, grid.shape)
        if on_pick is not None and picked is not None:
            on_pick(*picked)

    _mount(key=key, data=lens_payload(grid, chosen=chosen, height=height), on_pick_change=tell)


def picked_cell(key: str, shape: tuple[int, int]) -> tuple[int, int] | None:
    """What the browser sent, as [row, column]; a browser may send anything, so it is checked."""
    value = st.session_state.get(key, {}).get("pick")
    if not isinstance(value, list) or len(value) != 2:
        return None
    if not all(type(at) is int and 0 <= at < n for at, n in zip(value, shape, strict=True)):
        return None
    return value[0], value[1]


def lens_payload(grid: Grid, *, chosen: tuple[int, int] | None = None, height: int = 360) -> bytes:
    """What the browser receives: words once, then arrays of four-byte numbers.

    In this order: places, words, marks, candidates and their shares, then each fact.
    """
    n_rows, n_columns = grid.shape
    marked_RC = np.zeros(grid.shape) if grid.marked_RC is None else grid.marked_RC
    none_RCK = np.zeros((n_rows, n_columns, 0))
    candidates_RCK = none_RCK if grid.candidates_RCK is None else grid.candidates_RCK
    shares_RCK = none_RCK if grid.shares_RCK is None else grid.shares_RCK
    arrays = [
        grid.place_RC.astype("<f4"),
        grid.word_RC.astype("<i4"),
        marked_RC.astype("<i4"),
        candidates_RCK.astype("<i4"),
        shares_RCK.astype("<f4"),
        *(fact.values_RC.astype("<f4") for fact in grid.facts),
    ]
    return pack(
        {
            "rows": list(grid.row_names),
            "columns": list(grid.column_names),
            "columnNotes": list(grid.column_notes),
            "columnTitle": grid.column_title,
            "words": list(grid.words),
            "candidates": candidates_RCK.shape[-1],
            "facts": [[fact.name, fact.how] for fact in grid.facts],
            "scale": {
                "title": grid.scale.title,
                "low": grid.scale.low,
                "high": grid.scale.high,
                "diverging": grid.scale.diverging,
            },
            "markMeans": grid.mark_means,
            "hint": grid.hint,
            "label": grid.label,
            "cellWidth": grid.cell_width,
            "height": height,
            "chosen": None if chosen is None else list(chosen),
        },
        b"".join(array.tobytes() for array in arrays),
    )
