"""What comes of a change inside the model: foreseeing, the next token, writing on.

Drawn below the switches and below a painted row. The untouched reading stands beside the
changed one everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from slm.attention.interventions import Change
from slm.attention.means import Means, mean_outputs
from slm.attention.readings import Reading, reading
from slm.lab.ablation import continuation
from slm.sampling.filters import SamplingConfig
from ui import loaders, widgets
from ui.components.tokens import tokens_view
from ui.figures.circuits import bar_rows, token_bars
from ui.loaders import LoadedRun
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.chips import labeller
from ui.view_models.outcome import (
    CHANGED,
    NOTHING_YET,
    UNTOUCHED,
    Written,
    change_chips,
    following,
    foreseen_at,
    parted,
    place_of,
    verdict,
)
from ui.views import kept
from ui.views.attention.asking import Asked

WRITTEN_TOKENS = 32
_SOON = 20_000_000
"""Parameters up to which continuations are written without being asked for."""
_BARS_HEIGHT, _CHIPS_HEIGHT = 290, 150
_SEED_WIDTH = 110


@dataclass(frozen=True)
class Outcome:
    """The text read twice, at the positions that are shown."""

    before: Reading
    after: Reading


def draw(
    asked: Asked, edits: tuple[Change, ...], *, key: str, positions: Sequence[int] | None = None
) -> Outcome | None:
    """All of it; None, and a sentence, where nothing is changed yet.

    `positions` are those whose next token is always shown (the last, if None); a click on a
    token shows what had been expected in its place.
    """
    if not edits:
        st.caption(NOTHING_YET)
        return None
    last = len(asked.ids_T) - 1
    fixed = (last,) if positions is None else tuple(dict.fromkeys(positions))
    picked = kept.recall(f"{key}_at")
    clicked = place_of(picked, len(asked.ids_T))
    shown = fixed if clicked is None else tuple(dict.fromkeys((foreseen_at(clicked), *fixed)))
    before = _read(*asked.key, (), shown, asked.loaded)
    after = _read(*asked.key, edits, shown, asked.loaded)
    st.markdown(f"**{verdict(before, after)}**")
    _draw_tokens(asked, before, after, clicked, key)
    bars, texts = st.columns([4, 5], gap="medium")
    with bars:
        _draw_next(asked, before, after, key)
    with texts:
        _draw_writing(asked, edits, key)
    return Outcome(before, after)


def _draw_tokens(
    asked: Asked, before: Reading, after: Reading, clicked: int | None, key: str
) -> None:
    chips, scale = change_chips(asked.ids_T, asked.loaded.tokenizer.token_bytes, before, after)
    picked = tokens_view(
        chips, scale=scale, key=f"{key}-change", height=_CHIPS_HEIGHT, selected=clicked
    )
    if picked is not None and picked != clicked:
        kept.keep(f"{key}_at", str(picked))
        st.rerun(scope="fragment")


def _draw_next(asked: Asked, before: Reading, after: Reading, key: str) -> None:
    tokenizer = asked.loaded.tokenizer
    word_of = labeller(tokenizer.token_bytes, tokenizer.vocab_size)
    found = [
        following(before, after, row, asked.tokens_T, word_of)
        for row in range(len(before.positions))
    ]
    tabs = (
        st.tabs([widgets.esc_md(each.title) for each in found])
        if len(found) > 1
        else [st.container()]
    )
    for number, (place, each) in enumerate(zip(tabs, found, strict=True)):
        with place:
            if len(found) == 1:
                st.markdown(f"**{widgets.esc_md(each.title)}**")
            st.caption(widgets.esc_md(each.sentence))
            st.vega_lite_chart(
                bar_rows(each.bars),
                token_bars((UNTOUCHED, CHANGED), height=_BARS_HEIGHT),
                key=f"{key}-next-{number}",
                alt=tr("Probability of the next token, untouched and changed: {title}").format(
                    title=each.title
                ),
            )


def _draw_writing(asked: Asked, edits: tuple[Change, ...], key: str) -> None:
    """Two continuations from one seed."""
    room = asked.loaded.model.config.context_length - len(asked.ids_T)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.markdown(tr("**And how does it write on?**"))
        seed: int = st.number_input(
            tr("Seed"),
            min_value=0,
            max_value=2**31 - 1,
            value=0,
            key="seed",
            bind="query-params",
            width=_SEED_WIDTH,
            help=glossary.meaning("seed"),
        )
    if room < 1:
        st.info(
            tr(
                "The text fills the context, so there is no room to write on. Shorten it to see "
                "both."
            )
        )
        return
    large = asked.loaded.model.n_parameters > _SOON
    if large and not st.toggle(tr("Write on, without and with the change"), key=f"{key}_write"):
        st.caption(tr("This model is large: writing takes a while, so it waits for you."))
        return
    with st.spinner(tr("Writing on, twice"), show_time=True) if large else st.empty():
        texts = [_written(*asked.key, each, seed, asked.loaded) for each in ((), edits)]
    if texts[0] == texts[1]:
        st.caption(tr("Word for word the same with this seed."))
    for name, written in zip((UNTOUCHED, CHANGED), parted(*texts), strict=True):
        _draw_text(name, written)


def _draw_text(name: str, written: Written) -> None:
    with st.container(border=True, gap=None):
        st.caption(name)
        together, alone = widgets.esc_md(written.together), widgets.esc_md(written.alone)
        st.markdown(f"{together}:blue-background[{alone}]" if alone else together)


@loaders.shared_answer()
def _read(
    run_id: str,
    step: int,
    ids_T: tuple[int, ...],
    edits: tuple[Change, ...],
    positions: tuple[int, ...],
    _loaded: LoadedRun,
) -> Reading:
    means = _means(run_id, step, ids_T, _loaded)
    return reading(_loaded.model, ids_T, edits, positions=positions, means=means)


@loaders.shared_answer()
def _written(
    run_id: str,
    step: int,
    ids_T: tuple[int, ...],
    edits: tuple[Change, ...],
    seed: int,
    _loaded: LoadedRun,
) -> str:
    new_ids = continuation(
        _loaded.model,
        ids_T,
        edits,
        SamplingConfig(seed=seed),
        WRITTEN_TOKENS,
        eos_id=_loaded.tokenizer.eos_id,
        means=_means(run_id, step, ids_T, _loaded),
    )
    decoder = _loaded.tokenizer.decoder(ids_T)
    return "".join(decoder.push(token) for token in new_ids) + decoder.flush()


@loaders.shared_answer()
def _means(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Means:
    del run_id, step
    return mean_outputs(_loaded.model, ids_T)
