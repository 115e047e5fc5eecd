"""A run as it learns, or as it learned: losses, rates, texts; stop and go on."""

from typing import Any

import pandas as pd
import streamlit as st

from slm import files, jobs, locks
from slm.errors import WorkspaceError
from slm.jobs import Job
from slm.training.runs import METRICS, REPORT, SAMPLES, RunSettings
from slm.workspace import Artefact
from ui import job_panel, loaders, session, widgets
from ui.figures import training as figures
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models import training as words
from ui.view_models.jobs import job_view
from ui.view_models.training import RunView

_POLL_SECONDS = 1.0
_SMALL_CURVES = (
    ("learning_rate", "learning rate", False, True),
    ("gradient_norm", "gradient norm", True, False),
    ("tokens_per_second", "tokens per second", False, False),
)


def render(state: PageState) -> None:
    """The run that this visitor asked for; without one, the one that is at work, or the demo."""
    known = jobs.list_jobs(state.workspace)
    job = _asked_job(state, known)
    run = _run_of(state, job) if job is not None else state.run or _newest(state)
    if job is None and run is not None:
        job = words.job_of_run(known, run.id)
    if job is None and run is None:
        st.info("No model has been trained here yet. Start one in the next view.")
        return
    _other_work(known, job)
    widgets.demo_note(run is not None and run.read_only, "the training")
    alive = job is not None and job.status().alive

    @st.fragment(run_every=_POLL_SECONDS if alive or _is_locked(run) else None)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, job, run, alive)

    panel()
    _code(run)


def watch(job: Job) -> None:
    """Make this job the one that is watched, until another model is chosen."""
    st.session_state["training_job"] = (job.id, st.session_state.get("run"))


def _asked_job(state: PageState, known: list[Job]) -> Job | None:
    held = st.session_state.get("training_job")
    picked = st.session_state.get("run")
    if held is not None and held[1] == picked:
        return jobs.get_job(state.workspace, held[0])
    at_work = None if picked else words.job_at_work(known)
    if at_work is not None:
        watch(at_work)  # so that it stays in view when it ends
    return at_work


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
    told.caption(f"Another training is at work: {widgets.esc_md(other.name)}")
    button.button("Watch it", key="watch-other", on_click=watch, args=(other,), width="stretch")


def _is_locked(run: Artefact | None) -> bool:
    return run is not None and locks.is_held(run.folder / "run.lock")


def _panel(state: PageState, job: Job | None, run: Artefact | None, was_alive: bool) -> None:
    status = job.status() if job is not None else None
    if was_alive and status is not None and not status.alive:
        st.rerun()
    if run is None and job is not None:
        run = _run_of(state, job)
    if run is None:
        assert job is not None and status is not None
        view = job_view(job.name, status)
        st.text(view.headline)
        st.progress(view.fraction, text=widgets.esc_md(view.detail) or None)
        _actions(state, job, None, alive=view.alive, can_resume=view.can_resume)
        if view.problem:
            widgets.show_problem(view.problem)
        return
    settings = RunSettings.read(run.folder)
    records = loaders.log_reader(str(run.folder / METRICS)).read()
    shown = words.run_view(settings.train.steps, records, _is_locked(run), status)
    _head(state, job, run, shown)
    if status is not None and status.error:
        widgets.show_problem(status.error)
    curves, written = st.columns([2.2, 1], gap="large")
    with curves:
        _curves(settings.train.steps, records, _bigram_nats(run))
    with written:
        _samples(run)


def _head(state: PageState, job: Job | None, run: Artefact, view: RunView) -> None:
    told, actions = st.columns([2.2, 1], gap="large", vertical_alignment="center")
    with told:
        st.text(f"{run.name} · {view.headline}")
        if view.state != "done":
            st.progress(view.fraction)
    with actions:
        _actions(state, job, run, alive=view.alive, can_resume=view.can_resume)
    with st.container(horizontal=True, gap="medium"):
        for figure in view.figures:
            st.metric(
                figure.label, figure.value, help=glossary.meaning(figure.term), width="content"
            )


def _actions(
    state: PageState, job: Job | None, run: Artefact | None, *, alive: bool, can_resume: bool
) -> None:
    if alive and job is not None:
        st.button(
            "Stop",
            icon=":material/stop_circle:",
            key="training-stop",
            disabled=job.status().stopping,
            on_click=job.stop,
            help="It saves a checkpoint first, and can go on from there later.",
        )
    elif alive:
        st.caption("It runs in a process that was started outside of this app.")
    elif can_resume and (run is None or not run.read_only):
        if st.button(
            "Go on from where it stopped",
            type="primary",
            icon=":material/play_arrow:",
            key="training-resume",
        ):
            _resume(state, job, run)
    elif run is not None and not run.read_only and st.session_state.get("run") != run.id:
        st.button(
            "Use this model", type="primary", key="training-use", on_click=_use, args=(run.id,)
        )


def _use(run_id: str) -> None:
    session.choose(run=run_id)


def _resume(state: PageState, job: Job | None, run: Artefact | None) -> None:
    """Run the job on; a run without one gets a job of its own."""
    if job is not None:
        job_panel.resume(state.workspace, job)
    else:
        assert run is not None
        argv = ["train", f"--resume={run.id}"]
        job = jobs.start(
            state.workspace, argv, name=run.name, owner=state.owner, key=f"resume {run.id}"
        )
    watch(job)
    st.rerun()


def _curves(steps: int, records: list[dict[str, Any]], bigram_nats: float | None) -> None:
    rows = pd.DataFrame(words.loss_rows(records), columns=["step", "split", "nats"])
    st.vega_lite_chart(rows, figures.loss(steps, bigram_nats=bigram_nats), key="training-loss")
    for column, (field, title, log_y, fine) in zip(st.columns(3), _SMALL_CURVES, strict=True):
        points = pd.DataFrame(words.curve_rows(records, field), columns=["step", "value"])
        spec = figures.small(title, steps, log_y=log_y, fine=fine)
        column.vega_lite_chart(points, spec, key=f"training-{field}")


def _samples(run: Artefact) -> None:
    st.markdown("**What it writes**", help=glossary.meaning("sampling"))
    written = words.samples(loaders.log_reader(str(run.folder / SAMPLES)).read())
    if not written:
        st.caption("The first text appears at the first sample step.")
    with st.container(height=470, border=False):
        for each in written:
            st.caption(f"after {each.step:,} steps")
            st.text((each.prompt + each.text).strip() or "(nothing)")


def _bigram_nats(run: Artefact) -> float | None:
    """What counting pairs of tokens gives on the same text, once the run was evaluated."""
    path = run.folder / REPORT
    try:
        report = files.read_json(path) if path.exists() else {}
    except WorkspaceError:
        return None
    found = report.get("evaluation", {}).get("bigram", {}).get("nats_per_token")
    return float(found) if isinstance(found, int | float) else None


def _code(run: Artefact | None) -> None:
    if run is None:
        return
    widgets.show_code(
        "from slm.files import read_records\n"
        "from slm.training.runs import METRICS\n"
        "from slm.workspace import Workspace\n\n"
        f'run = Workspace("workspace").runs.get({run.id!r})\n'
        "for record in read_records(run.folder / METRICS).records:\n"
        '    print(record["step"], record["train_nats"], record["val_nats"])',
        RunSettings.read,
    )
