"""Which text to measure on: asked the same way by every view, and kept in the address."""

from pathlib import Path
from typing import Any

import streamlit as st

from slm.data.catalogue import PUBLISHED
from slm.data.reading import uploads
from slm.lab.judged_text import TextConfig
from slm.workspace import Artefact
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import upload as upload_words
from ui.views.kept import keep, recall

OWN = {"val": tr("Held out"), "train": tr("Training")}
OTHERS = {
    "corpus": tr("A corpus"),
    "file": tr("A file"),
    "own_text": tr("Your text"),
    "hub": tr("A data set of the Hub"),
}
_LONGEST, _LONGEST_LINK = 20_000, 500
_FILE = "eval_file"


def ask(state: PageState, run: Artefact) -> TextConfig | None:
    """The chosen text; None while a corpus, a file or a text is still to be given.

    Raises: DataError for a file that is not read.
    """
    options = OTHERS if run.imported else {**OWN, **OTHERS}
    chosen = st.selectbox(
        tr("Measure on"),
        list(options),
        format_func=lambda key: options.get(key, key),
        key="split",
        bind="query-params",
        persist_state="session",
        help=glossary.meaning("held-out"),
    )
    if chosen in OWN and not run.imported:
        return TextConfig(split=str(chosen))
    if chosen == "file":
        return _ask_file(state)
    if chosen == "own_text":
        return _ask_text()
    if chosen == "hub":
        return _ask_hub()
    return _ask_corpus(state)


def _ask_corpus(state: PageState) -> TextConfig | None:
    names = {each.id: each.name for each in state.workspace.corpora.list() if not each.problem}
    chosen = st.selectbox(
        tr("Corpus"),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder=tr("Choose a corpus"),
        key="eval_corpus",
        bind="query-params",
        persist_state="session",
        help=tr("Its held-out documents, encoded as this model reads them."),
    )
    return TextConfig(corpus=chosen) if chosen in names else None


def _ask_file(state: PageState) -> TextConfig | None:
    sent = st.file_uploader(
        tr("Your file"), type=upload_words.ENDINGS, key="eval-upload", help=upload_words.LIMITS
    )
    if sent is not None and st.session_state.get("eval_sent") != sent.file_id:
        path = uploads.keep_upload(state.workspace, sent.name, sent.getbuffer())
        st.session_state["eval_sent"] = sent.file_id
        keep(_FILE, path.parent.name)
    held = recall(_FILE)
    found = uploads.find_upload(state.workspace, held) if held else None
    if found is None:
        return None
    if sent is None:
        st.caption(tr("In hand: {name}").format(name=widgets.esc_md(found.name)))
    return TextConfig(source=str(Path(found)))


def _ask_text() -> TextConfig | None:
    short = len(str(st.session_state.get("eval_text", ""))) <= _LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        tr("Text"),
        key="eval_text",
        height=160,
        max_chars=_LONGEST,
        label_visibility="collapsed",
        placeholder=tr("Paste a text, in any language; Ctrl+Enter takes it"),
        **kept,
    )
    return TextConfig(text=text) if text.strip() else None


def _ask_hub() -> TextConfig | None:
    names = {key: info.title for key, info in PUBLISHED.items()}
    chosen = st.selectbox(
        tr("Data set"),
        list(names),
        format_func=lambda key: names.get(key, key),
        index=None,
        placeholder=tr("Choose one of the Hub"),
        key="eval_hub",
        bind="query-params",
        persist_state="session",
        help=tr("Fetched over the network, once; then kept in the workspace."),
    )
    part = st.segmented_control(
        tr("Part"),
        ["validation", "test", "train"],
        default="validation",
        key="eval_part",
        bind="query-params",
        required=True,
        help=tr("Data sets name their parts differently; not every one has all three."),
    )
    if chosen not in names:
        return None
    return TextConfig(source=str(chosen), hub_split=str(part or "validation"))
