"""A new corpus: a source, rules whose effect is seen at once, a name. Saving is a job."""

from collections.abc import Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm import jobs
from slm.data.cleaning import cleaner as cleaning
from slm.data.corpus import CORPUS_PREFIX, PrepareConfig, prepare_corpus
from slm.data.sources import SourceConfig
from slm.jobs import Job
from ui import job_panel, queue_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary, preparing, sources
from ui.view_models import hub as hub_words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.settings import described
from ui.view_models.sources import SourceCard
from ui.views.data import clean, explore, hub, library, upload

_FIELDS = PrepareConfig.model_fields
# The library stands beside the rest where there is room for both, else above it.
_WIDTHS = """<style>
.st-key-collect { flex-wrap: wrap; }
.st-key-collect > :has(> .st-key-library) { flex: 1 1 250px; min-width: 0; }
.st-key-collect > :has(> .st-key-new-corpus) { flex: 4 1 460px; min-width: 0; }
@media (max-width: 1150px) {
  .st-key-source-list, :has(> .st-key-source-list) { max-height: 190px; }
  .st-key-source-list [role=radiogroup] { flex-flow: row wrap; column-gap: 1.5rem; }
}
</style>"""


def render(state: PageState) -> None:
    """The library to the left, the source and what is done to it to the right.

    What was started on this visit stands below its button, where the eye is; what was found
    on arriving stands on top.
    """
    started = st.session_state.get("data_job")
    met: set[str] = st.session_state.setdefault("data_met", set())
    working = jobs_to_show(jobs.list_jobs(state.workspace), "prepare", started, *met)
    mine = [job for job in working if job.id == started]
    others = [job for job in working if job.id != started]
    met.update(job.id for job in others)  # when they end, their end is told
    _work(state, others)
    st.html(_WIDTHS)
    row = st.container(horizontal=True, gap="medium", key="collect")
    with row.container(key="library"):
        card = library.choose()
        hub.downloads(state)
    with row.container(key="new-corpus"):
        library.facts(card)
        source = None
        with widgets.user_errors():
            source = _settings(state, card)
        saving = st.container(border=True)
        _work(state, mine)
        rules = clean.ask(state, source)
        if source is None:
            saving.info(sources.missing(card.key))
            return
        with widgets.user_errors():
            with saving:
                config = _ask_and_save(state, card, source, rules)
            _show_code(state, config)


def _settings(state: PageState, card: SourceCard) -> SourceConfig | None:
    """What the chosen source still needs; None while a file, a text or a name is missing."""
    if card.key == sources.UPLOAD:
        return upload.ask(state)
    if card.key == sources.PASTE:
        return upload.ask_paste(state)
    if card.key == sources.OWN:
        return _ask_own(state)
    if card.needs_network:
        return hub.ask(state, card)
    return sources.source_config(card.key)


def _ask_own(state: PageState) -> SourceConfig | None:
    """A saved corpus whose text is to be cleaned anew."""
    names = {corpus.id: corpus.name for corpus in state.workspace.corpora.list()}
    chosen = st.selectbox(
        tr("Corpus"),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        key="corpus_source",
        placeholder=tr("one of yours, or the demo's"),
        bind="query-params",
        persist_state="session",
    )
    return sources.own_config(chosen if chosen in names else None)


def _work(state: PageState, working: Sequence[Job]) -> None:
    """Corpora in the making, found by their folders: a reload loses none."""
    for job in working:
        job_panel.watch(state.workspace, job.id, key=f"prepare-{job.id}")
        status = job.status()
        corpus = status.result.get("corpus")
        if isinstance(corpus, str):
            _offer(state, job, corpus)
        elif not status.alive:
            _offer_what_arrived(state, job)


def _offer(state: PageState, job: Job, corpus_id: str) -> None:
    corpus = state.workspace.corpora.find(corpus_id)
    if corpus is None:
        return
    told, use, aside = st.columns([2.4, 1, 1], vertical_alignment="center")
    told.caption(widgets.esc_md(preparing.corpus_summary(corpus.details)))
    use.button(
        tr("Use this corpus"),
        type="primary",
        key=f"use-{job.id}",
        on_click=explore.use,
        args=(corpus_id,),
        help=tr("Every chapter then works with it."),
        width="stretch",
    )
    aside.button(
        tr("Put it aside"), key=f"aside-{job.id}", on_click=_put_aside, args=(job,), width="stretch"
    )


