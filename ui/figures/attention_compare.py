"""Losses of two models on one text, token by token."""

import plotly.graph_objects as go

from ui.figures.literal import literal
from ui.texts import tr
from ui.view_models.attention_compare import LossChange

_LESS, _MORE = "#0072B2", "#D55E00"
_MOST_LABELS = 40
_LONGEST = 14


def loss_bars(change: LossChange) -> go.Figure:
    """A bar a token: below 0 B expected it better than A, above 0 worse."""
    places = list(range(1, len(change.tokens) + 1))
    every = -(-len(places) // _MOST_LABELS)
    figure = go.Figure(
        go.Bar(
            x=places,
            y=change.change_T1,
            marker={"color": [_LESS if each < 0 else _MORE for each in change.change_T1]},
            customdata=[
                (literal(token, _LONGEST), before, after)
                for token, before, after in zip(
                    change.tokens, change.a_T1, change.b_T1, strict=True
                )
            ],
            hovertemplate=tr(
                "%{x} “%{customdata[0]}”: A %{customdata[1]:.2f}, B %{customdata[2]:.2f} "
                "nats (%{y:+.2f})<extra></extra>"
            ),
        )
    )
    figure.update_layout(
        height=260,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "token",
            "tickvals": places[::every],
            "ticktext": [literal(token, _LONGEST) for token in change.tokens[::every]],
            "tickangle": -60,
            "showgrid": False,
        },
        yaxis={"title": tr("B less A (nats)"), "zeroline": True},
        bargap=0.15,
        showlegend=False,
    )
    return figure
