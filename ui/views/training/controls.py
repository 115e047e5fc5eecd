"""Pause, stop, go on; change, train longer, fork, delete: what one may do with a run as it stands.

Drawn once for each way that a run can stand, not at each poll, so that no form is lost while
one types; when something turns, the page is drawn anew.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from slm import jobs, limits
from slm.jobs import Job
from slm.model import checkpoint
from slm.training import launch, runs
from slm.training.config import TrainConfig
from slm.training.events import CHANGEABLE, latest_config, pending_requests, request_change
from slm.training.runs import METRICS, RunSettings
from slm.workshop.rights import may_change_artefact
from slm.workspace import Artefact
from ui import job_panel, loaders, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary, recipe, settings, tuning
from ui.view_models import run_control as words
from ui.view_models import training as run_words
from ui.view_models.training import State

_FIELD_WIDTH = 170  # pixels


@dataclass(frozen=True)
class Standing:
    """How a run stands, so far as its buttons depend on it. `job_id` is that of a living job."""

    state: State
    steps: int
    job_id: str | None
    alive: bool
    ending: bool
    may_force: bool
    ahead: int
    n_events: int
    n_pending: int
    diverged: bool
    problem: str | None


def render(
    state: PageState, job: Job | None, run: Artefact, told: RunSettings, standing: Standing
) -> None:
    """The run's name, how it stands, and its buttons; below them the form that was asked for."""
    can = words.controls(
        standing.state,
        saved_step=words.newest(_fork_points(run)),
        ahead=standing.ahead,
        ending=standing.ending,
        may_force=standing.may_force,
        read_only=not may_change_artefact(state.owner, run),
        has_job=standing.job_id is not None,
        held=limits.holds_back(state.workspace.root, run.manifest.owner),
        later_schema=told.later_schema,
    )
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{widgets.esc_md(run.name)}**", width="content")
        label, color = words.badge(standing.state, standing.diverged, standing.ending)
        st.badge(label, color=color)
        living = job if standing.job_id else None
        if can.can_pause:
            pause = living.pause if living else _asker(launch.pause_file(run.folder))
            _plain(tr("Pause"), "pause_circle", pause, PAUSE_HELP)
        if can.can_stop:
            stop = living.stop if living else _asker(launch.stop_file(run.folder))
            _plain(tr("Stop"), "stop_circle", stop, STOP_HELP)
        if can.can_force and living:
            _plain(tr("End it at once"), "dangerous", living.kill, FORCE_HELP)
        if can.can_go_on:
            go_on_button(state, job, run)
        if can.can_use and st.session_state.get("run") != run.id:
            st.button(
                tr("Use this model"),
                type="primary",
                key="training-use",
                on_click=_use,
                args=(run.id,),
            )
        deed = _ask_deed(can)
    if standing.problem and not standing.alive and standing.state != "interrupted":
        widgets.show_problem(standing.problem)
    if can.sentence:
        st.caption(can.sentence)
    if told.finetuned_from:
        st.caption(
            widgets.esc_md(tuning.came_from(told.finetuned_from, run.details, told.train)),
            help=widgets.esc_md(glossary.meaning("lora")),
        )
    if standing.state in {"failed", "interrupted"} and job is not None and job.log_tail().strip():
        with st.expander(tr("What its process printed last"), icon=":material/subject:"):
            st.code(job.log_tail(), language=None)
    _pending(run, told.train, standing)
    if deed is not None:
        with st.container(border=True), widgets.user_errors():
            _FORMS[deed](state, run, standing)


def go_on_button(state: PageState, job: Job | None, run: Artefact | None) -> None:
    """Run the job on; a run without one gets a job of its own."""
    if st.button(
        tr("Go on"),
        type="primary",
        icon=":material/play_arrow:",
        key="training-resume",
        help=tr("It goes on from its newest checkpoint, as if it had never been away."),
    ):
        with widgets.user_errors():
            _go_on(state, job, run)


