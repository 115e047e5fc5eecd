"""The documents behind a picture: which are meant, a page of them, one in full; and a search.

What is chosen stands in the address: `only` (a filter of documents), `order`, `find` and its
two switches, `document`. A filter and a search put each other aside.
"""

import random

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.delta_generator import DeltaGenerator

from slm.data.documents import StoredDocument
from slm.data.exploring.search import Found, SearchConfig
from slm.errors import DataError
from ui import widgets
from ui.texts import tr
from ui.view_models import explore as words
from ui.views import kept
from ui.views.data.profiles import Known, Shown, chosen_ids

_READER = 240
_WIDE_READER = 430
_ROW = 37


def panel(shown: Shown, known: Known, *, wide: bool) -> None:
    """What is narrowed down, the list, and the chosen document: side by side, or one above
    the other beside a picture."""
    if wide:
        listing, full = st.columns([1, 1.15], gap="medium")
    else:
        listing = full = st.container()
    with listing:
        _ask_search()
        query = st.session_state.get("find") or ""
        start = 0
        with widgets.user_errors():
            if query:
                start = _hits(shown, query, rows=8 if wide else 5)
            else:
                _list(shown, known, words.DOCUMENTS_A_PAGE if wide else words.FEW_DOCUMENTS)
    with full:
        _document(shown, known, start, height=_WIDE_READER if wide else _READER)


def follow(click: str, known: Known) -> None:
    """Do what a mark of a chart says; a callback. Anything else is passed over."""
    kind, _, value = click.partition("=")
    if kind == "only":
        narrow(value, known)
    elif kind in {"find", "character"} and value:
        kept.keep("only", "")
        st.session_state.update(
            find=value, whole_words=kind == "find", match_case=kind == "character"
        )
    elif kind == "document" and value.isdecimal():
        show_all()
        st.session_state["document"] = int(value)


def narrow(wanted: str, known: Known) -> None:
    """Show only those documents, the first of them in full; a callback."""
    try:
        ids = chosen_ids(known.table, wanted, _order())
    except DataError:
        return
    st.session_state["find"] = ""
    kept.keep("only", wanted)
    if len(ids):
        st.session_state["document"] = int(ids[0]) + 1


def show_all() -> None:
    """Put filter and search aside; a callback. Charts lose their marked point."""
    kept.keep("only", "")
    st.session_state["find"] = ""
    st.session_state["chart_round"] = st.session_state.get("chart_round", 0) + 1


def order_by(order: str, known: Known) -> None:
    """Another order, and the document that then comes first; a callback."""
    st.session_state["order"] = order
    ids = chosen_ids(known.table, wanted(), order)
    if len(ids):
        st.session_state["document"] = int(ids[0]) + 1


def wanted() -> str:
    """The filter in force, as this visitor or a link set it."""
    return kept.recall("only") or ""


def _order() -> str:
    held = st.session_state.get("order")
    return held if held in words.ORDERS else "corpus"


def _ask_search() -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.text_input(
        tr("Search"),
        key="find",
        label_visibility="collapsed",
        bind="query-params",
        placeholder=tr("A word or a phrase"),
        max_chars=200,
        on_change=kept.keep,
        args=("only", ""),
    )
    row.toggle(tr("Whole words"), key="whole_words", bind="query-params")
    row.toggle(tr("Match case"), key="match_case", bind="query-params")


def _hits(shown: Shown, query: str, rows: int) -> int:
    """What the search found; gives where in the chosen document the chosen place is."""
    config = SearchConfig(
        query=query,
        whole_words=bool(st.session_state.get("whole_words")),
        match_case=bool(st.session_state.get("match_case")),
    )
    found = shown.search(config)
    _note(words.found_note(found, query))
    hits = words.hit_rows(found)
    frame = pd.DataFrame(
        {
            tr("No."): [row.number for row in hits],
            tr("Before"): [row.before[-20:] for row in hits],
            tr("Found"): [row.match for row in hits],
            tr("After"): [row.after for row in hits],
        }
    )
    key = f"hits-{shown.key[:12]}-{hash((query, config.whole_words, config.match_case))}"

    def pick() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            st.session_state["document"] = hits[chosen[0]].number

    if hits and st.session_state.get("opened_for") != key:  # a new search opens what it found
        if st.session_state.get("document") not in [row.number for row in hits]:
            st.session_state["document"] = hits[0].number
        st.session_state["opened_for"] = key
    if hits:
        st.dataframe(
            frame,
            hide_index=True,
            height=(rows + 1) * _ROW,
            on_select=pick,
            selection_mode="single-row",
            key=key,
            column_config={
                tr("No."): st.column_config.NumberColumn(width=55, format="%d"),
                tr("Before"): st.column_config.TextColumn(width=150, alignment="right"),
                tr("Found"): st.column_config.TextColumn(width="small"),
                tr("After"): st.column_config.TextColumn(width=150),
            },
        )
    return _start_of(found)


