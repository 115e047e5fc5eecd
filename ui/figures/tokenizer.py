"""How a text shrinks as merges are learned."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from ui.figures.curves import OKABE_ITO, lines
from ui.texts import tr

_MOST_POINTS = 300


def compression(
    bytes_per_token: NDArray[np.float64], *, marked: int | None = None, height: int = 360
) -> go.Figure:
    """bytes_per_token[i] is with the first i merges alone; `marked` is the i to point at."""
    last = len(bytes_per_token) - 1
    chosen = np.unique(np.linspace(0, last, min(_MOST_POINTS, last + 1)).round().astype(int))
    figure = go.Figure(
        go.Scatter(
            x=chosen,
            y=bytes_per_token[chosen],
            mode="lines",
            line={"color": OKABE_ITO[0], "width": 2.5},
            hovertemplate=tr("%{x:,} merges: %{y:.2f} bytes per token<extra></extra>"),
        )
    )
    if marked is not None and 0 <= marked <= last:
        figure.add_scatter(
            x=[marked],
            y=[float(bytes_per_token[marked])],
            mode="markers+text",
            marker={"color": OKABE_ITO[5], "size": 10},
            text=[tr("nine tenths")],
            textposition="bottom right",
            hovertemplate=tr("%{x:,} merges: %{y:.2f} bytes per token<extra></extra>"),
        )
    figure.update_layout(
        height=height,
        margin={"l": 10, "r": 10, "t": 20, "b": 10},
        showlegend=False,
        xaxis={"title": tr("merges learned"), "tickformat": ","},
        yaxis={"title": tr("bytes per token"), "rangemode": "tozero"},
    )
    return figure


def live_compression(wanted: int, *, height: int = 300) -> dict[str, Any]:
    """The same while it is learned, as Vega-Lite. Expects rows with `merges` and `ratio`."""
    spec = lines("merges", tr("merges learned"), "ratio", tr("bytes per token"), height=height)
    spec["encoding"]["x"]["scale"] = {"domain": [0, max(1, wanted)]}
    spec["encoding"]["x"]["axis"] = {"tickCount": 4, "format": ",.0f"}
    spec["encoding"]["y"] |= {"scale": {"domainMin": 1, "nice": True}, "axis": {"format": ".1f"}}
    spec["mark"] |= {"color": OKABE_ITO[0], "point": {"size": 12}}
    return spec
