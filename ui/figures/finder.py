"""The loss against the learning rate of a range test."""

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.finder import FinderView

_ABOVE = 0.4  # nats of room above the first values


def range_test(view: FinderView, *, height: int = 300) -> go.Figure:
    """Each step's loss as a dot, the smoothed loss as a line; the present and suggested rates."""
    figure = go.Figure()
    figure.add_scatter(
        x=view.rates,
        y=view.nats,
        mode="markers",
        name=tr("each step"),
        marker={"size": 4, "color": OKABE_ITO[4], "opacity": 0.7},
        hovertemplate=tr("rate %{x:.2g}: %{y:.2f} nats<extra></extra>"),
    )
    figure.add_scatter(
        x=view.rates,
        y=view.smoothed,
        mode="lines",
        name=tr("smoothed"),
        line={"color": OKABE_ITO[0], "width": 3},
        hovertemplate=tr("rate %{x:.2g}: %{y:.2f} nats, smoothed<extra></extra>"),
    )
    _mark(figure, view.present, "present", OKABE_ITO[1], "dot")
    if view.suggested is not None:
        _mark(figure, view.suggested, "suggested", OKABE_ITO[2], "solid")
    low, high = min(view.smoothed), max(view.nats[:5])
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"type": "log", "title": tr("learning rate (of AdamW)"), "exponentformat": "power"},
        yaxis={
            "title": tr("training loss (nats per token)"),
            "range": [low - _ABOVE, high + _ABOVE],
        },
    )
    return figure


def _mark(figure: go.Figure, rate: float, name: str, color: str, dash: str) -> None:
    """A vertical line over the whole height, in the legend too."""
    line = {"width": 2.5, "dash": dash, "color": color}
    figure.add_shape(x0=rate, x1=rate, y0=0, y1=1, yref="paper", line=line, layer="below")
    figure.add_scatter(
        x=[None], y=[None], mode="lines", name=f"{name}: {rate:.3g}", line=line, hoverinfo="skip"
    )
