"""A run's curves as Vega-Lite, which keeps its drawing between polls."""

from collections.abc import Mapping
from typing import Any

from ui.figures.curves import OKABE_ITO, lines

BASELINE_COLOR = OKABE_ITO[3]


def loss(steps: int, *, bigram_nats: float | None = None, height: int = 300) -> dict[str, Any]:
    """Training and validation loss over the whole run, and the bigram baseline as a dashed line.

    Expects rows with `step`, `split` and `nats`.
    """
    spec = lines(
        "step",
        "step",
        "nats",
        "loss (nats per token)",
        color="split",
        names=("training", "validation"),
        height=height,
    )
    spec["encoding"]["x"]["scale"] = {"domain": [0, steps]}
    curve = {"mark": spec.pop("mark"), "encoding": spec.pop("encoding")}
    measured = {
        "transform": [{"filter": "datum.split == 'validation'"}],
        "mark": {"type": "point", "filled": True, "size": 45, "opacity": 1},
        "encoding": curve["encoding"],
    }
    spec["layer"] = [curve, measured]
    if bigram_nats is not None:
        spec["layer"] += _baseline(bigram_nats)
    return spec


def small(
    title: str, steps: int, *, log_y: bool = False, fine: bool = False, height: int = 150
) -> dict[str, Any]:
    """One curve beside the loss, its title above it. Expects rows with `step` and `value`.

    `fine` writes small numbers out (0.004), which are otherwise short (4m).
    """
    spec = lines("step", "step", "value", title, log_y=log_y, height=height)
    spec["encoding"]["x"]["scale"] = {"domain": [0, steps]}
    spec["encoding"]["x"]["axis"]["tickCount"] = 3
    spec["encoding"]["x"]["title"] = spec["encoding"]["y"]["title"] = None
    spec["title"] = {"text": title, "anchor": "start", "fontSize": 13, "fontWeight": "normal"}
    spec["encoding"]["y"]["axis"] = {"tickCount": 4, "format": "~g" if log_y or fine else "~s"}
    spec["mark"] |= {"color": OKABE_ITO[0], "clip": False}
    return spec


def comparison(x_title: str, colors: Mapping[str, str], *, height: int = 360) -> dict[str, Any]:
    """Validation losses of several runs. Expects rows with `x`, `run` and `nats`."""
    spec = lines(
        "x",
        x_title,
        "nats",
        "validation loss (nats per token)",
        color="run",
        names=tuple(colors),
        colors=tuple(colors.values()),
        height=height,
    )
    spec["mark"] |= {"point": {"filled": True, "size": 40}, "clip": False}
    spec["encoding"]["color"]["legend"] = {"orient": "top", "columns": 3, "labelLimit": 260}
    return spec


def _baseline(nats: float) -> list[dict[str, Any]]:
    y = {"datum": nats, "type": "quantitative"}
    return [
        {
            "data": {"values": [{}]},
            "mark": {"type": "rule", "strokeDash": [6, 4], "color": BASELINE_COLOR, "size": 2},
            "encoding": {"y": y},
        },
        {
            "data": {"values": [{}]},
            "mark": {
                "type": "text",
                "align": "right",
                "baseline": "bottom",
                "dx": -6,
                "dy": -3,
                "fontSize": 12,
                "color": BASELINE_COLOR,
                "text": f"counting pairs of tokens (bigram): {nats:.2f}",
            },
            "encoding": {"y": y, "x": {"value": "width"}},
        },
    ]
