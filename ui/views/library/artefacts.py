"""The shelves: look, use, rename, download, delete."""

import pandas as pd
import streamlit as st

from slm.workspace import Artefact, Shelf, archive
from ui import session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models.library import ArtefactRow, library_rows

_PICKER_OF = {"runs": "run", "models": "run", "tokenizers": "tokenizer", "corpora": "corpus"}


_NOTHING = {
    "runs": tr("No runs yet. Training makes them, and so does Home's first model."),
    "tokenizers": tr("No tokenizers yet. The Tokenizer chapter makes them."),
    "corpora": tr("No corpora yet. The Data chapter makes them."),
}


def render(state: PageState, kind: str) -> None:
    """One shelf as a table; what is chosen in it can be used, renamed, taken or deleted."""
    shelf = state.workspace.shelf(kind)
    rows = library_rows(state.workspace, kind, shelf.list())
    if not rows:
        if kind != "models":  # the panel above says how they come
            st.info(_NOTHING[kind])
        return
    listing, actions = st.columns([2.2, 1], gap="large")
    with listing:
        chosen = _table(rows, kind)
    with actions:
        if chosen is None:
            st.caption(tr("Choose a row to use, rename, download or delete it."))
            return
        artefact = shelf.find(chosen.id)
        if artefact is None:
            st.info(tr("It was deleted meanwhile."))
            return
        _actions(shelf, kind, artefact, chosen)


def _table(rows: list[ArtefactRow], kind: str) -> ArtefactRow | None:
    """The rows, one of which can be chosen."""
    frame = pd.DataFrame(
        {
            tr("Name"): [row.name for row in rows],
            **({tr("By"): [row.owner for row in rows]} if session.is_shared() else {}),
            tr("What"): [row.problem or row.facts for row in rows],
            tr("Made from"): [row.made_from for row in rows],
            tr("Made"): [row.made for row in rows],
            tr("Size"): [row.size for row in rows],
        }
    )
    picked = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"library-{kind}",
        height="content",
    )
    places = picked["selection"]["rows"]
    return rows[places[0]] if places and places[0] < len(rows) else None


def _actions(shelf: Shelf, kind: str, artefact: Artefact, row: ArtefactRow) -> None:
    st.text(artefact.name)
    if row.problem:
        widgets.show_problem(row.problem)
    elif st.button(tr("Use it in all chapters"), type="primary", key="library-use"):
        session.choose(**{_PICKER_OF[kind]: artefact.id})
        st.rerun()
    if row.can_download:
        st.download_button(
            tr("Download ({size})").format(size=row.size),
            lambda: archive(artefact),
            file_name=f"{artefact.id}.zip",
            mime="application/zip",
            on_click="ignore",
            key="library-download",
        )
    elif row.problem is None:
        st.caption(tr("Too large to download here; its folder is:"))
        st.code(str(artefact.folder), language=None)
    if not row.can_change:
        st.caption(row.why_not)
        return
    with st.form("library-rename", border=False):
        name = st.text_input(tr("Name"), value=artefact.name, max_chars=80)
        if st.form_submit_button(tr("Rename")):
            with widgets.user_errors():
                shelf.rename(artefact.id, name)
                st.rerun()
    if st.button(tr("Delete …"), key="library-delete"):
        _confirm(shelf, artefact)


@st.dialog(tr("Delete for good?"))
def _confirm(shelf: Shelf, artefact: Artefact) -> None:
    st.text(artefact.name)
    st.markdown(tr("What was made from it stays; the files of this one are removed."))
    if st.button(tr("Delete"), type="primary", key="library-delete-confirmed"):
        with widgets.user_errors():
            shelf.delete(artefact.id)
            st.rerun()