PAUSE_HELP = tr(
    "Saves a checkpoint and gives memory and processor free. Go on whenever you like; nothing of "
    "the result changes."
)
FORCE_HELP = tr("Ends its process without waiting for a checkpoint. What it saved before stays.")
STOP_HELP = tr("Saves a checkpoint and ends. It can still go on later.")


def _plain(label: str, icon: str, act: Callable[[], None], told: str) -> None:
    key = f"training-{label.lower().replace(' ', '-')}"
    st.button(label, icon=f":material/{icon}:", key=key, on_click=act, help=told)


def _asker(place: Path) -> Callable[[], None]:
    """Asks a run that no job of this app stands behind, by a file in its folder."""

    def ask() -> None:
        place.parent.mkdir(exist_ok=True)
        place.touch()

    return ask


def _use(run_id: str) -> None:
    session.choose(run=run_id)


def _ask_deed(can: words.Controls) -> words.Deed | None:
    """Which form is open (`?do=`)."""
    if not can.deeds:
        return None
    if st.session_state.get("do") not in can.deeds:
        st.session_state["do"] = None
    chosen: words.Deed | None = st.segmented_control(
        tr("Do more with this run"),
        can.deeds,
        format_func=lambda deed: words.DEEDS[deed],
        key="do",
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen


def _go_on(state: PageState, job: Job | None, run: Artefact | None) -> None:
    if job is not None and job.verb in run_words.VERBS and job.status().state != "done":
        job_panel.resume(state.workspace, job)
        _watch(job)
        st.rerun()
    assert run is not None
    _start(state, words.resume_argv(run.id), run.name)


def _start(state: PageState, argv: list[str], name: str) -> None:
    """Start a job, once however often one clicks, and watch it."""
    job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=" ".join(argv))
    _watch(job)
    session.choose(do=None)
    st.rerun()


def _watch(job: Job) -> None:
    st.session_state["training_job"] = (job.id, st.session_state.get("run"))


def _pending(run: Artefact, before: TrainConfig, standing: Standing) -> None:
    """Changes that were asked for and are not in force yet."""
    if not standing.n_pending:
        return
    asked = [words.asked_in_words(request.changes) for request in pending_requests(run.folder)]
    when = tr("at its next step") if standing.alive else tr("when it goes on")
    st.info(
        tr("Asked for, and taken up {when}: {asked}").format(when=when, asked="; ".join(asked)),
        icon=":material/schedule:",
    )


def _change(state: PageState, run: Artefact, standing: Standing) -> None:
    before = latest_config(run.folder)
    first, more = words.change_fields(before, CHANGEABLE)
    key = f"change-{run.id}-{standing.n_events}-{standing.n_pending}"
    st.caption(words.change_told(standing.alive))
    with st.form(key, border=False):
        values = _fields(first, before, key)
        with st.expander(tr("More settings")):
            values |= _fields(more, before, key)
        asked = st.form_submit_button(tr("Apply"), type="primary", key="change-apply")
    if asked:
        state.workspace.runs.changeable(run.id)
        changes = settings.differing(values, before)
        runs.require_steps(state.workspace, int(changes.get("steps", 0)))
        request_change(run.folder, changes)
        session.choose(do=None)
        st.rerun()


