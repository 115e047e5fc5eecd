"""One text through a run's snapshots: a slider, or play, moves map, scores, lens and losses.

The maps of the open head come all at once; only another head asks the server.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.attention_time import AttentionTime, Place

_mount = register(
    "slm_attention_time",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "player.css", "payload.js", "half.js", "scale.js"),
        *("canvas.js", "chips.js", "player.js", "course.js", "head_scores.js"),
    ),
    parts=("map.js", "panels.js"),
)


def attention_time_view(
    view: AttentionTime,
    *,
    begin: Place,
    key: str,
    on_move: Callable[[], None],
    echo: bool = False,
) -> Any:
    """Draw it; what the browser tells of where it rests (anything), None while nobody moved.

    `begin` is where it stands at first, and again whenever it is another than before; else the
    browser stays where it is, and follows a training while it stands at the newest snapshot.
    `on_move` is called before the script runs again; `echo`: a fresh picture tells its
    place at once, unmoved.
    """
    data = attention_time_payload(view, begin=begin, echo=echo)
    return _mount(key=key, data=data, on_place_change=on_move).get("place")


def attention_time_payload(view: AttentionTime, *, begin: Place, echo: bool = False) -> bytes:
    """What the browser receives: words in the header; behind it float32, uint32, float16, uint8."""
    header = {
        "begin": [begin.step, begin.query, begin.measure],
        "echo": echo,
        "steps": list(view.steps),
        "last": view.last_step,
        "facts": list(view.facts),
        "even": view.even_nats,
        "curves": [
            {"name": curve.name, "steps": list(curve.steps), "nats": list(curve.nats)}
            for curve in view.curves
        ],
        "tokens": list(view.tokens),
        "names": list(view.names),
        "stops": list(view.stops),
        "measures": [
            {
                "id": course.id,
                "title": course.title,
                "meaning": course.meaning,
                "most": course.most,
                "words": course.rise_words,
                "rise": None
                if course.rise is None
                else [course.rise.layer, course.rise.head, course.rise.place],
            }
            for course in view.courses
        ],
        "kinds": list(view.kinds),
        "heads": list(view.scores_SLHM.shape[1:3]),
        "open": [view.layer, view.head],
        "window": view.window,
        "samples": list(view.samples),
    }
    parts = (
        (view.scores_SLHM, "<f4"),
        (view.nats_ST1, "<f4"),
        (view.top_places_SNT, "<u4"),
        (view.maps_STT, "<f2"),
        (view.top_shares_SNT, "<f2"),
        (view.kinds_SLH, "u1"),
    )
    return pack(
        header, b"".join(np.ascontiguousarray(part, kind).tobytes() for part, kind in parts)
    )
