"""The current model: one picker for run, corpus and tokenizer that every chapter follows."""

from collections.abc import Mapping, Sequence

import streamlit as st

from slm.workshop.rights import is_presenter
from slm.workspace import Artefact
from ui import job_panel, presenting, session, tour_panel, widgets
from ui.components.together import together
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.library import begins_note, unique_labels


def render(chapter: str = "") -> None:
    """Draw the pickers. None chosen means the demo, and no choice stays out of the URL.

    `chapter` is the page that is opened, as its address names it.
    """
    session.apply_choice()
    here = session.workspace()
    demo = session.demo_run(here)
    with st.sidebar, session.held_through_back(chapter):
        tour_panel.step_at_hand(here, chapter)
        models = here.all_models()
        _picker(models, "run", tr("Model"), tr("the demo") if demo else tr("no model yet"))
        _how_it_reads(models)
        with st.popover(tr("Corpus and tokenizer"), width="stretch"):
            _picker(here.corpora.list(), "corpus", tr("Corpus"), tr("the model's own"))
            _picker(here.tokenizers.list(), "tokenizer", tr("Tokenizer"), tr("the model's own"))
        job_panel.sidebar_summary(here)
        tour_panel.way_in(here)
        presenting.offer()
        if session.is_shared():
            together(presents=is_presenter(here.actor))


def _how_it_reads(models: Sequence[Artefact]) -> None:
    """What the chosen model gets before every text, where that is more than the text."""
    chosen = next((one for one in models if one.id == st.session_state.get("run")), None)
    note = begins_note(chosen.details) if chosen is not None else None
    if note:
        st.caption(widgets.esc_md(note), help=glossary.meaning("begin token"))


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
        st.caption(
            tr('There is no {label} "{missing}" here.').format(
                label=label.lower(), missing=widgets.esc_md(missing)
            )
        )


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
