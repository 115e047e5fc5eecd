"""A new tokenizer from a corpus. Training is a job, and can be watched."""

import pandas as pd
import streamlit as st

from slm import jobs
from slm.jobs import Job
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.encoding import train_tokenizer
from slm.tokenizer.history import merges_for
from slm.tokenizer.learning import learn
from ui import job_panel, queue_panel, session, widgets
from ui.figures import tokenizer as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import tokenizer as facts
from ui.view_models import tokenizer_training as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import arguments, work_key
from ui.views.tokenizer import train_form
from ui.views.tokenizer.current import current, curve_of

_MOST_OF_THE_SAVING = 0.9
_LIVE_WIDTH = 295  # two fit side by side at 1440 px; on a narrow screen one stands below
_LIVE_HEIGHT = 336


def render(state: PageState) -> None:
    """The settings to the left; work that runs, or what merges buy, to the right."""
    left, right = st.columns([1, 1.7], gap="large")
    with left:
        config = train_form.ask(state)
        if config is not None:
            _offer_to_start(state, config)
    with right, widgets.user_errors():
        if not _work(state):
            _what_merges_buy(state)
    if config is not None:
        _show_code(state, config)


def invite() -> None:
    """Said where there is no tokenizer yet."""
    st.info(tr("No tokenizer is here yet. Train one on a corpus: it takes a few seconds."))
    st.button(tr("Train a tokenizer"), type="primary", on_click=_to, args=("train",))


def _to(view: str) -> None:
    st.session_state["view"] = view


def _work(state: PageState) -> bool:
    """Tokenizers in the making, found by their folders: a reload loses none."""
    mine = st.session_state.get("tokenizer_job")
    found = jobs_to_show(jobs.list_jobs(state.workspace), "tokenize", mine)
    for job in found:
        job_panel.watch(state.workspace, job.id, key=f"tokenize-{job.id}")
        _live(job)
        made = job.status().result.get("tokenizer")
        if isinstance(made, str) and not job.status().alive:
            _offer(state, job, made)
        elif not job.status().alive:
            st.button(tr("Put it aside"), key=f"aside-{job.id}", on_click=_put_aside)
    return bool(found)


def _live(job: Job) -> None:
    """The newest merges and what they save, as the job tells them."""

    @st.fragment(run_every=job_panel.POLL_SECONDS if job.status().alive else None)
    def panel() -> None:
        view = words.training_view(job.status())
        if view is None:
            return
        st.caption(view.story)
        row = st.container(horizontal=True, gap="medium")
        for label, value, term in (
            (tr("Merges"), view.merges, "merge"),
            (tr("Bytes per token"), view.bytes_per_token, tr("bytes per token")),
            (tr("Different chunks"), view.chunks, "chunk"),
        ):
            row.metric(label, value, help=glossary.meaning(term), width="content")
        side_by_side = st.container(horizontal=True, gap="small")
        frame = pd.DataFrame(view.curve, columns=["merges", "ratio"])
        spec = figures.live_compression(view.wanted)
        side_by_side.vega_lite_chart(frame, spec, key=f"live-{job.id}", width=_LIVE_WIDTH)
        side_by_side.dataframe(
            pd.DataFrame(
                {
                    tr("Pair"): [merge.pair for merge in view.newest],
                    tr("Token"): [merge.token for merge in view.newest],
                    tr("Count"): [merge.count for merge in view.newest],
                }
            ),
            hide_index=True,
            height=_LIVE_HEIGHT,
            width=_LIVE_WIDTH,
        )

    panel()


def _offer(state: PageState, job: Job, tokenizer_id: str) -> None:
    made = state.workspace.tokenizers.find(tokenizer_id)
    if made is None:
        return
    st.caption(widgets.esc_md(facts.tokenizer_facts(made.details)))
    row = st.container(horizontal=True)
    row.button(
        tr("Use it"),
        type="primary",
        key=f"use-{job.id}",
        on_click=_use,
        args=(tokenizer_id,),
        help=tr("Every chapter then works with it."),
    )
    row.button(tr("Put it aside"), key=f"aside-{job.id}", on_click=_put_aside)


def _use(tokenizer_id: str) -> None:
    session.choose(tokenizer=tokenizer_id)
    st.session_state["view"] = "look"


def _put_aside() -> None:
    st.session_state.pop("tokenizer_job", None)


def _offer_to_start(state: PageState, config: TokenizeConfig) -> None:
    queue_panel.share(state)
    if st.button(
        tr("Train the tokenizer"), type="primary", icon=":material/play_arrow:", key="train"
    ):
        with widgets.user_errors():
            _start(state, config)


def _start(state: PageState, config: TokenizeConfig) -> None:
    argv = words.tokenize_argv(config)
    name = tr("Tokenizer {name}").format(name=config.name)[:80]
    key = work_key(argv)
    job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=key)
    st.session_state["tokenizer_job"] = job.id
    st.rerun()


def _what_merges_buy(state: PageState) -> None:
    """The current tokenizer's compression by merges: a picture to choose a size by."""
    tokenizer = current(state)
    if tokenizer is None or state.corpus is None:
        return
    curve = curve_of(tokenizer, state.corpus)
    if curve is None:
        st.caption(tr("The current tokenizer has one token a character: there is nothing to join."))
        return
    enough = merges_for(curve, _MOST_OF_THE_SAVING)
    st.markdown(tr("**What merges buy**"), help=glossary.meaning("merge"))
    st.caption(
        widgets.esc_md(
            tr(
                "Bytes per token on held-out text of {name}, with the first "
                "merges of {tokenizer} alone."
            ).format(name=state.corpus.name, tokenizer=tokenizer.name)
        )
    )
    chart = figures.compression(curve.bytes_per_token, marked=enough)
    st.plotly_chart(chart, config={"displayModeBar": False}, key="merges-buy")
    st.caption(facts.curve_note(len(curve.merges) - 1, enough))


def _show_code(state: PageState, config: TokenizeConfig) -> None:
    given = arguments(config, TokenizeConfig(corpus=""))
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.encoding import TokenizeConfig, train_tokenizer\n"
        "from slm.workspace import Workspace\n\n"
        f"config = TokenizeConfig({given})\n"
        f"tokenizer = train_tokenizer(Workspace(Path({str(state.workspace.root)!r})), config)",
        train_tokenizer,
        learn,
    )
