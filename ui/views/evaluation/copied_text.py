"""Which text is held against the training text: written now, pasted, or held out."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import streamlit as st

from slm.evaluation.memorization import passages
from slm.lab.copy_index import CopyIndex
from slm.lab.copying import HELD_OUT_PASSAGES
from slm.sampling.engine import engine_for
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import fit_prompt
from slm.tokenizer.beginning import frame
from ui.loaders import LoadedRun
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.settings import described

_SOURCES = {"written": tr("Written now"), "own": tr("Your own"), "held_out": tr("Held out")}
_LONGEST, _LONGEST_LINK = 8_000, 500
_PROMPT, _LENGTH = "Once upon a time", 200
_TOLD_SECONDS = 0.2


@dataclass(frozen=True)
class Asked:
    """A text to examine. `pasted` is what was given; None for what the model wrote."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    prompt: str
    pasted: str | None
    config: SamplingConfig
    length: int


def ask_text(loaded: LoadedRun, index: CopyIndex | None) -> Asked | None:
    """The text to examine; None while there is none."""
    source = st.pills(  # they wrap where the column is narrow
        tr("Text"),
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


def _pasted(loaded: LoadedRun) -> Asked | None:
    short = len(str(st.session_state.get("copy_text", ""))) <= _LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    pasted: str = st.text_area(
        tr("Your text"),
        key="copy_text",
        height=200,
        max_chars=_LONGEST,
        placeholder=tr("Paste a text; what of it stands in the training text is found"),
        **kept,
    )
    if not pasted:
        return None  # the other column asks for it
    ids = tuple(frame(loaded.tokenizer).plain.encode(pasted))
    return Asked((), ids, "", pasted, SamplingConfig(), _LENGTH)


def _held_out(loaded: LoadedRun, index: CopyIndex | None) -> Asked | None:
    """A passage that the model never saw: what a text that copies nothing looks like."""
    if index is None:
        return None
    rows = passages(index.held_out_N, _LENGTH, HELD_OUT_PASSAGES, index.document_end)
    if not rows:
        st.caption(tr("There is too little held-out text."))
        return None
    number = st.number_input(
        tr("Passage, 1 to {n_rows}").format(n_rows=len(rows)),
        min_value=1,
        max_value=len(rows),
        key="copy_passage",
        bind="query-params",
        help=glossary.meaning("held-out"),
    )
    row = tuple(token for token in rows[int(number) - 1] if token != index.document_end)
    return Asked((), row, "", loaded.tokenizer.decode(row), SamplingConfig(), _LENGTH)


def _written(loaded: LoadedRun) -> Asked | None:
    prompt: str = st.text_area(
        tr("Prompt"),
        _PROMPT,
        key="copy_prompt",
        height=80,
        max_chars=_LONGEST_LINK,
        bind="query-params",
        placeholder=tr("Empty: the model begins a new text"),
        help=glossary.meaning("prompt"),
    )
    config = _sampling()
    length = int(
        st.number_input(
            tr("Length"),
            min_value=1,
            max_value=1_000,
            value=_LENGTH,
            step=50,
            key="copy_length",
            bind="query-params",
            help=tr("At most this many tokens; the model may end its text before."),
        )
    )
    prompt_ids = tuple(loaded.tokenizer.encode(prompt))
    ids = _write(loaded, prompt_ids, config, length)
    return Asked(prompt_ids, ids, prompt, None, config, length)


def _sampling() -> SamplingConfig:
    fields = SamplingConfig.model_fields
    temperature = st.slider(
        tr("Temperature"),
        0.0,
        2.0,
        float(fields["temperature"].default),
        0.05,
        key="copy_temperature",
        bind="query-params",
        help=described(fields["temperature"]),
    )
    seed = st.number_input(
        tr("Seed"),
        min_value=0,
        max_value=2**31,
        key="copy_seed",
        bind="query-params",
        help=described(fields["seed"]),
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
        engine = engine_for(loaded.model)
        with closing(engine.generate(fitted.ids, config, length, eos_id=eos_id)) as steps:
            for step in steps:
                if not step.ends:
                    ids.append(step.id)
                if time.monotonic() - told > _TOLD_SECONDS:
                    told = time.monotonic()
                    bar.progress(
                        len(ids) / length,
                        tr("{n_ids:,} of {length:,} tokens written").format(
                            n_ids=len(ids), length=length
                        ),
                    )
        bar.empty()
        kept["ids"] = tuple(ids)
    return kept["ids"]


@st.cache_resource(max_entries=32, show_spinner=False)
def _box(
    run_id: str, step: int, prompt_ids: tuple[int, ...], config: dict[str, Any], length: int
) -> dict[str, tuple[int, ...]]:
    """A place for a text; it is filled when the text is whole."""
    return {}
