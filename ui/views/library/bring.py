"""Bring a model in: by its name on the Hub, from a folder on this machine, or as a zip. A job."""

from pathlib import Path

import streamlit as st

from slm import jobs
from slm.exchange.arriving import Arrival
from slm.exchange.hub import require_hub_id
from slm.exchange.importing import (
    MAX_UPLOAD_BYTES,
    ImportConfig,
    folder_at,
    import_model,
    keep_upload,
    look_at,
    look_at_hub,
)
from slm.jobs import Job
from slm.workshop.rights import is_presenter
from slm.workspace import clean_name
from ui import job_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import bringing as words
from ui.view_models import glossary
from ui.view_models.bringing import Asked
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key
from ui.view_models.settings import described

_VERB = "import"


def render(state: PageState) -> None:
    """Imports at work, then the questions, what the model needs, and the button."""
    _work(state)
    asked: Asked | None = None
    with st.expander(tr("Bring a model in"), icon=":material/download:", expanded=_is_open(state)):
        st.markdown(words.INTRODUCTION, help=glossary.meaning("imported model"))
        with widgets.user_errors():
            asked = _ask(state)
        with st.popover(tr("From nanoGPT, litgpt or a pickle"), icon=":material/help:"):
            st.markdown(words.ELSEWHERE)
    widgets.show_code(words.code_lines(str(state.workspace.root), asked), import_model)


def _is_open(state: PageState) -> bool:
    return not state.workspace.models.list() or bool(st.session_state.get("bring_hub"))


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
    told.caption(widgets.esc_md(tr("{name} is here.").format(name=made.name)))
    use.button(
        tr("Use it in all chapters"),
        type="primary",
        key=f"use-{job.id}",
        on_click=_use,
        args=(model_id,),
        width="stretch",
    )
    if look.button(tr("See its attention"), key=f"look-{job.id}", width="stretch"):
        session.choose(run=model_id)
        session.go_to("attention")


def _use(model_id: str) -> None:
    session.choose(run=model_id)
    st.session_state.pop("bring_job", None)


def _ask(state: PageState) -> Asked | None:
    """The source, what it needs, the number format and the name; None while there is no source."""
    way = st.segmented_control(
        tr("From"),
        words.ways(is_presenter(state.owner)),
        format_func=tr,
        default=words.ways(is_presenter(state.owner))[1],
        key="bring_from",
        required=True,
        label_visibility="collapsed",
        bind="query-params",
        persist_state="session",
    )
    found = _ask_hub() if way == words.HUB else _ask_here(state, way == words.ZIP)
    if found is None:
        return None
    source, arrival = found
    st.caption(widgets.esc_md(words.what(arrival)))
    left, right = st.columns([1.4, 1], vertical_alignment="bottom")
    with left:
        dtype = st.segmented_control(
            tr("Numbers in memory"),
            words.DTYPES,
            default=words.usual_dtype(arrival),
            format_func=lambda each: words.dtype_label(arrival, each),
            key="bring_dtype",
            required=True,
            help=described(ImportConfig.model_fields["dtype"]),
        )
    with right:
        name = st.text_input(
            tr("Name"), key="bring_name", placeholder=arrival.name[:80], max_chars=80
        )
    asked = Asked(source, arrival.revision, dtype, name or arrival.name[:80])
    problem = words.problem(arrival, asked.dtype)
    if problem:
        widgets.show_problem(problem)
    elif st.button(tr("Bring it in"), type="primary", key="bring"):
        _start(state, asked)
    return asked


def _start(state: PageState, asked: Asked) -> None:
    argv = [_VERB, *words.arguments(asked, clean_name(asked.name))]
    title = tr("Import {name}").format(name=clean_name(asked.name))[:80]
    job = jobs.start(state.workspace, argv, name=title, owner=state.owner, key=work_key(argv))
    st.session_state["bring_job"] = job.id
    st.rerun()


def _ask_hub() -> tuple[str, Arrival] | None:
    """A model on the Hub, once it was asked for; the answer is kept for ten minutes.

    Raises: HubError for what is no owner/name, and for a Hub out of reach.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name: str = row.text_input(
        tr("Model on the Hub"),
        key="bring_hub",
        placeholder=tr("owner/name, as in HuggingFaceTB/SmolLM2-135M"),
        max_chars=200,
        bind="query-params",
        persist_state="session",
    ).strip()
    revision: str = row.text_input(
        tr("Revision"),
        key="bring_revision",
        placeholder=tr("the newest"),
        max_chars=120,
        width=180,
        help=described(ImportConfig.model_fields["revision"]),
        bind="query-params",
        persist_state="session",
    ).strip()
    asked = row.button(
        tr("Look"), icon=":material/cloud_download:", disabled=not name, key="bring-look"
    )
    if not name:
        return None
    require_hub_id(name, revision or None)
    if asked:
        st.session_state["bring_looked"] = (name, revision)
    if st.session_state.get("bring_looked") != (name, revision):
        st.caption(tr("*Look* asks the Hub how large it is; nothing is fetched yet."))
        return None
    return name, _on_hub(name, revision or None)


@st.cache_data(
    ttl=600, max_entries=64, show_spinner=tr("Asking the Hub; it has 30 seconds to answer")
)
def _on_hub(name: str, revision: str | None) -> Arrival:
    return look_at_hub(name, revision)


def _ask_here(state: PageState, zipped: bool) -> tuple[str, Arrival] | None:
    source = _ask_zip(state) if zipped else _ask_folder()
    return None if source is None else (str(source), look_at(source))


def _ask_folder() -> Path | None:
    path: str = st.text_input(
        tr("Folder"),
        key="bring_folder",
        placeholder="/home/me/models/gpt2",
        help=tr("The folder as save_pretrained writes it, or as it is downloaded from the Hub."),
    )
    return folder_at(path) if path.strip() else None


def _ask_zip(state: PageState) -> Path | None:
    sent = st.file_uploader(
        tr("Zip"), type=["zip"], max_upload_size=MAX_UPLOAD_BYTES // 2**20, key="bring_zip"
    )
    return keep_upload(state.workspace, sent.name, sent.getbuffer()) if sent is not None else None
