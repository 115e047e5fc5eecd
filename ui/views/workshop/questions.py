"""Predict, then reveal: the question that was asked last, and for the presenter the next one."""

import pandas as pd
import streamlit as st

from slm.workshop import questions, rights
from slm.workshop.questions import Asked
from slm.workspace import Artefact, Workspace
from ui import loaders, session, widgets
from ui.figures.classroom import answer_rows, answers_chart, shown_chart, shown_rows
from ui.session import PageState
from ui.texts import tr
from ui.view_models import workshop_questions as words
from ui.view_models.workshop_questions import QuestionView
from ui.views.workshop.following import POLL_SECONDS, headcount

_ICONS = {True: ":material/check_circle:", False: ":material/radio_button_unchecked:"}


def render(state: PageState) -> None:
    """What is asked, in large letters; the presenter asks and reveals."""
    st.caption(words.INTRODUCTION)
    if not rights.is_presenter(state.owner):
        _live(state)
        return
    left, right = st.columns([1.9, 1], gap="large")
    with left:
        _live(state)
    with right:
        _ask(state)


@st.fragment(run_every=POLL_SECONDS)
def _live(state: PageState) -> None:
    """The newest question, its options, and once it is revealed the bars; drawn anew by itself.

    The next question comes without the rest of the page: thirty screens turn to it at once.
    """
    here = state.workspace
    asked = questions.newest_question(here)
    if asked is None:
        nothing = words.ASK_FIRST if rights.is_presenter(state.owner) else words.WAITING_ROOM
        st.info(nothing, icon=":material/hourglass_empty:")
        return
    view = words.question_view(asked, headcount(str(here.root), here) if session.is_shared() else 0)
    _question(state, asked, view)


def _question(state: PageState, asked: Asked, view: QuestionView) -> None:
    here = state.workspace
    _what_is_asked(view)
    if not asked.revealed:
        _choices(state, asked.id, view)
        st.caption(view.status)
        if rights.is_presenter(state.owner) and st.button(
            tr("Reveal the answer"),
            key="question-reveal",
            type="primary",
            icon=":material/visibility:",
        ):
            with widgets.user_errors():
                questions.reveal(here, asked.id)
                st.rerun()  # the whole page: what asks for the next question stands beside it
        return
    st.vega_lite_chart(
        pd.DataFrame(answer_rows(view.answers)),
        answers_chart(view.answers),
        key="question-answers",
        alt=tr("How many chose each answer; the right one in green"),
    )
    icon = ":material/check_circle:" if view.right else ":material/lightbulb:"
    told = st.success if view.right else st.info
    told(widgets.esc_md(words.verdict(view)), icon=icon)
    st.caption(view.status)


def _what_is_asked(view: QuestionView) -> None:
    st.subheader(view.title, anchor=False)
    if view.prompt:
        with st.container(border=True, key="question-prompt"):
            st.text(view.prompt)
    if view.shown:
        st.vega_lite_chart(
            pd.DataFrame(shown_rows(view.shown)),
            shown_chart(view.shown),
            key="question-shown",
            alt=tr(
                "Probabilities of the likeliest next tokens at the temperature that is asked for"
            ),
        )
        if view.shown[0].beside is not None:
            st.caption(words.BESIDE)


def _choices(state: PageState, question_id: str, view: QuestionView) -> None:
    """A large button for each option: side by side where there is room. Chosen or not, each has
    an icon, so that no button moves when another one is chosen."""
    with st.container(horizontal=True, gap="small", key="question-options"):
        for choice in view.choices:
            st.button(
                widgets.esc_md(choice.label),
                key=f"answer-{choice.place}",
                type="primary" if choice.chosen else "secondary",
                icon=_ICONS[choice.chosen],
                width="stretch",
                on_click=_answer,
                args=(state.workspace, question_id, choice.place),
            )


def _ask(state: PageState) -> None:
    """The presenter's list, and a text of their own."""
    from slm.workshop.asking import READY, compute

    with st.container(border=True, key="question-ask"):
        st.markdown(tr("**Ask**"))
        if state.run is None:
            st.info(tr("No model is here yet. Build one on Home; it gives the answers."))
            return
        kind = st.radio(
            tr("Question"),
            list(READY),
            format_func=lambda each: tr(READY.get(each, each)),
            key="question-kind",
            label_visibility="collapsed",
        )
        text = st.text_area(
            tr("A text of your own"),
            key="question-text",
            height=80,
            help=words.TEXT_HELP,
            placeholder=words.EXAMPLE_PROMPT,
        )
        st.caption(widgets.esc_md(tr("The model that answers: {name}").format(name=state.run.name)))
        if _is_meant(state.workspace):
            _compute(state, state.run, kind, text.strip())
    widgets.show_code(words.code_lines(state.run, kind, text.strip()), compute)


def _is_meant(here: Workspace) -> bool:
    """Whether the next question was asked for; once more, while another one is still open."""
    pressed = st.button(tr("Ask"), type="primary", key="question-go", icon=":material/help:")
    newest = questions.newest_question(here)
    if newest is None or newest.revealed:
        return pressed
    if pressed:
        st.session_state["question-replaces"] = newest.id
    if st.session_state.get("question-replaces") != newest.id:
        return False
    st.info(words.REVEAL_FIRST, icon=":material/visibility:")
    return st.button(tr("Ask in its place"), key="question-replace", icon=":material/swap_horiz:")


def _compute(state: PageState, run: Artefact, kind: str, text: str) -> None:
    from slm.workshop.asking import Basis, compute

    with widgets.user_errors(), st.spinner(tr("The model works it out")):
        loaded = loaders.load_run(run)
        basis = Basis(state.workspace, run, loaded.model, loaded.tokenizer, text)
        questions.ask(state.workspace, compute(kind, basis))
        st.rerun()


def _answer(here: Workspace, question_id: str, place: int) -> None:
    with widgets.user_errors():
        questions.answer(here, question_id, place)
