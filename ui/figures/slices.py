"""The loss sliced, as bars. Names of sources are foreign text and escaped."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.figures.literal import literal
from ui.texts import tr
from ui.view_models.slices import Bar

_MEAN = "#8C8C8C"
_LONGEST_NAME = 28


def slices_chart(
    bars: Sequence[Bar], mean: float, title: str, *, height: int = 240, flat: bool = False
) -> go.Figure:
    """Nats a token by slice, the mean of all as a dashed line; `flat` puts long names beside."""
    labels = [literal(bar.tick[:_LONGEST_NAME]) for bar in bars]
    values = [bar.nats_per_token for bar in bars]
    told = [[bar.tokens, bar.share, literal(bar.label), bar.nats_per_token] for bar in bars]
    hover = tr(
        "%{customdata[2]}: %{customdata[3]:.3f} nats<br>"
        "%{customdata[0]:,} tokens, %{customdata[1]:.1%} of the text<extra></extra>"
    )
    figure = go.Figure(
        go.Bar(
            x=values if flat else labels,
            y=labels if flat else values,
            orientation="h" if flat else "v",
            marker_color=OKABE_ITO[0],
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            customdata=told,
            hovertemplate=hover,
        )
    )
    if flat:
        figure.add_vline(mean, line_dash="dash", line_color=_MEAN)
        figure.update_xaxes(title=tr("nats a token"), rangemode="tozero")
        figure.update_yaxes(title="", type="category", autorange="reversed")
    else:
        figure.add_hline(mean, line_dash="dash", line_color=_MEAN)
        figure.update_xaxes(title=title, type="category", tickangle=0)
        figure.update_yaxes(title=tr("nats a token"), rangemode="tozero")
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 30 if flat else 8, "t": 24, "b": 0},
        bargap=0.25,
        font_size=14,
        showlegend=False,
    )
    return figure
