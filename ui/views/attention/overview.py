"""All heads of a model on one text, any one of them in full.

What is asked and what is drawn form one fragment: another head, text or training step
redraws them alone. Weights are computed once for each checkpoint and text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from slm.attention.heads import HeadScores, head_scores, repetition_scores, text_scores
from slm.attention.maps import Floats, attention_maps
from slm.workspace import Artefact
from ui import widgets
from ui.components.attention_view import AttentionPick, attention_view
from ui.components.attention_view.packing import thumbnails
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models.attention import (
    Opening,
    as_npz,
    code_lines,
    describe,
    kinds_of,
    labels_of,
    legend,
    opening,
    score_rows,
)
from ui.views.attention.asking import Asked, asking, run_of

_MATRIX_HEIGHT = 450
_CHOICE_WIDTH, _NUMBER_WIDTH = 95, 150


@dataclass(frozen=True)
class Look:
    """Everything that is computed for one checkpoint and text. Shared: read it only."""

    weights_LHTT: Floats
    thumbnails_LHPP: NDArray[np.uint8]
    scores: HeadScores
    opening: Opening


def render(state: PageState) -> None:
    """Text and choices above the heads."""
    run = run_of(state)
    if run is not None:
        _heads(state, run)


@st.fragment
def _heads(state: PageState, run: Artefact) -> None:
    with asking(run) as asked:
        if asked is None:
            return
        loaded, shown = asked.loaded, asked.ids_T
        look = _look(*asked.key, loaded)
        with asked.row:
            opened = _ask_head(look, len(shown))
        _draw(look, asked, opened)
        _explain(look, opened)
        widgets.demo_note(state.on_demo, "the attention")
        _download(look, shown, loaded)
        code = code_lines(run, asked.step, asked.text, asked.window, opened.layer, opened.head)
        widgets.show_code(code, attention_maps, head_scores)


def _ask_head(look: Look, n_tokens: int) -> AttentionPick:
    """Layer, head and query: what was chosen here or in the picture, else the opening."""
    n_layers, n_heads = look.weights_LHTT.shape[:2]
    for key, count in (("layer", n_layers), ("head", n_heads), ("query", n_tokens)):
        if st.session_state.get(key) is not None and st.session_state[key] >= count:
            st.session_state[key] = None
    opened = _opened(look.opening)
    for key, count, now in (("layer", n_layers, opened.layer), ("head", n_heads, opened.head)):
        st.selectbox(
            key.capitalize(),
            list(range(count)),
            index=None,
            placeholder=str(now),
            key=key,
            bind="query-params",
            width=_CHOICE_WIDTH,
            help=glossary.meaning(key),
            on_change=_pin,
            args=(opened,),
        )
    st.number_input(
        "Query token",
        min_value=0,
        max_value=n_tokens - 1,
        value=None,
        placeholder="all" if opened.query is None else str(opened.query),
        key="query",
        bind="query-params",
        width=_NUMBER_WIDTH,
        help=glossary.meaning("query") + " Or click a row of the picture, or a token.",
        on_change=_pin,
        args=(opened,),
    )
    return _opened(look.opening)


def _opened(first: Opening) -> AttentionPick:
    """What the visitor has chosen; where that is nothing at all, the opening."""
    layer, head, query = (st.session_state.get(key) for key in ("layer", "head", "query"))
    if layer is None and head is None and query is None:
        return AttentionPick(first.layer, first.head, first.query)
    return AttentionPick(
        first.layer if layer is None else layer, first.head if head is None else head, query
    )


def _pin(before: AttentionPick) -> None:
    """One choice was made by hand: the others stay what they were, and enter the link."""
    for key, value in (("layer", before.layer), ("head", before.head)):
        if st.session_state.get(key) is None:
            st.session_state[key] = value


def _keep(picked: AttentionPick) -> None:
    st.session_state["layer"] = picked.layer
    st.session_state["head"] = picked.head
    st.session_state["query"] = picked.query


def _draw(look: Look, asked: Asked, opened: AttentionPick) -> None:
    attention_view(
        look.weights_LHTT,
        asked.tokens_T,
        layer=opened.layer,
        head=opened.head,
        query=opened.query,
        labels=labels_of(look.scores),
        window=asked.loaded.model.config.window,
        key="attention",
        height=_MATRIX_HEIGHT,
        on_pick=_keep,
        thumbnails_LHPP=look.thumbnails_LHPP,
    )


def _explain(look: Look, opened: AttentionPick) -> None:
    """The open head in numbers, what the names mean, and every score."""
    st.markdown(describe(look.scores, opened.layer, opened.head))
    rows = legend(kinds_of(look.scores))
    st.caption(" · ".join(f"**{row.kind}** ({row.count}) {row.sentence}" for row in rows))
    with st.expander("All scores", icon=":material/table:"):
        st.dataframe(pd.DataFrame(score_rows(look.scores)), hide_index=True)


def _download(look: Look, ids_T: Sequence[int], loaded: LoadedRun) -> None:
    """All weights as a file, packed when it is asked for."""
    tokens = [loaded.tokenizer.decode([token]) for token in ids_T]
    st.download_button(
        "Download the weights",
        lambda: as_npz(look.weights_LHTT, ids_T, tokens),
        file_name=f"attention-{loaded.run_id}-{loaded.step}.npz",
        mime="application/octet-stream",
        on_click="ignore",
        icon=":material/download:",
        help="A NumPy archive: weights (layers × heads × queries × keys), ids and tokens.",
    )


@st.cache_resource(max_entries=8, show_spinner=False)
def _look(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Look:
    """Weights, thumbnails and scores, once for each checkpoint and text."""
    weights_LHTT = attention_maps(_loaded.model, ids_T)
    scores = text_scores(_loaded.model, ids_T).joined(_repetition(run_id, step, _loaded))
    return Look(
        weights_LHTT, thumbnails(weights_LHTT), scores, opening(scores, ids_T, weights_LHTT)
    )


@st.cache_resource(max_entries=64, show_spinner=False)
def _repetition(run_id: str, step: int, _loaded: LoadedRun) -> HeadScores:
    """Scores on random tokens that repeat: they belong to the checkpoint, not to the text."""
    del run_id, step
    return repetition_scores(_loaded.model, eos_id=_loaded.tokenizer.eos_id)
