"""Paint attention: a row of weights is given by hand, and the model goes on from there.

One fragment. The head's weights are read once for each checkpoint, text and head; bars move in
the browser alone, and a row that is let go is read by the model.
"""

import streamlit as st

from slm.attention.interventions import Interventions, PaintedRow
from slm.attention.maps import Floats, attention_maps
from slm.attention.readings import reading
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.painting import painting
from ui.figures.attention_pictures import SavedPicture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import MOST_TOKENS
from ui.view_models.painting import (
    ALL_HEADS,
    LONGEST_LINK,
    THIS_HEAD,
    PaintingView,
    RowPlace,
    edits_of,
    elsewhere,
    is_wide,
    link_of,
    painted_row,
    painting_code,
    painting_view,
    proposed,
    query_of,
    reach,
    row_at,
    rows_of_link,
    saved_arrays,
)
from ui.views import kept
from ui.views.attention import outcome
from ui.views.attention.asking import Asked, asking, run_of
from ui.views.attention.choosing import ask_head, keep_head
from ui.views.attention.saving import panel

_NUMBER_WIDTH = 138
_KEY, _LONG, _WIDE = "painted", "painting-long", "painting-wide"
Rows = tuple[PaintedRow, ...]


def render(state: PageState) -> None:
    """Text and choices above the bars, what comes of them below."""
    run = run_of(state)
    if run is not None:
        _painting(state, run)


@st.fragment
def _painting(state: PageState, run: Artefact) -> None:
    with asking(run, longest=MOST_TOKENS) as asked:
        if asked is None:
            return
        rows = _recall(asked)
        place = _ask_place(asked, rows)
        row = row_at(rows, place)
        _say_elsewhere(rows, place, asked)
        wide = _whose(asked, rows, row)
        weights_TT = _weights(*asked.key, place.layer, place.head, asked.loaded)
        config = asked.loaded.model.config
        untouched_S = weights_TT[place.query, : place.query + 1]
        view = painting_view(place, untouched_S, row, asked.tokens_T, config, wide=wide)
        painting(
            view,
            key="painting",
            on_paint=lambda sent: _paint(sent, view, config.n_heads, wide),
            on_query=lambda query: _go(RowPlace(place.layer, place.head, query)),
        )
        edits = edits_of(row, config.n_heads, wide=wide)
        last = len(asked.ids_T) - 1
        with st.container(horizontal=True, vertical_alignment="center"):
            _ask_whose(row, config.n_heads)
            st.caption(
                reach(place.query, len(asked.ids_T)) if edits else glossary.meaning("painted row"),
                width="content",
            )
        found = outcome.draw(asked, edits, key="painting", positions=(place.query, last))
        widgets.demo_note(state.on_demo, tr("the row"))
        _save(run, asked, view, edits, found)


def _recall(asked: Asked) -> Rows:
    """What is painted: the address says it, or the visit where the row is too long for one."""
    config = asked.loaded.model.config
    with widgets.user_errors():
        return rows_of_link(kept.recall(_KEY) or st.session_state.get(_LONG), config)
    return ()


def _ask_place(asked: Asked, rows: Rows) -> RowPlace:
    """Layer, head and query: what was chosen, else what a link paints, else the opening."""
    last = len(asked.ids_T) - 1
    wanted = proposed(rows, len(asked.ids_T))
    chosen = (key in st.query_params or _holds(key) for key in ("layer", "head", "query"))
    if wanted is not None and not any(chosen):
        _go(wanted)
    opened = ask_head(asked)
    first = query_of(rows, opened.layer, opened.head, last + 1)
    if first is None:
        first = last if opened.query is None else opened.query
    if not 0 <= (st.session_state.get("query") or 0) <= last:
        st.session_state["query"] = None
    with asked.row:
        query: int | None = st.number_input(
            tr("Query token"),
            min_value=0,
            max_value=last,
            value=None,
            placeholder=str(first),
            key="query",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=tr("{meaning} Or click a token of the text below.").format(
                meaning=glossary.meaning("query")
            ),
        )
    return RowPlace(opened.layer, opened.head, first if query is None else query)


def _holds(key: str) -> bool:
    return st.session_state.get(key) is not None


