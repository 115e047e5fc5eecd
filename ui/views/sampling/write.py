"""Let the model write, and see what each choice is drawn from.

Three parts that are redrawn apart: the text, which is polled while it grows; the
sliders with the bars that they move; the prompt.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm.sampling.filters import SamplingConfig, next_token_distribution
from slm.sampling.generate import Prompt, Step, fit_prompt, generate, logits
from ui import loaders, widgets
from ui.components.tokens import tokens_view
from ui.figures.sampling import choice_chart, choice_rows
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models.sampling import (
    choice_view,
    code_lines,
    controls,
    ending,
    shown_prompt,
    status_line,
    written_chips,
)
from ui.views.sampling.desk import Desk, Order, Progress
from ui.views.sampling.questioning import question
from ui.views.sampling.settings import PROMPT, ask_prompt, ask_seed, chosen_config, sliders

_POLL_SECONDS = 0.4
_TEXT_HEIGHT = 190
_CHIPS_HEIGHT = 132
_SEATS = 2
_STOP_SECONDS = 0.5  # a token or two; then the page need not poll for the end
_LENGTH = 200
_COLOURED = (
    "Each token in a colour of what the model itself thought of it. Rest the pointer on one for "
    "what else was likely; click it to go on from another."
)
_COLOURS = {
    "plain": "Plain text",
    "probability": "Colour by probability",
    "rank": "Colour by rank",
    "surprise": "Colour by surprise",
}
_COLOUR_WIDTH = 210


def render(state: PageState) -> None:
    """Prompt and sliders beside the text and the bars."""
    if state.run is None:
        st.info("No model is here yet. Build one on Home, then let it speak here.")
        return
    loaded = loaders.load_run(state.run)
    for note in loaded.notes:
        st.warning(widgets.esc_md(note))
    left, right = st.columns([1, 2.4], gap="medium")
    code = st.empty()
    with right:
        _text_panel(loaded)
        bars = st.empty()
    with left:
        widgets.demo_note(state.on_demo, "the words")
        prompt = ask_prompt()
        with widgets.user_errors():
            ids = loaded.tokenizer.encode(prompt)
            config = loaded.model.config
            fitted = fit_prompt(
                ids, config.vocab_size, config.context_length, loaded.tokenizer.eos_id
            )
            for note in fitted.notes:
                st.caption(widgets.esc_md(note))
            _settings(state, loaded, fitted, bars, code)


@st.fragment
def _settings(
    state: PageState,
    loaded: LoadedRun,
    fitted: Prompt,
    bars: DeltaGenerator,
    code: DeltaGenerator,
) -> None:
    """The sliders; they move the bars by the cached logits, without another forward pass."""
    sliders()
    left, right = st.columns(2)
    with left:
        ask_seed()
    right.number_input(
        "Length",
        min_value=1,
        max_value=2_000,
        value=_LENGTH,
        step=50,
        key="new_tokens",
        bind="query-params",
        help="At most this many tokens; the model may end its text before.",
    )
    st.toggle(
        "Go on after the end",
        key="go_on",
        bind="query-params",
        help="Do not stop where the model ends its text: " + glossary.meaning("end-of-text token"),
    )
    with bars.container(), widgets.user_errors():
        _choice(loaded, fitted, chosen_config())
    with code.container():
        _show_code(state)


def _choice(loaded: LoadedRun, fitted: Prompt, config: SamplingConfig) -> None:
    logits_V = _logits(loaded.run_id, loaded.step, fitted.ids, loaded)
    distribution = next_token_distribution(logits_V, config, fitted.ids)
    tokenizer = loaded.tokenizer
    view = choice_view(distribution, config, tokenizer.token_bytes, tokenizer.vocab_size)
    st.markdown("**The next token after the prompt**", help=glossary.meaning("filter"))
    rows = pd.DataFrame(choice_rows(view.bars))
    st.caption(view.summary, help=glossary.meaning("entropy"))
    for note in view.notes:
        st.caption(f":material/info: {widgets.esc_md(note)}")
    st.vega_lite_chart(
        rows,
        choice_chart(view.bars),
        key="choice",
        alt="Probability of the likeliest next tokens, from the model and after the settings",
    )


@st.cache_data(max_entries=256, show_spinner=False)
def _logits(run_id: str, step: int, prompt_ids: tuple[int, ...], _loaded: LoadedRun) -> Any:
    """Logits after a prompt: one forward pass for each checkpoint and prompt."""
    return logits(_loaded.model, prompt_ids, _loaded.tokenizer.eos_id)


def _text_panel(loaded: LoadedRun) -> None:
    """Buttons and the text. Polled while it grows; polling is also what keeps it going."""
    desk = _desk()
    text_id = st.session_state.get("text_id", "")
    begun = desk.poll(text_id)
    was_alive = begun is not None and begun.alive

    @st.fragment(run_every=_POLL_SECONDS if was_alive else None)
    def panel() -> None:
        progress = desk.poll(text_id)
        alive = progress is not None and progress.alive
        if was_alive != alive or st.session_state.get("text_id", "") != text_id:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            _buttons(loaded, text_id, alive)
            colour = st.selectbox(
                "Colour the tokens",
                list(_COLOURS),
                format_func=lambda each: _COLOURS[each],
                key="coloured",
                bind="query-params",
                help=_COLOURED,
                label_visibility="collapsed",
                width=_COLOUR_WIDTH,
            )
        _text(loaded, progress, desk.order(text_id), colour, alive)
        st.caption(widgets.esc_md(_status(progress, desk.order(text_id))))

    panel()


def _buttons(loaded: LoadedRun, text_id: str, alive: bool) -> None:
    st.button(
        "Write",
        type="primary",
        icon=":material/edit:",
        key="write",
        on_click=_start,
        args=(loaded,),
    )
    st.button(
        "Stop",
        icon=":material/stop:",
        key="stop",
        disabled=not alive,
        on_click=_desk().stop,
        args=(text_id, _STOP_SECONDS),
    )
    st.button(
        "Another",
        icon=":material/casino:",
        key="another",
        help="The same settings with the next seed: another draw.",
        on_click=_start_another,
        args=(loaded,),
    )
    if _desk().order(st.session_state.get("text_before", "")) is not None:
        st.button("Back to the text before", icon=":material/undo:", key="back", on_click=_back)


def _text(
    loaded: LoadedRun, progress: Progress | None, order: Order | None, colour: str, alive: bool
) -> None:
    if progress is not None and order is not None and colour != "plain" and progress.steps:
        _coloured(loaded, progress, order, colour, alive)
        return
    with st.container(border=True, height=_TEXT_HEIGHT, autoscroll=True, key="written"):
        if progress is None or order is None:
            st.caption("Press Write: the model goes on from the prompt, a token at a time.")
        elif progress.problem:
            widgets.show_problem(progress.problem)
        else:
            st.text(shown_prompt(order.prompt) + progress.text)


def _coloured(
    loaded: LoadedRun, progress: Progress, order: Order, colour: str, alive: bool
) -> None:
    """The text as chips; one that is clicked may be asked what else could have stood there."""
    tokenizer = order.tokenizer
    chips, scale = written_chips(
        progress.steps, tokenizer.token_bytes, tokenizer.vocab_size, colour
    )
    asked = st.session_state.get("questioned")
    place = asked[1] if asked and asked[0] == st.session_state.get("text_id") else None
    with st.container(border=True):  # it scrolls by itself; a fixed box would clip its tips
        st.caption(widgets.esc_md(shown_prompt(order.prompt)))
        clicked = tokens_view(
            chips, scale=scale, key="written-tokens", height=_CHIPS_HEIGHT, selected=place
        )
    if clicked is not None and clicked != place:
        st.session_state["questioned"] = st.session_state.get("text_id"), clicked
        st.rerun(scope="fragment")
    if alive or loaded.name != order.name:
        return
    if place is None or place >= len(progress.steps):
        st.caption("A click on a token shows what else could have stood there.")
        return
    with widgets.user_errors():
        question(loaded, order, progress, place, lambda ids: _start_after(loaded, order, ids))


def _status(progress: Progress | None, order: Order | None) -> str:
    if progress is None or order is None:
        return "Nothing is written yet"
    how = ending(progress.state, progress.ended_by_itself, progress.ahead)
    return status_line(len(progress.steps), progress.seconds, how) + f" · {order.name}"


def _start(loaded: LoadedRun) -> None:
    """Write with the settings as they are now; a text that is being written ends."""
    desk, chosen = _desk(), st.session_state
    desk.stop(chosen.get("text_id", ""))
    prompt = str(chosen.get("prompt", PROMPT))
    chosen.pop("text_before", None)
    _write(loaded, prompt, loaded.tokenizer.encode(prompt), chosen_config())


def _start_after(loaded: LoadedRun, order: Order, ids: Sequence[int]) -> None:
    """Write on after the order's prompt and these ids; the text as it was can be had back."""
    desk, chosen = _desk(), st.session_state
    desk.stop(chosen.get("text_id", ""))
    chosen["text_before"] = chosen.get("text_id", "")
    decoder = loaded.tokenizer.decoder(order.prompt_ids)
    text = "".join(decoder.push(token) for token in ids) + decoder.flush()
    _write(loaded, order.prompt + text, [*order.prompt_ids, *ids], order.config)


