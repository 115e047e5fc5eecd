"""The library of sources: a search, a short list, the facts of the one that is chosen."""

import streamlit as st

from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import sources as words
from ui.view_models.sources import SourceCard

_LIST_HEIGHT = 400


def choose() -> SourceCard:
    """The source that the visitor chose; the search never takes it out of the list."""
    cards = words.source_cards()
    query = st.text_input(
        tr("Search the sources"),
        key="find",
        placeholder=tr("Search: stories, German, code, CC0 …"),
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
        max_chars=80,
    )
    reach = st.segmented_control(
        tr("Which sources"),
        list(words.REACHES),
        format_func=words.REACHES.__getitem__,
        default="all",
        key="reach",
        bind="query-params",
        persist_state="session",
        label_visibility="collapsed",
        required=True,
    )
    asked = st.query_params.get("source")
    if asked in cards:  # a link may say the key; the list itself reads and writes the title
        st.query_params["source"] = cards[asked].title
        st.rerun()
    held = st.session_state.get("source") or words.key_of(asked)
    usual = next(iter(cards))
    shown = words.matching(query, reach or "all", held or usual)
    with st.container(height=_LIST_HEIGHT, key="source-list"):
        choice = st.radio(
            tr("Source"),
            shown,
            index=None if held else shown.index(usual),
            format_func=lambda key: cards[key].title,
            key="source",
            bind="query-params",
            persist_state="session",
            help=glossary.meaning("source"),
        )
    if query.strip():
        st.caption(words.found_line(len(words.matching(query, reach or "all")), query))
    return cards[choice or held or usual]


def facts(card: SourceCard) -> None:
    """What a person wants to know of a source before choosing it."""
    page = tr(" · [its page on the Hub]({page})").format(page=card.page) if card.page else ""
    with st.container(gap="xxsmall"):
        st.markdown(f"#### {card.title}\n{card.description}")
        st.caption(
            tr("{facts}{page} · good for: {good_for} {network}").format(
                facts=card.facts, page=page, good_for=card.good_for, network=card.network
            )
        )
