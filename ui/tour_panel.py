"""The step of the tour that one is at, as a card: in the sidebar of every page, and in its view.

Whether a step is done is looked up by itself where something is made or written; an answer is
checked when it is given. What needs torch is imported when it is asked for.
"""

from typing import TYPE_CHECKING

import streamlit as st

from slm.workshop import progress
from slm.workshop.made import Verdict, check_made, own
from slm.workshop.progress import Progress
from slm.workshop.tour import OWN_CORPUS, Step, current_step, following
from slm.workspace import Workspace
from ui import loaders, session, widgets
from ui.texts import tr
from ui.view_models.workshop_tour import StepCard, step_card

if TYPE_CHECKING:
    from slm.workshop.checks import Written

_LONG_ANSWERS = {"please-the-model", "surprise-the-model"}
_LOOK_SECONDS = 2
# While the tour goes along, the pages stand in two columns above it: else a projector's screen
# would end where the step begins.
_LOW_NAVIGATION = """<style>
[data-testid=stSidebarNavItems] { display: grid; grid-template-columns: 1fr 1fr; }
[data-testid=stSidebarNavItems] > div { display: contents; }
[data-testid=stNavSectionHeader] { display: none; }
[data-testid=stSidebarUserContent] { padding-top: 0.25rem; }
.st-key-side-card [data-testid=InputInstructions] { display: none; } /* they cover the answer */
</style>"""


def step_at_hand(here: Workspace, chapter: str) -> None:
    """The step on every page, folded away or not, for whoever has taken the tour along."""
    if chapter == "workshop" and st.session_state.get("view") == "tour":
        return  # the view shows the same card, larger
    if progress.read_progress(here).open:
        st.html(_LOW_NAVIGATION)
        with st.expander(tr("Guided tour"), expanded=True, icon=":material/tour:"):
            _in_sidebar()


def way_in(here: Workspace) -> None:
    """The button that takes the tour along, while it is put away."""
    held = progress.read_progress(here)
    if not held.open:
        st.button(
            tr("Guided tour"),
            icon=":material/tour:",
            key="tour-open",
            type="tertiary",
            on_click=_take_along,
            args=(here, held, True),
            help=tr(
                "Fifteen things to do, one after the other. The step that you are at then stands "
                "above, on every page."
            ),
        )


@st.fragment
def _in_sidebar() -> None:
    here = session.workspace()
    card(here, key="side")
    st.button(
        tr("Put the tour away"),
        key="tour-close",
        type="tertiary",
        on_click=_take_along,
        args=(here, progress.read_progress(here), False),
    )


def card(here: Workspace, key: str) -> None:
    """What to do, its check, the way there, and on to the next."""
    held = progress.read_progress(here)
    step = current_step(held)
    held = _look_by_itself(here, step, held)
    shown = step_card(step, held)
    with st.container(gap="small", key=f"{key}-card"):
        st.progress(shown.fraction, text=shown.told)
        st.markdown(f"**{tr(step.title)}**")
        st.markdown(tr(step.task))
        if not shown.done:
            _check(here, step, key)
        _tell(here, step, shown, key)
        with st.expander(tr("A hint"), icon=":material/lightbulb:"):
            st.markdown(tr(step.hint))


def _tell(here: Workspace, step: Step, shown: StepCard, key: str) -> None:
    """What the check has found, and the ways on."""
    said = _verdicts().get(step.id)
    if shown.done:
        told = widgets.esc_md(said.said) if said is not None and said.done else tr("Done before.")
        st.success(f"{told} {tr(step.why)}", icon=":material/check_circle:")
    elif said is not None:
        st.info(widgets.esc_md(said.said), icon=":material/pending:")
    with st.container(horizontal=True, gap="xsmall"):
        if st.button(
            tr("Show me"),
            key=f"{key}-show",
            help=tr("Opens the page and the view where this is done."),
        ):
            progress.go_to_step(here, step.id)
            _open(here, step)
        st.button(
            ":material/chevron_left:",
            key=f"{key}-Back",
            disabled=shown.first,
            help=tr("The step before"),
            on_click=_go,
            args=(here, following(step, -1)),
        )
        st.button(
            tr("Next"),
            key=f"{key}-Next",
            type="primary" if shown.done else "secondary",
            disabled=shown.last,
            on_click=_go,
            args=(here, following(step)),
        )


