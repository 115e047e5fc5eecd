"""Where is the model caught out? Surprise painted on each token of a text."""

from typing import Any

import streamlit as st

from slm.errors import DataError
from slm.evaluation.text_score import TextScore, compare_scores, score_text
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.tokens import tokens_view
from ui.figures.evaluation import rivals_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import N_, tr
from ui.view_models import glossary
from ui.view_models.evaluation import comparison
from ui.view_models.painted_loss import (
    APART,
    SURPRISE,
    apart_chips,
    apart_in_words,
    most_surprising,
    painted_code,
    surprise_chips,
)
from ui.views.evaluation import figures, measures

_OWN = N_("Your own")
_DOCUMENT = N_("Held out")
_IN_A_ROW, _BY_SURPRISE = N_("In a row"), N_("By surprise")
_LONGEST = 8_000
_LONGEST_LINK = 500


def render(state: PageState) -> None:
    """A text and its figures to the left; the same text, painted, to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then measure it here."))
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        text = _ask_text(loaded, _documents(state, loaded))
        other_id = _ask_other(state, state.run)
    if not text:
        right.info(tr("Type or paste a text: each of its tokens is painted here."))
        return
    with right, widgets.user_errors():
        with st.spinner(tr("Reading the text")):
            scored = measures.score(loaded, text)
        if other_id is None:
            _paint(loaded, scored, text)
        else:
            _paint_apart(state, other_id, scored, text)
        view = comparison(measures.text_figures(state, loaded, scored, text), None, tr("this text"))
        with left:
            figures.tell(view)
        if len(view.rivals) > 1:
            st.plotly_chart(
                rivals_chart(view.rivals, "perplexity", height=240),
                key="text-rivals",
                config={"displayModeBar": False},
            )
    widgets.show_code(painted_code(state.run, text, other_id), score_text, compare_scores)


def _ask_other(state: PageState, run: Artefact) -> str | None:
    """Another model whose surprise is taken away; None for none."""
    names = {
        each.id: each.name
        for each in state.workspace.all_models()
        if each.id != run.id and not each.problem
    }
    if not names:
        return None
    chosen = st.selectbox(
        tr("Beside another model"),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder=tr("None: paint surprise"),
        key="painted_beside",
        bind="query-params",
        persist_state="session",
        help=tr(
            "Paints by how much this model is more or less surprised than the other. Where their "
            "tokens differ, they are joined until both end at the same place."
        ),
    )
    return chosen if chosen in names else None


def _paint_apart(state: PageState, other_id: str, scored: TextScore, text: str) -> None:
    other = loaders.load_run(state.workspace.get_model(other_id))
    with st.spinner(tr("Reading the text with the other model")):
        theirs = measures.score(other, text)
    tokens_view(apart_chips(scored, theirs, text), scale=APART, key="painted", height=300)
    st.markdown(widgets.esc_md(apart_in_words(scored, theirs, other.name)))
    st.caption(tr("Orange: this model was more surprised than the other. Blue: less."))


def _ask_text(loaded: LoadedRun, documents: tuple[str, ...]) -> str:
    options = [_DOCUMENT, _OWN] if documents else [_OWN]
    chosen = st.segmented_control(
        tr("Text"),
        options,
        format_func=tr,
        default=options[0],
        key="scored_from",
        bind="query-params",
        required=True,
        on_change=_take_over,
        args=(documents,),
    )
    if chosen == _DOCUMENT and documents:
        documents = _in_order(loaded, documents)
        number = st.number_input(
            tr("Document, 1 to {n_documents}").format(n_documents=len(documents)),
            min_value=1,
            max_value=len(documents),
            key="document",
            bind="query-params",
            help=glossary.meaning("held-out"),
        )
        st.caption(tr("Choose “Your own” to edit it, and see what lights up."))
        return documents[int(number) - 1]
    short = len(str(st.session_state.get("scored", ""))) <= _LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        tr("Your text"),
        key="scored",
        height=200,
        max_chars=_LONGEST,
        label_visibility="collapsed",
        placeholder=tr("Paste a text, in any language"),
        **kept,
    )
    return text


def _in_order(loaded: LoadedRun, documents: tuple[str, ...]) -> tuple[str, ...]:
    """The documents as they come, or the most surprising first."""
    order = st.segmented_control(
        tr("Order"),
        [_IN_A_ROW, _BY_SURPRISE],
        format_func=tr,
        default=_IN_A_ROW,
        key="painted_order",
        bind="query-params",
        required=True,
        help=tr("By surprise: those first that take the most bits a byte."),
    )
    if order != _BY_SURPRISE:
        return documents
    with st.spinner(tr("Reading the documents"), show_time=True):
        return measures.by_surprise(loaded, documents)


def _take_over(documents: tuple[str, ...]) -> None:
    """Whoever turns to a text of their own begins with the document that they saw."""
    number = int(st.session_state.get("document") or 1)
    own = st.session_state.get("scored", "")
    untouched = not own or own in documents
    if st.session_state.get("scored_from") == _OWN and untouched and number <= len(documents):
        st.session_state["scored"] = documents[number - 1]


def _paint(loaded: LoadedRun, scored: TextScore, text: str) -> None:
    token_bytes, vocab_size = loaded.tokenizer.token_bytes, loaded.tokenizer.vocab_size
    chips = surprise_chips(scored, text, token_bytes, vocab_size)
    tokens_view(chips, scale=SURPRISE, key="painted", height=300)
    worst = most_surprising(scored, text, token_bytes, vocab_size, count=3)
    told = "; ".join(
        tr("{token} ({nats:.1f} nats, expected {expected})").format(
            token=widgets.esc_md(w.token), nats=w.nats, expected=widgets.esc_md(w.expected)
        )
        for w in worst
    )
    st.caption(tr("Most surprising: {told}.").format(told=told), help=glossary.meaning("surprise"))


def _documents(state: PageState, loaded: LoadedRun) -> tuple[str, ...]:
    """Held-out texts to choose from; none where the token files are gone."""
    try:
        return measures.documents(loaded, measures.token_file(state, "val"))
    except DataError:
        return ()