def _back() -> None:
    """The text before the last turn."""
    st.session_state["text_id"] = st.session_state.pop("text_before")


def _write(
    loaded: LoadedRun, prompt: str, prompt_ids: Sequence[int], config: SamplingConfig
) -> None:
    chosen = st.session_state
    length = int(chosen.get("new_tokens", _LENGTH))
    go_on = bool(chosen.get("go_on", False))

    def steps(should_stop: Callable[[], bool]) -> Iterator[Step]:
        loaders.choose_threads(loaded.model)
        shape, eos_id = loaded.model.config, loaded.tokenizer.eos_id
        fitted = fit_prompt(prompt_ids, shape.vocab_size, shape.context_length, eos_id)
        return generate(
            loaded.model,
            fitted.ids,
            config,
            length,
            eos_id=None if go_on else eos_id,
            should_stop=should_stop,
        )

    order = Order(loaded.name, prompt, prompt_ids, loaded.tokenizer, steps, config)
    chosen["text_id"] = _desk().start(order)


def _start_another(loaded: LoadedRun) -> None:
    seed = controls()["seed"]
    now = int(st.session_state.get(seed.key, seed.default))
    st.session_state[seed.key] = now + 1 if now < seed.high else 0
    _start(loaded)


@st.cache_resource(show_spinner=False)
def _desk() -> Desk:
    """The server's one desk, shared by all visitors."""
    return Desk(seats=_SEATS)


def _show_code(state: PageState) -> None:
    assert state.run is not None
    chosen = st.session_state
    prompt = str(chosen.get("prompt", PROMPT))
    length = int(chosen.get("new_tokens", _LENGTH))
    go_on = bool(chosen.get("go_on", False))
    lines = code_lines(state.run, prompt, chosen_config(), length, go_on=go_on)
    widgets.show_code(lines, next_token_distribution, generate)
