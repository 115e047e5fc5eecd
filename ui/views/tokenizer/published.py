"""Published tokenizers: a tokenizer.json by upload. Trying it out is a job."""

import pandas as pd
import streamlit as st

from slm import jobs
from slm.jobs import Job
from slm.tokenizer.importing import MAX_BYTES, import_tokenizer, keep_upload
from slm.workspace import clean_name
from ui import job_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import tokenizer as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key

_VERB = "import-tokenizer"


def render(state: PageState) -> None:
    """The upload to the left; what is there already to the right."""
    _work(state)
    left, right = st.columns([1, 1.5], gap="large")
    with left, widgets.user_errors():
        _ask(state)
    with right:
        _there(state)
    _show_code(state)


def _work(state: PageState) -> None:
    """Imports on their way, found by their folders: a reload loses none."""
    mine = st.session_state.get("import_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), _VERB, mine):
        job_panel.watch(state.workspace, job.id, key=f"import-{job.id}")
        made = job.status().result.get("tokenizer")
        if isinstance(made, str) and not job.status().alive:
            _offer(state, job, made)


def _offer(state: PageState, job: Job, tokenizer_id: str) -> None:
    made = state.workspace.tokenizers.find(tokenizer_id)
    if made is None:
        return
    told, use, compare = st.columns([2.4, 1, 1], vertical_alignment="center")
    told.caption(widgets.esc_md(f"{made.name}: {words.tokenizer_facts(made.details)}"))
    use.button(
        tr("Use it"),
        type="primary",
        key=f"use-{job.id}",
        on_click=_use,
        args=(tokenizer_id, "look"),
        help=tr("Every chapter then works with it."),
        width="stretch",
    )
    compare.button(
        tr("Compare it"),
        key=f"compare-{job.id}",
        on_click=_use,
        args=(tokenizer_id, "compare"),
        width="stretch",
    )


def _use(tokenizer_id: str, view: str) -> None:
    session.choose(tokenizer=tokenizer_id)
    st.session_state.pop("compared", None)
    st.session_state.pop("import_job", None)
    st.session_state["view"] = view


def _ask(state: PageState) -> None:
    sent = st.file_uploader(
        "tokenizer.json",
        type=["json"],
        max_upload_size=MAX_BYTES // 2**20,
        key="tokenizer_upload",
        help=tr(
            "The file beside a published model's weights. On its page of the Hub it stands under "
            "Files and versions."
        ),
    )
    name = st.text_input(
        tr("Name"),
        key="imported_name",
        placeholder=tr("such as GPT-2"),
        max_chars=80,
        bind="query-params",
    )
    ready = sent is not None and bool(name.strip())
    if st.button(tr("Add this tokenizer"), type="primary", disabled=not ready, key="import"):
        assert sent is not None
        path = keep_upload(state.workspace, sent.getvalue())
        argv = [_VERB, f"--file={path}", f"--name={clean_name(name)}"]
        title = tr("Import {name}").format(name=name.strip())[:80]
        job = jobs.start(state.workspace, argv, name=title, owner=state.owner, key=work_key(argv))
        st.session_state["import_job"] = job.id
        st.rerun()
    if not ready:
        st.caption(tr("Choose a file and a name."))
    st.caption(
        tr(
            "At most {max_bytes} MB. The file is tried out in a process of "
            "its own, with little memory and time; what is not safe to use "
            "is refused, and nothing of it is kept."
        ).format(max_bytes=MAX_BYTES // 2**20)
    )


def _there(state: PageState) -> None:
    st.markdown(tr("**Tokenizers that are here**"))
    known = [each for each in state.workspace.tokenizers.list() if not each.problem]
    if not known:
        st.caption(tr("None yet."))
        return
    frame = pd.DataFrame(
        {
            tr("Name"): [each.name for each in known],
            tr("What it is"): [words.tokenizer_facts(each.details) for each in known],
        }
    )
    st.dataframe(frame, hide_index=True, height="content" if len(known) < 12 else 430)
    st.caption(
        tr(
            "Read by our own code are byte-level BPE files with the patterns of GPT-2 and GPT-4; "
            "the others go through the library tokenizers, which gives the publisher's ids."
        )
    )


def _show_code(state: PageState) -> None:
    name = str(st.session_state.get("imported_name") or "GPT-2")
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.importing import ImportConfig, import_tokenizer\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({str(state.workspace.root)!r}))\n"
        f"config = ImportConfig(file='tokenizer.json', name={name!r})\n"
        "made = import_tokenizer(workspace, config)",
        import_tokenizer,
    )
