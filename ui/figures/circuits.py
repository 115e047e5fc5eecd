"""Next tokens as Vega-Lite bars: of one reading, or of several beside each other.

Vega-Lite keeps its drawing while choices move, and takes token text literally.
"""

from collections.abc import Sequence
from typing import Any

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.lens import TokenBar


def bar_rows(bars: Sequence[TokenBar]) -> list[dict[str, Any]]:
    """One record a bar, in order."""
    return [
        {"token": bar.token, "probability": bar.probability, "series": bar.series} for bar in bars
    ]


def token_bars(series: Sequence[str] = (), height: int = 300) -> dict[str, Any]:
    """Bars to the right, a token a row; with `series` a colour for each, side by side."""
    tooltip: list[dict[str, Any]] = [
        {"field": "token", "type": "nominal", "title": tr("token")},
        {
            "field": "probability",
            "type": "quantitative",
            "title": tr("probability"),
            "format": ".2%",
        },
    ]
    encoding: dict[str, Any] = {
        "y": {
            "field": "token",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {"labelLimit": 110, "ticks": False, "labelOverlap": False},
        },
        "x": {
            "field": "probability",
            "type": "quantitative",
            "title": tr("probability"),
            "scale": {"domainMin": 0},
            "axis": {"format": "~%", "tickCount": 5},
        },
        "tooltip": tooltip,
    }
    mark: dict[str, Any] = {"type": "bar", "cornerRadiusEnd": 2, "color": OKABE_ITO[0]}
    if series:
        encoding["yOffset"] = {"field": "series", "sort": list(series)}
        encoding["color"] = {
            "field": "series",
            "type": "nominal",
            "scale": {"domain": list(series), "range": OKABE_ITO[: len(series)]},
            "title": None,
            "legend": {"orient": "top", "symbolType": "square", "offset": 4},
        }
        tooltip.append({"field": "series", "type": "nominal", "title": tr("text")})
    return {"height": height, "mark": mark, "encoding": encoding}