def _offer_what_arrived(state: PageState, job: Job) -> None:
    """After a download that ended early: go on (the panel's own button), or save what is here."""
    kept = hub.kept_for(state, job.argv)
    row = st.container(horizontal=True, vertical_alignment="center")
    if kept is not None and kept.texts:
        row.caption(widgets.esc_md(hub_words.kept_after_failure(kept)))
        if row.button(tr("Save what has arrived"), key=f"keep-{job.id}", icon=":material/save:"):
            _start(state, preparing.offline_argv(job.argv), job.name)
    row.button(tr("Put it aside"), key=f"aside-{job.id}", on_click=_put_aside, args=(job,))
    if job.status().state == "failed" and sources.hub_source(job.argv) is not None:
        hub.offer_embedded(f"without-{job.id}")


def _put_aside(job: Job) -> None:
    st.session_state.get("data_met", set()).discard(job.id)
    if st.session_state.get("data_job") == job.id:
        del st.session_state["data_job"]


def _ask_and_save(
    state: PageState, card: SourceCard, source: SourceConfig, rules: tuple[str, ...]
) -> PrepareConfig:
    """Name and limits, and the button that starts the work.

    Raises: ConfigError for settings that cannot be.
    """
    fetches = card.needs_network and not source.hub_offline
    suggested = sources.default_name(card.key, source.source, _corpus_name(state, source))
    places = st.columns([1.4, 1, 1])
    name = places[0].text_input(
        tr("Name"),
        key="corpus_name",
        placeholder=suggested,
        max_chars=80,
        bind="query-params",
        persist_state="session",
    )
    limits = _ask_how_much(places[1], places[2], fetches)
    queue_panel.share(state)
    row = st.container(horizontal=True, vertical_alignment="center")
    start = row.button(tr("Save the corpus"), type="primary", icon=":material/save:", key="prepare")
    with row.popover(tr("More"), icon=":material/tune:"):
        limits |= _ask_more(card.key)
    config = PrepareConfig(
        **{**source.model_dump(), **limits, "name": name.strip() or suggested, "rules": rules}
    )
    row.caption(preparing.plan(config, needs_network=fetches), width="stretch")
    if start:
        _start(state, preparing.prepare_argv(config), tr("Corpus {name}").format(name=config.name))
    return config


def _corpus_name(state: PageState, source: SourceConfig) -> str:
    """What the corpus is called that is to be cleaned anew."""
    corpus = state.workspace.corpora.find(source.source.removeprefix(CORPUS_PREFIX))
    return corpus.name if corpus is not None else ""


def _ask_how_much(left: DeltaGenerator, right: DeltaGenerator, fetches: bool) -> dict[str, object]:
    """How much to read; of the Hub the first documents unless the visitor wants all."""
    documents = left.number_input(
        tr("Documents at most"),
        min_value=2,
        value=sources.FIRST_DOCUMENTS if fetches else None,
        step=100,
        key="hub_documents" if fetches else "documents",
        placeholder=tr("all"),
        help=described(_FIELDS["documents"]),
        bind="query-params",
        persist_state="session",
    )
    megabytes = right.number_input(
        tr("Megabytes at most"),
        min_value=0.1,
        value=None,
        step=1.0,
        key="megabytes",
        placeholder=tr("all"),
        help=described(_FIELDS["max_megabytes"]),
        bind="query-params",
        persist_state="session",
    )
    return {"documents": documents, "max_megabytes": megabytes}


def _ask_more(choice: str) -> dict[str, object]:
    held_out = st.slider(
        tr("Held out for validation"),
        1,
        50,
        10,
        format="%d %%",
        key="held_out",
        help=glossary.meaning("validation split"),
        bind="query-params",
        persist_state="session",
    )
    seed = 0
    if choice in sources.GENERATED:
        seed = st.number_input(
            tr("Seed"),
            min_value=0,
            max_value=2**31 - 1,
            value=0,
            key="tales_seed",
            help=described(_FIELDS["seed"]),
            bind="query-params",
            persist_state="session",
        )
    return {"validation_fraction": held_out / 100, "seed": seed}


def _start(state: PageState, argv: list[str], name: str) -> None:
    job = jobs.start(
        state.workspace,
        argv,
        name=name[:80],
        owner=state.owner,
        key=preparing.work_key(argv),
    )
    st.session_state["data_job"] = job.id
    st.rerun()


def _show_code(state: PageState, config: PrepareConfig) -> None:
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.data.corpus import CORPUS_PREFIX, PrepareConfig, prepare_corpus\n"
        "from slm.workspace import Workspace\n\n"
        f"config = PrepareConfig({preparing.arguments(config, PrepareConfig())})\n"
        f"corpus = prepare_corpus(Workspace(Path({str(state.workspace.root)!r})), config)",
        cleaning.clean,
        prepare_corpus,
    )
