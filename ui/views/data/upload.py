"""A file or a text of the visitor's: kept, looked into by a process of its own, and shown.

What is in hand is named in the address by its hash, so that a reload finds it again.
"""

from pathlib import Path

import pandas as pd
import streamlit as st

from slm.data.reading import ingest, uploads
from slm.data.reading.previews import Preview
from slm.data.reading.readers import HowToRead
from slm.data.reading.text_files import SplitRule
from slm.data.sources import SourceConfig
from slm.errors import DataError
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import upload as words
from ui.view_models.upload import FileView
from ui.views import kept

_FILE = "upload"
_PASTED = "pasted"
_MAX_PASTED = 1_000_000


def ask(state: PageState) -> SourceConfig | None:
    """The file that this visitor sent, and how it is to be read; None while there is none.

    Raises: DataError for a file that cannot be read.
    """
    sent = st.file_uploader(
        tr("Your file"), type=words.ENDINGS, key="data-upload", help=words.LIMITS
    )
    if sent is not None and st.session_state.get("data_sent") != sent.file_id:
        st.session_state["data_sent"] = sent.file_id
        _take(state, _FILE, sent.name, sent.getbuffer())
    elif sent is None:
        st.session_state.pop(f"problem-{_FILE}", None)
    path = _in_hand(state, _FILE)
    if path is None:
        return None
    return _choose(
        path, "" if sent is not None else tr("In hand: {name} · ").format(name=path.name)
    )


def ask_paste(state: PageState) -> SourceConfig | None:
    """The text that this visitor pasted, and how it is to be read; None while there is none.

    Raises: DataError for too little text.
    """
    text = st.text_area(
        tr("Text"),
        key="data-paste",
        height=160,
        max_chars=_MAX_PASTED,
        placeholder=tr("Paste a page or more; Ctrl+Enter takes it."),
        persist_state="session",
    )
    if text.strip() and st.session_state.get("data_taken") != text:
        st.session_state["data_taken"] = text
        _take(state, _PASTED, uploads.PASTED, text.encode(errors="replace"))
    elif not text.strip():
        st.session_state.pop(f"problem-{_PASTED}", None)
    path = _in_hand(state, _PASTED)
    if path is None:
        return None
    return _choose(path, "" if text.strip() else tr("In hand: the text that you pasted before · "))


def _take(state: PageState, key: str, name: str, data: bytes | memoryview) -> None:
    """Keep what was sent if it can be read; else remember why not."""
    kept.keep(key, "")
    st.session_state.pop(f"problem-{key}", None)
    try:
        path = uploads.keep_upload(state.workspace, name, data)
        try:
            _look(str(path), None, "auto")
        except DataError:
            uploads.forget_upload(path)
            raise
        kept.keep(key, path.parent.name)
    except DataError as problem:
        st.session_state[f"problem-{key}"] = str(problem)


def _in_hand(state: PageState, key: str) -> Path | None:
    """The file that the address or this visit names.

    Raises: DataError when the last one that was sent could not be read.
    """
    if problem := st.session_state.get(f"problem-{key}"):
        raise DataError(problem)
    digest = kept.recall(key)
    if not digest:
        return None
    path = uploads.find_upload(state.workspace, digest)
    if path is None:
        st.info(words.NOT_HERE)
        return None
    kept.keep(key, digest)
    return path


def _choose(path: Path, in_hand: str) -> SourceConfig | None:
    """What was found, and the choices that are the visitor's."""
    view = words.file_view(_look(str(path), None, "auto"))
    st.markdown(widgets.esc_md(in_hand + view.headline))
    column: str | None = None
    rule: SplitRule = "auto"
    if view.columns:
        column = _ask_column(view)
        if column is None:
            return None
    if view.asks_split:
        rule = _ask_rule()
    if column != view.text_column or rule != "auto":
        view = words.file_view(_look(str(path), column, rule))
    _show(view)
    return words.source_config(str(path), column, rule)


def _ask_column(view: FileView) -> str | None:
    names = list(view.columns)
    chosen = st.selectbox(
        tr("Text column"),
        names,
        index=names.index(view.text_column) if view.text_column in names else None,
        format_func=lambda name: f"{name} · {view.columns.get(name, '')}",
        key="table_column",
        placeholder=tr("which column holds the text"),
        help=glossary.meaning("text column"),
        bind="query-params",
        persist_state="session",
    )
    frame = pd.DataFrame(view.cells, columns=list(view.shown_columns))
    st.dataframe(frame, hide_index=True, height=view.table_height)
    if view.question:
        st.caption(widgets.esc_md(view.question))
    return chosen


def _ask_rule() -> SplitRule:
    return st.selectbox(
        tr("How documents are told apart"),
        list(words.SPLIT_RULES),
        format_func=words.SPLIT_RULES.__getitem__,
        key="split_rule",
        help=glossary.meaning("document"),
        bind="query-params",
        persist_state="session",
    )


def _show(view: FileView) -> None:
    st.caption(widgets.esc_md(" ".join((view.documents, *view.notes))))
    row = st.container(horizontal=True)
    if view.inside:
        with row.popover(view.inside_title, icon=":material/folder_zip:"):
            columns = [tr("File"), tr("Size"), tr("What becomes of it")]
            frame = pd.DataFrame(view.inside, columns=columns)
            st.dataframe(frame, hide_index=True, width=640, height="content")
            st.caption(view.inside_note)
    if view.problems:
        with row.popover(view.problems_title, icon=":material/warning:"):
            for problem in view.problems:
                st.text(problem)


@st.cache_data(max_entries=64, show_spinner=tr("Looking into the file"))
def _look(path: str, column: str | None, rule: SplitRule) -> Preview:
    """What a file shows of itself. Its path holds its hash.

    A refusal is not remembered: what a busy machine could not read in time, it may later.

    Raises: DataError when the file cannot be read this way.
    """
    return ingest.preview(Path(path), HowToRead(column, rule))