def _check(here: Workspace, step: Step, key: str) -> None:
    """The field for an answer, and the button that has it checked."""
    with st.form(f"{key}-check", border=False, enter_to_submit=True):
        answer = _ask(step, f"{key}-answer-{step.id}") if step.evidence == "answer" else ""
        pressed = st.form_submit_button(tr("Check"), icon=":material/done:")
    if not pressed:
        return
    with widgets.user_errors(), st.spinner(tr("Looking")):
        verdict = _verdict(here, step, answer)
        _verdicts()[step.id] = verdict
        if verdict.done:
            progress.mark_done(here, step.id)
        st.rerun()


def _ask(step: Step, key: str) -> str:
    """The field. It has no limit of its own: a browser keeps what is too long for one to itself,
    so that it would read as nothing typed; the check refuses it in words."""
    if step.options:
        return st.radio(tr(step.ask), step.options, index=None, key=key, format_func=tr) or ""
    if step.id in _LONG_ANSWERS:
        return st.text_area(tr(step.ask), key=key, height=90)
    return st.text_input(tr(step.ask), key=key, autocomplete="off")


def _verdict(here: Workspace, step: Step, answer: str) -> Verdict:
    """The check itself; the first one may load a model.

    Raises: as `check_answer` and `load_run`.
    """
    from slm.workshop.checks import Asked, check_answer, check_written

    if step.evidence == "made":
        return check_made(step, here)
    if step.evidence == "text":
        return check_written(step, _written())
    state = session.state()
    if state.run is None:
        return Verdict(False, tr("No model is here yet. Build one on Home."))
    loaded = loaders.load_run(state.run)
    corpora = own(here, here.corpora.list())
    return check_answer(step, answer, Asked(loaded.model, loaded.tokenizer, state.corpus, corpora))


def _open(here: Workspace, step: Step) -> None:
    """The step's page, with one's newest corpus where a step is about one's own."""
    mine = own(here, here.corpora.list()) if step.id in OWN_CORPUS else []
    corpus = {"corpus": mine[0].id} if mine else {}
    if mine:
        session.choose(show=None)  # no embedded text in its place
    session.go_to(step.chapter, **step.choices, **corpus)


def _look_by_itself(here: Workspace, step: Step, held: Progress) -> Progress:
    """Notice what was made or written since, without being asked."""
    if held.has_done(step.id) or step.evidence == "answer":
        return held
    if step.evidence == "made":
        verdict = _made(str(here.root), here.actor, step.id, step, here)
    elif st.session_state.get("text_ids"):
        verdict = _verdict(here, step, "")
        _verdicts()[step.id] = verdict  # what is missing of this text, not of the one before
    else:
        return held
    if not verdict.done:
        return held
    with widgets.user_errors():
        progress.mark_done(here, step.id)
        _verdicts()[step.id] = verdict
        return progress.read_progress(here)
    return held


@st.cache_data(ttl=_LOOK_SECONDS, max_entries=500, show_spinner=False)
def _made(root: str, person: str, step_id: str, _step: Step, _here: Workspace) -> Verdict:
    del root, person, step_id
    return check_made(_step, _here)


def _written() -> "list[Written]":
    """What the Sampling page has written for this visitor."""
    from slm.workshop.checks import Written
    from ui.views.sampling.texts import written_texts

    return [
        Written(
            order.writing.method,
            order.writing.drawn_with.temperature,
            text.text,
            tuple(step.logprob for step in text.steps),
        )
        for order, text in written_texts()
    ]


def _verdicts() -> dict[str, Verdict]:
    """What the checks have found on this visit, by step."""
    held: dict[str, Verdict] = st.session_state.setdefault("tour-verdicts", {})
    return held


def _go(here: Workspace, step: Step) -> None:
    with widgets.user_errors():
        progress.go_to_step(here, step.id, is_open=progress.read_progress(here).open)


def _take_along(here: Workspace, held: Progress, is_open: bool) -> None:
    with widgets.user_errors():
        progress.go_to_step(here, current_step(held).id, is_open=is_open)
