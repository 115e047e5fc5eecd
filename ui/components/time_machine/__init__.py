"""The time machine: move through a run's snapshots with a slider, or let it play.

Everything is sent once; going from moment to moment asks the server nothing.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.timeline import Instant, TimelineView

_mount = register(
    "slm_time_machine",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "player.css", "payload.js", "scale.js", "canvas.js"),
        *("chips.js", "player.js", "course.js", "head_scores.js"),
    ),
)


def time_machine(view: TimelineView, *, begin: Instant, key: str) -> Any:
    """Draw it; what the browser tells of where it rests (anything), None while nobody moved.

    `begin` is what it opens with; later it stays where it is, and follows a training that
    goes on while it stands at the newest snapshot.
    """
    data = timeline_payload(view, begin=begin)
    return _mount(key=key, data=data, on_place_change=lambda: None).get("place")


def timeline_payload(view: TimelineView, *, begin: Instant) -> bytes:
    """What the browser receives: words in the header, numbers as float32 behind it."""
    header = {
        "begin": {
            "step": begin.step,
            "text": begin.text,
            "measure": begin.measure,
            "layer": begin.layer,
            "head": begin.head,
        },
        "steps": list(view.steps),
        "last": view.last_step,
        "facts": list(view.facts),
        "even": view.even_nats,
        "prompt": view.prompt,
        "samples": [list(each) for each in view.samples],
        "texts": [
            {"title": text.title, "tokens": list(text.tokens), "scored": text.nats_ST.shape[1]}
            for text in view.texts
        ],
        "measures": [
            {"id": each.id, "title": each.title, "meaning": each.meaning, "most": each.most}
            for each in view.measures
        ],
        "heads": list(view.scores_SLHM.shape[1:3]),
        "curves": [
            {"name": curve.name, "steps": list(curve.steps), "nats": list(curve.nats)}
            for curve in view.curves
        ],
    }
    numbers = [*(text.nats_ST for text in view.texts), view.scores_SLHM]
    return pack(header, b"".join(np.ascontiguousarray(each, "<f4").tobytes() for each in numbers))
