"""A run's curves as Vega-Lite, which keeps its drawing between polls.

The charts of a run take the table that `ui.view_models.run_curves.Rows` describes. Nothing
that changes while a run trains stands in the specification itself, so that new points move
the curves and redraw nothing else.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ui.figures.curves import OKABE_ITO, lines
from ui.texts import tr
from ui.view_models.run_curves import TRAINING, UNITS, VALIDATION

MARK_COLOR = "#8A8A8A"
LEVEL_COLORS = (OKABE_ITO[2], OKABE_ITO[3])
SEVERITIES: Mapping[str, str] = MappingProxyType(
    {"info": OKABE_ITO[4], "warning": OKABE_ITO[1], "serious": OKABE_ITO[5]}
)
_DEPTH = (  # viridis without its ends, which one of the two themes would hide
    *("#46327E", "#3E4C8A", "#365C8D", "#2C728E", "#21918C", "#1FA187"),
    *("#35B779", "#5EC962", "#90D743", "#BDDF26"),
)


def loss(
    steps: int,
    unit: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    levels: Sequence[str] = (),
    height: int = 350,
) -> dict[str, Any]:
    """Training and validation loss over the whole run; `levels` are the baselines' series."""
    return _chart(
        steps,
        tr("loss ({unit})").format(unit=unit) if unit != UNITS["perplexity"] else unit,
        series=(TRAINING, VALIDATION),
        colors=OKABE_ITO[:2],
        levels=levels,
        log_x=log_x,
        log_y=log_y,
        height=height,
        thin=TRAINING,
    )