def _start_of(found: Found) -> int:
    document = st.session_state.get("document")
    return next((hit.start for hit in found.hits if hit.document + 1 == document), 0)


def _list(shown: Shown, known: Known, size: int) -> None:
    """A page of the documents that the filter lets through."""
    only = wanted()
    order = _order()
    ids = chosen_ids(known.table, only, order)
    _note(words.documents_note(len(ids), len(known.table), only), removable=bool(only))
    if not len(ids):
        return
    place = words.place_of(ids, _document_number() - 1)
    start = words.page_of(place, size)
    page = ids[start : start + size]
    st.segmented_control(
        tr("Order"),
        list(words.ORDERS),
        format_func=lambda each: words.ORDERS.get(each, each),
        default="corpus",
        key="order",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
        wrap=True,
        on_change=_first_of_order,
        args=(known,),
    )
    rows = words.document_rows(shown.documents([int(each) for each in page]))
    frame = pd.DataFrame(
        {
            tr("No."): [each.number for each in rows],
            tr("Begins"): [each.begins for each in rows],
            tr("Length"): [each.characters for each in rows],
        }
    )
    key = f"documents-{shown.key[:12]}-{only}-{order}-{start}"

    def pick() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            st.session_state["document"] = rows[chosen[0]].number

    st.dataframe(
        frame,
        hide_index=True,
        on_select=pick,
        selection_mode="single-row",
        key=key,
        height="content",
        column_config={
            tr("No."): st.column_config.NumberColumn(width=70, format="%d"),
            tr("Begins"): st.column_config.TextColumn(width=265),
            tr("Length"): st.column_config.NumberColumn(
                width=75, format="localized", help=tr("Characters.")
            ),
        },
    )


def _note(text: str, *, removable: bool = True) -> None:
    """What is narrowed down, and a button that takes it back; of the same height without."""
    row = st.container(
        horizontal=True,
        wrap=False,
        vertical_alignment="center",
        gap="small",
        height=48,
        border=False,
    )
    row.caption(widgets.esc_md(text), width="stretch")
    if removable:
        row.button(tr("Show all"), icon=":material/close:", on_click=show_all, type="tertiary")


def _document(shown: Shown, known: Known, start: int, *, height: int) -> None:
    """The chosen document in full, with what is known of it; ways to its neighbours."""
    total = known.profile.sampled_from or known.profile.documents
    if not 1 <= _document_number() <= total:
        st.session_state["document"] = 1
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    number = row.number_input(
        tr("Document, 1 to {total:,}").format(total=total),
        1,
        total,
        key="document",
        bind="query-params",
        width=140,
        label_visibility="collapsed",
    )
    ids = chosen_ids(known.table, wanted(), _order())
    before, after = words.neighbours(ids, number - 1)
    _step(row, "←", tr("The one before in the list"), before)
    _step(row, "→", tr("The next one in the list"), after)
    row.button(tr("Random"), on_click=_go_anywhere, args=(ids,), disabled=not len(ids))
    found = shown.documents([number - 1])
    if not found:
        st.info(tr("This text has no such document."))
        return
    document: StoredDocument = found[0]
    st.caption(widgets.esc_md(words.document_facts(document, known.table)))
    part = words.reading(document.text, start)
    if part.note:
        st.caption(part.note)
    with st.container(height=height):
        st.text(part.text)


def _step(row: DeltaGenerator, label: str, meaning: str, document: int | None) -> None:
    row.button(label, help=meaning, on_click=_go, args=(document,), disabled=document is None)


def _document_number() -> int:
    held = st.session_state.get("document", 1)
    return held if isinstance(held, int) else 1


def _first_of_order(known: Known) -> None:
    order_by(_order(), known)


def _go(document: int | None) -> None:
    if document is not None:
        st.session_state["document"] = document + 1


def _go_anywhere(ids: NDArray[np.int64]) -> None:
    st.session_state["document"] = int(random.choice(ids)) + 1
