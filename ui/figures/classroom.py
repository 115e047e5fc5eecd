"""Live charts of a room as Vega-Lite, which keeps its drawing while it is polled.

Takes names and tokens literally, as data, never as markup.
"""

from collections.abc import Sequence
from typing import Any

from ui.figures.curves import OKABE_ITO
from ui.texts import tr
from ui.view_models.workshop_game import Bar
from ui.view_models.workshop_questions import AnswerBar, ShownBar

_GREY = "#7A7A7A"  # reads on light and dark alike
_COLOURS = {
    "class": OKABE_ITO[2],
    "person": OKABE_ITO[4],
    "trigram": _GREY,
    "model": OKABE_ITO[0],
}
_ROW, _SMALL_ROW, _AXIS = 44, 30, 74  # pixels; Streamlit counts the axis in the height
_FONT = 15
_NAMES = {
    "type": "nominal",
    "sort": None,
    "title": None,
    "axis": {
        "labelFontSize": _FONT,
        "labelLimit": 220,
        "labelOverlap": False,
        "ticks": False,
        "domain": False,
    },
}


def standing_rows(bars: Sequence[Bar]) -> list[dict[str, Any]]:
    """One record a player."""
    return [
        {"player": bar.label, "key": bar.key, "low": bar.low, "high": bar.high, "exact": bar.exact}
        for bar in bars
    ]


def standing_chart(bars: Sequence[Bar]) -> dict[str, Any]:
    """A bar from the lower to the upper bound of each player; a diamond where bits are known."""
    keys = [bar.key for bar in bars]
    colour = {
        "field": "key",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": keys, "range": [_COLOURS[key] for key in keys]},
    }
    across = {
        "field": "low",
        "type": "quantitative",
        "title": tr("bits per character (lower is better)"),
        "scale": {"zero": True},
    }
    names = {"field": "player", **_NAMES}
    tooltip = [
        {"field": "player", "type": "nominal", "title": "player"},
        {"field": "low", "type": "quantitative", "title": tr("at least"), "format": ".2f"},
        {"field": "high", "type": "quantitative", "title": tr("at most"), "format": ".2f"},
        {"field": "exact", "type": "quantitative", "title": "bits", "format": ".2f"},
    ]
    return {
        "height": _ROW * max(1, len(bars)) + _AXIS,
        "layer": [
            {
                "mark": {"type": "bar", "opacity": 0.65, "height": {"band": 0.6}},
                "encoding": {
                    "x": across,
                    "x2": {"field": "high"},
                    "y": names,
                    "color": colour,
                    "tooltip": tooltip,
                },
            },
            {
                "mark": {"type": "tick", "thickness": 3, "size": 22},
                "encoding": {
                    "x": {"field": "high", "type": "quantitative"},
                    "y": names,
                    "color": colour,
                    "tooltip": tooltip,
                },
            },
            {
                "transform": [{"filter": "isValid(datum.exact)"}],
                "mark": {"type": "point", "shape": "diamond", "filled": True, "size": 190},
                "encoding": {
                    "x": {"field": "exact", "type": "quantitative"},
                    "y": names,
                    "color": {"value": OKABE_ITO[1]},
                    "tooltip": tooltip,
                },
            },
        ],
    }


def answer_rows(bars: Sequence[AnswerBar]) -> list[dict[str, Any]]:
    """One record an option."""
    return [
        {
            "option": bar.label,
            "people": bar.people,
            "told": bar.told,
            "fate": "right" if bar.right else "wrong",
        }
        for bar in bars
    ]


def answers_chart(bars: Sequence[AnswerBar]) -> dict[str, Any]:
    """How many chose what; the right answer in its own colour."""
    names = {"field": "option", **_NAMES}
    most = max([bar.people for bar in bars], default=1)
    across = {
        "field": "people",
        "type": "quantitative",
        "scale": {"domain": [0, max(1, most) * 1.4]},  # room for what stands at a bar's end
        "axis": None,
    }
    return {
        "height": _ROW * max(1, len(bars)),
        "encoding": {"y": names, "x": across},
        "layer": [
            {
                "mark": {"type": "bar", "height": {"band": 0.6}, "cornerRadiusEnd": 2},
                "encoding": {
                    "color": {
                        "field": "fate",
                        "type": "nominal",
                        "legend": None,
                        "scale": {
                            "domain": ["right", "wrong"],
                            "range": [OKABE_ITO[2], _GREY],
                        },
                    },
                    "tooltip": [
                        {"field": "option", "type": "nominal", "title": "answer"},
                        {"field": "people", "type": "quantitative", "title": "people"},
                    ],
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": _FONT},
                "encoding": {
                    "text": {"field": "told", "type": "nominal"},
                    "color": {"value": _GREY},
                },
            },
        ],
    }


def shown_rows(bars: Sequence[ShownBar]) -> list[dict[str, Any]]:
    """One record a token, in order."""
    return [{"token": bar.label, "share": bar.share, "beside": bar.beside} for bar in bars]


def shown_chart(bars: Sequence[ShownBar]) -> dict[str, Any]:
    """The distribution that a question is about: probabilities of the likeliest tokens, with a
    line for each in the one to compare with."""
    return {
        "height": _SMALL_ROW * max(1, len(bars)) + 8,
        "encoding": {
            "y": {"field": "token", **_NAMES},
            "x": {
                "field": "share",
                "type": "quantitative",
                "scale": {"domain": [0, 1]},
                "axis": None,  # each bar says its probability
            },
        },
        "layer": [
            {
                "mark": {
                    "type": "bar",
                    "height": {"band": 0.7},
                    "color": OKABE_ITO[0],
                    "cornerRadiusEnd": 2,
                }
            },
            {
                "transform": [{"calculate": "max(datum.share, datum.beside || 0)", "as": "end"}],
                "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13, "color": _GREY},
                "encoding": {
                    "x": {"field": "end", "type": "quantitative", "axis": None},
                    "text": {"field": "share", "type": "quantitative", "format": ".1%"},
                },
            },
            {
                "transform": [{"filter": "isValid(datum.beside)"}],
                "mark": {
                    "type": "tick",
                    "orient": "vertical",
                    "thickness": 4,
                    "size": _SMALL_ROW - 4,
                    "color": OKABE_ITO[1],
                    "opacity": 1,
                },
                "encoding": {"x": {"field": "beside", "type": "quantitative", "axis": None}},
            },
        ],
    }
