"""A text at every stage of a tokenizer's learning, with a slider, play and steps.

Everything is sent once; going from stage to stage asks the server nothing.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.replay import ReplayView

_mount = register(
    "slm_merge_replay",
    Path(__file__).parent,
    shared=("base.css", "chips.css", "payload.js", "chips.js"),
    parts=("story.js", "curve.js"),
)


def replay_player(view: ReplayView, *, begin: int = 0, key: str) -> int | None:
    """Draw the player; the number of merges at which it rests, None while nobody moved it.

    `begin` is the number of merges that are known when it opens; later it stays where it is.
    """
    result = _mount(key=key, data=replay_payload(view, begin=begin), on_merge_change=lambda: None)
    merge = result.get("merge")
    return merge if type(merge) is int and 0 <= merge <= view.n_merges else None


def replay_payload(view: ReplayView, *, begin: int = 0) -> bytes:
    """What the browser receives: texts in the header, all numbers as 32-bit integers."""
    header = {
        "begin": begin,
        "all": view.all_listed,
        "merges": view.n_merges,
        "listed": len(view.numbers_K),
        "joins": len(view.middles_J),
        "bytes": len(view.data),
        "texts": list(view.texts),
        "chunks": list(view.chunks),
        "words": {str(stage): list(words) for stage, words in view.words.items()},
    }
    rows: list[NDArray[np.int64]] = [
        view.numbers_K,
        view.pairs_K2.ravel(),
        view.counts_K,
        view.joins_J3.ravel(),
        view.middles_J,
    ]
    values = np.concatenate([row.astype("<i4") for row in rows]).tobytes() + view.data
    return pack(header, values)
