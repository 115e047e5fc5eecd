"""How good a model is, as bars. Names of other models are escaped."""

from collections.abc import Sequence
from math import log10

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.figures.literal import literal
from ui.texts import tr
from ui.view_models.evaluation import OTHER, Rival, Unit

_GREY, _WHISKER = "#8C8C8C", "#595959"
_COLOURS = {"model": OKABE_ITO[0], OTHER: OKABE_ITO[1]}
_LONGEST_NAME = 22
_TITLES: dict[Unit, str] = {
    "perplexity": tr("perplexity (log scale; lower is better)"),
    "bits_per_byte": tr("bits per byte (lower is better)"),
}


def rivals_chart(rivals: Sequence[Rival], unit: Unit, height: int = 300) -> go.Figure:
    """A bar for each rival, the worst on top, with the 95% interval where it is known; perplexity
    from 1, which is certainty. Names of other models are foreign text."""
    values = [rival.value(unit) for rival in rivals]
    edges = [
        rival.edges.get(unit, (value, value)) for rival, value in zip(rivals, values, strict=True)
    ]
    figure = go.Figure(
        go.Bar(
            x=values,
            y=list(range(len(rivals))),  # two models may have the same name
            orientation="h",
            marker_color=[_COLOURS.get(rival.key, _GREY) for rival in rivals],
            error_x={
                "array": [high - value for (_, high), value in zip(edges, values, strict=True)],
                "arrayminus": [value - low for (low, _), value in zip(edges, values, strict=True)],
                "color": _WHISKER,
                "thickness": 1.5,
                "visible": any(unit in rival.edges for rival in rivals),
            },
            customdata=[_hover(rival, unit) for rival in rivals],
            hovertemplate="%{customdata}<extra></extra>",
        )
    )
    for place, (rival, (_, high)) in enumerate(zip(rivals, edges, strict=True)):
        figure.add_annotation(
            x=log10(high) if unit == "perplexity" else high,  # behind the whisker
            y=place,
            text=rival.shown(unit),
            xanchor="left",
            xshift=6,
            showarrow=False,
        )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 60, "t": 8, "b": 0},
        bargap=0.35,
        font_size=15,
        showlegend=False,
    )
    figure.update_yaxes(
        autorange="reversed",
        tickfont_size=16,
        tickvals=list(range(len(rivals))),
        ticktext=[literal(rival.label, _LONGEST_NAME) for rival in rivals],
    )
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


def _hover(rival: Rival, unit: Unit) -> str:
    told = f"{literal(rival.label, _LONGEST_NAME)}: {rival.value(unit):,.4g}"
    if unit not in rival.edges:
        return told
    low, high = rival.edges[unit]
    return tr("{told}<br>95% interval {low:,.4g} to {high:,.4g}").format(
        told=told, low=low, high=high
    )
