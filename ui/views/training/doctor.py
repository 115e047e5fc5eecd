"""The training doctor's panel: what is wrong with a run, why, and a button that mends it."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from slm import jobs, locks
from slm.model import checkpoint
from slm.training import launch
from slm.training.config import recipe_for
from slm.training.doctor import Finding, examine
from slm.training.events import Event, config_at, request_change
from slm.training.runs import RunSettings, require_steps
from slm.workshop.rights import may_change_artefact
from slm.workspace import Artefact
from ui import session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import doctor as words
from ui.view_models import glossary, settings
from ui.view_models import model as model_words
from ui.view_models import training as run_words
from ui.view_models.doctor import Advice, Deed, Patient
from ui.view_models.run_curves import Records
from ui.views import kept
from ui.views.model import design as board

RECIPE = "recipe"  # under which the form of a new training keeps its settings


def panel(
    state: PageState,
    run: Artefact,
    told: RunSettings,
    records: Records,
    events: Sequence[Event],
    found: Sequence[Finding] | None = None,
) -> None:
    """Every finding with its remedy. `found` is what `examine` gave, where that is known."""
    if found is None:
        found = examine(told, records, events)
    patient = _patient(state, run, told, events)
    st.markdown(tr("**The training doctor**"), help=glossary.meaning("training doctor"))
    if not found:
        st.caption(tr("It finds nothing wrong with what was recorded so far."))
    for number, advice in enumerate(words.advices(found, patient)):
        _one(state, run, told, patient, advice, f"doctor-{run.id}-{advice.kind}-{number}")


def _patient(
    state: PageState, run: Artefact, told: RunSettings, events: Sequence[Event]
) -> Patient:
    last = max((event.step for event in events), default=0)
    return Patient(
        run.id,
        run.name,
        config_at(told.train, events, last),
        tuple(each.step for each in checkpoint.checkpoints(run.folder)),
        tuple(each.step for each in checkpoint.snapshots(run.folder)),
        locks.is_held(run.folder / "run.lock"),
        not may_change_artefact(state.owner, run),
    )


def _one(
    state: PageState, run: Artefact, told: RunSettings, patient: Patient, advice: Advice, key: str
) -> None:
    with st.container(border=True, key=key):
        st.markdown(
            f"{advice.icon} **:{advice.color}[{advice.headline}]** · {advice.steps}  \n"
            f"{widgets.esc_md(advice.evidence)}  \n{widgets.esc_md(advice.advice)}",
            help=glossary.meaning(advice.term),
        )
        deed = advice.deed
        if deed is not None and st.button(
            deed.label, key=f"{key}-do", help=widgets.esc_md(deed.help)
        ):
            with widgets.user_errors():
                _do(state, run, told, patient, deed)


def _do(state: PageState, run: Artefact, told: RunSettings, patient: Patient, deed: Deed) -> None:
    """Do what the button says.

    Raises: ConfigError, JobError, WorkspaceError when that cannot be.
    """
    if deed.way in {"change", "stop"}:
        state.workspace.runs.changeable(run.id)
    if deed.way == "change":
        require_steps(state.workspace, int(deed.settings.get("steps", 0)))
        request_change(run.folder, deed.settings)
    elif deed.way == "stop":
        _stop(state, run)
    elif deed.way == "job":
        key = " ".join(deed.argv)
        job = jobs.start(state.workspace, deed.argv, name=deed.name, owner=state.owner, key=key)
        st.session_state["training_job"] = (job.id, st.session_state.get("run"))
    else:
        _fill_the_form(state, told, patient, deed.settings)
    st.rerun()


def _stop(state: PageState, run: Artefact) -> None:
    job = run_words.job_of_run(jobs.list_jobs(state.workspace), run.id)
    if job is not None and job.status().alive:
        job.stop()
        return
    stop = launch.stop_file(run.folder)
    stop.parent.mkdir(exist_ok=True)
    stop.touch()


def _fill_the_form(
    state: PageState, told: RunSettings, patient: Patient, changes: Mapping[str, Any]
) -> None:
    """Open the form of a new training like this one, with those settings.

    Raises: ConfigError when they are not allowed.
    """
    design = model_words.design_like(told.model)
    recipe = patient.config.replace(**changes)
    kept.keep(board.KEY, model_words.write_design(design))
    kept.keep(RECIPE, settings.to_text(settings.changes(recipe, recipe_for(design.preset))))
    st.session_state.pop("recipe-preset", None)  # the form takes over what is kept
    known = {
        "corpus": state.workspace.corpora.find(told.corpus),
        "tokenizer": state.workspace.tokenizers.find(told.tokenizer),
    }
    chosen = {name: found.id for name, found in known.items() if found is not None}
    session.go_to("training", view="start", **chosen)
