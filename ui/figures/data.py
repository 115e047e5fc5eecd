"""What a text looks like: lengths, words by rank, growth, bars to click on, shared stretches.

Every mark that leads somewhere carries its click as the last of its custom data.
"""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.figures.literal import literal
from ui.texts import tr
from ui.view_models.explore_pictures import Bar, Bin

_MARGIN = {"l": 10, "r": 10, "t": 30, "b": 10}
_WIDE_SPAN = 50
_FEWEST_ROWS = 8  # so that one bar is no wall
_DIMMED = {"marker": {"opacity": 0.45}}


def histogram(bins: Sequence[Bin], axis: str, what: str, *, height: int = 380) -> go.Figure:
    """How many lie between neighbouring edges; logarithmic where they span much."""
    wide = bool(bins) and bins[-1].high > _WIDE_SPAN * max(bins[0].low, 1)
    shown = [each for each in bins if each.high > 1 or not wide]
    lows = [max(each.low, 0.7) if wide else each.low for each in shown]
    middles = [
        (low * each.high) ** 0.5 if wide else (low + each.high) / 2
        for low, each in zip(lows, shown, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=middles,
            y=[each.count for each in shown],
            width=[each.high - low for low, each in zip(lows, shown, strict=True)],
            marker={"color": OKABE_ITO[0], "line": {"width": 0.5, "color": "white"}},
            unselected=_DIMMED,
            customdata=[
                [tr("{low:,g} to {high:,g}").format(low=each.low, high=each.high), each.click]
                for each in shown
            ],
            hovertemplate=f"%{{customdata[0]}}: %{{y:,}} {what}<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        bargap=0,
        xaxis={"title": axis, "type": "log" if wide else "linear"},
        yaxis={"title": what, "rangemode": "tozero"},
    )
    return figure


def rank_frequency(
    points: Sequence[tuple[int, int, str]],
    line: Sequence[tuple[float, float]] = (),
    *,
    height: int = 380,
) -> go.Figure:
    """How often the 1st, 2nd, … most frequent word occurs, and the fitted line."""
    figure = go.Figure(
        go.Scatter(
            x=[rank for rank, _, _ in points],
            y=[times for _, times, _ in points],
            mode="markers",
            name=tr("words"),
            marker={"color": OKABE_ITO[0], "size": 8},
            unselected=_DIMMED,
            customdata=[[literal(word), f"find={word}"] for _, _, word in points],
            hovertemplate=tr("%{customdata[0]}, rank %{x:,}: %{y:,} times<extra></extra>"),
        )
    )
    _add_line(figure, line)
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        showlegend=False,
        xaxis={"title": tr("rank of the word"), "type": "log", "dtick": 1},
        yaxis={"title": tr("times it occurs"), "type": "log", "dtick": 1},
    )
    return figure


def growth(
    points: Sequence[tuple[int, int, str]],
    line: Sequence[tuple[float, float]] = (),
    *,
    height: int = 380,
) -> go.Figure:
    """How many different words the first so many words hold, and the fitted line."""
    figure = go.Figure(
        go.Scatter(
            x=[read for read, _, _ in points],
            y=[different for _, different, _ in points],
            mode="markers",
            marker={"color": OKABE_ITO[2], "size": 8},
            unselected=_DIMMED,
            customdata=[[click] for _, _, click in points],
            hovertemplate=tr("first %{x:,} words: %{y:,} different<extra></extra>"),
        )
    )
    _add_line(figure, line)
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        showlegend=False,
        xaxis={"title": tr("words read"), "type": "log", "dtick": 1},
        yaxis={"title": tr("different words"), "type": "log", "dtick": 1},
    )
    return figure


def bars(rows: Sequence[Bar], title: str, *, percent: bool = False, height: int = 380) -> go.Figure:
    """Horizontal bars, the first on top."""
    figure = go.Figure(
        go.Bar(
            x=[row.value for row in rows],
            y=list(range(len(rows))),
            orientation="h",
            width=0.8,
            marker={"color": OKABE_ITO[0]},
            unselected=_DIMMED,
            customdata=[[literal(row.name), row.click] for row in rows],
            hovertemplate="%{customdata[0]}: %{x:.2%}<extra></extra>"
            if percent
            else "%{customdata[0]}: %{x:,}<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        xaxis={"title": title, "tickformat": ".0%" if percent else ",", "rangemode": "tozero"},
        yaxis={
            "range": [max(len(rows), _FEWEST_ROWS) - 0.5, -0.5],
            "automargin": True,
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": [literal(row.name) for row in rows],
        },
    )
    return figure


def shared_stretches(shares: Sequence[tuple[int, float]], *, height: int = 300) -> go.Figure:
    """Share of the validation split's stretches of n words that the training split has."""
    figure = go.Figure(
        go.Scatter(
            x=[n for n, _ in shares],
            y=[share for _, share in shares],
            mode="lines+markers",
            marker={"color": OKABE_ITO[1], "size": 8},
            line={"color": OKABE_ITO[1]},
            hovertemplate=tr("stretches of %{x} words: %{y:.1%} stand in training<extra></extra>"),
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        xaxis={
            "title": tr("length of the stretch (words)"),
            "type": "log",
            "tickvals": [n for n, _ in shares],
        },
        yaxis={"title": tr("share also in training"), "tickformat": ".0%", "range": [0, 1.02]},
    )
    return figure


def _add_line(figure: go.Figure, line: Sequence[tuple[float, float]]) -> None:
    if line:
        figure.add_scatter(
            x=[x for x, _ in line],
            y=[y for _, y in line],
            mode="lines",
            line={"color": OKABE_ITO[1], "width": 2, "dash": "dash"},
            hoverinfo="skip",
        )