def _fields(names: tuple[str, ...], before: TrainConfig, key: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    with st.container(horizontal=True):
        for name in names:
            with st.container(width=_FIELD_WIDTH):
                values |= widgets.config_form(TrainConfig, [name], before, key, recipe.LABELS)
    return values


def _extend(state: PageState, run: Artefact, standing: Standing) -> None:
    before = latest_config(run.folder)
    done = run_words.last_step(loaders.log_reader(str(run.folder / METRICS)).read())
    asked, button = st.columns([1, 2], vertical_alignment="bottom")
    steps = asked.number_input(
        tr("Steps in all"),
        min_value=done + 1,
        max_value=TrainConfig.model_fields["steps"].metadata[1].le,
        value=words.suggested_steps(before.steps),
        step=max(1, before.steps // 10),
        key=f"extend-{run.id}-{before.steps}",
    )
    st.caption(words.extend_told(before, done, steps))
    if button.button(tr("Train longer"), type="primary", key="extend-apply"):
        state.workspace.runs.changeable(run.id)
        runs.require_steps(state.workspace, steps)
        if standing.alive:
            request_change(run.folder, {"steps": steps})
            session.choose(do=None)
            st.rerun()
        _start(state, words.extend_argv(run.id, steps), run.name)


@st.fragment
def _fork(state: PageState, run: Artefact, standing: Standing) -> None:
    points = {point.step: point for point in _fork_points(run)}
    if not points:
        st.caption(tr("Nothing of this run was saved yet from which another could begin."))
        return
    before = latest_config(run.folder)
    key = f"fork-{run.id}"
    at = _ask_step(list(points))
    st.caption(points[at].told)
    start = before.replace(steps=words.fork_steps(before.steps, at))
    values = _fields(("steps",), start, f"{key}-{start.steps}")
    values |= _fields(words.fork_fields(before), before, key)
    named = st.text_input(
        tr("Name"), key=f"{key}-name", placeholder=words.fork_name(run.name, at), max_chars=80
    )
    name = named.strip() or words.fork_name(run.name, at)
    changes = settings.differing(values, before)
    argv = words.fork_argv(run.id, at, name, changes)
    with widgets.user_errors():
        warning = words.fork_told(before, at, before.replace(**values))
        if warning:
            st.warning(warning, icon=":material/trending_up:")
        if st.button(tr("Start the fork"), type="primary", key="fork-start"):
            _start(state, argv, name)
    with st.expander(tr("The same on the command line"), icon=":material/terminal:"):
        st.code(settings.command_line(argv), language="bash")


def _ask_step(steps: list[int]) -> int:
    """Where the fork begins; a slider needs two steps to choose from."""
    if len(steps) == 1:
        return steps[0]
    if st.session_state.get("fork_at") not in steps:
        st.session_state["fork_at"] = max(steps)
    return st.select_slider(
        tr("From step"), steps, key="fork_at", format_func=lambda step: f"{step:,}"
    )


def unreadable(state: PageState, run: Artefact, problem: str) -> None:
    """A run whose settings cannot be read: what is known of it, and the ways out."""
    saved = runs.settings_saved_at(run.folder)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{widgets.esc_md(run.name)}**", width="content")
        st.badge(tr("Damaged"), color="red")
    widgets.show_problem(problem)
    st.caption(words.damaged_told(saved))
    if saved is not None and st.button(tr("Restore its settings"), type="primary", key="restore"):
        state.workspace.runs.changeable(run.id)
        runs.restore_settings(run.folder)
        st.rerun()
    with st.expander(tr("Delete this run"), icon=":material/delete:"):
        _delete(state, run, None)


def _delete(state: PageState, run: Artefact, standing: Standing | None) -> None:
    st.markdown(
        tr(
            "Its checkpoints, snapshots, curves and texts are removed for good. The corpus and the "
            "tokenizer stay."
        )
    )
    if st.button(tr("Delete this run for good"), type="primary", key="delete-confirmed"):
        state.workspace.runs.delete(run.id)
        st.session_state.pop("training_job", None)
        session.choose(do=None, run=None)
        st.rerun()


def _fork_points(run: Artefact) -> tuple[words.ForkPoint, ...]:
    return words.fork_points(
        [kept.step for kept in checkpoint.checkpoints(run.folder)],
        [kept.step for kept in checkpoint.snapshots(run.folder)],
        loaders.log_reader(str(run.folder / METRICS)).read(),
    )


_FORMS: dict[words.Deed, Callable[[PageState, Artefact, Standing], None]] = {
    "change": _change,
    "extend": _extend,
    "fork": _fork,
    "delete": _delete,
}
