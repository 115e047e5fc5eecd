"""A job as a visitor sees it: how far, how long still, a button to stop it.

The panel polls the job's folder, nothing else; when the job ends it reruns the
page once, so that what the job made appears.
"""

import streamlit as st

from slm import jobs, limits
from slm.jobs import Job, JobStatus
from slm.workspace import Workspace
from ui import widgets
from ui.texts import tr
from ui.view_models.jobs import JobView, job_view

POLL_SECONDS = 1.0


def watch(workspace: Workspace, job_id: str, key: str) -> Job | None:
    """Show the job with that id; gives the job while its folder is there."""
    job = jobs.get_job(workspace, job_id)
    if job is None:
        return None
    was_alive = job.status().alive

    @st.fragment(run_every=POLL_SECONDS if was_alive else None)
    def panel() -> None:
        assert job is not None
        status = job.status()
        if status.alive != was_alive:  # it ended, or was resumed
            st.rerun()
        view = view_of(job, status)
        with st.container(border=True, key=f"{key}-panel"):
            st.text(view.headline)
            if view.alive:
                st.progress(view.fraction, text=widgets.esc_md(view.detail) or None)
                if job.can_change:
                    st.button(
                        tr("Stop"), key=f"{key}-stop", disabled=status.stopping, on_click=job.stop
                    )
                if view.may_force and job.can_change:
                    st.button(
                        tr("End it at once"),
                        key=f"{key}-force",
                        help=tr("It did not stop by itself. What it saved before stays."),
                        on_click=job.kill,
                    )
            elif view.problem:
                widgets.show_problem(view.problem)
            if view.can_resume and job.can_change:
                st.button(
                    tr("Go on from where it stopped"),
                    key=f"{key}-resume",
                    on_click=resume,
                    args=(workspace, job),
                )

    panel()
    return job


def view_of(job: Job, status: JobStatus) -> JobView:
    """A job as it is shown, which says so where the presenter holds it."""
    held = status.state == "queued" and limits.holds_back(job.folder.parents[1], job.owner)
    return job_view(job.name, status, held=held)


def resume(workspace: Workspace, job: Job) -> None:
    """Run an ended job on; a job that runs already is left as it is."""
    if not job.is_alive():
        jobs.restart(workspace, job)


def sidebar_summary(workspace: Workspace) -> None:
    """One line for each job of one's own that runs now, so that no page hides them."""
    alive = [job for job in jobs.list_jobs(workspace) if job.mine and job.status().alive]
    if not alive:
        return

    @st.fragment(run_every=2 * POLL_SECONDS)
    def lines() -> None:
        statuses = [(job, job.status()) for job in alive]
        for job, status in statuses:
            view = view_of(job, status)
            st.progress(view.fraction, text=widgets.esc_md(view.headline))
        if not any(status.alive for _, status in statuses):
            st.rerun()

    lines()
