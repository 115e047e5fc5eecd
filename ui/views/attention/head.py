"""One head in full: a matrix, the same as painted text and as arcs, and what flows along it.

One fragment. Values of a head are computed once for each checkpoint, text and measure; what is
pointed at is the browser's alone.
"""

from collections.abc import Callable, Mapping

import numpy as np
import streamlit as st

from slm.attention.flows import (
    Target,
    layer_means,
    logit_contributions,
    rollout,
    targets_of,
    value_norms,
)
from slm.attention.maps import Floats, attention_maps
from slm.workspace import Artefact
from ui import loaders, session, widgets
from ui.components.head_view import head_view
from ui.figures.attention_pictures import SavedPicture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import MOST_TOKENS, Opening
from ui.view_models.head import (
    MEASURES,
    NAMES,
    TARGETS,
    Measure,
    Shown,
    head_code,
    meaning,
    of_one_head,
    shown_of,
)
from ui.views.attention.asking import Asked, asking, run_of
from ui.views.attention.choosing import ask_head, keep_head
from ui.views.attention.saving import panel

_MEASURE_WIDTH, _TARGET_WIDTH, _NUMBER_WIDTH = 190, 190, 90
_HEIGHT = 440


def render(state: PageState) -> None:
    """Text and choices above the head."""
    run = run_of(state)
    if run is not None:
        _head(state, run)


@st.fragment
def _head(state: PageState, run: Artefact) -> None:
    with asking(run, longest=MOST_TOKENS) as asked:
        if asked is None:
            return
        opened = ask_head(asked)
        query = _query(asked)
        measure = _ask_measure(asked)
        target = _ask_target(asked) if measure == "logit" else "next"
        values_TT = _values(*asked.key, measure, opened.layer, opened.head, target, asked.loaded)
        shown = shown_of(measure, values_TT, opened.layer, opened.head)
        st.caption(meaning(measure, opened.layer))

        def lock(locked: int | None) -> None:
            keep_head(opened.layer, opened.head)
            st.session_state["query"] = locked

        head_view(
            values_TT,
            asked.tokens_T,
            shown,
            query=query,
            window=None if measure == "rollout" else asked.loaded.model.config.window,
            key="head-view",
            height=_HEIGHT,
            on_lock=lock,
        )
        _go_on(measure, opened, query)
        widgets.demo_note(state.on_demo, tr("the head"))
        place = (opened.layer, opened.head, target)
        panel(
            asked,
            picture=lambda: _picture(asked, values_TT, shown, measure),
            arrays=lambda: {"values_TT": values_TT, "ids_T": np.array(asked.ids_T)},
            code=head_code(run, asked.step, asked.text, asked.window, measure, *place),
            functions=(_FUNCTIONS[measure],),
            link={"view": "head", "layer": opened.layer, "head": opened.head},
            name="head",
        )


_FUNCTIONS: Mapping[Measure, Callable[..., Floats]] = {
    "weights": attention_maps,
    "value_norm": value_norms,
    "logit": logit_contributions,
    "layer_mean": layer_means,
    "all_mean": layer_means,
    "rollout": rollout,
}


def _ask_measure(asked: Asked) -> Measure:
    with asked.row:
        chosen: Measure = st.selectbox(
            tr("Show"),
            list(MEASURES),
            format_func=lambda each: NAMES[each],
            key="head_show",
            bind="query-params",
            width=_MEASURE_WIDTH,
        )
    return chosen


def _ask_target(asked: Asked) -> Target:
    with asked.row:
        chosen: Target = st.selectbox(
            tr("Logit of"),
            list(TARGETS),
            format_func=lambda each: TARGETS[each],
            key="head_target",
            bind="query-params",
            width=_TARGET_WIDTH,
            help=tr(
                "{meaning} Behind the last token nothing came: there it is the "
                "likeliest in either case."
            ).format(meaning=glossary.meaning("logits")),
        )
    return chosen


def _query(asked: Asked) -> int | None:
    """The locked query, where the text has it; the key is that of all views."""
    last = len(asked.ids_T) - 1
    with asked.row:
        if not 0 <= (st.session_state.get("query") or 0) <= last:
            st.session_state["query"] = None
        chosen: int | None = st.number_input(
            tr("Query"),
            min_value=0,
            max_value=last,
            value=None,
            placeholder=tr("none"),
            key="query",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=tr("{meaning} A click on a row or a token locks it.").format(
                meaning=glossary.meaning("query")
            ),
        )
    return chosen


def _go_on(measure: Measure, opened: Opening, query: int | None) -> None:
    """The ways on with this head."""
    if not of_one_head(measure):
        return
    link = {"layer": opened.layer, "head": opened.head}
    with st.container(horizontal=True):
        if st.button(tr("From score to weight"), icon=":material/function:", key="head_cell"):
            session.go_to("attention", view="cell", **link, **_at(query))
        if st.button(tr("Paint its attention"), icon=":material/brush:", key="head_paint"):
            session.go_to("attention", view="painting", **link, **_at(query))


def _at(query: int | None) -> dict[str, int]:
    return {} if query is None else {"query": query}


def _picture(asked: Asked, values_TT: Floats, shown: Shown, measure: Measure) -> SavedPicture:
    hidden_TT = ~np.tri(len(values_TT), dtype=np.bool_)
    return SavedPicture(
        values_RC=np.where(hidden_TT, np.nan, values_TT).astype(np.float32),
        row_labels=asked.tokens_T,
        column_labels=asked.tokens_T,
        title=shown.title,
        subtitle=tr("{name}, step {step}").format(name=asked.loaded.name, step=asked.loaded.step),
        unit=NAMES[measure].lower(),
        most=shown.scale_end,
        root=not shown.diverging,
        diverging=shown.diverging,
    )


@loaders.shared_answer()
def _values(
    run_id: str,
    step: int,
    ids_T: tuple[int, ...],
    measure: Measure,
    layer: int,
    head: int,
    target: Target,
    _loaded: LoadedRun,
) -> Floats:
    """values_TT of what was chosen, once for each checkpoint and text."""
    model, values_TT = _loaded.model, np.empty((0, 0), dtype=np.float32)
    if measure == "weights":
        values_TT = attention_maps(model, ids_T, [layer], [head])[0, 0]
    elif measure == "value_norm":
        values_TT = value_norms(model, ids_T, [layer], [head])[0, 0]
    elif measure == "logit":
        targets_T = targets_of(model, ids_T, target)
        values_TT = logit_contributions(model, ids_T, targets_T, [layer], [head])[0, 0]
    else:
        means_LTT = _means(run_id, step, ids_T, _loaded)
        if measure == "layer_mean":
            values_TT = means_LTT[layer]
        elif measure == "all_mean":
            values_TT = np.asarray(means_LTT.mean(axis=0), dtype=np.float32)
        else:
            values_TT = rollout(means_LTT)[layer]
    return values_TT


@loaders.shared_answer()
def _means(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Floats:
    del run_id, step
    return layer_means(_loaded.model, ids_T)
