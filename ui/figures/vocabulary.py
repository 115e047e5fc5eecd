"""How often each token of a vocabulary occurs."""

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.figures.literal import literal
from ui.texts import tr
from ui.view_models.vocabulary import Points

_BELOW = 0.4  # where tokens that never occur stand on an axis that has no zero


def frequencies(
    points: Points, *, by: str, marked: int | None = None, height: int = 260
) -> go.Figure:
    """Frequency by rank or id, both axes logarithmic; `marked` is the id to point at.

    A point's customdata is its token's id.
    """
    axis = tr("rank, most frequent first") if by == "rank" else tr("id + 1, in order of learning")
    figure = go.Figure()
    figure.add_scattergl(
        x=points.x,
        y=points.frequency,
        customdata=points.ids,
        text=[literal(text) for text in points.texts],
        mode="markers",
        name=tr("used"),
        marker={"color": OKABE_ITO[0], "size": 5},
        hovertemplate=tr("%{text}<br>id %{customdata:,}: %{y:,} times<extra></extra>"),
    )
    if points.unused:
        figure.add_scattergl(
            x=points.unused_x,
            y=[_BELOW] * len(points.unused_x),
            customdata=points.unused_ids,
            text=[literal(text) for text in points.unused_texts],
            mode="markers",
            name=tr("never used ({unused:,})").format(unused=points.unused),
            marker={
                "color": OKABE_ITO[5],
                "size": 6,
                "symbol": "x-thin",
                "line": {"width": 1.5, "color": OKABE_ITO[5]},
            },
            hovertemplate=tr("%{text}<br>id %{customdata:,}: never<extra></extra>"),
        )
    _mark(figure, points, marked)
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        xaxis={"title": axis, "type": "log", "dtick": 1},
        yaxis={"title": tr("occurrences"), "type": "log", "dtick": 1},
        clickmode="event+select",
        dragmode=False,
    )
    return figure


def _mark(figure: go.Figure, points: Points, marked: int | None) -> None:
    for xs, ids, ys in (
        (points.x, points.ids, points.frequency),
        (points.unused_x, points.unused_ids, [_BELOW] * len(points.unused_x)),
    ):
        for x, token_id, y in zip(xs, ids, ys, strict=True):
            if token_id == marked:
                figure.add_scattergl(
                    x=[x],
                    y=[y],
                    customdata=[token_id],
                    mode="markers",
                    marker={
                        "color": OKABE_ITO[1],
                        "size": 15,
                        "symbol": "circle-open",
                        "line": {"width": 3},
                    },
                    showlegend=False,
                    hoverinfo="skip",
                )