def _whose(asked: Asked, rows: Rows, row: PaintedRow | None) -> bool:
    """Whether the row is painted for every head of its layer: the row says it, if there is one."""
    n_heads = asked.loaded.model.config.n_heads
    if row is not None:
        st.session_state[_WIDE] = is_wide(rows, row, n_heads)
    return n_heads > 1 and bool(st.session_state.get(_WIDE))


def _ask_whose(row: PaintedRow | None, n_heads: int) -> None:
    if n_heads < 2:
        return
    st.session_state["painting_heads"] = ALL_HEADS if st.session_state.get(_WIDE) else THIS_HEAD
    st.segmented_control(
        tr("Painted for"),
        [THIS_HEAD, ALL_HEADS],
        format_func=tr,
        key="painting_heads",
        required=True,
        label_visibility="collapsed",
        width="content",
        on_change=_widen,
        args=(row, n_heads),
    )


def _widen(row: PaintedRow | None, n_heads: int) -> None:
    st.session_state[_WIDE] = wide = st.session_state["painting_heads"] == ALL_HEADS
    if row is not None:
        _keep(link_of(row, n_heads, wide=wide))


def _say_elsewhere(rows: Rows, place: RowPlace, asked: Asked) -> None:
    """Another row is painted than the one that is open: say so, with the way there."""
    n_tokens = len(asked.ids_T)
    note = elsewhere(rows, place, n_tokens)
    if note is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/info: {note}", width="content")
        there = proposed(rows, n_tokens)
        if there is not None:
            st.button(
                tr("Open it"),
                key="painting_there",
                type="tertiary",
                icon=":material/arrow_forward:",
                on_click=_go,
                args=(there,),
            )


def _paint(sent: object, view: PaintingView, n_heads: int, wide: bool) -> None:
    """A row was let go in the browser; None: as it was."""
    row = None if sent is None else painted_row(sent, view.place, view.hidden)
    if sent is None or row is not None:
        keep_head(view.place.layer, view.place.head)
        st.session_state["query"] = view.place.query
        _keep(link_of(row, n_heads, wide=wide))


def _keep(link: str) -> None:
    """Hold what is painted: in the address, unless it is too long for one."""
    is_long = len(link) > LONGEST_LINK
    st.session_state[_LONG] = link if is_long else ""
    kept.keep(_KEY, "" if is_long else link)


def _go(place: RowPlace) -> None:
    st.session_state["layer"] = place.layer
    st.session_state["head"] = place.head
    st.session_state["query"] = place.query


def _save(
    run: Artefact, asked: Asked, view: PaintingView, edits: Rows, found: outcome.Outcome | None
) -> None:
    place, n_heads = view.place, asked.loaded.model.config.n_heads
    link = link_of(edits[0] if edits else None, n_heads, wide=len(edits) > 1)
    readings = None if found is None else (found.before, found.after)
    is_long = len(link) > LONGEST_LINK
    if is_long:
        st.caption(tr("This row is too long for a link; it stays while you are here."))
    panel(
        asked,
        picture=lambda: SavedPicture(
            values_RC=view.rows_2S,
            row_labels=("untouched", "painted"),
            column_labels=asked.tokens_T[: place.query + 1],
            title=tr("Attention of {name}").format(name=place.name),
            subtitle=tr("{name}, step {step}").format(
                name=asked.loaded.name, step=asked.loaded.step
            ),
            rows_are=tr("before and after"),
        ),
        arrays=lambda: saved_arrays(view, asked.ids_T, readings),
        code=painting_code(run, asked.step, asked.text, asked.window, place, link),
        functions=(Interventions, reading),
        link={
            "view": "painting",
            "layer": place.layer,
            "head": place.head,
            "query": place.query,
            **({"painted": link} if link and not is_long else {}),
        },
        name="painting",
    )


@loaders.shared_answer()
def _weights(
    run_id: str, step: int, ids_T: tuple[int, ...], layer: int, head: int, _loaded: LoadedRun
) -> Floats:
    """weights_TT of one head, once for each checkpoint, text and head."""
    del run_id, step
    weights_TT: Floats = attention_maps(_loaded.model, ids_T, [layer], [head])[0, 0]
    return weights_TT
