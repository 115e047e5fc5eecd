"""How good a model is, as bars. All labels are our own words, never foreign text."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.view_models.evaluation import Rival, Unit

_GREY = "#8C8C8C"
_TITLES: dict[Unit, str] = {
    "perplexity": "perplexity (log scale; lower is better)",
    "bits_per_byte": "bits per byte (lower is better)",
}


def rivals_chart(rivals: Sequence[Rival], unit: Unit, height: int = 300) -> go.Figure:
    """A bar for each rival, the worst on top; perplexity from 1, which is certainty."""
    figure = go.Figure(
        go.Bar(
            x=[rival.value(unit) for rival in rivals],
            y=[rival.label for rival in rivals],
            orientation="h",
            marker_color=[OKABE_ITO[0] if rival.key == "model" else _GREY for rival in rivals],
            text=[f" {rival.shown(unit)}" for rival in rivals],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:,.4~g}<extra></extra>",
        )
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 60, "t": 8, "b": 0},
        bargap=0.35,
        font_size=15,
        showlegend=False,
    )
    figure.update_yaxes(autorange="reversed", tickfont_size=16)
    figure.update_xaxes(title=_TITLES[unit], rangemode="tozero", tickangle=0)
    if unit == "perplexity":
        highest = max((rival.perplexity for rival in rivals), default=10.0)
        ticks = [10**power for power in range(len(str(int(highest))) + 1)]
        figure.update_xaxes(
            type="log",
            range=[0, 1.04 * log10(max(2.0, highest))],
            tickvals=ticks,
            ticktext=[f"{tick:,}" for tick in ticks],
        )
    return figure
