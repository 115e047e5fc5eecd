"""A tree of continuations in the browser: a token a box, a line as thick as its probability.

``branches_view(drawing, key=…)`` gives what was asked for in this run: growing, sampling, pruning
a branch, choosing it, or laying it beside the chosen one.
"""

from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.branches import SURPRISE, Drawing

ACTS = ("select", "beside", "likeliest", "sample", "prune")
_mount = register(
    "slm_branches",
    Path(__file__).parent,
    shared=("base.css", "chips.css", "payload.js", "scale.js"),
    parts=("layout.js",),
)


class Act(NamedTuple):
    """What the visitor did, and with which node; 0 is the prompt."""

    name: str
    node_id: int


def branches_view(
    drawing: Drawing,
    *,
    key: str,
    selected: int,
    beside: int | None,
    words: dict[str, str],
    height: int = 430,
) -> Act | None:
    """Draw the tree; what was asked for in this run. words: the buttons', by the act's name."""
    result = _mount(
        key=key,
        data=branches_payload(drawing, selected, beside, words, height),
        on_act_change=lambda: None,
    )
    return read_act(result.get("act"), {0, *(twig.id for twig in drawing.twigs)})


def branches_payload(
    drawing: Drawing, selected: int, beside: int | None, words: dict[str, str], height: int = 430
) -> bytes:
    """What the browser receives."""
    header = {**asdict(drawing), "selected": selected, "beside": beside, "words": words}
    scale = {"title": SURPRISE.title, "low": "0", "high": f"{SURPRISE.high:g}+ {SURPRISE.unit}"}
    return pack({**header, "height": height, "scale": scale})


def read_act(value: object, known: set[int]) -> Act | None:
    """What the browser sent, if it is an act on a node that there is.

    >>> read_act(["prune", 3], {0, 3}), read_act(["prune", 4], {0, 3}), read_act("x", {0})
    (Act(name='prune', node_id=3), None, None)
    """
    if isinstance(value, list) and len(value) == 2 and value[0] in ACTS and type(value[1]) is int:
        return Act(value[0], value[1]) if value[1] in known else None
    return None
