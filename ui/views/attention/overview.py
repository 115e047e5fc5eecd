"""All heads of a model on one text, any one of them in full.

What is asked and what is drawn form one fragment: another head, text or training step
redraws them alone. One pass for each checkpoint and text makes pictures and scores; only the
head that is open is held in full.
"""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from slm.attention.heads import HeadScores, Told, head_scores, nobody, standard_scores
from slm.attention.maps import Floats, attention_maps
from slm.attention.survey import Survey, head_weights, survey
from slm.workspace import Artefact
from ui import loaders, session, widgets
from ui.components.attention_view import AttentionPick, attention_view
from ui.figures.attention_saved import heads_picture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import (
    MOST_TOKENS,
    Opening,
    all_weights_note,
    code_lines,
    describe,
    kinds_of,
    legend,
    opening,
    saved_arrays,
    score_rows,
)
from ui.view_models.head_grid import HeadGrid, grid_of, read_arrangement, write_arrangement
from ui.view_models.settings import label_of
from ui.views import kept
from ui.views.attention.asking import Asked, asking, run_of
from ui.views.attention.saving import panel

_MATRIX_HEIGHT = 450
_CHOICE_WIDTH, _NUMBER_WIDTH = 95, 125
_ARRANGEMENT = "overview_heads"
_SOON = 20_000_000
"""Parameters up to which all that is told of heads is computed before anything is drawn."""


@dataclass(frozen=True)
class Look:
    """Everything that is computed for one checkpoint and text. Shared: read it only.

    `named` says whether `scores` hold the standard measures, by which heads are named.
    """

    found: Survey
    scores: HeadScores
    grid: HeadGrid
    opening: Opening
    named: bool


def render(state: PageState) -> None:
    """Text and choices above the heads."""
    run = run_of(state)
    if run is not None:
        _heads(state, run)


@st.fragment
def _heads(state: PageState, run: Artefact) -> None:
    with asking(run, longest=MOST_TOKENS) as asked:
        if asked is None:
            return
        loaded = asked.loaded
        look = _look(*asked.key, _may_name(loaded), loaded)
        with asked.row:
            opened = _ask_head(look, asked)
        naming = st.empty()
        _draw(look, asked, opened)
        _explain(look, opened)
        widgets.demo_note(state.on_demo, tr("the attention"))
        _go_on(opened)
        _save(look, asked, opened)
        if not look.named:
            with naming:
                _name_heads(loaded)


def _may_name(loaded: LoadedRun) -> bool:
    """Whether naming the heads keeps nobody waiting: a small model, or one named before."""
    seen = st.session_state.get("overview_named")
    return loaded.model.n_parameters <= _SOON or seen == (loaded.run_id, loaded.step)


def _name_heads(loaded: LoadedRun) -> None:
    """The heads are on the screen; find out what each does, and draw them again with names."""
    words = tr("Naming the heads by what they do on random tokens")
    bar = st.progress(0.0, words)

    def told(fraction: float) -> None:
        bar.progress(fraction, words)

    _standard(loaded, told)
    st.session_state["overview_named"] = (loaded.run_id, loaded.step)
    st.rerun()


