"""The line of heavy jobs as a visitor sees it: what works, what waits, when its turn comes.

A machine runs as many heavy jobs as it carries. Whoever waits can be moved to the front or
taken out, by whom it belongs to and by the presenter; nothing is shown while nobody waits.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from slm import limits, queueing
from slm.lab.queue_estimates import starts_in
from slm.limits import Limits
from slm.queueing import Waiting
from slm.training.rates import known_rates
from slm.workshop import limits as shares_of
from slm.workshop import people
from slm.workshop.limits import Standing
from slm.workspace import Workspace
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import queue as words
from ui.view_models import shares
from ui.view_models.queue import QueueRow

POLL_SECONDS = 2.0
_SHARED_SECONDS = 1.0


@dataclass(frozen=True)
class _Line:
    """The line as it is for everybody; who looks decides what they may do."""

    entries: list[Waiting]
    starts: list[float | None]
    now: Limits
    names: Mapping[str, str]

    @property
    def waits(self) -> bool:
        return any(not entry.works for entry in self.entries)


def queue(state: PageState) -> None:
    """The line, polled while somebody waits in it."""
    with widgets.user_errors():
        waits = _read(str(state.workspace.root), state.workspace).waits

        @st.fragment(run_every=POLL_SECONDS if waits else None)
        def panel() -> None:
            with widgets.user_errors():
                _panel(state, waits)

        panel()


@st.cache_resource(ttl=_SHARED_SECONDS, max_entries=8, show_spinner=False)
def _read(root: str, _here: Workspace) -> _Line:
    """Read once in a second for all who look: thirty pages ask every two seconds."""
    line = queueing.line(_here)
    starts = starts_in(_here, line, known_rates(_here)) if line else []
    return _Line(line, starts, limits.read(_here.root), people.names(_here))


def share(state: PageState) -> Standing | None:
    """What the visitor may still take of a shared machine; nothing on one's own computer.

    Said where work is started, before anything is refused.
    """
    with widgets.user_errors():
        standing = _standing(str(state.workspace.root), state.owner, state.workspace)
        sentence = shares.share_sentence(standing)
        if sentence:
            st.caption(widgets.esc_md(sentence))
        return standing
    return None


@st.cache_data(ttl=3 * _SHARED_SECONDS, max_entries=256, show_spinner=False)
def _standing(root: str, owner: str, _here: Workspace) -> Standing | None:
    """Looks at every file of theirs, so once in a few seconds."""
    return shares_of.standing(_here, owner)


def _panel(state: PageState, waited: bool) -> None:
    line = _read(str(state.workspace.root), state.workspace)
    if waited and not line.waits:
        st.rerun()
    rows = words.queue_rows(line.entries, line.starts, state.owner, line.names)
    if not rows:
        return
    shown, left_out = words.rows_to_show(rows)
    with st.container(border=True, key="queue"):
        st.caption(words.headline(rows, line.now, state.owner))
        for row in shown:
            _row(state, row)
        if left_out:
            st.caption(tr("… and {left_out} more").format(left_out=left_out))


def _row(state: PageState, row: QueueRow) -> None:
    if not (row.can_move or row.can_leave):
        st.text(row.told)
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.text(row.told, width="stretch")  # the buttons stand below it where there is no room
        if row.can_move:
            st.button(
                tr("To the front"), key=f"front-{row.id}", on_click=_move, args=(state, row.id)
            )
        if row.can_leave:
            st.button(
                tr("Take out"),
                key=f"out-{row.id}",
                on_click=_take_out,
                args=(state, row.id),
                help=tr("It has not begun, so nothing is lost."),
            )


def _move(state: PageState, job_id: str) -> None:
    with widgets.user_errors():
        queueing.move_to_front(state.workspace, job_id)
        _read.clear()


def _take_out(state: PageState, job_id: str) -> None:
    with widgets.user_errors():
        queueing.take_out(state.workspace, job_id)
        _read.clear()
        _standing.clear()
