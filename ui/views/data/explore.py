"""A text as it is: its documents, lengths, words, characters, splits, and how it was cleaned."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from slm.data.corpus import open_corpus, prepare_corpus
from slm.data.sources import EMBEDDED, SourceConfig
from slm.data.statistics import CorpusStatistics, describe
from slm.workspace import Artefact
from ui import session, widgets
from ui.figures import data as figures
from ui.session import PageState
from ui.view_models import data as words
from ui.view_models import glossary
from ui.views.data import ledger, reading

_ASPECTS = {
    "documents": "Documents",
    "lengths": "Lengths",
    "words": "Words",
    "characters": "Characters",
    "split": "Split",
    "cleaning": "Cleaning",
}
_SAVED_ONLY = frozenset({"split", "cleaning"})
_PLOT = {"displayModeBar": False}


@dataclass(frozen=True)
class _Shown:
    """What is looked at: a saved corpus, or the first documents of a source."""

    corpus: Artefact | None
    source: SourceConfig | None

    def statistics(self) -> CorpusStatistics:
        if self.corpus is not None:
            return reading.corpus_statistics(self.corpus)
        assert self.source is not None
        return reading.sample_statistics(self.source)

    def page(self, start: int, limit: int) -> Sequence[tuple[str, str, str]]:
        """Text, source and split of some documents; a source has no splits yet."""
        if self.corpus is not None:
            found = reading.corpus_page(self.corpus, start, limit)
            return [(document.text, document.source, document.split) for document in found]
        assert self.source is not None
        sample = reading.sample_of(self.source).documents
        return [(text, source, "") for text, source in sample[start : start + limit]]


def render(state: PageState) -> None:
    """Choose a text, then an aspect of it."""
    row = st.container(horizontal=True, gap="medium")
    with row.container(width=260):
        shown = _choose(state)
    statistics = shown.statistics()
    for figure in words.text_figures(statistics):
        row.metric(figure.label, figure.value, help=figure.meaning, width="content")
    with widgets.user_errors():
        _aspects(shown, statistics)
    st.caption(widgets.esc_md(_origin(shown)))
    _show_code(shown)


def _choose(state: PageState) -> _Shown:
    own = state.corpus
    choice = st.selectbox(
        "Text",
        list(EMBEDDED),
        index=None,
        format_func=lambda key: f"{EMBEDDED[key].title} (embedded)",
        placeholder=own.name if own is not None else EMBEDDED["tales"].title,
        key="show",
        bind="query-params",
        help="The current corpus, which the sidebar chooses, or one that ships with the app.",
    )
    if choice is None and own is not None:
        return _Shown(own, None)
    return _Shown(None, SourceConfig(source=choice or "tales"))


def _origin(shown: _Shown) -> str:
    """Where the text is from, how its documents were told apart, and how much is seen."""
    if shown.corpus is not None:
        return words.corpus_facts(shown.corpus.details)
    assert shown.source is not None
    sample = reading.sample_of(shown.source)
    info = EMBEDDED[shown.source.source]
    note = words.sample_note(len(sample.documents), sample.whole)
    return f"{info.description} Licence: {info.licence}. {note} {sample.how_split}"


def _collect(source: str) -> None:
    """Go on with that source; the address tells it too, by the title that its picker shows."""
    st.session_state.update(view="collect", source=source)
    st.query_params["source"] = EMBEDDED[source].title


@st.fragment
def _aspects(shown: _Shown, statistics: CorpusStatistics) -> None:
    """One aspect at a time, drawn without the rest of the page."""
    names = [key for key in _ASPECTS if shown.corpus is not None or key not in _SAVED_ONLY]
    if st.session_state.get("aspect") not in {None, *names}:
        st.session_state["aspect"] = names[0]
    row, action = st.columns([4, 1.2])
    aspect = row.segmented_control(
        "Aspect",
        names,
        format_func=_ASPECTS.__getitem__,
        default=names[0],
        key="aspect",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
        wrap=True,
    )
    if shown.source is not None and action.button(
        "Clean and save it",
        width="stretch",
        help="Choose rules, see what they do, and save a corpus.",
        on_click=_collect,
        args=(shown.source.source,),
    ):
        st.rerun()
    with widgets.user_errors():
        if aspect == "lengths":
            _lengths(statistics)
        elif aspect == "words":
            _words(statistics)
        elif aspect == "characters":
            _characters(statistics)
        elif aspect == "split" and shown.corpus is not None:
            _split(shown.corpus)
        elif aspect == "cleaning" and shown.corpus is not None:
            _cleaning(shown.corpus)
        else:
            _documents(shown, statistics.documents)


def _documents(shown: _Shown, total: int) -> None:
    """A page of documents, and one of them in full."""
    if not total:
        st.info("This text has no documents.")
        return
    held = st.session_state.get("document", 1)
    if not isinstance(held, int) or not 1 <= held <= total:
        st.session_state["document"] = 1
    listing, full = st.columns([1, 1.2], gap="medium")
    with listing:
        row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        number = row.number_input(
            f"Document, of {total:,}", 1, total, key="document", bind="query-params", width=150
        )
        start = words.page_start(number)
        page = words.DOCUMENTS_A_PAGE
        row.button("←", on_click=_go, args=(max(1, start - page),), help="Earlier documents")
        later = min(total, start + page)
        row.button("→", on_click=_go, args=(later,), help="Later documents")
        row.button("Random", on_click=_go_anywhere, args=(total,))
        rows = shown.page(start - 1, page)
        _table(rows, start, number)
    text, source, split = rows[number - start]
    with full:
        part = {"train": " · training", "val": " · validation"}.get(split, "")
        st.caption(widgets.esc_md(f"{source}{part} · {len(text):,} characters"))
        with st.container(height=400):
            st.text(text)


def _table(rows: Sequence[tuple[str, str, str]], start: int, number: int) -> None:
    frame = pd.DataFrame(
        {
            "No.": range(start, start + len(rows)),
            "Begins": [words.beginning(text) for text, _, _ in rows],
            "Characters": [len(text) for text, _, _ in rows],
        }
    )
    key = f"documents-{start}"

    def pick() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            st.session_state["document"] = start + chosen[0]

    del number
    st.dataframe(
        frame,
        hide_index=True,
        on_select=pick,
        selection_mode="single-row",
        key=key,
        height="content",
        column_config={
            "No.": st.column_config.NumberColumn(width=55, format="%d"),
            "Begins": st.column_config.TextColumn(width=230),
            "Characters": st.column_config.NumberColumn(width=85, format="localized"),
        },
    )


def _go(document: int) -> None:
    st.session_state["document"] = document


def _go_anywhere(total: int) -> None:
    st.session_state["document"] = random.randint(1, total)


def _lengths(statistics: CorpusStatistics) -> None:
    left, right = st.columns(2)
    with left:
        bins = statistics.document_characters
        chart = figures.lengths(bins.edges, bins.counts, "characters")
        st.plotly_chart(chart, config=_PLOT, key="lengths-characters")
    with right:
        bins = statistics.document_words
        chart = figures.lengths(bins.edges, bins.counts, "words")
        st.plotly_chart(chart, config=_PLOT, key="lengths-words")
    st.caption(
        f"Shortest {statistics.shortest_characters:,}, half of them at most "
        f"{statistics.median_characters:,.0f}, longest {statistics.longest_characters:,} "
        f"characters. {words.examined_note(statistics)}"
    )


def _words(statistics: CorpusStatistics) -> None:
    left, right = st.columns(2)
    with left:
        rows = [(word, float(times)) for word, times in statistics.top_words[:20]]
        chart = figures.bars(rows, "times it occurs", height=430)
        st.plotly_chart(chart, config=_PLOT, key="words-top")
    with right:
        chart = figures.rank_frequency(statistics.rank_frequency, height=430)
        st.plotly_chart(chart, config=_PLOT, key="words-rank")
    st.caption(
        "A few words make up most of any text; on logarithmic axes the fall by rank is nearly "
        f"a straight line (Zipf 1949). {words.examined_note(statistics)}"
    )


def _characters(statistics: CorpusStatistics) -> None:
    left, right = st.columns(2)
    with left:
        chart = figures.bars(
            words.share_rows(statistics.categories), "share of all characters", percent=True
        )
        st.plotly_chart(chart, config=_PLOT, key="characters-kinds")
    with right:
        rows = [(words.shown_character(c), float(n)) for c, n in statistics.top_characters[:20]]
        chart = figures.bars(rows, "times it occurs", height=430)
        st.plotly_chart(chart, config=_PLOT, key="characters-top")
    st.caption(
        f"{statistics.unique_characters:,} different characters. {words.examined_note(statistics)}"
    )


def _split(corpus: Artefact) -> None:
    opened = open_corpus(corpus)
    fraction = float(corpus.details.get("config", {}).get("validation_fraction", 0.1))
    view = words.split_view(
        opened.counts("train"), opened.counts("val"), reading.corpus_leakage(corpus), fraction
    )
    left, right = st.columns(2, gap="large")
    with left:
        frame = pd.DataFrame(view.rows, columns=["Split", "Documents", "Share", "Text"])
        st.dataframe(
            frame,
            hide_index=True,
            height="content",
            column_config={"Documents": st.column_config.NumberColumn(format="localized")},
        )
        st.caption(
            "The hash of its text puts each document on one side, so it stays there when the "
            "corpus grows, and copies always stand together."
        )
    with right:
        st.markdown("**Leakage**", help=glossary.meaning("leakage"))
        if view.leaks:
            st.warning(view.leakage, icon=":material/warning:")
        else:
            st.success(view.leakage, icon=":material/check_circle:")


def _cleaning(corpus: Artefact) -> None:
    reports = open_corpus(corpus).rule_reports()
    if not reports:
        st.info("This corpus was saved as its source gave it: no cleaning rule was on.")
        return
    ledger.render(reports, key="saved")


def _show_code(shown: _Shown) -> None:
    if shown.corpus is not None:
        lines = (
            "from pathlib import Path\n"
            "from slm.data.corpus import open_corpus\n"
            "from slm.data.statistics import describe\n"
            "from slm.workspace import Workspace\n\n"
            f"workspace = Workspace(Path({str(shown.corpus.folder.parents[1])!r}))\n"
            f"corpus = open_corpus(workspace.corpora.get({shown.corpus.id!r}))\n"
            "print(describe(corpus.texts()))"
        )
    else:
        assert shown.source is not None
        lines = (
            "from itertools import islice\n"
            "from slm.data.sources import SourceConfig, read_documents\n"
            "from slm.data.statistics import describe\n\n"
            f"config = SourceConfig(source={shown.source.source!r})\n"
            f"documents = islice(read_documents(config), {reading.PREVIEW_DOCUMENTS})\n"
            "print(describe(document.text for document in documents))"
        )
    widgets.show_code(lines, describe, prepare_corpus)


def use(corpus_id: str) -> None:
    """Make a corpus the current one and look at it; a callback."""
    session.choose(corpus=corpus_id)
    st.session_state.update(view="explore", show=None)
