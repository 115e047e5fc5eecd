"""Losses of two models on one text, token by token."""

import plotly.graph_objects as go

from ui.view_models.attention_compare import LossChange

_LESS, _MORE = "#0072B2", "#D55E00"
_MOST_LABELS = 40


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
                (_plain(token), before, after)
                for token, before, after in zip(
                    change.tokens, change.a_T1, change.b_T1, strict=True
                )
            ],
            hovertemplate="%{x} “%{customdata[0]}”: A %{customdata[1]:.2f}, B %{customdata[2]:.2f} "
            "nats (%{y:+.2f})<extra></extra>",
        )
    )
    figure.update_layout(
        height=260,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        xaxis={
            "title": "token",
            "tickvals": places[::every],
            "ticktext": [_plain(token) for token in change.tokens[::every]],
            "tickangle": -60,
            "showgrid": False,
        },
        yaxis={"title": "B less A (nats)", "zeroline": True},
        bargap=0.15,
        showlegend=False,
    )
    return figure


def _plain(text: str) -> str:
    """Foreign text as Plotly shows it literally, and not too long for an axis."""
    cut = text if len(text) <= 14 else f"{text[:13]}…"
    return cut.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
