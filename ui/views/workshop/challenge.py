"""A challenge: its rules, the live board, one's own part; the presenter begins and closes it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm import jobs
from slm.errors import WorkspaceError
from slm.workshop import challenges, people, rights
from slm.workshop.budgets import cost_of
from slm.workshop.challenges import Challenge, Place, Try
from slm.workspace import Workspace
from ui import job_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import workshop_challenge as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key
from ui.views import kept
from ui.views.workshop import beginning
from ui.views.workshop.following import POLL_SECONDS, newest, redraw_when

_VERB = "enter"


def render(state: PageState) -> None:
    """The challenge that is chosen, by default the newest; without one, how it begins."""
    st.caption(words.INTRODUCTION, help=glossary.meaning("bits per byte"))
    found = challenges.list_challenges(state.workspace)
    if rights.is_presenter(state.owner):
        beginning.ask(state, unfolded=not found)
    chosen = _choose(found)
    if chosen is None:
        if not rights.is_presenter(state.owner):
            st.info(words.WAITING_ROOM, icon=":material/hourglass_empty:")
            _wait(state.workspace)
        return
    left, right = st.columns([1.9, 1], gap="medium")
    with left:
        _rules(state, chosen)
        _board(state, chosen, newest(str(state.workspace.root), challenges.WHAT, state.workspace))
    with right:
        _own_part(state, chosen)
    widgets.show_code(words.code_lines(str(state.workspace.root), chosen), cost_of)


def _choose(found: Sequence[Challenge]) -> Challenge | None:
    """The newest challenge, or an earlier one."""
    by_id = {each.id: each for each in found}
    if len(found) < 2:
        return next(iter(found), None)
    chosen = st.selectbox(
        tr("Challenge"),
        list(by_id),
        index=None,
        format_func=lambda key: words.label(by_id[key]) if key in by_id else key,
        key="challenge",
        bind="query-params",
        placeholder=words.label(found[0]),
    )
    return by_id.get(chosen or "", found[0])


def _rules(state: PageState, challenge: Challenge) -> None:
    st.subheader(widgets.esc_md(challenge.config.title), anchor=False)
    st.text(words.rules(challenge))
    if not challenge.open:
        st.info(words.CLOSED, icon=":material/lock:")
    if not rights.is_presenter(state.owner):
        return
    with st.container(horizontal=True, gap="small"):
        st.button(
            tr("Close it") if challenge.open else tr("Open it again"),
            key="race-open",
            icon=":material/lock:" if challenge.open else ":material/lock_open:",
            on_click=_set_open,
            args=(state.workspace, challenge),
        )
        with st.popover(tr("Remove it"), icon=":material/delete:"):
            st.markdown(tr("The challenge and everybody's figures in it go. The models stay."))
            st.button(
                tr("Remove"),
                key="race-remove",
                type="primary",
                on_click=_remove,
                args=(state.workspace, challenge),
            )


@st.fragment(run_every=POLL_SECONDS)
def _board(state: PageState, challenge: Challenge, drawn_with: str) -> None:
    """Who is where; drawn anew while everybody looks."""
    here, root = state.workspace, str(state.workspace.root)
    redraw_when(
        (drawn_with, challenge.open),
        lambda: (newest(root, challenges.WHAT, here), _is_open(root, challenge.id, here)),
    )
    places, tries, names = _standing(root, challenge.id, here)
    in_seconds = challenge.config.budget == "seconds"
    rows = words.board_rows(places, state.owner, in_seconds=in_seconds)
    st.markdown(f"#### {widgets.esc_md(words.lead(rows))}")
    price = tr("Time") if in_seconds else tr("Tokens")
    if rows:
        st.dataframe(
            pd.DataFrame(
                {
                    "": [row.rank for row in rows],
                    tr("Name"): [row.name for row in rows],
                    tr("Bits"): [row.bits_per_byte for row in rows],
                    price: [row.price for row in rows],
                    tr("Size"): [row.parameters for row in rows],
                    tr("Tries"): [row.tries for row in rows],
                    tr("Model"): [row.model for row in rows],
                }
            ),
            hide_index=True,
            key="race-board",
            height="content" if len(rows) <= words.MOST_ROWS else words.TABLE_HEIGHT,
            column_config={
                "": st.column_config.NumberColumn(width=34),
                tr("Name"): st.column_config.TextColumn(width=105),
                tr("Bits"): st.column_config.NumberColumn(
                    format="%.3f", width=62, help=glossary.meaning("bits per byte")
                ),
                price: st.column_config.TextColumn(width=76),
                tr("Size"): st.column_config.TextColumn(
                    width=66, help=glossary.meaning("parameter")
                ),
                tr("Tries"): st.column_config.NumberColumn(width=52),
            },
        )
    st.caption(widgets.esc_md(words.being_judged(tries, names, state.owner)))


@st.cache_data(ttl=1.0, max_entries=16, show_spinner=False)
def _standing(
    root: str, challenge_id: str, _here: Workspace
) -> tuple[tuple[Place, ...], list[Try], dict[str, str]]:
    """Board, tries and names: read once for all who look."""
    del root
    tries, names = challenges.all_tries(_here, challenge_id), dict(people.names(_here))
    return challenges.ranked(tries, names), tries, names


@st.cache_data(ttl=1.0, max_entries=16, show_spinner=False)
def _is_open(root: str, challenge_id: str, _here: Workspace) -> bool | None:
    """Whether it is open; None where it is gone."""
    del root
    try:
        return challenges.read_challenge(_here, challenge_id).open
    except WorkspaceError:
        return None


def _own_part(state: PageState, challenge: Challenge) -> None:
    """Hand in a model; what became of those before."""
    here = state.workspace
    tries = challenges.all_tries(here, challenge.id)
    listed = jobs_to_show(jobs.list_jobs(here), _VERB, st.session_state.get("race-job"))
    own = [job for job in listed if job.owner == state.owner and job.status().state != "done"]
    if not (challenge.open or own or words.try_rows(tries, state.owner)):
        return  # whoever took no part in what is closed
    with st.container(border=True, key="race-own"):
        st.markdown(tr("**Your part**"))
        if challenge.open:
            _hand_in(state, challenge, words.to_hand_in(here.runs.list(), challenge, state.owner))
        for job in own:
            job_panel.watch(here, job.id, key=f"race-{job.id}")
        _own_tries(state, challenge, tries)


def _hand_in(state: PageState, challenge: Challenge, hands: words.Hands) -> None:
    if hands.labels:
        run = st.selectbox(
            tr("Your model"),
            list(hands.labels),
            format_func=lambda key: hands.labels.get(key, key),
            key="race-run",
            help=tr("Runs of yours that learned from the text of this challenge."),
        )
        if st.button(
            tr("Hand it in"), type="primary", key="race-hand-in", icon=":material/upload:"
        ):
            _judge(state, challenge, run)
    else:
        st.markdown(tr("You have no model that learned from this text yet."))
    if hands.note:
        st.caption(hands.note)
    st.caption(beginning.budget_help(challenge.config))
    if st.button(tr("Train a model for it"), key="race-train", icon=":material/trending_down:"):
        kept.keep("recipe", beginning.recipe_within(challenge.config))
        session.go_to("training", view="start", corpus=challenge.corpus_id)


def _judge(state: PageState, challenge: Challenge, run_id: str) -> None:
    """Take the run in, or say why not; then let the server measure it."""
    with widgets.user_errors():
        here = state.workspace
        one = challenges.enter(here, challenge.id, here.runs.get(run_id))
        _standing.clear()
        if one.state == "judged":
            st.info(tr("This model was judged before, as it stands."), icon=":material/info:")
            return
        argv = [_VERB, "--run", run_id, "--challenge", challenge.id]
        job = jobs.start(
            here,
            argv,
            name=tr("Judge a model"),
            owner=state.owner,
            key=work_key([*argv, state.owner]),
        )
        st.session_state["race-job"] = job.id
        st.rerun()


def _own_tries(state: PageState, challenge: Challenge, tries: Sequence[Try]) -> None:
    rows = words.try_rows(tries, state.owner)
    if not rows:
        return
    st.caption(tr("Your tries, the latest first"))
    for row in rows:
        st.text(f"{row.number}. {row.model}: {row.told}")
    waits = words.waiting_of(tries, state.owner)
    busy = any(
        job.verb == _VERB and job.owner == state.owner and job.status().alive
        for job in jobs.list_jobs(state.workspace)
    )
    if waits is not None and not busy and st.button(tr("Have it judged"), key="race-judge"):
        _judge(state, challenge, waits.run)


@st.fragment(run_every=POLL_SECONDS)
def _wait(here: Workspace) -> None:
    redraw_when("", lambda: newest(str(here.root), challenges.WHAT, here))


def _set_open(here: Workspace, challenge: Challenge) -> None:
    with widgets.user_errors():
        challenges.set_open(here, challenge.id, not challenge.open)
        _is_open.clear()


def _remove(here: Workspace, challenge: Challenge) -> None:
    with widgets.user_errors():
        challenges.remove_challenge(here, challenge.id)
        newest.clear()
        _is_open.clear()
