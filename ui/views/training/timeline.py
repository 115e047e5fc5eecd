"""The time machine: a run's snapshots, moved through by a slider, also while it still trains.

The server sends everything that the probes found once; the browser moves and plays.
"""

import streamlit as st

from slm import jobs, locks
from slm.tokenizer.padded import fitted
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact
from ui import loaders, session, widgets
from ui.components.time_machine import time_machine
from ui.session import PageState
from ui.texts import tr
from ui.view_models import timeline as words
from ui.view_models import training
from ui.views import kept
from ui.views.imported import lacks

_PLACE = "moment"
_POLL_SECONDS = 4.0  # snapshots come seldom


def render(state: PageState) -> None:
    """The run that was chosen; without one, the one that is at work, or the demo."""
    run = _run_of(state)
    if run is None:
        st.info(tr("No model has been trained here yet. Start one in “New training”."))
        return
    if lacks(run, tr("its snapshots are")):
        return
    alive = locks.is_held(run.folder / "run.lock")

    @st.fragment(run_every=_POLL_SECONDS if alive else None)
    def panel() -> None:
        with widgets.user_errors():
            _panel(state, run)

    panel()


def _run_of(state: PageState) -> Artefact | None:
    if not st.session_state.get("run"):
        job = training.job_at_work(jobs.list_jobs(state.workspace))
        run_id = training.run_of_job(job) if job is not None else None
        found = state.workspace.runs.find(run_id) if run_id else None
        if found is not None:
            return found
    return state.run


def _panel(state: PageState, run: Artefact) -> None:
    from slm.attention.timeline import Timeline
    from slm.lab.looking import snapshot_budget

    if state.run is None or run.id != state.run.id:
        st.caption(
            tr("You see the training that is at work: {name}").format(name=widgets.esc_md(run.name))
        )
    settings = RunSettings.read(run.folder)
    timeline = Timeline(run.folder)
    moments, problems = timeline.moments()
    for problem in words.left_out(problems):
        st.caption(f":material/info: {widgets.esc_md(problem)}")
    if not moments:
        st.info(words.nothing_to_show(problems))
        return
    tokenizer = fitted(loaders.load_tokenizer(run.folder / "tokenizer"), settings.model.vocab_size)
    view = words.timeline_view(
        moments,
        loaders.log_reader(str(run.folder / METRICS)).read(),
        total_steps=settings.train.steps,
        vocab_size=settings.model.vocab_size,
        prompt=next(iter(settings.train.sample_prompts), ""),
        token_bytes=tokenizer.token_bytes,
    )
    asked = kept.recall(_PLACE)
    if asked:
        kept.keep(_PLACE, asked)  # a moment from a link is found again after a way through others
    shown = words.read_instant(asked)
    told = time_machine(view, begin=shown, key=f"time-machine-{run.id}")
    place = words.told_instant(told, view)
    if place is not None:
        kept.keep(_PLACE, place)
        shown = words.read_instant(place)
    step = view.steps[-1] if shown.step is None else shown.step
    _go_on(run, step)
    budget = snapshot_budget(run.folder)
    st.caption(words.disk_line(len(timeline.steps), timeline.disk_bytes, budget))
    widgets.demo_note(state.on_demo, tr("the training"))
    root = str(run.folder.parents[1])
    widgets.show_code(words.code_lines(run, root, step), Timeline.moment, Timeline.load_model)


def _go_on(run: Artefact, step: int) -> None:
    """From this moment into the other chapters, with the model as it was then."""
    chosen = {} if run.read_only else {"run": run.id}
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.caption(tr("The model of step {step:,}:").format(step=step), width="content")
        for chapter, title, choices in (
            ("attention", tr("Where its heads look"), {"view": "timeline"}),
            ("model", tr("Walk a sentence through it"), {"view": "walk"}),
        ):
            if st.button(title, key=f"moment-{chapter}", type="tertiary"):
                session.go_to(chapter, at_step=step, **choices, **chosen)
