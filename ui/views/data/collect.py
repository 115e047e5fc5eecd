"""A new corpus: a source, rules whose effect is seen at once, a name. Saving is a job."""

from pathlib import Path

import pandas as pd
import streamlit as st

from slm import jobs
from slm.data import cleaning
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.data.sources import SourceConfig
from slm.data.text_files import SUFFIXES
from slm.data.uploads import FOLDER, keep_upload
from slm.jobs import Job
from ui import job_panel, widgets
from ui.session import PageState
from ui.view_models import data as words
from ui.view_models import glossary
from ui.view_models.jobs import jobs_to_show
from ui.views.data import clean, explore

_FIELDS = PrepareConfig.model_fields


def render(state: PageState) -> None:
    """Work that runs; then the source to the left, what the rules do to it to the right."""
    _work(state)
    left, right = st.columns([1, 2], gap="large")
    source = None
    with left:
        choice = _ask_source()
    with right:
        with widgets.user_errors():
            source = _settings(state, choice)
        saving = st.container()
        rules = clean.ask(state, source)
        if source is None:
            saving.info(_missing(choice))
            return
        with widgets.user_errors():
            with saving:
                config = _ask_and_save(state, choice, source, rules)
            _show_code(state, config)


def _work(state: PageState) -> None:
    """Corpora in the making, found by their folders: a reload loses none."""
    mine = st.session_state.get("data_job")
    for job in jobs_to_show(jobs.list_jobs(state.workspace), "prepare", mine):
        job_panel.watch(state.workspace, job.id, key=f"prepare-{job.id}")
        corpus = job.status().result.get("corpus")
        if isinstance(corpus, str):
            _offer(state, job, corpus)


def _offer(state: PageState, job: Job, corpus_id: str) -> None:
    corpus = state.workspace.corpora.find(corpus_id)
    if corpus is None:
        return
    told, use, aside = st.columns([2.4, 1, 1], vertical_alignment="center")
    told.caption(widgets.esc_md(words.corpus_summary(corpus.details)))
    use.button(
        "Use this corpus",
        type="primary",
        key=f"use-{job.id}",
        on_click=explore.use,
        args=(corpus_id,),
        help="Every chapter then works with it.",
        width="stretch",
    )
    aside.button("Put it aside", key=f"aside-{job.id}", on_click=_put_aside, width="stretch")


def _put_aside() -> None:
    st.session_state.pop("data_job", None)


def _ask_source() -> str:
    cards = words.source_cards()
    choice = st.radio(
        "Source",
        list(cards),
        format_func=lambda key: cards[key].title,
        key="source",
        bind="query-params",
        persist_state="session",
        help=glossary.meaning("source"),
    )
    card = cards[choice]
    with st.container(border=True, gap="xsmall"):
        st.markdown(card.description)
        st.caption(f"{card.facts}\n\nGood for: {card.good_for}")
    with st.popover("All sources side by side", width="stretch"):
        frame = pd.DataFrame(
            {
                "Source": [each.title for each in cards.values()],
                "Language, licence, size": [each.facts for each in cards.values()],
                "Good for": [each.good_for for each in cards.values()],
                "Network": ["needed" if c.needs_network else "no" for c in cards.values()],
            }
        )
        st.dataframe(frame, hide_index=True, height="content")
    return choice


def _settings(state: PageState, choice: str) -> SourceConfig | None:
    """What the chosen source still needs; None while a file or a name is missing."""
    if choice == words.UPLOAD:
        path = _ask_upload(state)
        return words.source_config(choice, upload=str(path) if path else None)
    if choice == words.HUB:
        return _ask_hub()
    return words.source_config(choice)


def _ask_upload(state: PageState) -> Path | None:
    """The file that this visitor sent, kept where a job can read it.

    Raises: DataError for a file that is no text.
    """
    sent = st.file_uploader(
        "Text file", type=[suffix[1:] for suffix in SUFFIXES], key="data-upload"
    )
    if sent is not None and st.session_state.get("data_sent") != sent.file_id:
        st.session_state.pop("data_upload", None)
        path = keep_upload(state.workspace, sent.name, sent.getvalue())
        st.session_state.update(data_sent=sent.file_id, data_upload=str(path))
    held = st.session_state.get("data_upload")
    kept = Path(held) if isinstance(held, str) else None
    if kept is None or not _is_ours(kept, state):
        return None
    if sent is None:
        st.caption(f"In hand: {widgets.esc_md(kept.name)}. Another file takes its place.")
    return kept


