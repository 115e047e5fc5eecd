"""Attention in the browser: all heads small, one head in full. Draws weights; computes none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.components.assets import register
from ui.components.attention_view.packing import pack_head, pack_overview, pack_view, thumbnails

HEADS_BESIDE = 6  # with more heads than this the overview takes the whole width

_mount = register(
    "slm_attention",
    Path(__file__).parent,
    shared=("base.css", "chips.css", "payload.js", "scale.js", "canvas.js", "chips.js"),
    parts=("overview.js", "matrix.js", "head.js"),
)


@dataclass(frozen=True)
class AttentionPick:
    """What is open: a head of a layer, and the query position that is locked, if one is."""

    layer: int
    head: int
    query: int | None = None


def attention_view(
    weights_LHTS: NDArray[Any],
    tokens: Sequence[str],
    *,
    layer: int,
    head: int,
    query: int | None = None,
    labels: Sequence[Sequence[str]] | None = None,
    window: int | None = None,
    key: str,
    height: int = 480,
    on_pick: Callable[[AttentionPick], None] | None = None,
    thumbnails_LHPP: NDArray[np.uint8] | None = None,
) -> AttentionPick | None:
    """Every head as a thumbnail and one in full; what the user picked in this run, else None.

    ``weights_LHTS`` float32, or uint8 in 255ths; ``tokens`` as ``visible()`` shows them;
    ``labels[layer][head]`` says what a head does; ``window`` is the model's, if it has one;
    ``height`` is the most pixels for the matrix.

    A pick is drawn in the very run that it causes; the caller keeps it and passes it as layer,
    head and query from then on. ``on_pick`` is called before the script runs again, so that it
    may set the state of other widgets. ``thumbnails_LHPP`` (``packing.thumbnails``) spares
    pooling anew where the caller keeps them.
    """
    n_layers, n_heads = weights_LHTS.shape[:2]
    limits = (n_layers, n_heads, len(tokens))

    def tell() -> None:
        picked = _picked(key, limits)
        if on_pick is not None and picked is not None:
            on_pick(picked)

    picked = _picked(key, limits)
    if picked is not None:
        layer, head, query = picked.layer, picked.head, picked.query
    overview = pack_overview(
        thumbnails(weights_LHTS) if thumbnails_LHPP is None else thumbnails_LHPP,
        tokens=len(tokens),
        layer=layer,
        head=head,
        labels=labels,
    )
    opened = pack_head(
        weights_LHTS[layer, head],
        tokens,
        layer=layer,
        head=head,
        query=query,
        window=window,
        title=labels[layer][head] if labels is not None else "",
        height=height,
    )
    data = pack_view(overview, opened, beside=n_heads <= HEADS_BESIDE)
    _mount(key=key, data=data, on_pick_change=tell)
    return picked


def _picked(key: str, limits: tuple[int, int, int]) -> AttentionPick | None:
    """What the browser sent for this run, as [layer, head, query or null].

    Read before mounting, so that the view is drawn with what was just picked. A browser may send
    anything, so a pick that does not fit the weights at hand is no pick.
    """
    value = st.session_state.get(key, {}).get("pick")
    if not isinstance(value, list) or len(value) != 3:
        return None
    layer, head, query = value
    wanted = [layer, head] if query is None else [layer, head, query]
    if not all(type(at) is int and 0 <= at < n for at, n in zip(wanted, limits, strict=False)):
        return None
    return AttentionPick(layer, head, query)
