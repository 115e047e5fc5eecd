"""What certainty is worth, drawn. All labels are our own words, never foreign text."""

from collections.abc import Sequence

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.calibration import EntropyMark, Mark

_GREY = "#8C8C8C"
_BLUE, _ORANGE = OKABE_ITO[0], OKABE_ITO[1]
_TICKS = (0, 0.25, 0.5, 0.75, 1)
_FAINT = "rgba(0,114,178,0.35)"


def reliability_chart(marks: Sequence[Mark], height: int = 400) -> go.Figure:
    """How often it was right (bars) by how certain it was; below, where the tokens are.

    On the dashed diagonal the two agree. Grey whiskers: how far from it chance alone puts a bin.
    """
    figure = _two_rows()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": _GREY, "dash": "dash", "width": 2},
        hoverinfo="skip",
        name=tr("as it says"),
        row=1,
        col=1,
    )
    middles = [(mark.low + mark.high) / 2 for mark in marks]
    widths = [mark.high - mark.low for mark in marks]
    figure.add_bar(
        x=middles,
        y=[mark.came for mark in marks],
        width=widths,
        marker={
            "color": [_FAINT if mark.faint else _BLUE for mark in marks],
            "line": {"color": "rgba(127,127,127,0.6)", "width": 1},
        },
        opacity=0.75,
        customdata=[[mark.said, mark.count] for mark in marks],
        hovertemplate=tr(
            "said %{customdata[0]:.1%}, right %{y:.1%}<br>%{customdata[1]:,} guesses<extra></extra>"
        ),
        name=tr("was right"),
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=[mark.said for mark in marks],
        y=[mark.said for mark in marks],
        error_y={
            "type": "data",
            "array": [2.5 * mark.by_chance for mark in marks],
            "color": _ORANGE,
            "thickness": 2,
            "width": 4,
        },
        mode="markers",
        marker={"color": _ORANGE, "size": 7},
        hoverinfo="skip",
        name=tr("says, ± chance"),
        row=1,
        col=1,
    )
    figure.add_bar(
        x=middles,
        y=[mark.share for mark in marks],
        width=widths,
        marker={"color": _GREY, "line": {"color": "rgba(127,127,127,0.6)", "width": 1}},
        customdata=[mark.count for mark in marks],
        hovertemplate=tr("%{y:.1%} of the guesses: %{customdata:,}<extra></extra>"),
        showlegend=False,
        row=2,
        col=1,
    )
    figure.update_xaxes(range=[0, 1], tickvals=_TICKS, tickformat=".0%", tickangle=0)
    figure.update_xaxes(title=tr("how certain it was"), row=2, col=1)
    figure.update_yaxes(title=tr("how often right"), range=[0, 1], tickformat=".0%", row=1, col=1)
    return _finished(figure, height)


def entropy_chart(marks: Sequence[EntropyMark], height: int = 400) -> go.Figure:
    """How often the first guess was right by how unsure the model was; below, the tokens."""
    figure = _two_rows()
    unsure = [mark.entropy for mark in marks]
    figure.add_scatter(
        x=unsure,
        y=[mark.accuracy for mark in marks],
        mode="lines+markers",
        line={"color": _BLUE, "width": 3},
        marker={"size": 8},
        customdata=[mark.count for mark in marks],
        hovertemplate=tr("%{x:.2f} nats: right %{y:.1%}<br>%{customdata:,} tokens<extra></extra>"),
        name=tr("was right"),
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=unsure,
        y=[mark.confidence for mark in marks],
        mode="lines+markers",
        line={"color": _ORANGE, "width": 2, "dash": "dash"},
        hovertemplate=tr("%{x:.2f} nats: said %{y:.1%}<extra></extra>"),
        name=tr("says"),
        row=1,
        col=1,
    )
    figure.add_bar(
        x=[(mark.low + mark.high) / 2 for mark in marks],
        y=[mark.share for mark in marks],
        width=[mark.high - mark.low for mark in marks],
        marker={"color": _GREY, "line": {"color": "rgba(127,127,127,0.6)", "width": 1}},
        hovertemplate=tr("%{y:.1%} of the tokens<extra></extra>"),
        showlegend=False,
        row=2,
        col=1,
    )
    figure.update_xaxes(rangemode="tozero", tickangle=0)
    figure.update_xaxes(title=tr("entropy (nats)"), row=2, col=1)
    figure.update_yaxes(
        title=tr("how often right"), range=[0, 1.02], tickformat=".0%", row=1, col=1
    )
    return _finished(figure, height)


def _two_rows() -> go.Figure:
    return make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.78, 0.22], vertical_spacing=0.05
    )


def _finished(figure: go.Figure, height: int) -> go.Figure:
    figure.update_yaxes(title=tr("tokens"), tickformat=".0%", nticks=3, row=2, col=1)
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 26, "t": 8, "b": 0},
        font_size=14,
        bargap=0,
        barmode="overlay",
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
