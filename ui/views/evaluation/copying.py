"""Is it only copying? What of a text stands in the training text, and where.

A text's chips, the passage of the training text behind one of them, and how new its n-grams
are. `copied_text` asks for the text, `copy_indexing` makes the index.
"""

import streamlit as st

from slm.evaluation.memorization import Copying
from slm.lab.copy_index import CopyIndex, Text, choose_text, open_index
from slm.lab.copying import Examined, examine, find_sources, held_out_copies
from ui import loaders, widgets
from ui.components.tokens import tokens_view
from ui.figures.copying import novelty_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import copying as words
from ui.view_models import glossary
from ui.views.evaluation.copied_text import Asked, ask_text
from ui.views.evaluation.copy_indexing import index_first
from ui.views.kept import keep, recall

_MIN_LENGTH = 16
_CHIPS_HEIGHT, _PASSAGE_HEIGHT = 230, 200


def render(state: PageState) -> None:
    """A text to the left; its copies, and where they are from, to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then see what it copies."))
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.4], gap="medium")
    text = index = asked = None
    least = _MIN_LENGTH
    with left, widgets.user_errors():
        widgets.demo_note(state.on_demo, tr("a text"))
        text = _choose_text(state)
        index = open_index(state.workspace, text) if text is not None else None
        asked = ask_text(loaded, index)
        least = _least()
        if asked is not None:
            st.session_state["copy-seen"] = loaded.tokenizer.decode(asked.prompt_ids + asked.ids)
    with right:
        if text is not None and index is not None and asked is not None:
            _show(loaded, index, text, asked, least)
            _show_code(state, text, asked, least)
            return
        with widgets.user_errors():
            if index is not None:
                st.info(tr("There is no text yet. Paste one: what of it is copied is found."))
            elif text is not None:
                index_first(state, text)
            elif state.run.imported:
                st.info(words.unknown_text(widgets.esc_md(state.run.name)), icon=":material/info:")
        if asked is not None and asked.ids:
            tokenizer = loaded.tokenizer
            ids = asked.prompt_ids + asked.ids
            chips = words.plain_chips(ids, tokenizer.token_bytes, tokenizer.vocab_size)
            tokens_view(chips, key="copy-plain", height=_CHIPS_HEIGHT)


def _choose_text(state: PageState) -> Text | None:
    """The training text; None while a model that was trained elsewhere has none to compare."""
    assert state.run is not None
    names = {each.id: each.name for each in state.workspace.corpora.list() if not each.problem}
    chosen = st.selectbox(
        tr("Compare with"),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder=tr("Choose a corpus") if state.run.imported else tr("What it was trained on"),
        key="copy_corpus",
        bind="query-params",
        persist_state="session",
        help=tr(
            "The text in which copies are looked for. Any corpus of the workspace will do: "
            "it is encoded as this model reads it."
        ),
    )
    if state.run.imported and chosen not in names:
        return None
    with widgets.user_errors():  # what is gone is told here, and another corpus can be chosen
        return choose_text(state.workspace, state.run, chosen if chosen in names else "")
    return None


def _least() -> int:
    return int(
        st.slider(
            tr("Counts as copied from"),
            2,
            64,
            _MIN_LENGTH,
            format=tr("%d tokens"),
            key="copy_least",
            bind="query-params",
            help=tr("Shorter matches stay plain: everybody uses the same turns of phrase."),
        )
    )


@st.fragment
def _show(loaded: LoadedRun, index: CopyIndex, text: Text, asked: Asked, least: int) -> None:
    """The verdict, the chips, and below them where a match is from, and the n-grams."""
    if not asked.ids:
        st.info(
            tr("The model wrote nothing: it ended the text at once. Try another seed or prompt.")
        )
        return
    with st.spinner(tr("Looking for copies"), show_time=True):
        held_out = _held_out_copies(index.key, len(asked.ids), index)
        examined = examine(index, asked.ids, held_out)
    told = words.verdict(examined, least)
    st.markdown(f"**{told.headline}**", help=glossary.meaning("memorization"))
    st.caption(f"{told.longest} {told.share}")
    tokenizer = loaded.tokenizer
    n_before = len(asked.prompt_ids)
    chips = words.copied_chips(
        examined, asked.prompt_ids, least, tokenizer.token_bytes, tokenizer.vocab_size
    )
    at = _clicked(len(asked.ids))
    span = words.chosen_span(examined, at)
    picked = tokens_view(
        chips,
        scale=words.COPIED,
        key="copy-chips",
        height=_CHIPS_HEIGHT,
        selected=None if span is None else n_before + (span.start if at is None else at),
    )
    if picked is not None and picked >= n_before and picked - n_before != at:
        keep("copy_at", str(picked - n_before))
        st.rerun(scope="fragment")
    st.caption(words.indexed(index, text))
    passage, chart = st.columns([1.15, 1], gap="medium")
    with passage:
        _passage(loaded, index, text, examined, at)
    with chart:
        st.markdown(tr("**How new are its n-grams?**"), help=glossary.meaning("novel n-gram"))
        st.plotly_chart(
            novelty_chart(words.new_shares(examined.novelty)),
            key="copy-novelty",
            config={"displayModeBar": False},
        )


def _passage(
    loaded: LoadedRun, index: CopyIndex, text: Text, examined: Examined, at: int | None
) -> None:
    """The training text around the chosen match."""
    span = words.chosen_span(examined, at)
    st.markdown(
        tr("**Where it stands in the training text**") if text.own else tr("**Where it stands**")
    )
    if span is None:
        st.caption(tr("This token is not in the training text."))
        return
    with widgets.user_errors():
        found = find_sources(index, text, examined.ids[span.start : span.stop])
        st.caption(words.where_it_stands(found, span))
        number = 1
        if len(found.sources) > 1:
            number = int(
                st.number_input(
                    tr("Place, 1 to {n_sources}").format(n_sources=len(found.sources)),
                    min_value=1,
                    max_value=len(found.sources),
                    key=f"copy-place-{span.start}-{span.length}",
                )
            )
        source = found.sources[number - 1]
        tokenizer = loaded.tokenizer
        chips = words.passage_chips(
            index, source, span.length, tokenizer.token_bytes, tokenizer.vocab_size
        )
        tokens_view(chips, key="copy-passage-chips", height=_PASSAGE_HEIGHT, scale=words.PASSAGE)
        st.caption(widgets.esc_md(words.source_line(source, text)))


def _show_code(state: PageState, text: Text, asked: Asked, least: int) -> None:
    assert state.run is not None
    given = asked.prompt if asked.pasted is None else asked.pasted
    lines = words.copying_code(
        state.run, text, given, asked.config if asked.pasted is None else None, asked.length, least
    )
    widgets.show_code(lines, examine)


def _clicked(n: int) -> int | None:
    """The token that the address names, where the text has it."""
    kept = recall("copy_at")
    return int(kept) if kept is not None and kept.isdecimal() and int(kept) < n else None


@st.cache_resource(max_entries=32, show_spinner=False)
def _held_out_copies(key: str, tokens: int, _index: CopyIndex) -> tuple[Copying, ...]:
    return held_out_copies(_index, tokens)
