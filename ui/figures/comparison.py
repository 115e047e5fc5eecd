"""Figures of several tokenizers on many texts, as a heat map."""

import numpy as np
import plotly.graph_objects as go

from ui.figures.literal import literal
from ui.view_models.comparison import Grid

_ROW_PIXELS = 22
_LONGEST = 24


def heat_map(grid: Grid) -> go.Figure:
    """A cell a text and tokenizer; bright is dear, by the logarithm of the figure."""
    values = np.maximum(np.array(grid.values, dtype=float), 1e-3)
    shades = np.log(values) if grid.worst_is_high else -np.log(values)
    figure = go.Figure(
        go.Heatmap(
            z=shades,
            x=list(range(len(grid.columns))),
            y=[literal(name) for name in grid.rows],
            text=grid.cells,
            customdata=grid.hovers,
            texttemplate="%{text}",
            textfont={"size": 13},
            hovertemplate="%{customdata}<extra></extra>",
            colorscale="Cividis",
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    figure.update_layout(
        height=70 + _ROW_PIXELS * len(grid.rows),
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        xaxis={
            "side": "top",
            "tickvals": list(range(len(grid.columns))),
            "ticktext": [literal(name, _LONGEST) for name in grid.columns],
            "showgrid": False,
            "fixedrange": True,
        },
        yaxis={"autorange": "reversed", "showgrid": False, "fixedrange": True, "ticks": ""},
    )
    return figure
