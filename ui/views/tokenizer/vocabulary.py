"""All tokens of a tokenizer: search, sort, and see what one is made of."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from ui import widgets
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models import tokenizer as words
from ui.views.tokenizer import train
from ui.views.tokenizer.current import Current, current, merges_of, vocabulary_of


def render(state: PageState) -> None:
    """The table, and one token in full."""
    tokenizer = current(state)
    if tokenizer is None:
        train.invite()
        return
    widgets.demo_note(tokenizer.on_demo, "the vocabulary")
    _panel(tokenizer)


@st.fragment
def _panel(tokenizer: Current) -> None:
    rows = vocabulary_of(tokenizer)
    left, right = st.columns([1.7, 1], gap="large")
    with left:
        wanted = st.text_input(
            "Search",
            key="find",
            placeholder="part of a token, or an id",
            help=glossary.meaning("vocabulary"),
            bind="query-params",
        )
        found = words.search(rows, wanted)
        st.caption(f"{len(found):,} of {len(rows):,} tokens")
        chosen = _table(found, wanted)
    with right:
        if chosen is None:
            st.caption("Choose a row to see how the token was built.")
            _longest(rows)
            return
        token = words.token_view(tokenizer.engine, merges_of(tokenizer), chosen)
        st.code(token.shown, language=None)
        st.caption(f"id {token.id:,} · bytes {token.bytes}")
        st.markdown(token.story)
        if token.steps:
            frame = pd.DataFrame(
                {
                    "Merge": [step.number for step in token.steps],
                    "Pair": [f"{step.left}  +  {step.right}" for step in token.steps],
                    "Token": [step.joined for step in token.steps],
                    "Count": [step.count for step in token.steps],
                }
            )
            st.dataframe(frame, hide_index=True, height="content")


def _table(found: Sequence[words.VocabularyRow], wanted: str) -> int | None:
    """The rows; the id of the one that is chosen."""
    if not found:
        st.info("No token holds that. A text that holds it is written with shorter tokens.")
        return None
    frame = pd.DataFrame(
        {
            "Id": [row.id for row in found],
            "Token": [row.shown for row in found],
            "Bytes": [row.bytes for row in found],
            "Length": [row.length for row in found],
            "Count": pd.array([row.count for row in found], dtype="Int64"),
            "Kind": [row.kind for row in found],
        }
    )
    picked = st.dataframe(
        frame,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"vocabulary-{wanted}",
        height=480,
        column_config={
            "Length": st.column_config.NumberColumn(help="Bytes that the token stands for."),
            "Count": st.column_config.NumberColumn(
                help="How often its pair stood in the training text when the two were joined."
            ),
        },
    )
    places = picked["selection"]["rows"]
    return found[places[0]].id if places and places[0] < len(found) else None


def _longest(rows: Sequence[words.VocabularyRow]) -> None:
    st.markdown("**The longest tokens**")
    st.text("\n".join(words.longest(rows)))
