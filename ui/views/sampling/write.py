"""Let the model write, and see what each choice is drawn from.

Three parts that are redrawn apart: the texts, which are polled while they grow; the
settings with the bars that they move; the prompt.
"""

from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm.sampling.config import FILTERS
from slm.sampling.distribution import Mask
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import Prompt, fit_prompt, logits
from slm.sampling.methods import WritingConfig, constrained, write
from ui import loaders, widgets
from ui.figures.sampling import choice_chart, choice_rows
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.sampling import choice_view, order_sentence
from ui.view_models.writing import code_lines, command_line
from ui.views.sampling.presets import preset_row
from ui.views.sampling.settings import (
    PROMPT,
    ask_form,
    ask_length,
    ask_method_settings,
    ask_prompt,
    ask_seed,
    ask_stops,
    ask_texts,
    chosen_end,
    chosen_writing,
)
from ui.views.sampling.texts import text_panel


def render(state: PageState) -> None:
    """Prompt and settings beside the texts and the bars."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then let it speak here."))
        return
    loaded = loaders.load_run(state.run)
    for note in loaded.notes:
        st.warning(widgets.esc_md(note))
    left, right = st.columns([1, 2.1], gap="medium")
    code = st.empty()
    with right:
        text_panel(loaded)
        bars = st.empty()
    with left:
        prompt = ask_prompt(height=70)
        with widgets.user_errors():
            ids = loaded.tokenizer.encode(prompt)
            config = loaded.model.config
            fitted = fit_prompt(
                ids, config.vocab_size, config.context_length, loaded.tokenizer.eos_id
            )
            for note in fitted.notes:
                st.caption(widgets.esc_md(note))
            _settings(state, loaded, fitted, bars, code)
        widgets.demo_note(state.on_demo, tr("the words"))


@st.fragment
def _settings(
    state: PageState,
    loaded: LoadedRun,
    fitted: Prompt,
    bars: DeltaGenerator,
    code: DeltaGenerator,
) -> None:
    """The settings; they move the bars by the cached logits, without another forward pass."""
    method = preset_row(state)
    ask_method_settings(method)
    with st.container(horizontal=True, gap="small"):
        ask_seed()
        ask_length()
    ask_texts(chosen_writing().certain)
    ask_stops(method)
    ask_form(method)
    writing, followed = chosen_writing(), False
    with widgets.user_errors():  # beside the field that is to be mended
        allowed_V = _allowed(loaded, writing)
        followed = True
    st.toggle(
        tr("Go on after the end"),
        key="go_on",
        bind="query-params",
        help=tr("Do not stop where the model ends its text: ")
        + glossary.meaning("end-of-text token"),
    )
    with bars.container(), widgets.user_errors():
        if followed:
            _choice(loaded, fitted, writing, allowed_V)
        else:
            st.caption(tr("The bars come back when the form of the text can be followed."))
    with code.container():
        _show_code(state)


def _allowed(loaded: LoadedRun, writing: WritingConfig) -> Mask | None:
    """What the form of the text allows behind the prompt."""
    cut = loaded.tokenizer
    constraint = constrained(loaded.model, cut, writing, eos_id=chosen_end(cut))
    return None if constraint is None else constraint.allowed_V


def _choice(
    loaded: LoadedRun, fitted: Prompt, writing: WritingConfig, allowed_V: Mask | None
) -> None:
    config = writing.drawn_with
    logits_V = _logits(loaded.run_id, loaded.step, fitted.ids, loaded)
    distribution = next_token_distribution(logits_V, config, fitted.ids, allowed_V)
    tokenizer = loaded.tokenizer
    view = choice_view(distribution, config, tokenizer.token_bytes, tokenizer.vocab_size)
    st.markdown(tr("**The next token after the prompt**"), help=glossary.meaning("filter"))
    rows = pd.DataFrame(choice_rows(view.bars))
    st.caption(view.summary, help=glossary.meaning("entropy"))
    if config.order != FILTERS:
        st.caption(order_sentence(config.order))
    for note in view.notes:
        st.caption(f":material/info: {widgets.esc_md(note)}")
    st.vega_lite_chart(
        rows,
        choice_chart(view.bars),
        key="choice",
        alt=tr("Probability of the likeliest next tokens, from the model and after the settings"),
    )


@st.cache_data(max_entries=256, show_spinner=False)
def _logits(run_id: str, step: int, prompt_ids: tuple[int, ...], _loaded: LoadedRun) -> Any:
    """Logits after a prompt: one forward pass for each checkpoint and prompt."""
    return logits(_loaded.model, prompt_ids, _loaded.tokenizer.eos_id)


def _show_code(state: PageState) -> None:
    assert state.run is not None
    chosen = st.session_state
    prompt = str(chosen.get("prompt", PROMPT))
    go_on = bool(chosen.get("go_on", False))
    writing = chosen_writing()
    lines = code_lines(state.run, prompt, writing, go_on=go_on)
    command = command_line(state.run.name, prompt, writing, go_on=go_on)
    widgets.show_code(f"{lines}\n# The same in a terminal:\n# {command}\n", write)
