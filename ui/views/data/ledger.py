"""What cleaning did to a saved corpus: counts, changes, what was removed, and the way back."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm.data.cleaning.cleaner import RuleReport
from slm.data.corpus import Corpus, open_corpus
from slm.data.removed import RemovedDocument, json_lines
from slm.workspace import Artefact
from ui import widgets
from ui.components.diff import diff_view
from ui.texts import tr
from ui.view_models import diffs, sources
from ui.view_models import ledger as words
from ui.view_models.cleaning import rule_title
from ui.views.data import clean

_A_PAGE = 8


def render(reports: Sequence[RuleReport], key: str, corpus: Artefact | None = None) -> None:
    """The rules with their counts; below, examples of one that did something.

    With the corpus also the documents that were removed, and a way to clean it anew.
    """
    opened = open_corpus(corpus) if corpus is not None else None
    if opened is not None:
        _anew(opened)
    if not reports:
        st.info(tr("This corpus was saved as its source gave it: no cleaning rule was on."))
    else:
        _table(reports, opened)
        _changes(reports, key)
    if opened is not None:
        _removed(opened)


def _table(reports: Sequence[RuleReport], opened: Corpus | None) -> None:
    came = words.documents_that_came(opened) if opened is not None else None
    rows = words.ledger_rows(reports, came)
    columns = {
        tr("Rule"): [row.title for row in rows],
        tr("Changed"): [row.changed for row in rows],
        tr("Dropped"): [row.dropped for row in rows],
        tr("Characters changed"): [row.characters for row in rows],
    }
    if came is not None:
        columns[tr("Documents left")] = [row.left for row in rows]
    number = st.column_config.NumberColumn(format="localized")
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={
            tr("Changed"): number,
            tr("Dropped"): number,
            tr("Characters changed"): st.column_config.NumberColumn(
                tr("Characters"), format="localized", help=tr("Characters that went or came.")
            ),
            tr("Documents left"): st.column_config.ProgressColumn(format="percent", max_value=1.0),
        },
    )


def _changes(reports: Sequence[RuleReport], key: str) -> None:
    """Some places where one rule changed something."""
    active = {report.rule: report for report in reports if report.examples}
    if not active:
        st.caption(tr("No rule found anything to change."))
        return
    held = f"{key}-example-rule"
    if st.session_state.get(held) not in {None, *active}:
        del st.session_state[held]
    chosen = st.segmented_control(
        tr("Before and after"),
        list(active),
        format_func=lambda name: rule_title(active[name].entry),
        default=next(iter(active)),
        key=held,
        bind="query-params",
        required=True,
        wrap=True,
    )
    view = diffs.rule_view(chosen or next(iter(active)), reports)
    st.caption(view.words)
    diff_view(view.cards, key=f"{key}-diff")


def _removed(opened: Corpus) -> None:
    """The documents that a rule dropped, to be read and taken away."""
    counts = opened.removed_counts
    if not counts:
        return
    st.markdown(tr("**Removed documents**"))
    if not opened.is_restorable:
        st.caption(words.removed_words(counts) + tr(" They were not kept."))
        return
    if st.session_state.get("removed_by") not in {None, *counts}:
        del st.session_state["removed_by"]
    row = st.container(horizontal=True, vertical_alignment="bottom")
    rule = row.selectbox(
        tr("Removed by"),
        list(counts),
        index=None,
        format_func=lambda name: f"{rule_title(name)} ({counts[name]:,})",
        placeholder=tr("any rule"),
        key="removed_by",
        bind="query-params",
        width=300,
    )
    total = counts[rule] if rule else sum(counts.values())
    held = st.session_state.get("removed_from", 1)
    if not isinstance(held, int) or not 1 <= held <= total:
        st.session_state["removed_from"] = 1
    start = row.number_input(
        tr("From, of {total:,}").format(total=total),
        1,
        total,
        step=_A_PAGE,
        key="removed_from",
        bind="query-params",
        width=150,
    )
    row.download_button(
        tr("Download as JSON Lines"),
        lambda: json_lines(opened.removed(rule)),
        file_name="removed.jsonl",
        mime="application/jsonl",
        icon=":material/download:",
        key="removed-download",
        help=tr("Text, source, rule and reason, a document a line; at most 25 MB."),
    )
    _removed_page(list(opened.removed(rule, start=start - 1, limit=_A_PAGE)))


def _removed_page(found: Sequence[RemovedDocument]) -> None:
    """Some removed documents and one of them in full."""
    listing, full = st.columns([1.4, 1], gap="medium")
    with listing:
        rows = words.removed_rows(found)
        picked = st.dataframe(
            pd.DataFrame(rows, columns=[tr("No."), tr("Begins"), tr("Rule"), tr("Reason")]),
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="removed-table",
            height="content",
            column_config={
                tr("No."): st.column_config.NumberColumn(width=60, format="localized"),
                tr("Begins"): st.column_config.TextColumn(width=210),
                tr("Rule"): st.column_config.TextColumn(width=130),
                tr("Reason"): st.column_config.TextColumn(width=170),
            },
        )
    chosen = words.picked(found, picked.selection.rows)
    if chosen is None:
        return
    with full:
        st.caption(widgets.esc_md(words.removed_caption(chosen)))
        with st.container(height=300):
            st.text(chosen.text)


def _anew(opened: Corpus) -> None:
    """What can be had back, and the way to other rules."""
    row = st.container(horizontal=True, wrap=False, vertical_alignment="center")
    row.caption(words.way_back(opened.is_restorable, opened.artefact.details), width="stretch")
    if row.button(
        tr("Clean it anew with other rules"),
        key="clean-anew",
        icon=":material/restart_alt:",
        on_click=_clean_anew,
        args=(opened.artefact,),
        disabled=not opened.is_restorable,
        help=tr("Opens New corpus with the texts as they came. This corpus stays as it is."),
    ):
        st.rerun()  # the whole page, for another view of it


def _clean_anew(corpus: Artefact) -> None:
    rules = corpus.details.get("config", {}).get("rules", ())
    clean.start_with([str(rule) for rule in rules])
    st.session_state.update(view="collect", source=sources.OWN, corpus_source=corpus.id)
    st.query_params["source"] = sources.source_cards()[sources.OWN].title
    st.query_params["corpus_source"] = corpus.name
