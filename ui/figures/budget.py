"""Tokens against parameters as a gauge, and what repeated text is worth."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.budget import Curve, Mark, Zone

_ZONE_COLORS = (OKABE_ITO[1], OKABE_ITO[2], OKABE_ITO[4])
_MARK_COLORS = (OKABE_ITO[3], OKABE_ITO[0], OKABE_ITO[5])
_EDGE = 0.1  # powers of ten left of and beyond the zones, where a symbol may hang over
_SYMBOLS = ("diamond", "circle", "star")


def gauge(
    zones: Sequence[Zone], marks: Sequence[Mark], optimum: float, *, height: int = 200
) -> go.Figure:
    """Tokens a parameter on a logarithmic scale: zones behind, a symbol for each mark."""
    figure = go.Figure()
    for zone, color in zip(zones, _ZONE_COLORS, strict=True):
        figure.add_vrect(
            x0=zone.low, x1=zone.high, fillcolor=color, opacity=0.22, line_width=0, layer="below"
        )
        figure.add_annotation(
            x=(log10(zone.low) + log10(zone.high)) / 2,
            y=1,
            yref="paper",
            yanchor="top",
            text=zone.label,
            showarrow=False,
        )
    line = {"width": 2, "dash": "dot", "color": OKABE_ITO[2]}
    figure.add_shape(x0=optimum, x1=optimum, y0=0, y1=0.8, yref="paper", line=line, layer="below")
    for place, (mark, color, symbol) in enumerate(zip(marks, _MARK_COLORS, _SYMBOLS, strict=True)):
        figure.add_scatter(
            x=[mark.value],
            y=[2 - place],
            mode="markers",
            name=f"{mark.label}: {mark.shown}",
            marker={"size": 17, "color": color, "symbol": symbol, "line": {"width": 1}},
            hovertemplate=tr("{label}: {shown} tokens a parameter<extra></extra>").format(
                label=mark.label, shown=mark.shown
            ),
        )
    ticks = [10.0**power for power in range(round(log10(zones[0].low)), 5)]
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 6, "b": 10},
        legend={"orientation": "h", "y": 1.04, "yanchor": "bottom", "x": 0},
        xaxis={
            "type": "log",
            "range": [log10(zones[0].low) - _EDGE, log10(zones[-1].high) + _EDGE],
            "title": tr("tokens per parameter"),
            "tickvals": sorted({*ticks, optimum}),
            "ticktext": [f"{tick:,.15g}" for tick in sorted({*ticks, optimum})],
            "tickangle": 0,
        },
        yaxis={"visible": False, "range": [-0.7, 3.1], "fixedrange": True},
    )
    return figure


def worth(curve: Curve, *, height: int = 270) -> go.Figure:
    """Fresh epochs that repeated ones are worth, the diagonal if nothing wore off, and here."""
    figure = go.Figure()
    top = 1.15 * max(curve.worth[-1], curve.here[1])
    figure.add_scatter(
        x=[0, top],
        y=[0, top],
        mode="lines",
        name=tr("if repeats were fresh"),
        line={"dash": "dot", "color": "gray", "width": 1.5},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=curve.epochs,
        y=curve.worth,
        mode="lines",
        name=tr("worth"),
        line={"color": OKABE_ITO[0], "width": 3},
        hovertemplate=tr("%{x:.1f} epochs are worth %{y:.1f}<extra></extra>"),
    )
    figure.add_scatter(
        x=[curve.here[0]],
        y=[curve.here[1]],
        mode="markers",
        name=tr("you are here"),
        marker={"size": 14, "color": OKABE_ITO[5], "symbol": "star", "line": {"width": 1}},
        hovertemplate=tr("this training: %{x:.3g} epochs are worth %{y:.3g}<extra></extra>"),
    )
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": tr("epochs read"), "range": [0, curve.epochs[-1]]},
        yaxis={"title": tr("worth, in epochs of fresh text"), "range": [0, top]},
    )
    return figure
