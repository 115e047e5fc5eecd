"""Any text as tokens, at once; and how each token came to be."""

from typing import Any

import pandas as pd
import streamlit as st

from slm.tokenizer.history import build_steps
from slm.tokenizer.statistics import compression
from ui import widgets
from ui.components.tokens import tokens_view
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models import tokenizer as words
from ui.views.tokenizer import train
from ui.views.tokenizer.current import Current, current, merges_of, view_of

_LONGEST_LINK = 500
_MOST_CHARACTERS = 100_000


def render(state: PageState) -> None:
    """The text box to the left, its tokens to the right."""
    tokenizer = current(state)
    if tokenizer is None:
        train.invite()
        return
    _panel(tokenizer)


@st.fragment
def _panel(tokenizer: Current) -> None:
    left, right = st.columns([1, 1.7], gap="large")
    with left:
        text = _ask_text()
        name = f"Tokenizer: {tokenizer.name}"
        st.caption(widgets.esc_md(name))
        widgets.demo_note(tokenizer.on_demo, "the tokenizer")
    with widgets.user_errors():
        view = view_of(tokenizer, text)
        with right:
            _figures(tokenizer, view)
            picked = _chips(view, f"{tokenizer.folder} {text}")
        with left:
            _token(tokenizer, view, picked)
    _show_code(tokenizer, text)


def _ask_text() -> str:
    """The text; it stands in the link unless it is too long for one."""
    held = st.session_state.get("tokenize", "")
    short = len(str(held)) <= _LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        "Text",
        words.DEFAULT_TEXT,
        height=170,
        max_chars=_MOST_CHARACTERS,
        key="tokenize",
        help="Type or paste anything, in any language. Ctrl+Enter shows its tokens.",
        **kept,
    )
    return text


def _figures(tokenizer: Current, view: words.TextView) -> None:
    corpus = tokenizer.bytes_per_token
    row = st.container(horizontal=True, gap="medium")
    row.metric("Tokens", f"{view.tokens:,}", help=glossary.meaning("token"), width="content")
    row.metric("Bytes", f"{view.bytes:,}", help=glossary.meaning("UTF-8"), width="content")
    row.metric(
        "Bytes per token",
        f"{view.bytes_per_token:.2f}" if view.tokens else "–",
        help=glossary.meaning("bytes per token"),
        width="content",
    )
    row.metric(
        "On its corpus",
        f"{corpus:.2f}" if corpus else "–",
        help="Bytes per token on held-out text of the corpus that the tokenizer was trained on.",
        width="content",
    )


def _chips(view: words.TextView, of: str) -> int | None:
    """The chips; the place of the one that is picked, kept while the text stays."""
    if not view.tokens:
        st.info("No text, no tokens. Type something to the left.")
        return None
    held_of, held = st.session_state.get("token_picked", ("", None))
    place = held if held_of == of else None
    clicked = tokens_view(view.chips, key="tokenize-chips", height=400, selected=place)
    if clicked is not None and clicked != place:
        st.session_state["token_picked"] = (of, clicked)
        st.rerun()  # the chip is outlined by what it is given, so it is drawn once more
    return place


def _token(tokenizer: Current, view: words.TextView, place: int | None) -> None:
    if not view.tokens:
        return
    if place is None:
        st.caption("Click a token to see how it was built.")
        return
    token = words.token_view(tokenizer.engine, merges_of(tokenizer), view.chips[place].id)
    with st.container(border=True):
        st.markdown(f"**{widgets.esc_md(token.shown)}** · id {token.id:,} · bytes {token.bytes}")
        st.caption(token.story)
        if token.steps:
            frame = pd.DataFrame(
                {
                    "Merge": [step.number for step in token.steps],
                    "Pair": [f"{step.left}  +  {step.right}" for step in token.steps],
                    "Token": [step.joined for step in token.steps],
                    "Count": [step.count for step in token.steps],
                }
            )
            st.dataframe(frame, hide_index=True, height="content" if len(frame) < 7 else 245)


def _show_code(tokenizer: Current, text: str) -> None:
    given = text if len(text) <= _LONGEST_LINK else text[:_LONGEST_LINK] + " …"
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.loading import load_tokenizer\n\n"
        f"tokenizer = load_tokenizer(Path({str(tokenizer.folder)!r}))\n"
        f"text = {given!r}\n"
        "ids = tokenizer.encode(text)\n"
        "print(len(text.encode()) / len(ids), [tokenizer.token_bytes(id) for id in ids])",
        compression,
        build_steps,
    )
