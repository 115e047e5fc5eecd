"""The tokenizer as the file that other libraries read."""

import streamlit as st

from ui.texts import tr
from ui.view_models import tokenizer as words
from ui.views.tokenizer.current import Current


def offer(tokenizer: Current) -> None:
    """`tokenizer.json` to take away, and the lines that load it elsewhere."""
    with st.popover(tr("Take it with you"), icon=":material/download:", width="stretch"):
        st.markdown(tr("The whole tokenizer in one file, as Hugging Face's libraries read it."))
        st.download_button(
            tr("Download tokenizer.json"),
            lambda: (tokenizer.folder / "tokenizer.json").read_bytes(),
            "tokenizer.json",
            "application/json",
            type="primary",
            key="save-tokenizer",
            on_click="ignore",
        )
        st.caption(tr("With `tokenizers`:"))
        st.code(words.LOAD_WITH_TOKENIZERS, language="python")
        st.caption(tr("With `transformers`:"))
        st.code(words.load_with_transformers(tokenizer.engine), language="python")
