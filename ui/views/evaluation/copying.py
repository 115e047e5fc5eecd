"""Is it only copying? What of a text stands in the training text, and where.

A text is written now, pasted, or held out. Its chips, the passage of the training text
behind one of them, and how new its n-grams are.
"""

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from slm import jobs
from slm.data.corpus import open_corpus
from slm.evaluation.memorization import Copying, passages
from slm.jobs import Job
from slm.lab.copy_index import CopyIndex, Text, choose_text, open_index
from slm.lab.copying import (
    HELD_OUT_PASSAGES,
    Examined,
    examine,
    find_sources,
    held_out_copies,
)
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import fit_prompt, generate
from ui import job_panel, loaders, widgets
from ui.components.tokens import tokens_view
from ui.figures.copying import novelty_chart
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.view_models import copying as words
from ui.view_models import glossary
from ui.views.kept import keep, recall

_SOURCES = {"written": "Written now", "own": "Your own", "held_out": "Held out"}
_LONGEST, _LONGEST_LINK = 8_000, 500
_PROMPT, _LENGTH, _MIN_LENGTH = "Once upon a time", 200, 16
_CHIPS_HEIGHT, _PASSAGE_HEIGHT = 230, 200
_TOLD_SECONDS = 0.2


@dataclass(frozen=True)
class _Asked:
    """A text to examine. `pasted` is what was given; None for what the model wrote."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    prompt: str
    pasted: str | None
    config: SamplingConfig
    length: int


def render(state: PageState) -> None:
    """A text to the left; its copies, and where they are from, to the right."""
    if state.run is None:
        st.info("No model is here yet. Build one on Home, then see what it copies.")
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.4], gap="medium")
    text = index = asked = None
    least = _MIN_LENGTH
    with left, widgets.user_errors():
        widgets.demo_note(state.on_demo, "a text")
        text = _choose_text(state)
        index = open_index(state.workspace, text) if text is not None else None
        asked = _ask(loaded, index)
        least = _least()
        if asked is not None:
            st.session_state["copy-seen"] = loaded.tokenizer.decode(asked.prompt_ids + asked.ids)
    with right:
        if text is not None and index is not None and asked is not None:
            _show(loaded, index, text, asked, least)
            _show_code(state, text, asked, least)
            return
        with widgets.user_errors():
            if index is not None:
                st.info("There is no text yet. Paste one: what of it is copied is found.")
            elif text is not None:
                _index_first(state, text)
            elif state.run.imported:
                st.info(words.unknown_text(widgets.esc_md(state.run.name)), icon=":material/info:")
        if asked is not None and asked.ids:
            tokenizer = loaded.tokenizer
            ids = asked.prompt_ids + asked.ids
            chips = words.plain_chips(ids, tokenizer.token_bytes, tokenizer.vocab_size)
            tokens_view(chips, key="copy-plain", height=_CHIPS_HEIGHT)


def _choose_text(state: PageState) -> Text | None:
    """The training text; None while a model that was trained elsewhere has none to compare."""
    assert state.run is not None
    names = {each.id: each.name for each in state.workspace.corpora.list() if not each.problem}
    chosen = st.selectbox(
        "Compare with",
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder="Choose a corpus" if state.run.imported else "What it was trained on",
        key="copy_corpus",
        bind="query-params",
        persist_state="session",
        help="The text in which copies are looked for. Any corpus of the workspace will do: "
        "it is encoded as this model reads it.",
    )
    if state.run.imported and chosen not in names:
        return None
    with widgets.user_errors():  # what is gone is told here, and another corpus can be chosen
        return choose_text(state.workspace, state.run, chosen if chosen in names else "")
    return None


def _ask(loaded: LoadedRun, index: CopyIndex | None) -> _Asked | None:
    """The text to examine; None while there is none."""
    source = st.pills(  # they wrap where the column is narrow
        "Text",
        list(_SOURCES),
        format_func=lambda key: _SOURCES.get(key, key),
        default="written",
        key="copy_from",
        bind="query-params",
        required=True,
        wrap=True,
        on_change=_take_over,
    )
    if source == "own":
        return _pasted(loaded)
    if source == "held_out":
        return _held_out(loaded, index)
    return _written(loaded)


def _take_over() -> None:
    """Whoever turns to a text of their own begins with the one that they saw."""
    if st.session_state.get("copy_from") == "own" and not st.session_state.get("copy_text"):
        st.session_state["copy_text"] = str(st.session_state.get("copy-seen", ""))[:_LONGEST]


def _pasted(loaded: LoadedRun) -> _Asked | None:
    short = len(str(st.session_state.get("copy_text", ""))) <= _LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    pasted: str = st.text_area(
        "Your text",
        key="copy_text",
        height=200,
        max_chars=_LONGEST,
        placeholder="Paste a text; what of it stands in the training text is found",
        **kept,
    )
    if not pasted:
        return None  # the other column asks for it
    ids = tuple(loaded.tokenizer.encode(pasted))
    return _Asked((), ids, "", pasted, SamplingConfig(), _LENGTH)


def _held_out(loaded: LoadedRun, index: CopyIndex | None) -> _Asked | None:
    """A passage that the model never saw: what a text that copies nothing looks like."""
    if index is None:
        return None
    rows = passages(index.held_out_N, _LENGTH, HELD_OUT_PASSAGES, index.document_end)
    if not rows:
        st.caption("There is too little held-out text.")
        return None
    number = st.number_input(
        f"Passage, 1 to {len(rows)}",
        min_value=1,
        max_value=len(rows),
        key="copy_passage",
        bind="query-params",
        help=glossary.meaning("held-out"),
    )
    row = tuple(token for token in rows[int(number) - 1] if token != index.document_end)
    return _Asked((), row, "", loaded.tokenizer.decode(row), SamplingConfig(), _LENGTH)


def _written(loaded: LoadedRun) -> _Asked | None:
    prompt: str = st.text_area(
        "Prompt",
        _PROMPT,
        key="copy_prompt",
        height=80,
        max_chars=_LONGEST_LINK,
        bind="query-params",
        placeholder="Empty: the model begins a new text",
        help=glossary.meaning("prompt"),
    )
    config = _sampling()
    length = int(
        st.number_input(
            "Length",
            min_value=1,
            max_value=1_000,
            value=_LENGTH,
            step=50,
            key="copy_length",
            bind="query-params",
            help="At most this many tokens; the model may end its text before.",
        )
    )
    prompt_ids = tuple(loaded.tokenizer.encode(prompt))
    ids = _write(loaded, prompt_ids, config, length)
    return _Asked(prompt_ids, ids, prompt, None, config, length)


def _sampling() -> SamplingConfig:
    fields = SamplingConfig.model_fields
    temperature = st.slider(
        "Temperature",
        0.0,
        2.0,
        float(fields["temperature"].default),
        0.05,
        key="copy_temperature",
        bind="query-params",
        help=fields["temperature"].description,
    )
    seed = st.number_input(
        "Seed",
        min_value=0,
        max_value=2**31,
        key="copy_seed",
        bind="query-params",
        help=fields["seed"].description,
    )
    return SamplingConfig(temperature=temperature, seed=int(seed))


def _write(
    loaded: LoadedRun, prompt_ids: tuple[int, ...], config: SamplingConfig, length: int
) -> tuple[int, ...]:
    """What the model writes, kept. A bar shows how far; a change of settings ends it."""
    kept = _box(loaded.run_id, loaded.step, prompt_ids, config.to_json(), length)
    if "ids" not in kept:
        shape, eos_id = loaded.model.config, loaded.tokenizer.eos_id
        fitted = fit_prompt(prompt_ids, shape.vocab_size, shape.context_length, eos_id)
        bar, told = st.empty(), time.monotonic()
        ids: list[int] = []
        for step in generate(loaded.model, fitted.ids, config, length, eos_id=eos_id):
            if not step.ends:
                ids.append(step.id)
            if time.monotonic() - told > _TOLD_SECONDS:
                told = time.monotonic()
                bar.progress(len(ids) / length, f"{len(ids):,} of {length:,} tokens written")
        bar.empty()
        kept["ids"] = tuple(ids)
    return kept["ids"]


@st.cache_resource(max_entries=32, show_spinner=False)
def _box(
    run_id: str, step: int, prompt_ids: tuple[int, ...], config: dict[str, Any], length: int
) -> dict[str, tuple[int, ...]]:
    """A place for a text; it is filled when the text is whole."""
    return {}


def _least() -> int:
    return int(
        st.slider(
            "Counts as copied from",
            2,
            64,
            _MIN_LENGTH,
            format="%d tokens",
            key="copy_least",
            bind="query-params",
            help="Shorter matches stay plain: everybody uses the same turns of phrase.",
        )
    )


def _index_first(state: PageState, text: Text) -> None:
    """The job that indexes the training text: how far it is, or the button that starts it."""
    assert state.run is not None
    key = f"copying-{text.key}"
    corpus = open_corpus(text.corpus) if text.corpus is not None else None
    tokens = words.training_tokens(text, corpus)
    newest = _index_job(state, key)
    made_before = newest is not None and newest.status().state == "done"  # and was cleared away
    if (newest is None or made_before) and tokens <= words.BY_ITSELF_TOKENS:
        _start(state, text, key)
        newest = _index_job(state, key)
    if newest is not None:
        job_panel.watch(state.workspace, newest.id, key="copy-index")
        if newest.status().alive:
            return
    st.caption(words.index_offer(tokens))
    st.button(
        "Index the training text",
        icon=":material/manage_search:",
        key="copy-index-start",
        type="primary",
        on_click=_start,
        args=(state, text, key),
    )


def _index_job(state: PageState, key: str) -> Job | None:
    return next((job for job in jobs.list_jobs(state.workspace) if job.key == key), None)


def _start(state: PageState, text: Text, key: str) -> None:
    assert state.run is not None
    argv = ["copying", "--run", state.run.id, "--index-only", "True"]
    if not text.own and text.corpus is not None:
        argv += ["--corpus", text.corpus.id]
    jobs.start(state.workspace, argv, name=f"Index of {text.name}"[:80], key=key)


@st.fragment
def _show(loaded: LoadedRun, index: CopyIndex, text: Text, asked: _Asked, least: int) -> None:
    """The verdict, the chips, and below them where a match is from, and the n-grams."""
    if not asked.ids:
        st.info("The model wrote nothing: it ended the text at once. Try another seed or prompt.")
        return
    with st.spinner("Looking for copies", show_time=True):
        held_out = _held_out_copies(index.key, len(asked.ids), index)
        examined = examine(index, asked.ids, held_out)
    told = words.verdict(examined, least)
    st.markdown(f"**{told.headline}**", help=glossary.meaning("memorization"))
    st.caption(f"{told.longest} {told.share}")
    tokenizer = loaded.tokenizer
    n_before = len(asked.prompt_ids)
    chips = words.copied_chips(
        examined, asked.prompt_ids, least, tokenizer.token_bytes, tokenizer.vocab_size
    )
    at = _clicked(len(asked.ids))
    span = words.chosen_span(examined, at)
    picked = tokens_view(
        chips,
        scale=words.COPIED,
        key="copy-chips",
        height=_CHIPS_HEIGHT,
        selected=None if span is None else n_before + (span.start if at is None else at),
    )
    if picked is not None and picked >= n_before and picked - n_before != at:
        keep("copy_at", str(picked - n_before))
        st.rerun(scope="fragment")
    st.caption(words.indexed(index, text))
    passage, chart = st.columns([1.15, 1], gap="medium")
    with passage:
        _passage(loaded, index, text, examined, at)
    with chart:
        st.markdown("**How new are its n-grams?**", help=glossary.meaning("novel n-gram"))
        st.plotly_chart(
            novelty_chart(words.new_shares(examined.novelty)),
            key="copy-novelty",
            config={"displayModeBar": False},
        )


def _passage(
    loaded: LoadedRun, index: CopyIndex, text: Text, examined: Examined, at: int | None
) -> None:
    """The training text around the chosen match."""
    span = words.chosen_span(examined, at)
    st.markdown("**Where it stands in the training text**" if text.own else "**Where it stands**")
    if span is None:
        st.caption("This token is not in the training text.")
        return
    with widgets.user_errors():
        found = find_sources(index, text, examined.ids[span.start : span.stop])
        st.caption(words.where_it_stands(found, span))
        number = 1
        if len(found.sources) > 1:
            number = int(
                st.number_input(
                    f"Place, 1 to {len(found.sources)}",
                    min_value=1,
                    max_value=len(found.sources),
                    key=f"copy-place-{span.start}-{span.length}",
                )
            )
        source = found.sources[number - 1]
        tokenizer = loaded.tokenizer
        chips = words.passage_chips(
            index, source, span.length, tokenizer.token_bytes, tokenizer.vocab_size
        )
        tokens_view(chips, key="copy-passage-chips", height=_PASSAGE_HEIGHT, scale=words.PASSAGE)
        st.caption(widgets.esc_md(words.source_line(source, text)))


def _show_code(state: PageState, text: Text, asked: _Asked, least: int) -> None:
    assert state.run is not None
    given = asked.prompt if asked.pasted is None else asked.pasted
    lines = words.copying_code(
        state.run, text, given, asked.config if asked.pasted is None else None, asked.length, least
    )
    widgets.show_code(lines, examine)


def _clicked(n: int) -> int | None:
    """The token that the address names, where the text has it."""
    kept = recall("copy_at")
    return int(kept) if kept is not None and kept.isdecimal() and int(kept) < n else None


@st.cache_resource(max_entries=32, show_spinner=False)
def _held_out_copies(key: str, tokens: int, _index: CopyIndex) -> tuple[Copying, ...]:
    return held_out_copies(_index, tokens)
