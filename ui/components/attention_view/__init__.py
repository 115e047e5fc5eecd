"""Attention in the browser: all heads small, one head in full. Draws weights; computes none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from ui.components.assets import register
from ui.components.attention_view.packing import pack_head, pack_overview, pack_view
from ui.view_models.head_grid import HeadGrid

HEIGHT_BESIDE = 100  # pixels that name and readout of the open head take beside the overview
LONGEST_ARRANGEMENT = 100

_mount = register(
    "slm_attention",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "payload.js", "scale.js", "canvas.js", "chips.js"),
        *("matrix.js", "matrix_stage.js"),
    ),
    parts=("arrange.js", "overview.js", "head.js"),
)


@dataclass(frozen=True)
class AttentionPick:
    """What is open: a head of a layer, and the query position that is locked, if one is."""

    layer: int
    head: int
    query: int | None = None


def attention_view(
    pictures_LHPP: NDArray[np.uint8],
    weights_TS: NDArray[Any],
    tokens: Sequence[str],
    *,
    layer: int,
    head: int,
    query: int | None = None,
    grid: HeadGrid | None = None,
    arrangement: str = "",
    window: int | None = None,
    key: str,
    height: int = 480,
    on_pick: Callable[[AttentionPick], None] | None = None,
    on_arrange: Callable[[str], None] | None = None,
) -> None:
    """Every head as a thumbnail, and the one that is open in full.

    ``pictures_LHPP`` as ``slm.attention.survey.shrink`` makes them; ``weights_TS`` of the open
    head, float32 or uint8 in 255ths; ``tokens`` as ``visible()`` shows them; ``window`` is the
    model's, if it has one; ``height`` is the most pixels for the matrix and, without scrolling,
    for all heads.

    ``on_pick`` and ``on_arrange`` are called before the script runs again, so that they may set
    the state of other widgets and the run draws what was picked. ``arrangement`` is a text of
    ``head_grid.write_arrangement``; the browser's may hold anything.
    """
    n_layers, n_heads = pictures_LHPP.shape[:2]

    def picked() -> None:
        pick = _picked(key, (n_layers, n_heads, len(tokens)))
        if on_pick is not None and pick is not None:
            on_pick(pick)

    def arranged() -> None:
        text = st.session_state.get(key, {}).get("arrange")
        if on_arrange is not None and isinstance(text, str) and len(text) <= LONGEST_ARRANGEMENT:
            on_arrange(text)

    overview = pack_overview(
        pictures_LHPP,
        tokens=len(tokens),
        layer=layer,
        head=head,
        grid=grid,
        arrangement=arrangement,
        height=height + HEIGHT_BESIDE,
    )
    opened = pack_head(
        weights_TS,
        tokens,
        layer=layer,
        head=head,
        query=query,
        window=window,
        title=grid.labels[layer][head] if grid is not None and grid.labels is not None else "",
        height=height,
    )
    data = pack_view(overview, opened, n_heads=n_heads)
    _mount(key=key, data=data, on_pick_change=picked, on_arrange_change=arranged)


def _picked(key: str, limits: tuple[int, int, int]) -> AttentionPick | None:
    """What the browser sent for this run, as [layer, head, query or null].

    A browser may send anything, so a pick that does not fit the weights at hand is no pick.
    """
    value = st.session_state.get(key, {}).get("pick")
    if not isinstance(value, list) or len(value) != 3:
        return None
    layer, head, query = value
    wanted = [layer, head] if query is None else [layer, head, query]
    if not all(type(at) is int and 0 <= at < n for at, n in zip(wanted, limits, strict=False)):
        return None
    return AttentionPick(layer, head, query)
