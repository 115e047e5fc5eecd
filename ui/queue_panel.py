"""The line of heavy jobs as a visitor sees it: what works, what waits, when its turn comes.

A machine runs one heavy job after the other. Whoever waits can be moved to the front or
taken out; nothing is shown while nobody waits.
"""

import streamlit as st

from slm import queueing
from slm.lab.queue_estimates import starts_in
from slm.training.rates import known_rates
from ui import widgets
from ui.session import PageState
from ui.view_models import queue as words

POLL_SECONDS = 2.0


def queue(state: PageState) -> None:
    """The line, polled while somebody waits in it."""
    line = queueing.line(state.workspace)
    waits = any(not entry.works for entry in line)

    @st.fragment(run_every=POLL_SECONDS if waits else None)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, waits)

    panel()


def _panel(state: PageState, waited: bool) -> None:
    line = queueing.line(state.workspace)
    if waited and all(entry.works for entry in line):
        st.rerun()
    rows = words.queue_rows(line, starts_in(state.workspace, line, known_rates(state.workspace)))
    if not rows:
        return
    with st.container(border=True, key="queue"):
        st.caption(words.headline(rows))
        for row in rows:
            told, front, out = st.columns([5, 1.2, 1.2], vertical_alignment="center")
            told.text(row.told)
            if row.can_move:
                front.button(
                    "To the front",
                    key=f"front-{row.id}",
                    on_click=_move,
                    args=(state, row.id),
                    width="stretch",
                )
            if row.can_leave:
                out.button(
                    "Take out",
                    key=f"out-{row.id}",
                    on_click=_take_out,
                    args=(state, row.id),
                    width="stretch",
                    help="It has not begun, so nothing is lost.",
                )


def _move(state: PageState, job_id: str) -> None:
    with widgets.user_errors():
        queueing.move_to_front(state.workspace, job_id)


def _take_out(state: PageState, job_id: str) -> None:
    with widgets.user_errors():
        queueing.take_out(state.workspace, job_id)
