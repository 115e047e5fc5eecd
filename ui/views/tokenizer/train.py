"""A new tokenizer from a corpus. Training is a job."""

import streamlit as st

from slm import jobs
from slm.jobs import Job
from slm.tokenizer.bpe import train_bpe
from slm.tokenizer.encoding import TokenizeConfig, train_tokenizer
from slm.tokenizer.history import merges_for
from slm.tokenizer.patterns import PATTERNS
from ui import job_panel, session, widgets
from ui.figures import tokenizer as figures
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models import tokenizer as words
from ui.view_models.data import arguments, work_key
from ui.view_models.jobs import jobs_to_show
from ui.views.tokenizer.current import current, curve_of

_KINDS = {"bpe": "Byte-level BPE", "characters": "Characters"}
_MOST_OF_THE_SAVING = 0.9


def render(state: PageState) -> None:
    """Work that runs, the settings, and what merges buy."""
    _work(state)
    left, right = st.columns([1, 1.7], gap="large")
    with left:
        config = _ask(state)
    with right, widgets.user_errors():
        _what_merges_buy(state)
    if config is not None:
        _show_code(state, config)


def invite() -> None:
    """Said where there is no tokenizer yet."""
    st.info("No tokenizer is here yet. Train one on a corpus: it takes a few seconds.")
    st.button("Train a tokenizer", type="primary", on_click=_to, args=("train",))


def _to(view: str) -> None:
    st.session_state["view"] = view


def _work(state: PageState) -> None:
    """Tokenizers in the making, found by their folders: a reload loses none."""
    mine = st.session_state.get("tokenizer_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), "tokenize", mine):
        job_panel.watch(state.workspace, job.id, key=f"tokenize-{job.id}")
        made = job.status().result.get("tokenizer")
        if isinstance(made, str) and not job.status().alive:
            _offer(state, job, made)


def _offer(state: PageState, job: Job, tokenizer_id: str) -> None:
    made = state.workspace.tokenizers.find(tokenizer_id)
    if made is None:
        return
    told, use, aside = st.columns([2.4, 1, 1], vertical_alignment="center")
    told.caption(widgets.esc_md(words.tokenizer_facts(made.details)))
    use.button(
        "Use it",
        type="primary",
        key=f"use-{job.id}",
        on_click=_use,
        args=(tokenizer_id,),
        help="Every chapter then works with it.",
        width="stretch",
    )
    aside.button("Put it aside", key=f"aside-{job.id}", on_click=_put_aside, width="stretch")


def _use(tokenizer_id: str) -> None:
    session.choose(tokenizer=tokenizer_id)
    st.session_state["view"] = "look"


def _put_aside() -> None:
    st.session_state.pop("tokenizer_job", None)


def _ask(state: PageState) -> TokenizeConfig | None:
    corpora = {corpus.id: corpus for corpus in state.workspace.corpora.list() if not corpus.problem}
    if not corpora:
        st.info("A tokenizer learns from a corpus, and there is none yet.")
        if st.button("Collect a corpus", type="primary"):
            session.go_to("data", view="collect")
        return None
    fields = TokenizeConfig.model_fields
    usual = state.corpus if state.corpus is not None and state.corpus.id in corpora else None
    if st.session_state.get("learn_from") not in {None, *corpora}:
        st.session_state["learn_from"] = None
    chosen = st.selectbox(
        "Corpus",
        list(corpora),
        index=None,
        format_func=lambda key: corpora[key].name if key in corpora else key,
        placeholder=(usual or next(iter(corpora.values()))).name,
        key="learn_from",
        bind="query-params",
        help=glossary.meaning("corpus"),
    )
    corpus = corpora[chosen] if chosen else usual or next(iter(corpora.values()))
    kind = st.segmented_control(
        "Kind",
        list(_KINDS),
        format_func=_KINDS.__getitem__,
        default="bpe",
        key="kind",
        bind="query-params",
        required=True,
        help=fields["kind"].description,
    )
    values: dict[str, object] = {"corpus": corpus.id, "kind": kind}
    if kind == "bpe":
        values["vocab_size"] = st.number_input(
            "Vocabulary size",
            min_value=257,
            max_value=200_000,
            value=2048,
            step=256,
            key="vocab_size",
            bind="query-params",
            help=glossary.meaning("vocabulary size"),
        )
        values["pattern"] = st.selectbox(
            "Where text is cut",
            list(PATTERNS),
            format_func=lambda key: f"As {PATTERNS[key].title} does",
            key="pattern",
            bind="query-params",
            help=" ".join(f"{each.title}: {each.description}" for each in PATTERNS.values()),
        )
    suggested = f"{corpus.name} {kind}"[:80]
    name = st.text_input(
        "Name", key="tokenizer_name", placeholder=suggested, max_chars=80, bind="query-params"
    )
    config = TokenizeConfig.from_json({**values, "name": name.strip() or suggested})
    if st.button("Train the tokenizer", type="primary", icon=":material/play_arrow:", key="train"):
        with widgets.user_errors():
            _start(state, config)
    st.caption("A few seconds a megabyte. It goes on when this page closes.")
    return config


def _start(state: PageState, config: TokenizeConfig) -> None:
    argv = words.tokenize_argv(config)
    name = f"Tokenizer {config.name}"[:80]
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
        st.caption("The current tokenizer has one token a character: there is nothing to join.")
        return
    enough = merges_for(curve, _MOST_OF_THE_SAVING)
    st.markdown("**What merges buy**", help=glossary.meaning("merge"))
    st.caption(
        widgets.esc_md(
            f"Bytes per token on held-out text of {state.corpus.name}, with the first merges of "
            f"{tokenizer.name} alone."
        )
    )
    chart = figures.compression(curve.bytes_per_token, marked=enough)
    st.plotly_chart(chart, config={"displayModeBar": False}, key="merges-buy")
    st.caption(words.curve_note(len(curve.merges) - 1, enough))


def _show_code(state: PageState, config: TokenizeConfig) -> None:
    given = arguments(config, TokenizeConfig(corpus=""))
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.tokenizer.encoding import TokenizeConfig, train_tokenizer\n"
        "from slm.workspace import Workspace\n\n"
        f"config = TokenizeConfig({given})\n"
        f"tokenizer = train_tokenizer(Workspace(Path({str(state.workspace.root)!r})), config)",
        train_tokenizer,
        train_bpe,
    )
