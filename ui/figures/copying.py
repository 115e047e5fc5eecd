"""How new a text is, as lines. All labels are our own words, never foreign text."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.copying import NewShare

_GREY = "#8C8C8C"
_BAND = "rgba(140,140,140,0.22)"


def novelty_chart(shares: Sequence[NewShare], height: int = 300) -> go.Figure:
    """Share of n-grams that the training text lacks, by n: the text, and held-out text."""
    figure = go.Figure()
    known = [each for each in shares if each.mean is not None]
    if known:
        orders = [each.n for each in known]
        figure.add_scatter(
            x=orders + orders[::-1],
            y=[each.highest for each in known] + [each.lowest for each in known][::-1],
            fill="toself",
            fillcolor=_BAND,
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            name=tr("each held-out passage"),
        )
        figure.add_scatter(
            x=orders,
            y=[each.mean for each in known],
            mode="lines+markers",
            line={"color": _GREY, "width": 2, "dash": "dash"},
            name=tr("held-out text"),
            hovertemplate=tr("held-out, n = %{x}: %{y:.0%} new<extra></extra>"),
        )
    own = [each for each in shares if each.text is not None]
    figure.add_scatter(
        x=[each.n for each in own],
        y=[each.text for each in own],
        mode="lines+markers",
        line={"color": OKABE_ITO[0], "width": 3},
        marker={"size": 8},
        name=tr("this text"),
        hovertemplate=tr("this text, n = %{x}: %{y:.0%} new<extra></extra>"),
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        font_size=14,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(title=tr("n: tokens in a row"), dtick=1, tickangle=0)
    figure.update_yaxes(title=tr("n-grams that are new"), tickformat=".0%", range=[-0.02, 1.02])
    return figure
