"""The current model: one picker for run, corpus and tokenizer that every chapter follows."""

import streamlit as st

from slm.workspace import Shelf
from ui import job_panel, session
from ui.view_models.library import unique_labels


def render() -> None:
    """Draw the pickers. None chosen means the demo, and no choice stays out of the URL."""
    session.apply_choice()
    here = session.workspace()
    demo = session.demo_run(here)
    with st.sidebar:
        _picker(here.runs, "run", "Model", "the demo" if demo else "no model yet")
        with st.popover("Corpus and tokenizer", width="stretch"):
            _picker(here.corpora, "corpus", "Corpus", "the model's own")
            _picker(here.tokenizers, "tokenizer", "Tokenizer", "the model's own")
        job_panel.sidebar_summary(here)


def _picker(shelf: Shelf, key: str, label: str, placeholder: str) -> None:
    artefacts = {artefact.id: artefact for artefact in shelf.list() if not artefact.problem}
    labels = unique_labels(list(artefacts.values()))
    if st.session_state.get(key) not in {None, *artefacts}:
        st.session_state[key] = None
    st.selectbox(
        label,
        list(artefacts),
        index=None,
        format_func=lambda choice: labels.get(choice, choice),
        placeholder=placeholder,
        key=key,
        bind="query-params",
    )
