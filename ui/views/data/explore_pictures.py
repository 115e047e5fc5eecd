"""The pictures of a text. A click on a bar or a point leads to the documents behind it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from ui.figures import data as figures
from ui.texts import tr
from ui.view_models import explore_pictures as words
from ui.view_models import glossary
from ui.views.data.explore_documents import follow
from ui.views.data.profiles import Known, Shown

_PLOT = {"displayModeBar": False}
_N_GROUPS = 20


def lengths(shown: Shown, known: Known) -> None:
    """How long documents are, by a measure of choice."""
    measure = _choice("measure", words.MEASURES)
    bins = words.length_bins(known.profile, measure)
    axis = (
        tr("words per sentence")
        if measure == "sentence"
        else tr("length ({measure})").format(measure=measure)
    )
    what = tr("sentences") if measure == "sentence" else tr("documents")
    _chart(figures.histogram(bins, axis, what), shown, known, f"lengths-{measure}")
    st.caption(words.length_note(known.profile, measure))


def word_counts(shown: Shown, known: Known) -> None:
    """Words by rank, or the most frequent ones."""
    which = _choice("words_as", {"rank": tr("By rank"), "top": tr("The most frequent")})
    profile = known.profile
    if which == "rank":
        chart = figures.rank_frequency(profile.rank_frequency, words.fitted(profile.zipf))
    else:
        chart = figures.bars(words.word_bars(profile), tr("times it occurs"))
    _chart(chart, shown, known, f"words-{which}")
    st.caption(words.zipf_note(profile), help=glossary.meaning("Zipf slope"))


def growth(shown: Shown, known: Known) -> None:
    """How the vocabulary grows with the text."""
    points = words.growth_clicks(known.profile, known.table)
    chart = figures.growth(points, words.fitted(known.profile.heaps))
    _chart(chart, shown, known, "growth")
    st.caption(words.heaps_note(known.profile), help=glossary.meaning("Heaps' law"))


def phrases(shown: Shown, known: Known) -> None:
    """The most frequent phrases of two or three words."""
    by_n = {str(each.n): each for each in known.profile.phrases}
    chosen = by_n[_choice("phrase_words", {n: tr("{n} words").format(n=n) for n in by_n})]
    chart = figures.bars(words.phrase_bars(chosen), tr("times it occurs"))
    _chart(chart, shown, known, f"phrases-{chosen.n}")
    st.caption(words.phrases_note(chosen), help=glossary.meaning("n-gram"))


def character_counts(shown: Shown, known: Known) -> None:
    """Kinds of characters, the characters of a kind, or documents by script."""
    titles = {"kinds": tr("Kinds"), "each": tr("Characters"), "scripts": tr("Documents by script")}
    which = _choice("characters_as", titles)
    profile = known.profile
    if which == "kinds":
        chart = figures.bars(words.kind_bars(profile), tr("share of all characters"), percent=True)
    elif which == "each":
        kind = _kind()
        chart = figures.bars(words.character_bars(profile, kind), tr("times it occurs"))
    else:
        chart = figures.bars(words.script_bars(profile), "documents")
    _chart(chart, shown, known, f"characters-{which}")
    st.caption(words.characters_note(profile), help=glossary.meaning("script"))


def _kind() -> str:
    """The kind of characters that a click chose, and a button that takes it back."""
    kind = str(st.session_state.get("character_kind", ""))
    if kind:
        st.button(
            tr("Only {kind}").format(kind=kind),
            icon=":material/close:",
            on_click=_all_kinds,
            type="tertiary",
        )
    return kind


def _all_kinds() -> None:
    st.session_state["character_kind"] = ""


def languages(shown: Shown, known: Known) -> None:
    """Documents by guessed language."""
    chart = figures.bars(words.language_bars(known.profile), "documents")
    _chart(chart, shown, known, "languages")
    st.caption(words.LANGUAGES_NOTE)


def copies(shown: Shown, known: Known) -> None:
    """The largest groups of copies; a row leads to its documents."""
    kind = _choice("copies_as", {"copies": tr("Exact"), "near": tr("Near")})
    st.markdown(words.copies_note(known.profile, kind), help=glossary.meaning("near duplicate"))
    sizes = known.table.group_sizes(kind)[:_N_GROUPS].tolist()
    if not sizes:
        return
    firsts = [known.table.first_of(kind, group) for group in range(len(sizes))]
    documents = shown.documents([int(known.table.ids[row]) for row in firsts])
    rows = words.group_rows(sizes, documents, kind)
    frame = pd.DataFrame(
        {
            tr("Documents"): [row.documents for row in rows],
            tr("Begins"): [row.begins for row in rows],
        }
    )
    key = f"groups-{shown.key[:12]}-{kind}-{_round()}"

    def pick() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            follow(rows[chosen[0]].click, known)

    st.dataframe(
        frame,
        hide_index=True,
        height=380,
        on_select=pick,
        selection_mode="single-row",
        key=key,
        column_config={
            tr("Documents"): st.column_config.NumberColumn(width=90, format="localized")
        },
    )
    st.caption(tr("Choose a row to read its documents."))


def strange(shown: Shown, known: Known) -> None:
    """How well each document is foretold from the others."""
    bins = words.strange_bins(known.table)
    chart = figures.histogram(bins, tr("bits per character"), "documents")
    _chart(chart, shown, known, "strange")
    st.caption(words.strange_note(known.profile), help=glossary.meaning("bits per character"))


def _chart(chart: Any, shown: Shown, known: Known, name: str) -> None:
    """A chart whose marks can be clicked."""
    key = f"{name}-{shown.key[:12]}-{_round()}"

    def clicked() -> None:
        points: Sequence[Any] = st.session_state[key]["selection"]["points"]
        for point in points[:1]:
            data = point.get("customdata") or [""]
            _go_where(str(data[-1]), known)

    st.plotly_chart(chart, config=_PLOT, key=key, on_select=clicked, selection_mode="points")


def _go_where(click: str, known: Known) -> None:
    kind, _, value = click.partition("=")
    if kind == "kind":
        st.session_state.update(characters_as="each", character_kind=value)
    else:
        follow(click, known)


def _round() -> int:
    """Rises when filter and search are put aside, so that charts forget their marked point."""
    held = st.session_state.get("chart_round", 0)
    return held if isinstance(held, int) else 0


def _choice(key: str, titles: dict[str, str]) -> str:
    first = next(iter(titles))
    chosen = st.segmented_control(
        tr("Shown"),
        list(titles),
        format_func=lambda name: titles.get(name, name),
        default=None if key in st.session_state else first,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
        required=True,
        wrap=True,
    )
    return chosen if chosen in titles else first
