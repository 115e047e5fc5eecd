"""Serve a model to other programs: the command, a button that runs it, lines for clients."""

import streamlit as st

from slm import jobs
from slm.exchange.chat_template import has_chat_template
from slm.serving.presence import running
from slm.serving.server import serve
from slm.workshop.rights import is_presenter
from slm.workspace import Artefact
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import serving as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key
from ui.views.at_step import ask_step

_VERB = "serve"
_POLL_SECONDS = 2.0


def render(state: PageState) -> None:
    """The questions and the command to the left; to the right what runs, and how to ask it."""
    source = state.run
    if source is None:
        st.info(tr("There is no model yet. Home makes a first one in a few minutes."))
        return
    if not is_presenter(state.owner):
        st.info(
            tr("In a shared room the presenter serves models; they answer on that computer only.")
        )
        return
    ask, out = st.columns([1, 1.5], gap="large")
    with ask:
        st.markdown(
            tr("**Serve a model** to programs that were written for OpenAI's."),
            help=glossary.meaning("server"),
        )
        port, step, chats = _ask(state, source)
    with out:
        st.markdown(tr("**Running now**"))
        _work(state)
        _list(state, source, port, chats=chats)
    widgets.show_code(words.code_lines(str(state.workspace.root), source.id, step), serve)


def _ask(state: PageState, source: Artefact) -> tuple[int, int | None, bool]:
    """Port, step, and whether it will chat."""
    st.caption(widgets.esc_md(tr("Model, as chosen on the left: {name}").format(name=source.name)))
    templated = has_chat_template(source)
    st.caption(
        widgets.esc_md(words.chat_note(source.name, has_template=templated)),
        help=glossary.meaning("chat template" if templated else "base model"),
    )
    left, right = st.columns(2)
    with left:
        port: int = st.number_input(
            tr("Port"),
            min_value=1_024,
            max_value=65_535,
            value=words.USUAL_PORT,
            key="serve_port",
            bind="query-params",
            help=tr("The number behind the machine's address. Two servers need two of them."),
        )
    with right:
        step = None if source.imported else ask_step(source, tr("Any of them can be served."))
    plain_chat = not templated and st.toggle(
        tr("Plain chat"),
        key="serve_plain_chat",
        bind="query-params",
        help=tr(
            "Chats become lines 'User: …' and 'Assistant: …', and the model goes on with them. "
            "A model that never read conversations will not answer well."
        ),
    )
    argv = words.serve_argv(source.id, step, port, plain_chat=plain_chat)
    if st.button(tr("Start it"), type="primary", icon=":material/dns:", key="serve-start"):
        with widgets.user_errors():
            name = tr("Serve {name}").format(name=source.name)[:80]
            job = jobs.start(
                state.workspace, argv, name=name, owner=state.owner, key=work_key(argv)
            )
            st.session_state["serve_job"] = job.id
            st.rerun()
    st.caption(tr("Or in a terminal, in the folder of this app:"))
    st.code(words.command(argv, str(state.workspace.root)), language="bash", wrap_lines=True)
    st.caption(
        tr(
            "Only programs on the machine of this app reach it. For others: "
            "`--host 0.0.0.0 --open-to-network True --api-key-file FILE`."
        ),
        help=glossary.meaning("API key"),
    )
    return port, step, templated or plain_chat


def _work(state: PageState) -> None:
    """Servers that were started here, found by their folders: a reload loses none."""
    mine = st.session_state.get("serve_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), _VERB, mine):
        if job.status().state != "done":
            job_panel.watch(state.workspace, job.id, key=f"serve-{job.id}")


@st.fragment(run_every=_POLL_SECONDS)
def _list(state: PageState, source: Artefact, port: int, *, chats: bool) -> None:
    found = words.rows(running(state.workspace), source.id)
    if not found:
        st.info(tr("No server runs. Once one does, its address stands here."))
    for row in found:
        with st.container(border=True):
            st.text(row.name)
            st.caption(widgets.esc_md(row.facts))
            st.code(row.url, language=None)
    lines = words.client_lines(words.address(found, port), source.id, chats=chats)
    st.markdown(tr("**Ask it**"))
    python, chat, curl = st.tabs([tr("Python"), tr("Chat"), "curl"])
    python.code(lines.python, language="python")
    if lines.chat is None:
        chat.caption(tr("A base model refuses chats. Plain chat, to the left, lets it try."))
    else:
        chat.code(lines.chat, language="python")
    curl.code(lines.curl, language="bash")
