"""Players of the Shannon game as ranges of bits per character. Labels are our own words."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.shannon import PlayerRow

_COLOURS = {"person": OKABE_ITO[2], "trigram": "#8C8C8C", "model": OKABE_ITO[0]}
_LEAST = 0.02  # bits: a range of no width is drawn as a line


def players_chart(rows: Sequence[PlayerRow], height: int = 190) -> go.Figure:
    """A bar from the lower to the upper bound; a diamond where the bits are known."""
    labels = [row.label for row in rows]
    figure = go.Figure(
        go.Bar(
            base=[row.low for row in rows],
            x=[max(_LEAST, row.high - row.low) for row in rows],
            y=labels,
            orientation="h",
            marker_color=[_COLOURS[row.key] for row in rows],
            opacity=0.65,
            customdata=[[row.low, row.high, row.at_once] for row in rows],
            hovertemplate=tr(
                "%{y}: between %{customdata[0]:.2f} and %{customdata[1]:.2f} bits"
                "<br>%{customdata[2]:.0%} right at once<extra></extra>"
            ),
        )
    )
    exact = [row for row in rows if row.exact is not None]
    figure.add_scatter(
        x=[row.exact for row in exact],
        y=[row.label for row in exact],
        mode="markers",
        marker={"symbol": "diamond", "size": 13, "color": OKABE_ITO[1]},
        hovertemplate=tr("%{y}: %{x:.2f} bits from its probabilities<extra></extra>"),
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 16, "t": 8, "b": 0},
        bargap=0.4,
        font_size=15,
        showlegend=False,
    )
    figure.update_xaxes(title=tr("bits per character (lower is better)"), rangemode="tozero")
    figure.update_yaxes(autorange="reversed", tickfont_size=15)
    return figure