def curve(
    title: str,
    steps: int,
    *,
    series: Sequence[str] = (),
    colors: Sequence[str] = OKABE_ITO,
    levels: Sequence[str] = (),
    band: tuple[float, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    zero: bool = False,
    axis_format: str = "~s",
    height: int = 220,
) -> dict[str, Any]:
    """One smaller chart of a run, its title above it; `band` is where values are usual."""
    spec = _chart(
        steps,
        None,
        series=series,
        colors=colors,
        levels=levels,
        band=band,
        log_x=log_x,
        log_y=log_y,
        zero=zero,
        axis_format=axis_format,
        height=height,
    )
    return spec | {"title": _title(title)}


def schedules(
    steps: int, names: Sequence[str], chosen: str, *, height: int = 260
) -> dict[str, Any]:
    """The learning rate under each schedule; the chosen one drawn strongly, the others thinly.

    Expects rows with `step`, `value` and `schedule`.
    """
    spec = lines(
        "step",
        tr("step"),
        "value",
        tr("learning rate"),
        color="schedule",
        names=names,
        height=height,
    )
    encoding = spec["encoding"]
    encoding["x"]["scale"] = {"domain": [0, steps]}
    encoding["y"] |= {"title": None, "axis": {"tickCount": 4, "format": "~g"}}
    encoding["y"]["scale"] = {"zero": True}
    encoding["color"]["legend"] = {"orient": "top"}
    picked = f"datum.schedule === '{chosen}'"
    encoding["strokeWidth"] = {"condition": {"test": picked, "value": 3}, "value": 1.2}
    encoding["opacity"] = {"condition": {"test": picked, "value": 1}, "value": 0.6}
    return spec | {"title": _title(tr("learning rate"))}


def depth_colors(n_parts: int) -> tuple[str, ...]:
    """A colour for each part of a model, from its first layer to its last."""
    last = len(_DEPTH) - 1
    return tuple(_DEPTH[round(part * last / max(1, n_parts - 1))] for part in range(n_parts))


def _chart(
    steps: int,
    y_title: str | None,
    *,
    series: Sequence[str],
    colors: Sequence[str],
    levels: Sequence[str] = (),
    band: tuple[float, float] | None = None,
    log_x: bool = False,
    log_y: bool = False,
    zero: bool = False,
    axis_format: str = ",~r",
    thin: str = "",
    height: int,
) -> dict[str, Any]:
    """Layers from the back to the front: bands, levels, curves, what the pointer finds, marks."""
    small_chart = y_title is None
    x: dict[str, Any] = {
        "field": "step",
        "type": "quantitative",
        "title": None if small_chart else tr("step"),
        "axis": {"tickCount": 3 if small_chart else 6, "format": "~s" if log_x else ",d"},
        "scale": {"type": "log", "domain": [1, max(2, steps)]}
        if log_x
        else {"domain": [0, steps], "nice": False},
    }
    y: dict[str, Any] = {
        "field": "value",
        "type": "quantitative",
        "title": y_title,
        "axis": {"tickCount": 4, "format": axis_format},
        "scale": {"zero": zero, "type": "log" if log_y else "linear"},
    }
    place = {"x": x, "y": y} | _colors(series, colors, small=small_chart)
    layers = [] if band is None else [_usual(band)]
    layers += [_stretches(x, name, color) for name, color in SEVERITIES.items()]
    for place_of, (name, color) in enumerate(zip(levels, LEVEL_COLORS, strict=False)):
        layers += _level(y, name, color, above=not small_chart and place_of == 0)
    layers.append(_line("planned", place, {"strokeDash": [5, 4], "opacity": 0.75}))
    layers.append(_line("done", place, {"size": 1.4} if thin else {"size": 1.8}))
    layers.append(_line("measured", place, {"size": 2.5}))
    layers.append(_points("measured", place, 45))
    layers.append(_points("now", place, 90))
    layers.append(_pointer(place, named=bool(series)))
    layers += _marks(x)
    return {"height": height, "layer": layers}


def _colors(series: Sequence[str], colors: Sequence[str], *, small: bool) -> dict[str, Any]:
    if not series:
        return {"color": {"value": OKABE_ITO[0]}}
    scale = {"domain": list(series), "range": [colors[i % len(colors)] for i in range(len(series))]}
    legend: dict[str, Any] = {"orient": "top"}
    if small:  # above, where no curve runs through it; many series have more room at the side
        legend = {"orient": "right" if len(series) > 3 else "top", "rowPadding": 0, "offset": 4}
    return {
        "color": {
            "field": "series",
            "type": "nominal",
            "title": None,
            "scale": scale,
            "legend": legend | {"labelLimit": 160},
        }
    }


def _only(kind: str) -> list[dict[str, str]]:
    return [{"filter": f"datum.kind === '{kind}'"}]


def _line(kind: str, place: dict[str, Any], look: dict[str, Any]) -> dict[str, Any]:
    mark = {"type": "line", "clip": True, "interpolate": "linear"} | look
    return {"transform": _only(kind), "mark": mark, "encoding": place}


def _points(kind: str, place: dict[str, Any], size: int) -> dict[str, Any]:
    mark = {"type": "point", "filled": True, "size": size, "opacity": 1, "clip": True}
    return {"transform": _only(kind), "mark": mark, "encoding": place}


def _pointer(place: dict[str, Any], *, named: bool) -> dict[str, Any]:
    """The point nearest to the pointer stands out and tells its numbers."""
    told = [
        {"field": "step", "type": "quantitative", "title": tr("step"), "format": ","},
        {"field": "value", "type": "quantitative", "title": tr("value"), "format": ".4~g"},
    ]
    if named:
        told.insert(0, {"field": "series", "type": "nominal", "title": " "})
    shown = {"condition": {"param": "hover", "empty": False, "value": 1}, "value": 0}
    select = {"type": "point", "on": "pointerover", "clear": "pointerout", "nearest": True}
    return {
        "transform": [{"filter": "datum.kind === 'done' || datum.kind === 'measured'"}],
        "params": [{"name": "hover", "select": select}],
        "mark": {"type": "point", "filled": True, "size": 70},
        "encoding": place | {"opacity": shown, "tooltip": told},
    }


def _usual(band: tuple[float, float]) -> dict[str, Any]:
    low, high = band
    return {
        "data": {"values": [{}]},
        "mark": {"type": "rect", "color": OKABE_ITO[2], "opacity": 0.13, "clip": True},
        "encoding": {
            "y": {"datum": low, "type": "quantitative"},
            "y2": {"datum": high},
        },
    }


def _stretches(x: dict[str, Any], severity: str, color: str) -> dict[str, Any]:
    return {
        "transform": [{"filter": f"datum.kind === 'stretch' && datum.series === '{severity}'"}],
        "mark": {"type": "rect", "color": color, "opacity": 0.12, "clip": True},
        "encoding": {"x": x, "x2": {"field": "end"}, "tooltip": _NOTE},
    }


def _level(y: dict[str, Any], name: str, color: str, *, above: bool) -> list[dict[str, Any]]:
    """A dashed line across the chart, and its words at the right end: those of the first level,
    which is the highest, above it, so that two near ones stay legible."""
    rows = [{"filter": f"datum.kind === 'level' && datum.series === '{name}'"}]
    words = {"type": "text", "align": "right", "dx": -6}
    words |= {"baseline": "bottom", "dy": -3} if above else {"baseline": "top", "dy": 4}
    return [
        {
            "transform": rows,
            "mark": {"type": "rule", "strokeDash": [6, 4], "color": color, "size": 1.5},
            "encoding": {"y": y, "tooltip": _NOTE},
        },
        {
            "transform": rows,
            "mark": words | {"fontSize": 12, "color": color},
            "encoding": {
                "y": y,
                "x": {"value": "width"},
                "text": {"field": "note", "type": "nominal"},
            },
        },
    ]


def _marks(x: dict[str, Any]) -> list[dict[str, Any]]:
    """What happened at a step: a thin line, and at its top a triangle for the pointer."""
    rule = {"type": "rule", "strokeDash": [2, 3], "color": MARK_COLOR, "size": 1.5, "clip": True}
    triangle = {"type": "point", "shape": "triangle-down", "filled": True, "size": 90, "opacity": 1}
    return [
        {
            "transform": _only("mark"),
            "mark": rule,
            "encoding": {"x": x, "tooltip": _NOTE},
        },
        {
            "transform": _only("mark"),
            "mark": triangle | {"color": MARK_COLOR},
            "encoding": {"x": x, "y": {"value": 4}, "tooltip": _NOTE},
        },
    ]


_NOTE = [{"field": "note", "type": "nominal", "title": " "}]


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "anchor": "start", "fontSize": 13, "fontWeight": "normal"}
