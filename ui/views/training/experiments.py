"""Sweeps and races: several runs of which one wants to know which is best, and how sure that is."""

import streamlit as st

from slm import jobs
from slm.errors import ConfigError, WorkspaceError
from slm.jobs import Job
from slm.lab import experiments, standings
from slm.lab.experiments import Plan
from slm.workshop.rights import may_change_artefact
from slm.workspace import Artefact
from ui import job_panel, loaders, queue_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import experiments as words
from ui.views import kept
from ui.views.model import design as board
from ui.views.training import experiment_forms, experiment_results

_POLL_SECONDS = 2.0
_REPLAY_POLL_SECONDS = 0.6
_TOOLS = {
    "results": tr("Results"),
    "race": tr("New race"),
    "sweep": tr("New sweep"),
}


def render(state: PageState) -> None:
    """The results of an experiment, or the form of a new one."""
    queue_panel.queue(state)
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with row:
        tool = st.segmented_control(
            tr("What to do"),
            list(_TOOLS),
            format_func=lambda key: _TOOLS.get(key, key),
            default="results",
            key="experiment_tool",
            bind="query-params",
            label_visibility="collapsed",
            required=True,
            width="content",
        )
    if tool == "race":
        experiment_forms.race(state)
    elif tool == "sweep":
        experiment_forms.sweep(state)
    else:
        known = [each for each in experiments.shelf(state.workspace).list() if not each.problem]
        job = _watched_job(state)
        with row:
            chosen = _choose(known, job)
        _results(state, chosen, job)


def _results(state: PageState, chosen: Artefact | None, job: Job | None) -> None:
    if chosen is None:
        _without(state, job)
        return
    plan = experiments.read_plan(chosen)
    job = _job_of(state, chosen)
    alive = job is not None and job.status().alive
    if chosen.read_only:
        st.caption(
            tr(
                "You see a race that ships with the app. Run one of your own: it takes about a "
                "minute."
            )
        )
        _offer_example(state)
    playing = experiment_results.REPLAY in st.session_state
    pace = _POLL_SECONDS if alive else _REPLAY_POLL_SECONDS if playing else None

    @st.fragment(run_every=pace)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, chosen, plan, job, alive)

    panel()
    experiment_results.code(chosen, plan)


def _choose(known: list[Artefact], job: Job | None) -> Artefact | None:
    """The experiment that is asked for; else the one being made, else the newest."""
    by_id = {each.id: each for each in known}
    names = {
        each.id: words.label(each.name, str(each.details.get("kind")), each.read_only)
        for each in known
    }
    if st.session_state.get("experiment") not in {None, *by_id}:
        st.session_state["experiment"] = None
    picked = st.selectbox(
        tr("Sweep or race"),
        list(by_id),
        index=None,
        format_func=lambda key: names.get(key, key),
        key="experiment",
        placeholder=tr("the newest sweep or race"),
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
        width=420,
    )
    if picked in by_id:
        return by_id[picked]
    made = job.status().result.get("experiment") if job is not None else None
    if job is not None and job.status().alive and made not in by_id:
        return None  # it is being prepared
    return by_id.get(str(made)) or next(iter(known), None)


def _watched_job(state: PageState) -> Job | None:
    """The sweep or race that was started on this visit, else one that is at work."""
    held = st.session_state.get("experiment_job")
    known = jobs.list_jobs(state.workspace)
    mine = next((job for job in known if job.id == held), None)
    alive = [job for job in known if job.verb in {"sweep", "race"} and job.status().alive]
    running = [job for job in alive if job.status().state == "running"]
    return mine or next(iter([*running, *alive]), None)


def _job_of(state: PageState, experiment: Artefact) -> Job | None:
    """The newest job that works or worked on that experiment; jobs come newest first."""
    return next(
        (
            job
            for job in jobs.list_jobs(state.workspace)
            if job.id == experiment.details.get("job") or f"--resume={experiment.id}" in job.argv
        ),
        None,
    )


