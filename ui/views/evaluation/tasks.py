"""What can this model do, and since when? Small tasks with one right answer each."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from slm import jobs
from slm.evaluation.cloze import Answer, ask
from slm.evaluation.tasks import TASKS, Room
from slm.jobs import Job
from slm.lab.task_reports import Scores, TasksConfig, score_tasks, steps_of, taught_by_corpus
from slm.workspace import Artefact, Workspace
from ui import job_panel, loaders, widgets
from ui.figures.tasks import learned_chart, tasks_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import N_, tr
from ui.view_models import glossary
from ui.view_models.tasks import (
    WORDS,
    answer_rows,
    harness_commands,
    learned_view,
    tasks_code,
    tasks_view,
)

_NOW = N_("Today")
_OVER_TIME = N_("As it learned")
_QUICK = 50
_THOROUGH = 200
_SHOWN_ANSWERS = 24
_QUICK_MODEL = 5_000_000  # parameters; larger ones keep a visitor waiting, and become a job


def render(state: PageState) -> None:
    """Words and figures to the left, the tasks as bars or as a table to the right."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then give it tasks here."))
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        st.markdown(
            tr(
                "Questions with one right answer, made anew: none of them stands in a corpus, and "
                "what guessing gives is known."
            ),
            help=glossary.meaning("confidence interval"),
        )
        shown = _NOW if state.run.imported else _pick_span()
    if shown == _OVER_TIME:
        _over_time(state, state.run, left, right)
    else:
        _today(state, loaded, left, right)
    with st.expander(tr("The field's own tasks, with lm-eval"), icon=":material/terminal:"):
        st.markdown(
            tr(
                "The lm-evaluation-harness of EleutherAI runs hundreds of published tasks. It "
                "opens the folder that the export writes; it downloads its tasks, so it needs a "
                "network. These lines follow its documentation and were not run with this "
                "version of the app."
            )
        )
        st.code(harness_commands(state.run), language="bash")
    widgets.show_code(tasks_code(state.run, _QUICK), ask, score_tasks)


def _pick_span() -> str:
    chosen = st.segmented_control(
        tr("Show"),
        (_NOW, _OVER_TIME),
        format_func=tr,
        default=_NOW,
        key="tasks_span",
        bind="query-params",
        required=True,
    )
    return chosen or _NOW


def _today(
    state: PageState,
    loaded: LoadedRun,
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
) -> None:
    assert state.run is not None
    kept = dict(steps_of(_kept(state.workspace, state.run))).get(loaded.step)
    with left:
        if kept is None and loaded.model.n_parameters > _QUICK_MODEL:
            st.caption(tr("A model of this size takes minutes to answer; that is work for a job."))
            _work(state, state.run, all_snapshots=False)
            return
        with st.spinner(tr("Asking")):
            scores = kept or _quick(loaded.run_id, loaded.step, loaded)
            taught = _taught(loaded.run_id, state.workspace, state.run, loaded)
        view = tasks_view(scores, taught)
        st.markdown(f"**{view.reading}**")
        st.caption(tr("The bars are the share of right answers, the line what guessing gives."))
        if view.note:
            st.caption(view.note)
        task = st.selectbox(
            tr("See the questions of"),
            list(WORDS),
            format_func=lambda key: WORDS[key].label if key in WORDS else key,
            key="task",
            bind="query-params",
        )
        st.caption(WORDS[task or "induction"].meaning)
    with right:
        st.plotly_chart(tasks_chart(view.rows), key="tasks", config={"displayModeBar": False})
    with st.spinner(tr("Asking")):
        answers = _answers(loaded.run_id, loaded.step, task or "induction", loaded)
    st.dataframe(
        pd.DataFrame(answer_rows(answers)),
        hide_index=True,
        height=240,
        column_config={
            tr("how sure"): st.column_config.NumberColumn(format="percent"),
            tr("the text breaks off"): st.column_config.TextColumn(width="large"),
        },
    )


def _over_time(
    state: PageState,
    run: Artefact,
    left: st.delta_generator.DeltaGenerator,
    right: st.delta_generator.DeltaGenerator,
) -> None:
    steps = steps_of(_kept(state.workspace, run))
    with left:
        if len(steps) > 1:
            view = learned_view(steps)
            st.markdown(f"**{view.reading}**")
            st.caption(
                tr(
                    "The darker, the nearer to guessing; the figure in a field is the share of "
                    "right answers."
                )
            )
        _work(state, run, all_snapshots=True)
    with right:
        if len(steps) > 1:
            st.plotly_chart(
                learned_chart(learned_view(steps)), key="learned", config={"displayModeBar": False}
            )
        else:
            st.info(
                tr(
                    "All snapshots of the run answer the same questions, so that one sees what was "
                    "learned when. The table stands here once they have; the answers are kept."
                )
            )


def _work(state: PageState, run: Artefact, *, all_snapshots: bool) -> None:
    """A button that puts the questions as a job; while it works, how far it is."""
    newest = next(iter(_asked(state.workspace, run)), None)
    if newest is not None:
        status = newest.status()
        if status.alive or status.error or status.state == "stopped":
            job_panel.watch(state.workspace, newest.id, key="tasks")
        if status.alive:
            return
    label = tr("Ask every snapshot") if all_snapshots else tr("Ask it")
    if st.button(label, icon=":material/quiz:", key="tasks-ask"):
        argv = [
            "tasks",
            "--run",
            run.id,
            "--questions",
            str(_THOROUGH if all_snapshots else _QUICK),
        ]
        argv += ["--all-snapshots", str(all_snapshots)]
        name = tr("Tasks for {name}").format(name=run.name)[:80]
        jobs.start(state.workspace, argv, name=name, key=f"tasks-{run.id}-{all_snapshots}")
        st.rerun()


def _asked(workspace: Workspace, run: Artefact) -> list[Job]:
    """The jobs that put or have put these questions to the run, newest first."""
    found = jobs.list_jobs(workspace)
    return [job for job in found if job.verb == "tasks" and run.id in job.argv]


def _kept(workspace: Workspace, run: Artefact) -> Mapping[str, object]:
    """What jobs have found, by step; the newest wins."""
    kept: dict[str, object] = {}
    for job in reversed(_asked(workspace, run)):
        kept.update(job.status().result)
    return kept


@loaders.shared_answer()
def _quick(run_id: str, step: int, _loaded: LoadedRun) -> Scores:
    found = score_tasks(_loaded.model, _loaded.tokenizer, TasksConfig(questions=_QUICK))
    assert found is not None, tr("nobody asks a silent reporter to stop")
    return found


@st.cache_data(max_entries=32, show_spinner=False)
def _taught(
    run_id: str, _workspace: Workspace, _run: Artefact, _loaded: LoadedRun
) -> dict[str, bool | None]:
    return taught_by_corpus(_workspace, _run, _loaded.tokenizer)


@loaders.shared_answer()
def _answers(run_id: str, step: int, task: str, _loaded: LoadedRun) -> tuple[Answer, ...]:
    room = Room(_loaded.tokenizer, _loaded.model.config.context_length)
    few = _SHOWN_ANSWERS if _loaded.model.n_parameters <= _QUICK_MODEL else 2
    questions = TASKS[task].questions(room, few)
    return ask(_loaded.model, _loaded.tokenizer, questions).answers
