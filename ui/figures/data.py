"""What a text looks like: lengths, words by rank, kinds of characters."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO

_MARGIN = {"l": 10, "r": 10, "t": 30, "b": 10}
_WIDE_SPAN = 50


def lengths(
    edges: Sequence[float], counts: Sequence[int], unit: str, *, height: int = 330
) -> go.Figure:
    """How many documents lie between neighbouring edges; logarithmic where they span much."""
    starts, ends = edges[:-1], edges[1:]
    wide = bool(edges) and edges[0] > 0 and edges[-1] > _WIDE_SPAN * edges[0]
    middles = [(a * b) ** 0.5 if wide else (a + b) / 2 for a, b in zip(starts, ends, strict=True)]
    figure = go.Figure(
        go.Bar(
            x=middles,
            y=counts,
            width=[b - a for a, b in zip(starts, ends, strict=True)],
            marker={"color": OKABE_ITO[0], "line": {"width": 0.5, "color": "white"}},
            customdata=[f"{a:,.0f} to {b:,.0f} {unit}" for a, b in zip(starts, ends, strict=True)],
            hovertemplate="%{customdata}: %{y:,} documents<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        bargap=0,
        xaxis={"title": f"length ({unit})", "type": "log" if wide else "linear"},
        yaxis={"title": "documents"},
    )
    return figure


def rank_frequency(points: Sequence[tuple[int, int]], *, height: int = 330) -> go.Figure:
    """How often the 1st, 2nd, … most frequent word occurs; both axes logarithmic."""
    figure = go.Figure(
        go.Scatter(
            x=[rank for rank, _ in points],
            y=[times for _, times in points],
            mode="lines+markers",
            marker={"color": OKABE_ITO[0], "size": 5},
            line={"color": OKABE_ITO[0]},
            hovertemplate="word %{x:,} by rank: %{y:,} times<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        xaxis={"title": "rank of the word", "type": "log", "dtick": 1},
        yaxis={"title": "times it occurs", "type": "log", "dtick": 1},
    )
    return figure


def bars(
    rows: Sequence[tuple[str, float]], title: str, *, percent: bool = False, height: int = 330
) -> go.Figure:
    """Horizontal bars, the first on top."""
    figure = go.Figure(
        go.Bar(
            x=[value for _, value in rows],
            y=[name for name, _ in rows],
            orientation="h",
            marker={"color": OKABE_ITO[0]},
            hovertemplate="%{y}: %{x:.2%}<extra></extra>"
            if percent
            else "%{y}: %{x:,}<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin=_MARGIN,
        xaxis={"title": title, "tickformat": ".0%" if percent else ","},
        yaxis={"autorange": "reversed", "type": "category", "automargin": True, "dtick": 1},
    )
    return figure
