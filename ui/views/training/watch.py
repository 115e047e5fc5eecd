"""A run as it learns, or as it learned: where it stands, its curves, its texts."""

import streamlit as st

from slm import files, jobs, locks
from slm.errors import ConfigError, WorkspaceError
from slm.jobs import Job
from slm.model.config import flops_per_token
from slm.training import launch
from slm.training.config import forward_passes
from slm.training.events import config_at, pending_requests, read_events
from slm.training.rates import MACHINE
from slm.training.runs import CONFIG, METRICS, REPORT, RunSettings
from slm.workspace import Artefact
from ui import job_panel, loaders, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import run_control as controls_of
from ui.view_models import settings as settings_words
from ui.view_models import training as words
from ui.view_models.training import Costs, RunView
from ui.views.imported import lacks
from ui.views.training import along, controls, curves, doctor, findings, written
from ui.views.training.controls import Standing
from ui.views.training.curves import Shown

_POLL_SECONDS = 1.0
_NOTICE_SECONDS = 3.0


def render(state: PageState) -> None:
    """The run that this visitor asked for; without one, the one that is at work, or the demo."""
    known = jobs.list_jobs(state.workspace)
    job = _asked_job(state, known)
    run = _run_of(state, job) if job is not None else state.run or _newest(state)
    if job is None and run is not None:
        job = words.job_of_run(known, run.id)
    if job is None and run is None:
        st.info(tr("No model has been trained here yet. Start one in the next view."))
        return
    _other_work(known, job)
    if run is None:
        assert job is not None
        _before_the_run(state, job)
        return
    if lacks(run, tr("its losses are")):
        return
    widgets.demo_note(run.read_only, tr("the training"))
    _run(state, job, run)


def watch(job: Job) -> None:
    """Make this job the one that is watched, until another model is chosen."""
    st.session_state["training_job"] = (job.id, st.session_state.get("run"))


def _run(state: PageState, job: Job | None, run: Artefact) -> None:
    try:
        settings = RunSettings.read(run.folder)
    except (WorkspaceError, ConfigError) as error:
        controls.unreadable(state, run, str(error))
        return
    standing = _standing(run, job, settings)
    controls.render(state, job, run, settings, standing)
    costs = _costs(state, run, settings)
    counted = _counted_before(run)

    @st.fragment(run_every=_POLL_SECONDS if standing.alive else None)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, job, run, settings, standing, costs, counted)

    @st.fragment(run_every=None if standing.alive else _NOTICE_SECONDS)
    def notice() -> None:
        """Another page, or the command line, may go on with the run."""
        if (run.folder / CONFIG).exists() and _standing(run, job, settings) != standing:
            st.rerun()

    panel()
    notice()
    along.render(state, run, alive=standing.alive)
    _code(run, settings)


def _standing(run: Artefact, job: Job | None, settings: RunSettings) -> Standing:
    """Everything on which the buttons of a run depend."""
    records = loaders.log_reader(str(run.folder / METRICS)).read()
    events = read_events(run.folder)
    step = words.last_step(records)
    config = config_at(settings.train, events, step)
    locked = locks.is_held(run.folder / "run.lock")
    status = job.status() if job is not None else None
    stop_asked = launch.stop_file(run.folder).exists()
    pause_asked = launch.pause_file(run.folder).exists()
    return Standing(
        state=words.run_state(
            *(step, config.steps, locked, status),
            stop_asked=stop_asked,
            pause_asked=pause_asked,
        ),
        steps=config.steps,
        job_id=job.id if job is not None and status is not None and status.alive else None,
        alive=locked or (status is not None and status.alive),
        ending=(locked and (stop_asked or pause_asked)) or (status is not None and status.stopping),
        may_force=status is not None and status.may_force,
        ahead=status.queue_position if status is not None else 0,
        n_events=len(events),
        n_pending=len(pending_requests(run.folder)),
        diverged=bool(records and records[-1].get("diverged")),
        problem=status.error if status is not None else None,
    )


def _panel(
    state: PageState,
    job: Job | None,
    run: Artefact,
    settings: RunSettings,
    seen: Standing,
    costs: Costs,
    counted: dict[str, float],
) -> None:
    if not (run.folder / CONFIG).exists():
        st.info(tr("This run was deleted."))
        if st.button(tr("See all runs"), key="watch-library"):
            session.go_to("library")
        return
    if _standing(run, job, settings) != seen:
        st.rerun()
    records = loaders.log_reader(str(run.folder / METRICS)).read()
    events = read_events(run.folder)
    config = config_at(settings.train, events, words.last_step(records))
    told = st.container()
    found = findings.of_run(run.id, settings, records, events, costs.train_tokens)
    shown = Shown(
        records,
        config,
        settings.model.n_layers,
        (*controls_of.event_marks(events, settings.forked_from), *findings.marks(found)),
        counted,
    )
    left, right = st.columns([2.2, 1], gap="large")
    with left:
        with st.container(horizontal=True, gap="small"):
            unit = curves.ask_unit(records)
            axes = curves.ask_axes()
        curves.losses(shown, unit, axes)
    with right:
        written.render(run)
    with told:
        _figures(
            words.run_view(
                config.steps, records, seen.alive, job.status() if job else None, costs, unit
            ),
            config.steps,
        )
    doctor.panel(state, run, settings, records, events, found)
    curves.below(shown, axes)


