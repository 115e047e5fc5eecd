"""What ran and what runs: every job with its log."""

import streamlit as st

from slm import jobs
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr

_SHOWN = 20


def render(state: PageState) -> None:
    """The newest jobs; running ones can be stopped, ended ones gone on with or forgotten."""
    listed = [job for job in jobs.list_jobs(state.workspace) if job.can_change][:_SHOWN]
    if not listed:
        st.info(tr("Nothing has run yet."))
    for job in listed:
        status = job.status()
        if status.alive:
            job_panel.watch(state.workspace, job.id, key=f"job-{job.id}")
            continue
        view = job_panel.view_of(job, status)
        with st.expander(widgets.esc_md(view.headline)):
            if view.problem:
                widgets.show_problem(view.problem)
            st.code("python -m slm " + " ".join(job.argv), language=None)
            st.code(job.log_tail() or tr("The log is empty."), language=None, height=200)
            left, right, _ = st.columns([1, 1, 2])
            if view.can_resume and left.button(tr("Go on"), key=f"resume-{job.id}"):
                with widgets.user_errors():
                    jobs.restart(state.workspace, job)
                    st.rerun()
            if right.button(tr("Forget"), key=f"forget-{job.id}"):
                with widgets.user_errors():
                    jobs.delete_job(state.workspace, job.id)
                    st.rerun()
