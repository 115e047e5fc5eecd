"""What a model can do, as bars beside chance, and over its snapshots. Labels are our own words."""

from collections.abc import Sequence

import plotly.graph_objects as go

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.tasks import LearnedView, TaskRow


def tasks_chart(rows: Sequence[TaskRow], height: int = 400) -> go.Figure:
    """The share of right answers with its 95% interval; a line marks what guessing gives."""
    labels = [row.label for row in rows]
    figure = go.Figure(
        go.Bar(
            x=[row.accuracy for row in rows],
            y=labels,
            orientation="h",
            marker_color=OKABE_ITO[0],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row.high - row.accuracy for row in rows],
                "arrayminus": [row.accuracy - row.low for row in rows],
                "thickness": 2,
                "width": 5,
                "color": "#8C8C8C",
            },
            customdata=[[row.right, row.asked, row.low, row.high] for row in rows],
            name=tr("right, with its 95% interval"),
            hovertemplate=tr(
                "%{y}: %{x:.0%}, %{customdata[0]} of %{customdata[1]}"
                "<br>between %{customdata[2]:.0%} and %{customdata[3]:.0%}<extra></extra>"
            ),
        )
    )
    figure.add_scatter(
        x=[row.chance for row in rows],
        y=labels,
        mode="markers",
        marker={"symbol": "line-ns", "size": 30, "line": {"width": 4, "color": OKABE_ITO[1]}},
        name=tr("by guessing"),
        hovertemplate=tr("guessing: %{x:.0%}<extra></extra>"),
    )
    figure.update_layout(
        height=height,
        margin={"l": 0, "r": 24, "t": 8, "b": 0},
        bargap=0.4,
        font_size=15,
        legend={"orientation": "h", "y": 1.1, "x": 0},
    )
    figure.update_xaxes(range=[0, 1.02], tickformat=".0%", title=tr("share of right answers"))
    figure.update_yaxes(autorange="reversed", tickfont_size=15)
    return figure


def learned_chart(view: LearnedView, height: int = 400) -> go.Figure:
    """Tasks by snapshots: how much of what guessing leaves is right, with the share in words."""
    figure = go.Figure(
        go.Heatmap(
            z=[row.above_chance_S for row in view.rows],
            x=[f"{step:,}" for step in view.steps],
            y=[row.label for row in view.rows],
            text=[
                ["" if share is None else f"{share:.0%}" for share in row.accuracy_S]
                for row in view.rows
            ],
            texttemplate="%{text}",
            textfont_size=13,
            colorscale="Cividis",
            zmin=0,
            zmax=1,
            xgap=2,
            ygap=2,
            colorbar={
                "title": {"text": tr("above chance"), "side": "right"},
                "tickformat": ".0%",
                "tickvals": [0, 0.5, 1],
                "thickness": 12,
            },
            hovertemplate=tr("%{y}, step %{x}: %{text} right<extra></extra>"),
        )
    )
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 8, "b": 0}, font_size=15)
    figure.update_xaxes(
        type="category", title=tr("step of training"), tickangle=0, tickfont_size=12
    )
    figure.update_yaxes(autorange="reversed", tickfont_size=15)
    return figure
