"""A measure of texts across a grid: a line for each row."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.figures.literal import literal

_HEIGHT = 260


def curves(points: Sequence[dict[str, object]], title: str) -> go.Figure:
    """One line for each series of `points` (x, series, value) in the order in which they come.

    Names are foreign text: a chart would read tags in them, so they are escaped.
    """
    series: dict[str, tuple[list[object], list[object]]] = {}
    for point in points:
        xs, ys = series.setdefault(str(point["series"]), ([], []))
        xs.append(literal(str(point["x"])))
        ys.append(point["value"])
    figure = go.Figure(
        [
            go.Scatter(
                x=xs,
                y=ys,
                name=literal(name),
                mode="lines+markers",
                line={"color": OKABE_ITO[number % len(OKABE_ITO)]},
                hovertemplate="%{x}<br>%{y:.3g}<extra>%{fullData.name}</extra>",
            )
            for number, (name, (xs, ys)) in enumerate(series.items())
        ]
    )
    figure.update_layout(
        height=_HEIGHT,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        showlegend=len(series) > 1,
        yaxis={"title": title, "rangemode": "tozero"},
        xaxis={"type": "category"},
    )
    return figure
