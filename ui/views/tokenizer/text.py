"""The visitor's text, the same in every tool of the chapter."""

from typing import Any

import streamlit as st

from ui.texts import tr
from ui.view_models import tokenizer as words

LONGEST_LINK = 500
MOST_CHARACTERS = 100_000


def ask_text(height: int = 170, label: str = tr("Text")) -> str:
    """The text; it stands in the link unless it is too long for one."""
    held = st.session_state.get("tokenize", "")
    short = len(str(held)) <= LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        label,
        words.DEFAULT_TEXT,
        height=height,
        max_chars=MOST_CHARACTERS,
        key="tokenize",
        help=tr("Type or paste anything, in any language. Ctrl+Enter shows its tokens."),
        **kept,
    )
    return text


def given(text: str) -> str:
    """The text as it stands in lines of code."""
    return text if len(text) <= LONGEST_LINK else text[:LONGEST_LINK] + " …"
