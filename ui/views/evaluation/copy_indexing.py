"""The index of a training text: the job that makes it, how far it is, the button that starts it."""

import streamlit as st

from slm import jobs
from slm.data.corpus import open_corpus
from slm.jobs import Job
from slm.lab.copy_index import Text
from ui import job_panel
from ui.session import PageState
from ui.texts import tr
from ui.view_models import copying as words


def index_first(state: PageState, text: Text) -> None:
    """The job that indexes the training text: how far it is, or the button that starts it."""
    assert state.run is not None
    key = f"copying-{text.key}"
    corpus = open_corpus(text.corpus) if text.corpus is not None else None
    tokens = words.training_tokens(text, corpus)
    newest = _index_job(state, key)
    made_before = newest is not None and newest.status().state == "done"  # and was cleared away
    if (newest is None or made_before) and tokens <= words.BY_ITSELF_TOKENS:
        _start(state, text, key)
        newest = _index_job(state, key)
    if newest is not None:
        job_panel.watch(state.workspace, newest.id, key="copy-index")
        if newest.status().alive:
            return
    st.caption(words.index_offer(tokens))
    st.button(
        tr("Index the training text"),
        icon=":material/manage_search:",
        key="copy-index-start",
        type="primary",
        on_click=_start,
        args=(state, text, key),
    )


def _index_job(state: PageState, key: str) -> Job | None:
    return next((job for job in jobs.list_jobs(state.workspace) if job.key == key), None)


def _start(state: PageState, text: Text, key: str) -> None:
    assert state.run is not None
    argv = ["copying", "--run", state.run.id, "--index-only", "True"]
    if not text.own and text.corpus is not None:
        argv += ["--corpus", text.corpus.id]
    jobs.start(
        state.workspace, argv, name=tr("Index of {name}").format(name=text.name)[:80], key=key
    )
