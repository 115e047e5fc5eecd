"""One token in full: what it is, and how it was joined."""

import streamlit as st

from ui import widgets
from ui.components.merge_tree import merge_tree_view
from ui.texts import tr
from ui.view_models import tokenizer as words
from ui.view_models.merge_tree import tree_drawing
from ui.views.tokenizer.current import Current, merges_of


def show(tokenizer: Current, token_id: int, key: str) -> None:
    """The token, its story in a sentence, and the tree of its merges."""
    merges = merges_of(tokenizer)
    token = words.token_view(tokenizer.engine, merges, token_id)
    with st.container(border=True, gap="xsmall"):
        st.markdown(
            tr("**{shown}** · id {id:,} · bytes {bytes}").format(
                shown=widgets.esc_md(token.shown), id=token.id, bytes=token.bytes
            )
        )
        st.caption(widgets.esc_md(token.story))
        drawing = None if token.special else tree_drawing(merges, token.piece)
        if drawing is not None:
            merge_tree_view(drawing, key=key)
