"""Bring a model in: a folder of Hugging Face on this machine, or a zip of one. A job."""

from pathlib import Path

import streamlit as st

from slm import jobs
from slm.exchange.importing import (
    MAX_UPLOAD_BYTES,
    folder_at,
    import_model,
    keep_upload,
    look_at,
)
from slm.jobs import Job
from slm.workspace import clean_name
from ui import job_panel, session, widgets
from ui.session import PageState
from ui.view_models import bringing as words
from ui.view_models import glossary
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key

_VERB = "import"
_FOLDER, _ZIP = "A folder on this machine", "A zip of such a folder"


def render(state: PageState) -> None:
    """Imports at work, then the questions, what the model needs, and the button."""
    _work(state)
    with st.expander("Bring a model in", icon=":material/download:", expanded=_is_open(state)):
        st.markdown(
            "A published model in the form of Hugging Face: `config.json`, `model.safetensors` "
            "and `tokenizer.json`. Families that are read: GPT-2, Llama, Qwen2.5, Qwen3, Phi-3.",
            help=glossary.meaning("imported model"),
        )
        with widgets.user_errors():
            _ask(state)
    widgets.show_code(words.code_lines(str(state.workspace.root)), import_model)


def _is_open(state: PageState) -> bool:
    return not state.workspace.models.list()


def _work(state: PageState) -> None:
    """Imports on their way, found by their folders: a reload loses none."""
    mine = st.session_state.get("bring_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), _VERB, mine):
        job_panel.watch(state.workspace, job.id, key=f"bring-{job.id}")
        made = job.status().result.get("model")
        if isinstance(made, str) and not job.status().alive:
            _offer(state, job, made)


def _offer(state: PageState, job: Job, model_id: str) -> None:
    made = state.workspace.models.find(model_id)
    if made is None:
        return
    told, use, look = st.columns([2.4, 1, 1], vertical_alignment="center")
    told.caption(widgets.esc_md(f"{made.name} is here."))
    use.button(
        "Use it in all chapters",
        type="primary",
        key=f"use-{job.id}",
        on_click=_use,
        args=(model_id,),
        width="stretch",
    )
    if look.button("See its attention", key=f"look-{job.id}", width="stretch"):
        session.choose(run=model_id)
        session.go_to("attention")


def _use(model_id: str) -> None:
    session.choose(run=model_id)
    st.session_state.pop("bring_job", None)


def _ask(state: PageState) -> None:
    way = st.segmented_control(
        "From",
        [_FOLDER, _ZIP],
        default=_FOLDER,
        key="bring_from",
        required=True,
        label_visibility="collapsed",
    )
    source = _ask_folder() if way == _FOLDER else _ask_zip(state)
    if source is None:
        return
    arrival = look_at(source)
    told = words.needs(arrival)
    st.caption(widgets.esc_md(told.what))
    if told.problem:
        widgets.show_problem(told.problem)
        return
    name = st.text_input(
        "Name", key="bring_name", placeholder=arrival.name[:80], max_chars=80, width=360
    )
    if st.button("Bring it in", type="primary", key="bring"):
        named = clean_name(name or arrival.name[:80])
        argv = [_VERB, str(source), f"--name={named}"]
        title = f"Import {named}"[:80]
        job = jobs.start(state.workspace, argv, name=title, owner=state.owner, key=work_key(argv))
        st.session_state["bring_job"] = job.id
        st.rerun()


def _ask_folder() -> Path | None:
    path: str = st.text_input(
        "Folder",
        key="bring_folder",
        placeholder="/home/me/models/gpt2",
        help="The folder as save_pretrained writes it, or as it is downloaded from the Hub.",
    )
    return folder_at(path) if path.strip() else None


def _ask_zip(state: PageState) -> Path | None:
    sent = st.file_uploader(
        "Zip", type=["zip"], max_upload_size=MAX_UPLOAD_BYTES // 2**20, key="bring_zip"
    )
    return keep_upload(state.workspace, sent.name, sent.getbuffer()) if sent is not None else None
