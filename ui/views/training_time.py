"""How long a training takes on this machine, and a button that measures it where nobody knows."""

from collections.abc import Sequence

import streamlit as st

from slm import jobs
from slm.training.rates import Rate
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import budget as words
from ui.view_models.budget import Plan, Time
from ui.view_models.jobs import jobs_to_show

JOB = "rate_job"  # this visitor's last measurement; forget it when another model is looked at


def show(state: PageState, plan: Plan, rates: Sequence[Rate], *, key: str, note: str = "") -> None:
    """The time in words, after it `note` (Markdown), and what is being measured.

    `key` keeps the widgets of several pages apart.
    """
    time = words.time_of(plan, rates)
    told = (
        tr("**Training time here: {shown}.**").format(shown=time.shown),
        note,
        widgets.esc_md(time.source),
    )
    st.markdown(" ".join(filter(None, told)))
    offer(state, plan, time, key=key)


def offer(state: PageState, plan: Plan, time: Time, *, key: str) -> None:
    """What is being measured; with nothing known and nothing at work, the button."""
    if _work(state, key) or time.measured:
        return
    if st.button(
        tr("Measure it"),
        key=f"{key}-measure",
        icon=":material/speed:",
        help=tr(
            "Trains this model on random tokens for a few seconds in a process of its own, and "
            "keeps the speed. Nothing is learned."
        ),
    ):
        _measure(state, plan)


def _measure(state: PageState, plan: Plan) -> None:
    argv = words.rate_argv(plan)
    with widgets.user_errors():
        job = jobs.start(
            state.workspace,
            argv,
            name=tr("Speed of {name}").format(name=plan.source)[:80],
            owner=state.owner,
            key=" ".join(argv),
        )
        st.session_state[JOB] = job.id
        st.rerun()


def _work(state: PageState, key: str) -> bool:
    """Measurements that run, and how the last one of this visitor ended; whether one runs."""
    mine = st.session_state.get(JOB)
    shown = jobs_to_show(jobs.list_jobs(state.workspace), "rate", mine)
    for job in shown:
        if job.id == mine and job.status().state == "done":
            continue  # its result stands above
        job_panel.watch(state.workspace, job.id, key=f"{key}-rate-{job.id}")
    return any(job.status().alive for job in shown)
