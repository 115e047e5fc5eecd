"""Live curves as Vega-Lite, which keeps its drawing between polls."""

from collections.abc import Sequence
from typing import Any

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")


def lines(
    x: str,
    x_title: str,
    y: str,
    y_title: str,
    *,
    color: str | None = None,
    names: Sequence[str] = (),
    colors: Sequence[str] = OKABE_ITO,
    log_y: bool = False,
    height: int = 260,
) -> dict[str, Any]:
    """A line for each value of the field `color`; hovering tells the nearest point.

    `names` fixes which name has which of `colors`, so that a series keeps its colour.
    """
    encoding: dict[str, Any] = {
        "x": {"field": x, "type": "quantitative", "title": x_title, "axis": {"tickCount": 6}},
        "y": {
            "field": y,
            "type": "quantitative",
            "title": y_title,
            "scale": {"zero": False, "type": "log" if log_y else "linear"},
        },
        "tooltip": [
            {"field": x, "type": "quantitative", "title": x_title, "format": ","},
            {"field": y, "type": "quantitative", "title": y_title, "format": ".4~g"},
        ],
    }
    if color:
        domain = list(names)
        encoding["color"] = {
            "field": color,
            "type": "nominal",
            "title": None,
            "legend": {"orient": "top"},
            "scale": {
                "domain": domain,
                "range": [colors[i % len(colors)] for i in range(len(domain))],
            }
            if domain
            else {"range": list(colors)},
        }
        encoding["tooltip"].insert(0, {"field": color, "type": "nominal", "title": " "})
    return {
        "height": height,
        "mark": {"type": "line", "clip": True, "interpolate": "linear"},
        "encoding": encoding,
    }
