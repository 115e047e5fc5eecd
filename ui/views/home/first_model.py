"""The pipeline as a picture, and the button that runs all of it."""

from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from slm import files, jobs
from slm.errors import WorkspaceError
from slm.jobs import Job
from slm.lab.pipeline import RECIPES
from slm.model.config import parameter_counts
from slm.training.runs import METRICS, REPORT, SAMPLES
from slm.workspace import Artefact
from ui import job_panel, loaders, queue_panel, session, widgets
from ui.components.pipeline import pipeline_view
from ui.figures import curves
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary, shares
from ui.view_models.home import (
    CHAPTER_OF,
    cards_of_job,
    cards_of_report,
    newest_build,
    run_report,
)
from ui.view_models.training import TRAINING, VALIDATION, loss_rows
from ui.views.imported import lacks

_POLL_SECONDS = 1.0


def render(state: PageState) -> None:
    """A build that runs, or what the current model has to say and the button for a new one."""
    build = newest_build([job for job in jobs.list_jobs(state.workspace) if job.mine])
    if build is not None and _unfinished(build):
        st.session_state["build_watched"] = build.id
        _watch(state, build)
        return
    _choose_what_was_built(build)
    report = _report(state.run)
    _open_chapter(pipeline_view(cards_of_report(report), key="pipeline"))
    left, right = st.columns([1, 1.7], gap="large")
    with left:
        _invite(state, build)
    with right:
        _tell(state, report)


def _unfinished(build: Job) -> bool:
    """Whether the build still runs, or ended early and can be gone on with."""
    if st.session_state.get("build_put_aside") == build.id:
        return False
    return build.status().state != "done"


def _choose_what_was_built(build: Job | None) -> None:
    """Make the finished model the current one, once, for who has watched it being built."""
    watched = st.session_state.pop("build_watched", None)
    if build is None or build.id != watched:
        return
    status = build.status()
    if status.state == "done":
        session.choose(run=status.result.get("run"))
        st.rerun()


def _watch(state: PageState, build: Job) -> None:
    was_alive = build.status().alive

    @st.fragment(run_every=_POLL_SECONDS if was_alive else None)
    def panel() -> None:
        status = build.status()
        if status.alive != was_alive or not _unfinished(build):  # ended, resumed, or put aside
            st.rerun()
        opened = pipeline_view(cards_of_job(status), key="pipeline")
        view = job_panel.view_of(build, status)
        left, right = st.columns([1, 1.7], gap="large")
        with left:
            st.text(view.headline)
            st.progress(view.fraction, text=widgets.esc_md(view.detail) or None)
            if view.alive:
                st.button(
                    tr("Stop"), key="build-stop", on_click=build.stop, disabled=status.stopping
                )
                st.caption(
                    tr("You may close this page: the work goes on, and you find it here again.")
                )
            if view.problem:
                widgets.show_problem(view.problem)
            if view.can_resume:
                st.button(
                    tr("Go on from where it stopped"),
                    type="primary",
                    on_click=_resume,
                    args=(state, build),
                )
                st.button(tr("Put it aside"), on_click=_put_aside, args=(build.id,))
        with right:
            _live(state, status.result.get("run"))
        _open_chapter(opened)

    panel()


def _resume(state: PageState, build: Job) -> None:
    if not build.is_alive():
        jobs.restart(state.workspace, build)


def _put_aside(job_id: str) -> None:
    st.session_state["build_put_aside"] = job_id


def _live(state: PageState, run_id: Any) -> None:
    """The loss as it falls, and the newest text that the model wrote."""
    run = state.workspace.runs.find(run_id) if isinstance(run_id, str) else None
    if run is None:
        st.caption(tr("The loss appears here as soon as training begins."))
        return
    rows = loss_rows(loaders.log_reader(str(run.folder / METRICS)).read())
    spec = curves.lines(
        "step",
        tr("step"),
        "nats",
        tr("loss (nats per token)"),
        color="split",
        names=(TRAINING, VALIDATION),
    )
    st.vega_lite_chart(
        pd.DataFrame(rows, columns=["step", "split", "nats"]), spec, key="build-loss"
    )
    samples = loaders.log_reader(str(run.folder / SAMPLES)).read()
    if samples:
        st.caption(tr("What it writes after {step:,} steps").format(step=samples[-1]["step"]))
        st.text(samples[-1]["text"].strip() or tr("(nothing yet)"))


def _invite(state: PageState, build: Job | None) -> None:
    again = build is not None or (state.run is not None and not state.on_demo)
    st.markdown(
        tr(
            "One click runs every chapter on an embedded corpus: it collects tales, trains a "
            "tokenizer, trains a Transformer, measures it, and lets it speak. About two minutes "
            "on two processor cores, with no network."
        )
    )
    first = RECIPES["first"]
    size = sum(parameter_counts(first.model).values())
    problem = shares.training_problem(queue_panel.share(state), size, first.train.steps)
    if problem:
        widgets.show_problem(problem)
    label = tr("Build another model") if again else tr("Build my first model")
    if st.button(
        label,
        type="primary",
        icon=":material/rocket_launch:",
        key="build",
        disabled=problem is not None,
    ):
        with widgets.user_errors():
            name = tr("My first model") if not again else tr("My next model")
            jobs.start(state.workspace, ["build", "--name", name], name=name, key="build")
            st.rerun()
    st.caption(tr("Closing this page harms nothing: the work goes on by itself."))
    queue_panel.queue(state)


def _tell(state: PageState, report: dict[str, Any] | None) -> None:
    told = run_report(report)
    if state.run is None or told is None:
        if state.run is None or not lacks(state.run, tr("a report of its training is")):
            st.info(tr("No model is here yet. Build one with the button."))
        return
    widgets.demo_note(state.on_demo, tr("a tale"))
    if not state.on_demo:
        st.text(state.run.name)
    with st.container(horizontal=True, gap="medium"):
        for figure in told.figures:
            meaning = glossary.meaning(figure.term)
            st.metric(figure.label, figure.value, help=meaning, width="content")
    place = st.session_state.setdefault("home_sample", 0) % len(told.samples)
    with st.container(border=True):
        st.text(told.samples[place])
    with st.container(horizontal=True):
        another = st.button(tr("Another tale"), key="home-another")
        speak = st.button(tr("Let it write"), key="home-write")
        look = st.button(tr("See its attention"), key="home-look")
    if another:
        st.session_state["home_sample"] = place + 1
        st.rerun()
    if speak:
        session.go_to("sampling")
    if look:
        session.go_to("attention")


def _report(run: Artefact | None) -> dict[str, Any] | None:
    path: Path | None = run.folder / REPORT if run is not None else None
    try:
        return files.read_json(path) if path is not None and path.exists() else None
    except WorkspaceError:
        return None


def _open_chapter(stage: str | None) -> None:
    if stage is not None and stage in CHAPTER_OF:
        session.go_to(CHAPTER_OF[stage])
