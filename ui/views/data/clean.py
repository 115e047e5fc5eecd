"""Cleaning: rules in order, and what they do to the first documents of a source, at once."""

from collections.abc import Sequence

import streamlit as st

from slm.data.catalogue import PUBLISHED
from slm.data.cleaning.cleaner import RuleReport
from slm.data.cleaning.trial import FirstDocuments
from slm.data.hub.data_sets import PREFIX
from slm.data.sources import SourceConfig
from ui import widgets
from ui.components.diff import diff_view
from ui.components.rules import rules_sent, rules_view
from ui.session import PageState
from ui.texts import tr
from ui.view_models import cleaning as words
from ui.view_models import diffs, glossary
from ui.view_models.cleaning import Choice, History
from ui.views import kept
from ui.views.data import reading

_LIST = "rules-list"
_HISTORY = "rules-history"
_TURN = "rules-turn"
_SHOWN_DOCUMENTS = 4
_SHOWN_CHARACTERS = 700
_ASPECTS = {
    "rules": tr("What the rules do"),
    "document": tr("One whole document"),
    "text": tr("The text as it came"),
}


def ask(state: PageState, source: SourceConfig | None) -> tuple[str, ...]:
    """The rules that the visitor chose, in order; below them, what they do to the source.

    Without a source only the rules are asked for. Mistakes of the source are shown here.
    """
    del state
    history = _history()
    changed = rules_sent(_LIST)[0]
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + (changed is not None)
    with widgets.user_errors():
        sent = words.choices_from_browser(changed)
        if sent is not None:
            history = history.then(words.choices_text(sent))
    _hold(history)
    choices = words.read_choices(history.text)
    rules = words.entries(choices)
    place = st.container(gap="small")
    sample = reports = None
    if source is not None:
        with widgets.user_errors():
            sample = _sample(source)
            if sample is not None:
                reports = reading.rules_on_sample(source, rules)
    selected = _selected(choices, reports)
    with place:
        _draw_list(history, choices, reports, sample, selected)
    if source is not None and sample is not None and reports is not None:
        with widgets.user_errors():
            _preview(source, rules, sample, reports, selected)
    return rules


def start_with(rules: Sequence[str]) -> None:
    """Put these rules into the list, as a step that can be undone; a callback."""
    text = words.choices_text([Choice(rule) for rule in rules])
    _hold(_history().then(words.choices_text(words.read_choices(text))))


def _history() -> History:
    """The lists of this visit; one in the address that is new comes on top."""
    held = st.session_state.get(_HISTORY)
    asked = kept.recall("rules")
    text = words.choices_text(words.read_choices(asked or ""))
    if not isinstance(held, History):
        return History((text,))
    return held if asked == st.session_state.get("kept-rules") else held.then(text)


def _hold(history: History) -> None:
    st.session_state[_HISTORY] = history
    kept.keep("rules", history.text)


def _undo() -> None:
    _hold(_history().undone())


def _redo() -> None:
    _hold(_history().redone())


def _reset() -> None:
    _hold(_history().then(""))


