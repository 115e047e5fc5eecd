"""The current model: one picker for run, corpus and tokenizer that every chapter follows."""

from collections.abc import Mapping, Sequence

import streamlit as st

from slm.workspace import Artefact
from ui import job_panel, session, widgets
from ui.view_models.library import unique_labels


def render() -> None:
    """Draw the pickers. None chosen means the demo, and no choice stays out of the URL."""
    session.apply_choice()
    here = session.workspace()
    demo = session.demo_run(here)
    with st.sidebar:
        _picker(here.all_models(), "run", "Model", "the demo" if demo else "no model yet")
        with st.popover("Corpus and tokenizer", width="stretch"):
            _picker(here.corpora.list(), "corpus", "Corpus", "the model's own")
            _picker(here.tokenizers.list(), "tokenizer", "Tokenizer", "the model's own")
        job_panel.sidebar_summary(here)


def _picker(listed: Sequence[Artefact], key: str, label: str, placeholder: str) -> None:
    artefacts = {artefact.id: artefact for artefact in listed if not artefact.problem}
    labels = unique_labels(list(artefacts.values()))
    _follow_link(key, labels)
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
    if st.session_state.get(key) is not None:
        st.session_state.pop(f"missing-{key}", None)
    elif missing := st.session_state.get(f"missing-{key}"):
        st.caption(f'There is no {label.lower()} "{widgets.esc_md(missing)}" here.')


def _follow_link(key: str, labels: Mapping[str, str]) -> None:
    """A link may carry an id, where the picker writes labels; what it asks for may be gone."""
    asked = st.query_params.get(key)
    if not asked or asked in labels.values():
        return
    if asked in labels:
        st.session_state[key] = asked
        st.query_params[key] = labels[asked]
        st.rerun()  # the picker takes its value from the address
    st.session_state[f"missing-{key}"] = asked
