"""The guided tour: all steps, the one that is at hand, and for the presenter where the room is."""

import pandas as pd
import streamlit as st

from slm.workshop import progress, rights
from slm.workshop.made import check_made
from slm.workshop.tour import STEP_IDS, current_step
from slm.workspace import Workspace
from ui import session, tour_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import workshop_tour as words
from ui.views.workshop.following import POLL_SECONDS, headcount


def render(state: PageState) -> None:
    """The step to the left, all of them to the right; below, where the others are."""
    st.caption(words.INTRODUCTION)
    left, right = st.columns([1, 1.5], gap="medium")
    with left.container(border=True, key="tour-card"):
        tour_panel.card(state.workspace, key="view")
    with right:
        if session.is_shared() and rights.is_presenter(state.owner):
            _room(state.workspace)
            with st.expander(tr("All steps"), icon=":material/list:"):
                _all_steps(state)
        else:
            _all_steps(state)
    widgets.show_code(words.code_lines(str(state.workspace.root)), check_made)


def _all_steps(state: PageState) -> None:
    held = progress.read_progress(state.workspace)
    current = current_step(held)
    for chapter in words.chapter_marks(held, current):
        name, steps = st.columns([1.5, 4.6], gap="small", vertical_alignment="center")
        name.markdown(f"**{chapter.title}**")
        with steps.container(horizontal=True, gap="small"):
            for mark in chapter.steps:
                st.button(
                    mark.title,
                    icon=mark.icon,
                    key=f"step-{mark.id}",
                    type="secondary" if mark.current else "tertiary",
                    on_click=_go,
                    args=(state.workspace, mark.id),
                )
    st.button(
        tr("Begin the tour again"),
        key="tour-again",
        icon=":material/replay:",
        type="tertiary",
        disabled=not held.done,
        help=words.BEGIN_AGAIN_HELP,
        on_click=_begin_again,
        args=(state.workspace,),
    )


@st.fragment(run_every=2 * POLL_SECONDS)
def _room(here: Workspace) -> None:
    """How many have done each step, and who is at it now."""
    rows = words.room_rows(_counts(str(here.root), here))
    done, people = [row.done for row in rows], headcount(str(here.root), here)
    st.markdown(tr("**Where the room is**"))
    st.dataframe(
        pd.DataFrame(
            {
                tr("Step"): [row.step for row in rows],
                tr("Done by"): done,
                tr("Now at it"): [row.looking for row in rows],
            }
        ),
        hide_index=True,
        key="tour-room",
        column_config={
            tr("Done by"): st.column_config.ProgressColumn(
                format="%d", width=110, min_value=0, max_value=max(1, people, *done)
            )
        },
    )


@st.cache_data(ttl=POLL_SECONDS, max_entries=8, show_spinner=False)
def _counts(root: str, _here: Workspace) -> tuple[progress.StepCount, ...]:
    del root
    return progress.count_room(_here, STEP_IDS)


def _go(here: Workspace, step_id: str) -> None:
    with widgets.user_errors():
        progress.go_to_step(here, step_id, is_open=progress.read_progress(here).open)


def _begin_again(here: Workspace) -> None:
    with widgets.user_errors():
        progress.begin_again(here)
        st.session_state.pop("tour-verdicts", None)
