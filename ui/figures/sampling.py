"""The next token as Vega-Lite bars: what the model says, and what is drawn from.

Vega-Lite keeps its drawing while a slider moves, and takes token text literally.
"""

from collections.abc import Sequence
from typing import Any

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.sampling import Bar

MODEL, FINAL, CUT = tr("the model"), tr("after your settings"), tr("cut away")
_TOPS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0)
_PALE = "#A8D3EE"  # the blue of the draw, thinned; reads on light and dark alike


def choice_rows(bars: Sequence[Bar]) -> list[dict[str, Any]]:
    """One record a bar, in order."""
    return [
        {
            "token": bar.label,
            "model": bar.model,
            "final": bar.final,
            "kept": bar.cut_by is None,
            "fate": tr("can be drawn")
            if bar.cut_by is None
            else tr("cut by {cut_by}").format(cut_by=bar.cut_by),
        }
        for bar in bars
    ]


def axis_top(bars: Sequence[Bar]) -> float:
    """The axis' end: one of a few, so that bars do not jump at each small move of a slider."""
    highest = max((max(bar.model, bar.final) for bar in bars), default=1.0)
    return next((top for top in _TOPS if highest <= top), 1.0)


def choice_chart(bars: Sequence[Bar], height: int = 300) -> dict[str, Any]:
    """Wide pale bars for the model, narrow full ones for the draw, a cross where all was cut."""
    across = {
        "field": "token",
        "type": "nominal",
        "sort": None,
        "title": None,
        "axis": {"labelAngle": -50, "labelLimit": 90, "labelOverlap": False, "ticks": False},
    }
    tooltip = [
        {"field": "token", "type": "nominal", "title": tr("token")},
        {"field": "model", "type": "quantitative", "title": MODEL, "format": ".3%"},
        {"field": "final", "type": "quantitative", "title": FINAL, "format": ".3%"},
        {"field": "fate", "type": "nominal", "title": tr("fate")},
    ]

    def up(field: str) -> dict[str, Any]:
        return {
            "field": field,
            "type": "quantitative",
            "title": tr("probability"),
            "scale": {"domain": [0, axis_top(bars)]},
            "axis": {"format": "~%", "tickCount": 5},
        }

    def series(name: str) -> dict[str, Any]:
        scale = {"domain": [MODEL, FINAL, CUT], "range": [_PALE, OKABE_ITO[0], OKABE_ITO[5]]}
        return {
            "datum": name,
            "type": "nominal",
            "scale": scale,
            "title": None,
            "legend": {"orient": "top", "symbolType": "square", "offset": 4},
        }

    def layer(mark: dict[str, Any], field: str, name: str, **more: Any) -> dict[str, Any]:
        encoding = {"x": across, "y": up(field), "color": series(name), "tooltip": tooltip}
        return {"mark": mark, "encoding": encoding, **more}

    return {
        "height": height,
        "layer": [
            layer(
                {"type": "bar", "width": {"band": 0.86}, "cornerRadiusEnd": 2},
                "model",
                MODEL,
            ),
            layer({"type": "bar", "width": {"band": 0.46}}, "final", FINAL),
            layer(
                {
                    "type": "point",
                    "shape": "cross",
                    "angle": 45,
                    "size": 70,
                    "filled": True,
                    "opacity": 1,
                    "yOffset": -8,
                },
                "model",
                CUT,
                transform=[{"filter": "!datum.kept"}],
            ),
        ],
    }
