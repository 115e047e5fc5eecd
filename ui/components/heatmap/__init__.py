"""A matrix as colours, with each number on hover. Draws pictures; computes none.

``heatmap_view(picture, …)``: pictures come from ``slm.model.pictures``, words from
``ui.view_models.part_panel``.
"""

from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.part_panel import HeatMap

_mount = register(
    "slm_heatmap",
    Path(__file__).parent,
    shared=("base.css", "payload.js", "half.js", "scale.js", "canvas.js"),
)


def heatmap_view(heat: HeatMap, *, key: str) -> None:
    """Draw the picture; pointing at a cell, or the arrow keys, tell its number."""
    _mount(key=key, data=heatmap_payload(heat))


def heatmap_payload(heat: HeatMap) -> bytes:
    """What the browser receives: labels as text, then the cells as float16, row by row."""
    shown = heat.picture
    return pack(
        {
            "cells": list(shown.cells.shape),
            "block": list(shown.block),
            "size": [shown.rows, shown.columns],
            "limit": shown.limit,
            "shares": heat.shares,
            "rowNames": list(heat.row_names),
            "columnNames": list(heat.column_names),
            "rowTitle": heat.row_title,
            "columnTitle": heat.column_title,
            "axis": heat.axis,
            "cell": heat.cell,
            "label": heat.label,
            "height": heat.height,
        },
        shown.cells.astype("<f2").tobytes(),
    )
