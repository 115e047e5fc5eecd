"""Anatomy of a choice: what each filter makes of the next token's distribution, and the draw.

One fragment. A prompt is read once; sliders and the order of filters move the bars by its cached
logits, without another forward pass.
"""

from typing import Any

import streamlit as st

from slm.sampling.draws import uniforms
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import fit_prompt, logits
from ui import loaders, widgets
from ui.components.anatomy import anatomy_view
from ui.components.tokens import tokens_view
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.anatomy import (
    TALLY,
    anatomy_of,
    came_sentence,
    draw_sentence,
    moved,
    prompt_chips,
)
from ui.view_models.sampling import ORDER, anatomy_lines, write_order
from ui.views import kept
from ui.views.sampling.settings import ask_prompt, ask_seed, chosen_config, sliders

DRAW = "anatomy_draw"
_CLICKED = "anatomy-clicked"
_NUMBER_WIDTH = 150
_PROMPT_HEIGHT = 70
_MOST_DRAWS = 10_000


def render(state: PageState) -> None:
    """Prompt and sliders beside the stages."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then let it speak here."))
        return
    _anatomy(state, loaders.load_run(state.run))


@st.fragment
def _anatomy(state: PageState, loaded: LoadedRun) -> None:
    left, right = st.columns([1, 2.3], gap="medium")
    with left:
        prompt = ask_prompt(height=70)
        sliders()
        ask_seed()
        widgets.demo_note(state.on_demo, tr("the words"))
    with right, widgets.user_errors():
        tokenizer, shape = loaded.tokenizer, loaded.model.config
        size = tokenizer.vocab_size
        ids = tokenizer.encode(prompt)
        fitted = fit_prompt(ids, shape.vocab_size, shape.context_length, tokenizer.eos_id)
        for note in (*loaded.notes, *fitted.notes):
            st.caption(f":material/info: {widgets.esc_md(note)}")
        config = chosen_config()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            n_read = _ask_place(len(fitted.ids))
            draw = _ask_draw()
        _click_place(fitted.ids, n_read, loaded)
        read = fitted.ids[:n_read]
        distribution = next_token_distribution(
            _logits(loaded.run_id, loaded.step, read, loaded), config, read
        )
        anatomy = anatomy_of(
            distribution,
            config,
            uniforms(config.seed, max(TALLY, draw + 1)),
            tokenizer.token_bytes,
            size,
            draw=draw,
        )
        for note in anatomy.notes:
            st.caption(f":material/info: {widgets.esc_md(note)}")

        def move(name: str, steps: int) -> None:
            kept.keep(ORDER, write_order(moved(config.order, name, steps)))

        anatomy_view(anatomy, key="anatomy", on_move=move)
        st.markdown(widgets.esc_md(draw_sentence(anatomy, config.seed, draw)))
        if n_read < len(fitted.ids):
            came = came_sentence(distribution, fitted.ids[n_read], tokenizer.token_bytes, size)
            st.markdown(widgets.esc_md(came))
        assert state.run is not None
        widgets.show_code(anatomy_lines(state.run, prompt, config, n_read), next_token_distribution)


def _ask_place(n_tokens: int) -> int:
    """After how many tokens of the prompt the choice is looked at; the last, if not said."""
    if (clicked := st.session_state.pop(_CLICKED, None)) is not None:
        st.session_state["anatomy_after"] = None if clicked == n_tokens else clicked
    if not 1 <= (st.session_state.get("anatomy_after") or 1) <= n_tokens:
        st.session_state["anatomy_after"] = None
    chosen: int | None = st.number_input(
        tr("After so many tokens"),
        min_value=1,
        max_value=n_tokens,
        value=None,
        placeholder=tr("all {n_tokens:,}").format(n_tokens=n_tokens),
        key="anatomy_after",
        bind="query-params",
        width=_NUMBER_WIDTH,
        help=tr("Any place of the prompt can be looked at. ") + glossary.meaning("token"),
    )
    return n_tokens if chosen is None else chosen


def _click_place(ids: tuple[int, ...], n_read: int, loaded: LoadedRun) -> None:
    """The prompt as tokens; a click on one looks at the choice behind it."""
    label_of, size = loaded.tokenizer.token_bytes, loaded.tokenizer.vocab_size
    clicked = tokens_view(
        prompt_chips(ids, label_of, size),
        key="anatomy-prompt",
        height=_PROMPT_HEIGHT,
        selected=n_read - 1,
    )
    if clicked is not None and clicked != n_read - 1:
        st.session_state[_CLICKED] = clicked + 1
        st.rerun(scope="fragment")


def _ask_draw() -> int:
    """Which of the seed's numbers falls."""
    count = int(st.session_state.get(DRAW, 0))
    if st.button(tr("Draw again"), icon=":material/casino:", key="anatomy_again"):
        count = (count + 1) % _MOST_DRAWS
        st.session_state[DRAW] = count
    return count


@loaders.shared_answer()
def _logits(run_id: str, step: int, ids: tuple[int, ...], _loaded: LoadedRun) -> Any:
    """Logits after a text: one forward pass for each checkpoint and text."""
    return logits(_loaded.model, ids, _loaded.tokenizer.eos_id)
