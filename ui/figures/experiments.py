"""Several runs over each other, and a loss against a setting, as Vega-Lite: they may be live."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ui.figures.curves import OKABE_ITO, lines
from ui.texts import tr

LANE_COLORS = OKABE_ITO[:6]
_VIRIDIS = (
    *("#440154", "#482173", "#433e85", "#38588c", "#2d708e", "#25858e"),
    *("#1e9b8a", "#2ab07f", "#52c569", "#86d549", "#c2df23", "#e5d024"),
)
_DASHES = {"validation": [1, 0], "training": [4, 3]}
_MARK_COLOR = OKABE_ITO[3]


def lane_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each lane of a race."""
    return {name: LANE_COLORS[place % len(LANE_COLORS)] for place, name in enumerate(names)}


def value_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each value of a sweep, dark to bright in their order."""
    last = max(1, len(names) - 1)
    return {
        name: _VIRIDIS[round(place * (len(_VIRIDIS) - 2) / last)]
        for place, name in enumerate(names)
    }


def overlay(
    x_title: str,
    colors: Mapping[str, str],
    *,
    x_limit: float | None = None,
    log_x: bool = False,
    marks: Sequence[Mapping[str, Any]] = (),
    height: int = 400,
) -> dict[str, Any]:
    """Losses of several runs. Expects rows with `x`, `run`, `name`, `split` and `nats`.

    A run is a line; runs of one name have one of `colors`.

    `x_limit` keeps the axis still while curves grow. `marks` are things that happened:
    `x`, `run` and `note`.
    """
    spec = lines(
        "x",
        x_title,
        "nats",
        tr("loss (nats per token)"),
        color="name",
        names=tuple(colors),
        colors=tuple(colors.values()),
        height=height,
    )
    x = spec["encoding"]["x"]
    x["axis"] = {"tickCount": 6, "labelExpr": "format(datum.value, '~s')"}
    if log_x:
        x["scale"] = {"type": "log"}
    elif x_limit:
        x["scale"] = {"domain": [0, x_limit]}
    spec["encoding"]["tooltip"][1]["format"] = ".4~s"
    spec["encoding"]["color"]["legend"] = {"orient": "top", "columns": 3, "labelLimit": 300}
    spec["encoding"]["detail"] = {"field": "run"}
    spec["encoding"]["tooltip"][0]["field"] = "run"
    spec["encoding"]["strokeDash"] = {
        "field": "split",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": list(_DASHES), "range": list(_DASHES.values())},
    }
    curve = {"mark": spec.pop("mark"), "encoding": spec.pop("encoding")}
    measured = {
        "transform": [{"filter": "datum.split == 'validation'"}],
        "mark": {"type": "point", "filled": True, "size": 34, "opacity": 1},
        "encoding": {key: value for key, value in curve["encoding"].items() if key != "strokeDash"},
    }
    spec["layer"] = [curve, measured]
    if marks:
        spec["layer"].append(_marks(marks, x, curve["encoding"]["color"]))
    return spec


def sweep(
    title: str,
    scale: Literal["log", "linear", "names"],
    order: Sequence[str],
    best: float | str | None,
    *,
    height: int = 400,
) -> dict[str, Any]:
    """The last loss against the value of the swept setting.

    Expects rows with `value`, `nats` and `run`: a point for each seed, their mean as a line,
    and a bar from the lowest to the highest. `order` lays out values that are names.
    """
    named = scale == "names"
    x: dict[str, Any] = {
        "field": "value",
        "type": "ordinal" if named else "quantitative",
        "title": title,
    }
    if named:
        x |= {"sort": list(order), "axis": {"labelAngle": 0}}
    else:
        x |= {
            "scale": {"type": scale, "zero": False, "nice": False, "padding": 24},
            "axis": {"values": [float(value) for value in order], "format": "~g"},
        }
    loss = tr("last validation loss (nats per token)")
    y = {"field": "nats", "type": "quantitative", "title": loss, "scale": {"zero": False}}
    blue, orange = OKABE_ITO[0], OKABE_ITO[1]
    tooltip = [
        {"field": "run", "type": "nominal", "title": " "},
        {"field": "nats", "type": "quantitative", "title": loss, "format": ".4~g"},
    ]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "errorbar", "extent": "range", "color": blue, "thickness": 2},
            "encoding": {"x": x, "y": y},
        },
        {
            "mark": {"type": "line", "color": blue},
            "encoding": {"x": x, "y": {**y, "aggregate": "mean"}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 60, "color": blue, "opacity": 0.9},
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
    ]
    if best is not None:
        layers.append(
            {
                "transform": [{"filter": {"field": "value", "equal": best}}],
                "mark": {"type": "point", "size": 330, "strokeWidth": 3, "color": orange},
                "encoding": {"x": x, "y": {**y, "aggregate": "mean"}},
            }
        )
    return {"height": height, "layer": layers}


def _marks(
    marks: Sequence[Mapping[str, Any]], x: Mapping[str, Any], color: Mapping[str, Any]
) -> dict[str, Any]:
    """A thin line across the chart where something happened, told on hover."""
    return {
        "data": {"values": [dict(mark) for mark in marks]},
        "mark": {"type": "rule", "strokeDash": [2, 3], "size": 2, "opacity": 0.8},
        "encoding": {
            "x": dict(x),
            "color": {**color, "field": "name", "legend": None},
            "tooltip": [
                {"field": "run", "type": "nominal", "title": " "},
                {"field": "note", "type": "nominal", "title": tr("changed")},
            ],
        },
    }