def _ask_head(look: Look, asked: Asked) -> AttentionPick:
    """Layer, head and query: what was chosen here or in the picture, else the opening."""
    config, n_tokens = asked.loaded.model.config, len(asked.ids_T)
    n_layers, n_heads = config.n_layers, config.n_heads
    for key, count in (("layer", n_layers), ("head", n_heads), ("query", n_tokens)):
        if st.session_state.get(key) is not None and st.session_state[key] >= count:
            st.session_state[key] = None
    opened = _opened(look.opening)
    for key, count, now in (("layer", n_layers, opened.layer), ("head", n_heads, opened.head)):
        st.selectbox(
            label_of(key),
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
        tr("Query token"),
        min_value=0,
        max_value=n_tokens - 1,
        value=None,
        placeholder="all" if opened.query is None else str(opened.query),
        key="query",
        bind="query-params",
        width=_NUMBER_WIDTH,
        help=glossary.meaning("query") + tr(" Or click a row of the picture, or a token."),
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


def _arrange(asked: str) -> None:
    """The heads were sorted or filtered in the picture: keep that in the link."""
    kept.keep(_ARRANGEMENT, write_arrangement(read_arrangement(asked)))


def _draw(look: Look, asked: Asked, opened: AttentionPick) -> None:
    attention_view(
        look.found.pictures_LHPP,
        _weights(*asked.key, opened.layer, opened.head, asked.loaded, look.found),
        asked.tokens_T,
        layer=opened.layer,
        head=opened.head,
        query=opened.query,
        grid=look.grid,
        arrangement=write_arrangement(read_arrangement(kept.recall(_ARRANGEMENT))),
        window=asked.loaded.model.config.window,
        key="attention",
        height=_MATRIX_HEIGHT,
        on_pick=_keep,
        on_arrange=_arrange,
    )


def _explain(look: Look, opened: AttentionPick) -> None:
    """The open head in numbers, what the names mean, and every score."""
    st.markdown(describe(look.scores, opened.layer, opened.head))
    if look.named:
        rows = legend(kinds_of(look.scores))
        st.caption(" · ".join(f"**{row.kind}** ({row.count}) {row.sentence}" for row in rows))
    with st.expander(tr("All scores"), icon=":material/table:"):
        st.dataframe(pd.DataFrame(score_rows(look.scores)), hide_index=True)


def _go_on(opened: AttentionPick) -> None:
    """The ways on with this head."""
    with st.container(horizontal=True):
        if st.button(tr("Open it in full"), icon=":material/open_in_full:", key="overview_head"):
            session.go_to("attention", view="head", **_link(opened))
        if st.button(tr("From score to weight"), icon=":material/function:", key="overview_cell"):
            session.go_to("attention", view="cell", **_link(opened))


def _link(opened: AttentionPick) -> dict[str, int]:
    chosen = {"layer": opened.layer, "head": opened.head}
    return chosen if opened.query is None else {**chosen, "query": opened.query}


def _save(look: Look, asked: Asked, opened: AttentionPick) -> None:
    """Picture, weights and link; the weights are computed and packed when they are asked for."""
    loaded, ids_T = asked.loaded, asked.ids_T
    problem = all_weights_note(loaded.model.config, len(ids_T))
    if problem is not None:
        st.caption(problem)

    def arrays() -> dict[str, Any]:
        weights_LHTT = attention_maps(loaded.model, ids_T) if problem is None else None
        tokens = [loaded.tokenizer.decode([token]) for token in ids_T]
        return saved_arrays(look.scores, ids_T, tokens, weights_LHTT)

    panel(
        asked,
        picture=lambda: heads_picture(
            look.found.pictures_LHPP,
            look.grid,
            _weights(*asked.key, opened.layer, opened.head, loaded, look.found),
            asked.tokens_T,
            (opened.layer, opened.head),
            tr("{name}, step {step}").format(name=loaded.name, step=loaded.step),
        ),
        arrays=arrays,
        code=code_lines(asked.run, asked.step, asked.text, asked.window, opened.layer, opened.head),
        functions=(attention_maps, head_scores),
        link={"view": "overview", **_link(opened)},
    )


@loaders.shared_answer()
def _look(run_id: str, step: int, ids_T: tuple[int, ...], named: bool, _loaded: LoadedRun) -> Look:
    """Scores, names and what to open, once for each checkpoint and text."""
    found = _survey(run_id, step, ids_T, _loaded)
    scores = found.scores
    if named:
        scores = scores.joined(_standard(_loaded))

    def weights_of(layer: int, head: int) -> Floats:
        return _weights(run_id, step, ids_T, layer, head, _loaded, found)

    return Look(found, scores, grid_of(scores), opening(scores, ids_T, weights_of), named)


@loaders.shared_answer()
def _survey(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Survey:
    """Pictures and scores of all heads, once for each checkpoint and text."""
    del run_id, step
    return survey(_loaded.model, ids_T)


@loaders.shared_answer()
def _weights(
    run_id: str,
    step: int,
    ids_T: tuple[int, ...],
    layer: int,
    head: int,
    _loaded: LoadedRun,
    _found: Survey,
) -> Floats:
    """One head in full."""
    del run_id, step, ids_T
    return head_weights(_loaded.model, _found, layer, head)


def _standard(loaded: LoadedRun, told: Told = nobody) -> HeadScores:
    """Scores on random tokens: they belong to the checkpoint, not to the text."""
    held = _held(loaded.run_id, loaded.step)
    if not held:
        eos_id = loaded.tokenizer.eos_id
        held.append(standard_scores(loaded.model, eos_id=eos_id, told=told))
    return held[0]


@st.cache_resource(max_entries=64, show_spinner=False)
def _held(run_id: str, step: int) -> list[HeadScores]:
    """Where the standard scores of a checkpoint are kept; a cached function can tell no bar."""
    del run_id, step
    return []
