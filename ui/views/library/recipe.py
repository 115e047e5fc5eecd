"""How a model was made, told as a notebook and a script; its record for trackers."""

from typing import get_args

import streamlit as st

from slm import jobs
from slm.exchange import tensorboard
from slm.exchange.notebook import Part, story_of
from slm.workspace import Artefact
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import taking_along as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key

_PARTS: tuple[Part, ...] = get_args(Part)
_HEIGHT = 460  # pixels


def render(state: PageState) -> None:
    """The story of the model that is chosen on the left, and its record for other programs."""
    model = state.run
    if model is None:
        st.info(tr("There is no model yet. Home makes a first one in a few minutes."))
        return
    st.markdown(tr("**{name}**, as chosen on the left.").format(name=widgets.esc_md(model.name)))
    told, drawn = st.columns([1.5, 1], gap="large")
    with told, widgets.user_errors():
        _story(state, model)
    with drawn, widgets.user_errors():
        trackers(state, model, alive=False)


def _story(state: PageState, model: Artefact) -> None:
    st.markdown(tr("**Notebook and script**"), help=glossary.meaning("notebook"))
    part = st.segmented_control(
        tr("Begins"),
        _PARTS,
        format_func=words.PARTS.__getitem__,
        default="all",
        key="part",
        bind="query-params",
        required=True,
        label_visibility="collapsed",
    )
    view = words.story_view(model, story_of(state.workspace, model, part or "all"), part or "all")
    st.caption(view.sentence)
    if view.gaps:
        st.info(view.gaps, icon=":material/info:")
    with st.container(horizontal=True):
        st.download_button(
            tr("Download the notebook (.ipynb)"),
            view.notebook,
            file_name=view.notebook_name,
            mime="application/x-ipynb+json",
            on_click="ignore",
            type="primary",
            key="take-notebook",
        )
        st.download_button(
            tr("Download the script (.py)"),
            view.script,
            file_name=view.script_name,
            mime="text/x-python",
            on_click="ignore",
            key="take-script",
        )
    with st.container(height=_HEIGHT):
        for cell in view.cells:
            if cell.kind == "code":
                st.code(cell.text, language="python", wrap_lines=True)
            else:
                st.markdown(cell.text)
    lines = words.story_lines(str(state.workspace.root), model, part or "all")
    widgets.show_code(lines, story_of)


def trackers(state: PageState, run: Artefact, *, alive: bool) -> None:
    """The run's record as files for TensorBoard, and the lines for any other tracker."""
    st.markdown(tr("**Curves in TensorBoard**"), help=glossary.meaning("experiment tracker"))
    if run.imported:
        st.caption(
            tr("The model was trained elsewhere, so there is no record of its training here.")
        )
        return
    st.caption(words.tracker_sentence(alive))
    argv = words.tensorboard_argv(run, alive)
    folder = tensorboard.folder_of(state.workspace, run)
    label = tr("Follow it in TensorBoard") if alive else tr("Write for TensorBoard")
    if st.button(label, icon=":material/show_chart:", key="write-events"):
        name = tr("TensorBoard files of {name}").format(name=run.name)[:80]
        job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=work_key(argv))
        st.session_state["events_job"] = job.id
        st.rerun()
    _work(state, run)
    if folder.is_dir():
        st.code(words.tensorboard_command(folder.parent), language="bash", wrap_lines=True)
        st.caption(tr("TensorBoard is a program of its own: `pip install tensorboard`."))
    with st.expander(tr("Another tracker"), icon=":material/code:"):
        st.caption(
            tr(
                "Weights & Biases, MLflow and others take each row of the record from a few "
                "lines of your own, while it trains or afterwards."
            )
        )
        st.code(words.hook_lines(str(state.workspace.root), run), language="python")


def _work(state: PageState, run: Artefact) -> None:
    """Writers at work for this run, found by their folders: a reload loses none."""
    mine = st.session_state.get("events_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), "tensorboard", mine):
        if words.is_of(job.argv, run) and job.status().state != "done":
            job_panel.watch(state.workspace, job.id, key=f"events-{job.id}")
