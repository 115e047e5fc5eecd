"""Watch a text shrink, merge by merge. The browser plays; the server sends everything once."""

from collections.abc import Mapping
from itertools import islice

import streamlit as st

from slm.data.corpus import open_corpus
from slm.tokenizer.patterns import count_chunks
from slm.tokenizer.replay import replay, replay_text, whole_at
from slm.workspace import Artefact
from ui import widgets
from ui.components.merge_replay import replay_player
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.replay import ReplayView, frequent_words, replay_view, shortened
from ui.views import kept
from ui.views.tokenizer import train
from ui.views.tokenizer.current import Current, current, merges_of
from ui.views.tokenizer.text import ask_text, given

_WORDS_FROM = 400  # documents
_PLACE = "merge"


def render(state: PageState) -> None:
    """The text to the left, the player to the right."""
    tokenizer = current(state)
    if tokenizer is None:
        train.invite()
        return
    _panel(tokenizer, state.corpus)


@st.fragment
def _panel(tokenizer: Current, corpus: Artefact | None) -> None:
    left, right = st.columns([1, 2.2], gap="large")
    with left:
        text, note = shortened(ask_text())
        if note:
            st.caption(note)
        st.caption(widgets.esc_md(tr("Tokenizer: {name}").format(name=tokenizer.name)))
        widgets.demo_note(tokenizer.on_demo, tr("the tokenizer"))
        st.markdown(tr("**How to read it**"), help=glossary.meaning("merge"))
        st.caption(
            tr(
                "A BPE tokenizer begins with bytes and learns merges, one after another. Play "
                "them: frequent neighbours grow together first, rare ones late or never. The "
                "outlined chips are those that the merge just made. Click into the curve to jump."
            )
        )
    with right, widgets.user_errors():
        view = _view(
            str(tokenizer.folder), tokenizer.version, text, _digest(corpus), tokenizer, corpus
        )
        rests = replay_player(view, begin=_begin(tokenizer, text), key="replay-player")
        if rests is not None:
            kept.keep(_PLACE, str(rests) if rests else "")
    _show_code(tokenizer, text)


def _begin(tokenizer: Current, text: str) -> int:
    """Where the player opens, as the link says; fixed while text and tokenizer stay."""
    of = f"{tokenizer.folder} {tokenizer.version} {text}"
    held_of, held = st.session_state.get("replay_begin", ("", 0))
    if held_of != of:
        asked = kept.recall(_PLACE) or ""
        held = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0
        st.session_state["replay_begin"] = (of, held)
    return int(held)


def _digest(corpus: Artefact | None) -> str:
    return corpus.manifest.digest if corpus is not None else ""


@st.cache_resource(max_entries=32, show_spinner=False)
def _view(
    folder: str, version: int, text: str, digest: str, _tokenizer: Current, _corpus: Artefact | None
) -> ReplayView:
    merges = merges_of(_tokenizer)
    story = replay_text(_tokenizer.engine, merges, text)
    words = _words(folder, version, digest, _tokenizer, _corpus) if _corpus is not None else {}
    return replay_view(story, merges, words)


@st.cache_resource(max_entries=16, show_spinner=tr("Looking for frequent words"))
def _words(
    folder: str, version: int, digest: str, _tokenizer: Current, _corpus: Artefact
) -> Mapping[bytes, int]:
    """Frequent words of the corpus and the merge that made each one token."""
    del folder, version, digest
    counts = count_chunks(islice(open_corpus(_corpus).texts("train"), _WORDS_FROM))
    return whole_at(frequent_words(counts), merges_of(_tokenizer))


def _show_code(tokenizer: Current, text: str) -> None:
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.loading import load_tokenizer\n"
        "from slm.tokenizer.replay import replay_text\n\n"
        f"tokenizer = load_tokenizer(Path({str(tokenizer.folder)!r}))\n"
        f"story = replay_text(tokenizer, tokenizer.merges, {given(text)!r})\n"
        "for n in sorted({join.number for join in story.joins}):\n"
        "    print(n, story.pieces(n))",
        replay_text,
        replay,
    )