def _is_ours(path: Path, state: PageState) -> bool:
    folder = (state.workspace.root / FOLDER).resolve()
    return path.is_file() and path.resolve().is_relative_to(folder)


def _ask_hub() -> SourceConfig | None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.text_input(
        "Data set",
        key="hub_name",
        placeholder="owner/name, as in roneneldan/TinyStories",
        bind="query-params",
        persist_state="session",
        max_chars=200,
    )
    given: dict[str, str] = {}
    with row.popover("Split, column …"):
        for field, label, usual in (
            ("hub_config", "Configuration", "the only one"),
            ("hub_split", "Split", "train"),
            ("text_column", "Text column", "found by itself"),
        ):
            given[field] = st.text_input(
                label,
                key=field,
                placeholder=usual,
                help=_FIELDS[field].description,
                bind="query-params",
                persist_state="session",
            )
    return words.source_config(
        words.HUB,
        hub_name=name,
        hub_config=given["hub_config"],
        hub_split=given["hub_split"],
        text_column=given["text_column"],
    )


def _missing(choice: str) -> str:
    if choice == words.UPLOAD:
        return (
            "Choose a text file above. UTF-8, UTF-16 and Windows-1252 are told apart; "
            "the file itself is kept as it was."
        )
    return "Name a data set of the Hub above, as owner/name."


def _ask_and_save(
    state: PageState, choice: str, source: SourceConfig, rules: tuple[str, ...]
) -> PrepareConfig:
    """Name and limits, and the button that starts the work.

    Raises: ConfigError for settings that cannot be.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    suggested = words.default_name(choice, source.source)
    name = row.text_input(
        "Name",
        key="corpus_name",
        placeholder=suggested,
        max_chars=80,
        bind="query-params",
        persist_state="session",
    )
    with row.popover("How much"):
        limits = _ask_limits(choice)
    config = PrepareConfig(
        **{**source.model_dump(), **limits, "name": name.strip() or suggested, "rules": rules}
    )
    if row.button("Save the corpus", type="primary", icon=":material/save:", key="prepare"):
        _start(state, config)
    st.caption(words.plan(config))
    return config


def _ask_limits(choice: str) -> dict[str, object]:
    documents = st.number_input(
        "Documents at most",
        min_value=2,
        value=None,
        step=100,
        key="documents",
        placeholder="all",
        help=_FIELDS["documents"].description,
        bind="query-params",
        persist_state="session",
    )
    megabytes = st.number_input(
        "Megabytes at most",
        min_value=0.1,
        value=None,
        step=1.0,
        key="megabytes",
        placeholder="all",
        help=_FIELDS["max_megabytes"].description,
        bind="query-params",
        persist_state="session",
    )
    held_out = st.slider(
        "Held out for validation",
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
    if choice in words.GENERATED:
        seed = st.number_input(
            "Seed",
            min_value=0,
            max_value=2**31 - 1,
            value=0,
            key="tales_seed",
            help=_FIELDS["seed"].description,
            bind="query-params",
            persist_state="session",
        )
    return {
        "documents": documents,
        "max_megabytes": megabytes,
        "validation_fraction": held_out / 100,
        "seed": seed,
    }


def _start(state: PageState, config: PrepareConfig) -> None:
    argv = words.prepare_argv(config)
    job = jobs.start(
        state.workspace,
        argv,
        name=f"Corpus {config.name}"[:80],
        owner=state.owner,
        key=words.work_key(argv),
    )
    st.session_state["data_job"] = job.id
    st.rerun()


def _show_code(state: PageState, config: PrepareConfig) -> None:
    widgets.show_code(
        "from pathlib import Path\n"
        "from slm.data.corpus import PrepareConfig, prepare_corpus\n"
        "from slm.workspace import Workspace\n\n"
        f"config = PrepareConfig({words.arguments(config, PrepareConfig())})\n"
        f"corpus = prepare_corpus(Workspace(Path({str(state.workspace.root)!r})), config)",
        cleaning.clean,
        prepare_corpus,
    )
