"""Any text as tokens, at once; and how each token came to be."""

import streamlit as st

from slm.tokenizer.history import merge_tree
from slm.tokenizer.statistics import compression
from ui import widgets
from ui.components.tokens import tokens_view
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import tokenizer as words
from ui.views.tokenizer import one_token, save, train
from ui.views.tokenizer.current import Current, current, view_of
from ui.views.tokenizer.text import ask_text, given


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
        text = ask_text()
        name = tr("Tokenizer: {name}").format(name=tokenizer.name)
        st.caption(widgets.esc_md(name))
        widgets.demo_note(tokenizer.on_demo, tr("the tokenizer"))
    with widgets.user_errors():
        view = view_of(tokenizer, text)
        with right:
            _figures(tokenizer, view)
            picked = _chips(view, f"{tokenizer.folder} {text}")
            _token(tokenizer, view, picked)
        with left:
            save.offer(tokenizer)
    _show_code(tokenizer, text)


def _figures(tokenizer: Current, view: words.TextView) -> None:
    corpus = tokenizer.bytes_per_token
    row = st.container(horizontal=True, gap="medium")
    row.metric(tr("Tokens"), f"{view.tokens:,}", help=glossary.meaning("token"), width="content")
    row.metric(tr("Bytes"), f"{view.bytes:,}", help=glossary.meaning("UTF-8"), width="content")
    row.metric(
        tr("Bytes per token"),
        f"{view.bytes_per_token:.2f}" if view.tokens else "–",
        help=glossary.meaning("bytes per token"),
        width="content",
    )
    row.metric(
        tr("On its corpus"),
        f"{corpus:.2f}" if corpus else "–",
        help=tr(
            "Bytes per token on held-out text of the corpus that the tokenizer was trained on."
        ),
        width="content",
    )


def _chips(view: words.TextView, of: str) -> int | None:
    """The chips; the place of the one that is picked, kept while the text stays."""
    if not view.tokens:
        st.info(tr("No text, no tokens. Type something to the left."))
        return None
    held_of, held = st.session_state.get("token_picked", ("", None))
    place = held if held_of == of else None
    clicked = tokens_view(view.chips, key="tokenize-chips", height=330, selected=place)
    if clicked is not None and clicked != place:
        st.session_state["token_picked"] = (of, clicked)
        st.rerun()  # the chip is outlined by what it is given, so it is drawn once more
    return place


def _token(tokenizer: Current, view: words.TextView, place: int | None) -> None:
    if not view.tokens:
        return
    if place is None:
        st.caption(tr("Click a token to see how it was built."))
        return
    one_token.show(tokenizer, view.chips[place].id, key="tokenize-tree")


def _show_code(tokenizer: Current, text: str) -> None:
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.loading import load_tokenizer\n\n"
        f"tokenizer = load_tokenizer(Path({str(tokenizer.folder)!r}))\n"
        f"text = {given(text)!r}\n"
        "ids = tokenizer.encode(text)\n"
        "print(len(text.encode()) / len(ids), [tokenizer.token_bytes(id) for id in ids])",
        compression,
        merge_tree,
    )
