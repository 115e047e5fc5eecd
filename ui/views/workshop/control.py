"""The presenter's control: who is here, what works, the line, what each may take, the end."""

from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from slm import jobs, limits, machine, queueing
from slm.limits import Share
from slm.owners import LOCAL_OWNER
from slm.workshop import addresses, looking, people, resetting
from slm.workshop import limits as shares
from slm.workshop import room as rooms
from slm.workshop.room import in_groups
from slm.workspace import Workspace
from ui import job_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import workshop as room_words
from ui.view_models import workshop_control as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.workshop_control import WorkRow

POLL_SECONDS = 3.0
_MOST_JOBS = 12


def render(state: PageState) -> None:
    """Everything that only the presenter does."""
    if not session.is_shared():
        st.info(room_words.ALONE, icon=":material/groups:")
        st.code(room_words.SHARE_LINE, language="bash")
        return
    now = rooms.read(state.workspace)
    left, right = st.columns([1.25, 1], gap="large")
    with left:
        _work(state)
    with right:
        _screens(state.workspace, now.look.address)
        _people(state)
    _limits(state.workspace)
    _end(state)
    widgets.show_code(
        room_words.code_lines(str(state.workspace.root)), shares.hold_all, queueing.line
    )


def _work(state: PageState) -> None:
    """How busy the machine is, what works and what waits; looked at every few seconds."""

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        here = state.workspace
        line, now = queueing.line(here), limits.read(here.root)
        with st.container(horizontal=True, key="load"):
            for title, value in words.load_figures(machine.load(here.root), line, now).items():
                st.metric(title, value, width="content")
        with st.container(horizontal=True):
            if now.paused:
                st.button(
                    tr("Let work go on"), type="primary", on_click=_do, args=(shares.go_on, here)
                )
                st.caption(tr("Everybody's work is held back."))
            else:
                st.button(
                    tr("Hold everybody's work"),
                    icon=":material/pause:",
                    help=words.HOLD_HELP,
                    on_click=_do,
                    args=(shares.hold_all, here),
                )
            waits = any(not entry.works for entry in line)
            st.button(
                tr("Clear the line"),
                icon=":material/clear_all:",
                help=tr("Takes out all that waits. It has not begun, so nothing is lost."),
                disabled=not waits,
                on_click=_do,
                args=(queueing.clear, here),
            )
        rows = words.work_rows(line, people.names(here))
        if not rows:
            st.caption(tr("Nothing works or waits now."))
        for row in rows[:_MOST_JOBS]:
            _job_row(here, row)
        if len(rows) > _MOST_JOBS:
            st.caption(tr("… and {n_rows} more that wait").format(n_rows=len(rows) - _MOST_JOBS))

    st.subheader(tr("Work"), anchor=False)
    panel()


def _job_row(here: Workspace, row: WorkRow) -> None:
    told, acts = st.columns([1.6, 1], vertical_alignment="center")  # buttons stay where they are
    told.text(row.told)
    with acts, st.container(horizontal=True, gap="xsmall"):
        for label, act in _ACTS[row.works]:
            key = f"control-{label}-{row.id}"
            st.button(label, key=key, on_click=_do, args=(act, here, row.id))


def _pause(here: Workspace, job_id: str) -> None:
    job = jobs.get_job(here, job_id)
    if job is not None:
        job.pause()


def _stop(here: Workspace, job_id: str) -> None:
    job = jobs.get_job(here, job_id)
    if job is not None:
        job.stop()


_ACTS: Mapping[bool, tuple[tuple[str, Callable[[Workspace, str], None]], ...]] = {
    True: ((tr("Pause"), _pause), (tr("Stop"), _stop)),
    False: ((tr("To the front"), queueing.move_to_front), (tr("Take out"), queueing.take_out)),
}
"""What can be done about a job that works, and about one that waits."""


def _do(act: Callable[..., object], *given: object) -> None:
    """A click whose refusal is shown as a sentence."""
    with widgets.user_errors():
        act(*given)


def _screens(here: Workspace, shown: str) -> None:
    """What all screens show. Any page has a button for it in the sidebar."""
    st.subheader(tr("All screens"), anchor=False)
    if shown:
        st.text(tr("All screens show {view}").format(view=words.view_named(shown)))
        st.button(tr("Let everybody go"), type="primary", on_click=_do, args=(looking.let_go, here))
    else:
        st.caption(
            tr(
                "Open the view that you want to show, and press **Show everybody this view** in "
                "the sidebar there. Everybody's screen follows within seconds; whoever is typing "
                "is asked first, and each can go back to where they were."
            )
        )