def _without(state: PageState, job: Job | None) -> None:
    """Nothing to show yet: what is being prepared, or what one could do."""
    if job is None:
        st.info(
            tr(
                "A sweep trains with a few values of one setting; a race trains several settings "
                "under the same budget, in turns. Nothing was compared here yet."
            )
        )
        _offer_example(state)
        return

    @st.fragment(run_every=_POLL_SECONDS)
    def waiting() -> None:
        status = job.status()
        if status.result.get("experiment") or not status.alive:
            st.session_state.pop("experiment_job" if not status.alive else "", None)
        if status.result.get("experiment"):
            st.rerun()
        view = job_panel.view_of(job, status)
        st.text(view.headline)
        st.progress(view.fraction, text=widgets.esc_md(view.detail) or None)
        if view.problem:
            widgets.show_problem(view.problem)
        if view.alive and job.can_change:
            st.button(tr("Stop"), key="experiment-stop-early", on_click=job.stop)

    waiting()


def _offer_example(state: PageState) -> None:
    with widgets.user_errors():
        experiment_forms.example_button(state)


def _panel(
    state: PageState, experiment: Artefact, plan: Plan, job: Job | None, was_alive: bool
) -> None:
    status = job.status() if job is not None else None
    if was_alive and (status is None or not status.alive):
        st.rerun()
    runs = experiments.runs_of(state.workspace, experiment.id)
    traces = standings.traces_of(
        plan, experiment, runs, lambda path: loaders.log_reader(str(path)).read()
    )
    head = words.head(plan, traces, status)
    told, actions = st.columns([1.5, 1], vertical_alignment="center")
    with told:
        st.text(f"{experiment.name} · {head.headline}")
        if not head.done:
            st.progress(head.fraction)
    with actions, st.container(horizontal=True, horizontal_alignment="right"):
        _actions(state, experiment, plan, job, head)
    if status is not None and status.error and not head.alive:
        widgets.show_problem(status.error)
    for problem in words.problems(traces):
        widgets.show_problem(problem)
    picked = experiment_results.show(plan, traces, live=head.alive)
    if picked is not None:
        _use(traces[picked])


def _actions(
    state: PageState, experiment: Artefact, plan: Plan, job: Job | None, head: words.Head
) -> None:
    may_change = may_change_artefact(state.owner, experiment)
    if head.alive and job is not None and not job.can_change:
        st.caption(tr("It belongs to somebody else: you can watch it."))
    elif head.alive and job is not None:
        st.button(
            tr("Stop"),
            icon=":material/stop_circle:",
            key="experiment-stop",
            on_click=job.stop,
            disabled=job.status().stopping,
            help=tr("It saves a checkpoint first, and can go on from there later."),
        )
    elif (
        head.can_resume
        and may_change
        and st.button(
            tr("Go on"), type="primary", icon=":material/play_arrow:", key="experiment-resume"
        )
    ):
        _resume(state, experiment, plan, job)
    has_runs = bool(experiments.runs_of(state.workspace, experiment.id))
    if (
        has_runs
        and not head.alive
        and st.button(
            tr("Compare the runs"), icon=":material/stacked_line_chart:", key="experiment-compare"
        )
    ):
        session.choose(view="compare", group=experiment.id)
        st.rerun()
    if not head.alive and may_change:
        with st.popover(tr("Delete"), icon=":material/delete:"):
            st.caption(tr("The runs stay, with all that they learned; the comparison goes."))
            if st.button(tr("Delete the comparison"), key="experiment-delete"):
                experiments.shelf(state.workspace).delete(experiment.id)
                st.rerun()


def _resume(state: PageState, experiment: Artefact, plan: Plan, job: Job | None) -> None:
    """Run its job on; without one, start a job that goes on with it.

    Raises: JobError, WorkspaceError when it cannot be started.
    """
    if job is not None:
        if not job.is_alive():
            jobs.restart(state.workspace, job)
    else:
        argv = [plan.kind, f"--resume={experiment.id}"]
        job = jobs.start(
            state.workspace,
            argv,
            name=experiment.name,
            owner=state.owner,
            key=f"resume {experiment.id}",
        )
    st.session_state["experiment_job"] = job.id
    st.rerun()


def _use(trace: standings.Trace) -> None:
    """Fill the form of a new training with a lane's settings, and open it."""
    try:
        design, recipe = words.form_texts(trace.lane)
    except (ConfigError, WorkspaceError) as error:
        widgets.show_problem(str(error))
        return
    kept.keep(board.KEY, design)
    kept.keep("recipe", recipe)
    for key in ("recipe-preset",):
        st.session_state.pop(key, None)  # so that the form takes the settings over
    session.go_to("training", view="start")
