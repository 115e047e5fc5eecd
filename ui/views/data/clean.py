"""Cleaning: rules in order, and what they do to the first documents of a source, at once."""

import streamlit as st

from slm.data.catalogue import PUBLISHED
from slm.data.hub import PREFIX
from slm.data.rules import DEFAULT_RULES, RULES
from slm.data.sources import SourceConfig
from ui import widgets
from ui.session import PageState
from ui.view_models import data as words
from ui.views.data import ledger, reading

_SHOWN_DOCUMENTS = 4
_SHOWN_CHARACTERS = 700


def ask(state: PageState, source: SourceConfig | None) -> tuple[str, ...]:
    """The rules that the visitor chose, in order; below them, what they do to the source.

    Without a source only the rules are asked for. Mistakes of the source are shown here.
    """
    del state
    rules = _ask_rules()
    if source is not None:
        with widgets.user_errors():
            _preview(source, rules)
    return rules


def _ask_rules() -> tuple[str, ...]:
    chosen = st.pills(
        "Cleaning rules, in the order in which they work",
        list(RULES),
        selection_mode="multi",
        format_func=words.rule_title,
        default=list(DEFAULT_RULES),
        key="rules",
        bind="query-params",
        persist_state="session",
        help="\n".join(f"- **{rule.title}**: {rule.description}" for rule in RULES.values()),
        wrap=True,
    )
    return tuple(name for name in RULES if name in chosen)


def _preview(source: SourceConfig, rules: tuple[str, ...]) -> None:
    """What the rules do to the first documents, or the documents; the Hub only when asked."""
    if _needs_network(source) and st.session_state.get("data_fetched") != source.model_dump_json():
        st.info(
            "This source is on the Hugging Face Hub. Nothing is downloaded until you ask: look at "
            "its first documents here, or save it and they are fetched then."
        )
        if st.button("Look at its first documents", icon=":material/cloud_download:"):
            with st.spinner("Asking the Hub; it has 25 seconds to answer"):
                reading.sample_of(source)
            st.session_state["data_fetched"] = source.model_dump_json()
            st.rerun()
        return
    sample = reading.sample_of(source)
    aspects = {"rules": "What the rules do", "text": "The text as it came"}
    aspect = st.segmented_control(
        "Preview",
        list(aspects),
        format_func=aspects.__getitem__,
        default="rules",
        key="preview",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if aspect == "rules" and rules:
        reports = reading.rules_on_sample(source, rules)
        st.markdown(words.cleaned_sentence(len(sample.documents), sample.whole, reports))
        ledger.render(reports, key="preview")
        return
    st.caption(f"{words.sample_note(len(sample.documents), sample.whole)} {sample.how_split}")
    for document in sample.documents[:_SHOWN_DOCUMENTS]:
        with st.container(border=True, height=140):
            st.text(document.text[:_SHOWN_CHARACTERS])


def _needs_network(source: SourceConfig) -> bool:
    return source.source in PUBLISHED or source.source.startswith(PREFIX)