def _people(state: PageState) -> None:
    """Everybody, and what the presenter can do for the one who is chosen."""
    here, now = state.workspace, limits.read(state.workspace.root)
    rows = room_words.person_rows(here, jobs.list_jobs(here), state.owner)
    st.subheader(tr("People"), anchor=False)
    st.caption(room_words.headcount(rows) + tr(" Choose one for what you can do."))
    own_limits = [words.limits_of_one(now, row.id) for row in rows]
    table = {
        tr("Name"): [row.name for row in rows],
        tr("Here"): [row.here for row in rows],
        tr("Works on"): [row.doing for row in rows],
        **({tr("Own limits"): own_limits} if any(own_limits) else {}),
    }
    picked = st.dataframe(
        pd.DataFrame(table),
        hide_index=True,
        column_config={tr("Name"): {"width": 95}, tr("Here"): {"width": 70}},
        key="control-people",
        on_select="rerun",
        selection_mode="single-row",
        height=room_words.table_height(len(rows)),
    )
    chosen = picked["selection"]["rows"]
    if chosen and chosen[0] < len(rows) and rows[chosen[0]].id != LOCAL_OWNER:
        _one(here, rows[chosen[0]].id, rows[chosen[0]].name)
    _second_presenter(here)


def _second_presenter(here: Workspace) -> None:
    """A link for somebody who helps; shown once, because the file keeps its hash alone."""
    if st.button(
        tr("Link for a second presenter"),
        icon=":material/person_add:",
        help=words.SECOND_HELP,
        key="control-second",
    ):
        with widgets.user_errors():
            ticket = rooms.new_ticket(here)
            url = next(iter(rooms.read(here).addresses), "")
            st.code(addresses.presenter_link(url, ticket), language=None, wrap_lines=True)


def _one(here: Workspace, person_id: str, name: str) -> None:
    now = limits.read(here.root)
    with st.container(border=True, key="control-one"):
        st.markdown(f"**{widgets.esc_md(name)}**")
        with st.container(horizontal=True):
            first = person_id in now.first
            st.button(
                tr("No longer first") if first else tr("First in the line"),
                key="control-first",
                on_click=_do,
                args=(shares.set_first, here, person_id, not first),
            )
            if st.button(
                tr("Return word"),
                key="control-word",
                help=tr(
                    "For somebody whose browser does not know them any more: name and word let "
                    "them in as themselves."
                ),
            ):
                with widgets.user_errors():
                    st.code(in_groups(people.new_return_word(here, person_id)), language=None)
            with st.popover(tr("Send out …")):
                st.caption(tr("Their browsers are let in no more. What they made stays."))
                st.button(
                    tr("Send out"),
                    key="control-out",
                    type="primary",
                    on_click=_do,
                    args=(people.take_off, here, person_id),
                )
        with st.expander(tr("Limits of this person"), icon=":material/tune:"):
            _share_form(here, person_id)


def _limits(here: Workspace) -> None:
    now = limits.read(here.root)
    with st.expander(tr("What each may take"), icon=":material/tune:"):
        _share_form(here, None)
        slots = st.number_input(
            tr("Jobs at work, all together"),
            1,
            64,
            now.slots,
            key="control-slots",
            help=tr("More at once are slower each. Jobs that work go on when you set fewer."),
            width=220,
        )
        if slots != now.slots:
            _do(shares.set_slots, here, int(slots))


def _share_form(here: Workspace, person_id: str | None) -> None:
    """The limits of all, or of one; empty is no limit."""
    now = limits.read(here.root)
    share = now.everybody if person_id is None else now.of(person_id)
    key = f"share-{person_id or 'all'}"
    with st.form(key, border=False):
        asked = {}
        columns = st.columns(3)
        for place, (name, label) in enumerate(words.LABELS.items()):
            with columns[place % 3]:
                asked[name] = widgets.optional_number(Share, name, label, share, f"{key}-{name}")
        if st.form_submit_button(tr("Set")):
            with widgets.user_errors():
                if person_id is None:
                    shares.set_for_all(here, **asked)
                else:
                    shares.set_for_one(here, person_id, **asked)
                st.toast(tr("The limits hold from now on."))
    if person_id in now.people:
        st.button(
            tr("As all others"),
            key=f"{key}-as",
            on_click=_do,
            args=(shares.as_all, here, person_id),
        )


def _end(state: PageState) -> None:
    """The end of the class, as a job: it may take a while."""
    here = state.workspace
    with st.expander(tr("End this class"), icon=":material/inventory_2:"):
        st.caption(words.CLOSE_TOLD)
        sure = st.checkbox(tr("Everybody has what they want to take home"), key="control-sure")
        if st.button(tr("Archive and empty the room"), disabled=not sure, key="control-close"):
            with widgets.user_errors():
                job = jobs.start(
                    here, ["close-class"], name=tr("End of the class"), key="close-class"
                )
                st.session_state["job-of-close-class"] = job.id
                st.rerun()
        mine = st.session_state.get("job-of-close-class")
        for job in jobs_to_show(jobs.list_jobs(here), "close-class", mine):
            job_panel.watch(here, job.id, key=f"close-{job.id}")
            if job.id == mine and job.status().state == "done":
                st.success(
                    widgets.esc_md(
                        words.closed_told(job.status().result, rooms.read(here).spoken_code)
                    ),
                    icon=":material/inventory_2:",
                )
        done = here.root / resetting.FOLDER
        if done.is_dir():
            st.caption(tr("Archives lie in {done}").format(done=widgets.esc_md(str(done))))