def _draw_list(
    history: History,
    choices: Sequence[Choice],
    reports: Sequence[RuleReport] | None,
    sample: FirstDocuments | None,
    selected: str | None,
) -> None:
    """Title, undo, the rules, and what all of them leave."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.markdown(
        tr("**Cleaning rules**, from top to bottom"), help=glossary.meaning("cleaning rule")
    )
    for label, icon, act, can in (
        (tr("Undo"), "undo", _undo, history.can_undo),
        (tr("Redo"), "redo", _redo, history.can_redo),
        (tr("Reset"), "restart_alt", _reset, bool(history.text)),
    ):
        row.button(
            label,
            icon=f":material/{icon}:",
            key=f"rules-{label.lower()}",
            on_click=act,
            disabled=not can,
            type="tertiary",
        )
    documents = len(sample.documents) if sample is not None else 0
    rows = words.rule_rows(choices, reports, documents)
    rules_view(
        rows,
        words.rules_to_add(choices),
        selected=selected,
        turn=st.session_state[_TURN],
        key=_LIST,
    )
    if sample is not None and reports is not None:
        st.markdown(words.left_sentence(reports, documents, sample.characters, whole=sample.whole))


def _selected(choices: Sequence[Choice], reports: Sequence[RuleReport] | None) -> str | None:
    """The rule whose changes are shown: the one clicked, else the first that did something."""
    opened = rules_sent(_LIST)[1] or kept.recall("rule")
    selected = words.selected_rule(choices, reports or (), opened)
    kept.keep("rule", selected if opened == selected and selected else "")
    return selected


def _sample(source: SourceConfig) -> FirstDocuments | None:
    """The first documents; of the Hub only when asked, None until then."""
    on_hub = source.source in PUBLISHED or source.source.startswith(PREFIX)
    needs_network = on_hub and not source.hub_offline
    if needs_network and st.session_state.get("data_fetched") != source.model_dump_json():
        st.info(
            tr(
                "This source is on the Hugging Face Hub. Nothing is downloaded until you ask: "
                "look at its first documents here, or save it and they are fetched then."
            )
        )
        if st.button(tr("Look at its first documents"), icon=":material/cloud_download:"):
            with st.spinner(tr("Asking the Hub for its first documents")):
                reading.sample_of(source)
            st.session_state["data_fetched"] = source.model_dump_json()
            st.rerun()
        return None
    return reading.sample_of(source)


def _preview(
    source: SourceConfig,
    rules: tuple[str, ...],
    sample: FirstDocuments,
    reports: Sequence[RuleReport],
    selected: str | None,
) -> None:
    """What a rule did, one document through all of them, or the text as it came."""
    aspect = st.segmented_control(
        tr("Preview"),
        list(_ASPECTS),
        format_func=_ASPECTS.__getitem__,
        default="rules",
        key="preview",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if aspect == "document" and sample.documents:
        _whole_document(source, rules, sample)
    elif aspect == "rules" and reports:
        _examples(sample, reports, selected)
    else:
        st.caption(f"{words.sample_note(len(sample.documents), sample.whole)} {sample.how_split}")
        for document in sample.documents[:_SHOWN_DOCUMENTS]:
            with st.container(border=True, height=140):
                st.text(document.text[:_SHOWN_CHARACTERS])


def _examples(sample: FirstDocuments, reports: Sequence[RuleReport], selected: str | None) -> None:
    """Some places where the selected rule changed something."""
    view = diffs.rule_view(selected, reports, [document.source for document in sample.documents])
    st.caption(view.words)
    if view.cards:
        diff_view(view.cards, key="clean-examples", on_open=_open_document)


def _open_document(place: int) -> None:
    st.session_state.update(preview="document", sample_document=place + 1)


def _whole_document(source: SourceConfig, rules: tuple[str, ...], sample: FirstDocuments) -> None:
    """One document before and after a rule, or all of them."""
    total = len(sample.documents)
    held = st.session_state.get("sample_document", 1)
    if not isinstance(held, int) or not 1 <= held <= total:
        st.session_state["sample_document"] = 1
    row = st.container(horizontal=True, vertical_alignment="bottom")
    number = row.number_input(
        tr("Document, of {total:,}").format(total=total),
        1,
        total,
        key="sample_document",
        bind="query-params",
        width=150,
    )
    steps = reading.steps_on_sample(source, rules, number - 1)
    touched = diffs.touching(steps)
    if st.session_state.get("sample_rule") not in {None, *touched}:
        del st.session_state["sample_rule"]
    rule = row.selectbox(
        tr("Changed by"),
        touched,
        index=None,
        format_func=words.rule_title,
        placeholder=tr("all rules together"),
        key="sample_rule",
        bind="query-params",
        width=280,
    )
    view = diffs.whole_document(steps, rule, number - 1, sample.documents[number - 1].source)
    st.caption(view.characters)
    diff_view([view.card], key="clean-document", height=420)
