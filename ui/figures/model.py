"""What a model is made of, as bars."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.model import Piece

_AMOUNT_SHARE = 0.22
_LABEL_SHARE = 0.09  # narrower pieces tell their name on hover and in the legend
_LEGEND_SHARE = 0.005  # what can hardly be seen needs no line in the legend
COLORS: Mapping[str, str] = MappingProxyType(
    {
        tr("token embedding"): OKABE_ITO[0],
        tr("position embedding"): OKABE_ITO[4],
        tr("attention"): OKABE_ITO[1],
        tr("feed-forward"): OKABE_ITO[2],
        tr("norms"): OKABE_ITO[3],
        tr("output"): OKABE_ITO[5],
        tr("weights"): OKABE_ITO[0],
        tr("gradients"): OKABE_ITO[1],
        tr("optimizer"): OKABE_ITO[2],
        tr("activations"): OKABE_ITO[3],
        tr("logits"): OKABE_ITO[5],
        tr("key-value cache"): OKABE_ITO[4],
        tr("attention's matrices"): OKABE_ITO[1],
        tr("scores and mixture"): OKABE_ITO[3],
    }
)


def parts(pieces: Sequence[Piece], *, height: int = 120) -> go.Figure:
    """One bar cut into its pieces; the amounts stand in it, so that it needs no axis."""
    figure = stacked({"": pieces}, unit="", height=height)
    return figure.update_layout(
        xaxis={"visible": False, "range": [0, sum(piece.amount for piece in pieces)]},
        yaxis={"visible": False},
        bargap=0,
    )


def stacked(rows: Mapping[str, Sequence[Piece]], *, unit: str, height: int = 220) -> go.Figure:
    """A bar for each row, the first on top, cut into its pieces; a piece keeps its colour."""
    figure = go.Figure()
    told: set[str] = set()
    for row, pieces in rows.items():
        for piece in pieces:
            figure.add_bar(
                x=[piece.amount],
                y=[row],
                orientation="h",
                name=piece.label,
                legendgroup=piece.label,
                showlegend=piece.label not in told and piece.share >= _LEGEND_SHARE,
                marker={"color": COLORS[piece.label]},
                text=_label(piece),
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertemplate=f"{piece.label} ({piece.shown}): {piece.share:.1%}<extra></extra>",
            )
            if piece.share >= _LEGEND_SHARE:
                told.add(piece.label)
    figure.update_layout(
        barmode="stack",
        height=height,
        margin={"l": 4, "r": 4, "t": 4, "b": 4},
        legend={"orientation": "h", "y": 1.1, "yanchor": "bottom", "x": 0},
        xaxis={"title": unit, "showgrid": False},
        yaxis={"autorange": "reversed"},
        bargap=0.25,
    )
    return figure


def _label(piece: Piece) -> str:
    if piece.share >= _AMOUNT_SHARE:
        return f"{piece.shown} · {piece.share:.0%}"
    return f"{piece.share:.0%}" if piece.share >= _LABEL_SHARE else ""