def _figures(view: RunView, steps: int) -> None:
    """How far the run is, and its newest numbers, in the unit that is chosen below them."""
    if view.alive:
        st.progress(
            view.fraction, text=tr("step {step:,} of {steps:,}").format(step=view.step, steps=steps)
        )
    with st.container(horizontal=True, gap="medium"):
        for figure in view.figures:
            explained = f"{glossary.meaning(figure.term)} {figure.more}".strip()
            st.metric(figure.label, figure.value, help=explained, width="content")


def _before_the_run(state: PageState, job: Job) -> None:
    """A job that has made no run yet: it waits, or prepares its text."""
    was_alive = job.status().alive

    @st.fragment(run_every=_POLL_SECONDS if was_alive else None)
    def panel() -> None:
        status = job.status()
        if status.alive != was_alive or words.run_of_job(job) is not None:
            st.rerun()
        view = job_panel.view_of(job, status)
        st.text(view.headline)
        if view.alive:
            st.progress(view.fraction, text=widgets.esc_md(view.detail) or None)
            if job.can_change:
                stopping = status.stopping
                st.button(tr("Stop"), key="training-stop", disabled=stopping, on_click=job.stop)
        elif view.can_resume and job.can_change:
            controls.go_on_button(state, job, None)
        if view.problem:
            widgets.show_problem(view.problem)

    panel()


def _asked_job(state: PageState, known: list[Job]) -> Job | None:
    """The job that is watched, which stands in the address for a reload."""
    held = st.session_state.get("training_job")
    picked = st.session_state.get("run")
    if held is None and "job" in st.query_params:
        held = (st.query_params["job"], picked)
    job = None
    if held is not None and held[1] == picked:
        job = jobs.get_job(state.workspace, held[0])
    if job is None and not picked:
        job = words.job_at_work(known)
    if job is None:
        st.query_params.pop("job", None)
        return None
    watch(job)  # so that it stays in view when it ends
    st.query_params["job"] = job.id
    return job


def _newest(state: PageState) -> Artefact | None:
    return next((run for run in state.workspace.runs.list() if not run.problem), None)


def _run_of(state: PageState, job: Job) -> Artefact | None:
    run_id = words.run_of_job(job)
    return state.workspace.runs.find(run_id) if run_id else None


def _other_work(known: list[Job], shown: Job | None) -> None:
    """A training that runs beside what is shown."""
    other = words.job_at_work(known)
    if other is None or (shown is not None and shown.id == other.id):
        return
    told, button = st.columns([3, 1], vertical_alignment="center")
    told.caption(tr("Another training is at work: {name}").format(name=widgets.esc_md(other.name)))
    button.button(tr("Watch it"), key="watch-other", on_click=watch, args=(other,), width="stretch")


def _costs(state: PageState, run: Artefact, settings: RunSettings) -> Costs:
    """What figures need beside the record; a machine that was not noted leaves gaps."""
    try:
        machine = files.read_json(run.folder / MACHINE)
    except WorkspaceError:
        machine = {}
    tokens = state.workspace.tokens.find(settings.tokens)
    flops = forward_passes(settings.train) * flops_per_token(settings.model)
    return words.costs_of(machine, tokens, flops)


def _counted_before(run: Artefact) -> dict[str, float]:
    """What counting gives, as an evaluation of the run found it, where its record does not say."""
    try:
        return words.counted_in(files.read_json(run.folder / REPORT))
    except WorkspaceError:
        return {}


def _code(run: Artefact, settings: RunSettings) -> None:
    with st.expander(tr("On the command line"), icon=":material/terminal:"):
        for told, argv in controls_of.commands(run.id, settings.train):
            st.caption(told)
            st.code(settings_words.command_line(argv), language="bash")
        st.caption(
            tr(
                "On several machines: this on each of them, with the first one's address for HOST "
                "and 0, 1, … for NUMBER; all see the run's folder under the same path."
            )
        )
        command = launch.torchrun_command(run.folder.absolute(), nproc=1, nodes=2)
        st.code(settings_words.shell(["python", *command[1:]]), language="bash")
    widgets.show_code(
        "from slm.files import read_records\n"
        "from slm.training.runs import METRICS\n"
        "from slm.workspace import Workspace\n\n"
        f'run = Workspace("workspace").runs.get({run.id!r})\n'
        "for record in read_records(run.folder / METRICS).records:\n"
        '    print(record["step"], record["train_nats"], record["val_nats"])',
        RunSettings.read,
    )
