"""Several tokenizers side by side: a text, the same story in many languages, kinds of text."""

from collections.abc import Mapping

import streamlit as st

from slm.tokenizer import comparison
from slm.tokenizer.comparison import MAX_CHARACTERS, MAX_TOKENIZERS
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.token_columns import token_columns
from ui.figures import comparison as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import comparison as words
from ui.view_models import glossary
from ui.view_models.library import unique_labels
from ui.views.tokenizer import train
from ui.views.tokenizer.text import ask_text, given

_BYTES = "bytes"
_BYTES_NAME = tr("Bytes alone")
_ASPECTS = {"text": tr("Your text"), "languages": tr("Languages"), "domains": tr("Kinds of text")}


def render(state: PageState) -> None:
    """Who is compared, on what; then the answer over the whole width."""
    known = {each.id: each for each in state.workspace.tokenizers.list() if not each.problem}
    if not known:
        train.invite()
        return
    _panel(state, known)


@st.fragment
def _panel(state: PageState, known: Mapping[str, Artefact]) -> None:
    chosen, aspect = _ask(state, known)
    if not chosen:
        st.info(tr("Choose at least one tokenizer above."))
        return
    with widgets.user_errors():
        tokenizers = _opened(chosen, known)
        if aspect == "text":
            _text(tokenizers)
        elif aspect == "languages":
            _languages(tokenizers)
        else:
            _domains(tokenizers)
    _show_code(chosen, known)


def _ask(state: PageState, known: Mapping[str, Artefact]) -> tuple[list[str], str]:
    labels = {**unique_labels(list(known.values())), _BYTES: _BYTES_NAME}
    options = [*known, _BYTES]
    held = st.session_state.get("compared")
    if isinstance(held, list) and not set(held) <= set(options):
        st.session_state["compared"] = [key for key in held if key in options]
    current = state.tokenizer.id if state.tokenizer is not None else None
    chosen = st.multiselect(
        tr("Tokenizers"),
        options,
        default=words.default_choice(options, current),
        format_func=lambda key: labels.get(key, key),
        max_selections=MAX_TOKENIZERS,
        key="compared",
        bind="query-params",
        help=tr(
            "Train another, or add a published one (GPT-2's, Llama's) in the view Published. "
            "Bytes alone is the ruler: a token a byte."
        ),
    )
    aspect = st.segmented_control(
        tr("On what"),
        list(_ASPECTS),
        format_func=_ASPECTS.__getitem__,
        default="text",
        key="compared_on",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    return list(chosen), aspect


def _opened(chosen: list[str], known: Mapping[str, Artefact]) -> dict[str, TextTokenizer]:
    """The tokenizers by their names on screen."""
    labels = {**unique_labels(list(known.values())), _BYTES: _BYTES_NAME}
    return {
        labels[key]: _bytes_alone() if key == _BYTES else loaders.load_tokenizer(known[key].folder)
        for key in chosen
    }


@st.cache_resource(show_spinner=False)
def _bytes_alone() -> TextTokenizer:
    return Tokenizer.from_learned([])


def _text(tokenizers: Mapping[str, TextTokenizer]) -> None:
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        text = ask_text(height=240)
        if len(text) > MAX_CHARACTERS:
            st.caption(
                tr("The first {max_characters:,} of {n_text:,} characters are compared.").format(
                    max_characters=MAX_CHARACTERS, n_text=len(text)
                )
            )
    with right:
        if not text:
            st.info(tr("No text, no tokens. Type something to the left."))
            return
        token_columns(
            words.side_by_side_view(tokenizers, text[:MAX_CHARACTERS]), key="compared-text"
        )


def _languages(tokenizers: Mapping[str, TextTokenizer]) -> None:
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        what = st.selectbox(
            tr("Measure"),
            list(words.MEASURES),
            format_func=words.MEASURES.__getitem__,
            key="compared_by",
            bind="query-params",
            help=f"{glossary.meaning('premium')} {glossary.meaning('fertility')}",
        )
        st.caption(
            tr(
                "The same short story in each language, so that the content is equal. Words "
                "stand between blanks; for Chinese, Japanese and Thai those of the English "
                "telling count. Bright cells are dear."
            )
        )
        for note in words.premium_note(tokenizers):
            st.caption(widgets.esc_md(note))
    with right:
        chart = figures.heat_map(words.language_grid(tokenizers, what))
        st.plotly_chart(chart, config={"displayModeBar": False}, key="compared-languages")
        st.caption(tr("\\* cannot write the text: letters are lost, so that the figure flatters."))


def _domains(tokenizers: Mapping[str, TextTokenizer]) -> None:
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        st.markdown(tr("**Bytes per token**"), help=glossary.meaning("bytes per token"))
        st.caption(
            tr(
                "Short texts of many kinds, all English. A tokenizer does best on what it "
                "learned from: one that never met code spends a token on every bracket. Bright "
                "cells are dear."
            )
        )
    with right:
        chart = figures.heat_map(words.domain_grid(tokenizers))
        st.plotly_chart(chart, config={"displayModeBar": False}, key="compared-domains")


def _show_code(chosen: list[str], known: Mapping[str, Artefact]) -> None:
    folders = [str(known[key].folder) for key in chosen if key in known]
    text = given(str(st.session_state.get("tokenize", "Once upon a time")))
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.comparison import compare\n"
        "from slm.tokenizer.loading import load_tokenizer\n\n"
        f"folders = {folders!r}\n"
        "tokenizers = {folder: load_tokenizer(Path(folder)) for folder in folders}\n"
        f"found = compare(tokenizers, {text!r})\n"
        "for name, measured in found['tokenizers'].items():\n"
        "    print(name, measured['tokens'], measured['languages']['hi']['premium'])",
        comparison.measure,
        comparison.by_language,
    )
