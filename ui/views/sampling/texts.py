"""The texts that are written: buttons, boxes that are polled while they grow, and their tokens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from slm.sampling.methods import Draft, WritingConfig, constrained, write
from slm.sampling.steps import Step
from ui import loaders, widgets
from ui.components.tokens import tokens_view
from ui.loaders import LoadedRun
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.sampling import controls
from ui.view_models.written import (
    COLOURS,
    ending,
    legend,
    rivals_of,
    shown_prompt,
    status_line,
    written_chips,
)
from ui.views.sampling.desk import Desk, Order, Progress
from ui.views.sampling.questioning import question
from ui.views.sampling.settings import PROMPT, chosen_end, chosen_writing

_POLL_SECONDS = 0.4
_HEIGHT, _HEIGHT_OF_SEVERAL = 190, 150
_SEATS, _SEARCH_PLACES = 16, 8  # texts are written together; a search computes by itself
_STOP_SECONDS = 0.5  # a token or two; then the page need not poll for the end
_COLOURED = tr(
    "Each token in a colour of what the model itself thought of it. Rest the pointer on one for "
    "what else was likely and what the filters had cut; click it to go on from another."
)
_COLOUR_WIDTH = 210
_TEXTS, _BEFORE, _QUESTIONED = "text_ids", "texts_before", "questioned"


def text_panel(loaded: LoadedRun) -> None:
    """Buttons and texts. Polled while they grow; polling is also what keeps them going."""
    ids = tuple(st.session_state.get(_TEXTS, ()))
    was_alive = any(_is_alive(text_id) for text_id in ids)

    @st.fragment(run_every=_POLL_SECONDS if was_alive else None)
    def panel() -> None:
        alive = any(_is_alive(text_id) for text_id in ids)
        if was_alive != alive or tuple(st.session_state.get(_TEXTS, ())) != ids:
            st.rerun()
        with st.container(horizontal=True, vertical_alignment="center"):
            _buttons(loaded, ids, alive)
            colour = st.selectbox(
                tr("Colour the tokens"),
                list(COLOURS),
                format_func=lambda each: COLOURS[each],
                key="coloured",
                bind="query-params",
                help=_COLOURED,
                label_visibility="collapsed",
                width=_COLOUR_WIDTH,
            )
        _texts(loaded, ids, colour)
        if not alive:
            _questioned(loaded, ids, colour)

    panel()


def written_texts() -> list[tuple[Order, Progress]]:
    """What was written for this visitor, as far as it is: the texts on the page."""
    found = [(_desk().order(text_id), _desk().poll(text_id)) for text_id in _shown()]
    return [(order, text) for order, text in found if order is not None and text is not None]


def _shown() -> tuple[str, ...]:
    return tuple(st.session_state.get(_TEXTS, ()))


def _is_alive(text_id: str) -> bool:
    progress = _desk().poll(text_id)
    return progress is not None and progress.alive


def _buttons(loaded: LoadedRun, ids: tuple[str, ...], alive: bool) -> None:
    st.button(
        tr("Write"),
        type="primary",
        icon=":material/edit:",
        key="write",
        on_click=_start,
        args=(loaded,),
    )
    st.button(
        tr("Stop"),
        icon=":material/stop:",
        key="stop",
        disabled=not alive,
        on_click=_stop,
        args=(ids, _STOP_SECONDS),
    )
    st.button(
        tr("Another"),
        icon=":material/casino:",
        key="another",
        help=tr(
            "The same settings with the next seed: another draw. A method without chance "
            "writes the same again."
        ),
        on_click=_start_another,
        args=(loaded,),
    )
    before = st.session_state.get(_BEFORE, ())
    if any(_desk().order(text_id) is not None for text_id in before):
        st.button(
            tr("Back"),
            icon=":material/undo:",
            key="back",
            help=tr("The text before."),
            on_click=_back,
        )


def _texts(loaded: LoadedRun, ids: tuple[str, ...], colour: str) -> None:
    """One text over the whole width, several in pairs."""
    if not ids:
        with st.container(border=True, height=_HEIGHT, key="written"):
            st.caption(tr("Press Write: the model goes on from the prompt, a token at a time."))
        st.caption(tr("Nothing is written yet"))
        return
    for begin in range(0, len(ids), 2):
        pair = ids[begin : begin + 2]
        columns = st.columns(len(pair)) if len(ids) > 1 else [st.container()]
        for place, (column, text_id) in enumerate(zip(columns, pair, strict=True), begin):
            with column:
                _text(loaded, text_id, place, colour, several=len(ids) > 1)


def _text(loaded: LoadedRun, text_id: str, place: int, colour: str, *, several: bool) -> None:
    progress, order = _desk().poll(text_id), _desk().order(text_id)
    height = _HEIGHT_OF_SEVERAL if several else _HEIGHT
    if progress is None or order is None:
        st.caption(tr("This text is no longer remembered. Press Write for it again."))
        return
    if colour != "plain" and progress.steps:
        _coloured(text_id, progress, order, colour, place, several=several)
    else:
        key = f"written-{place}" if place else "written"
        with st.container(border=True, height=height, autoscroll=True, key=key):
            if progress.problem:
                widgets.show_problem(progress.problem)
            else:
                st.text(shown_prompt(order.prompt) + progress.text)
    has_form = progress.whole if order.writing.constrained else None
    how = ending(
        progress.state, progress.ended_by_itself, progress.ahead, progress.stopped_by, has_form
    )
    if several:
        told = tr("Seed {seed} · {n_tokens}").format(
            seed=order.writing.sampling.seed, n_tokens=status_line(progress.n_tokens, 0.0, how)
        )
    else:
        told = f"{status_line(progress.n_tokens, progress.seconds, how)} · {order.name}"
    st.caption(widgets.esc_md(told))
    if progress.rivals:
        _rivals(progress, order)


def _rivals(progress: Progress, order: Order) -> None:
    """What a beam search pursues, or has found."""
    rows = rivals_of(progress.rivals, lambda ids: order.tokenizer.decode(list(ids)))
    st.dataframe(
        pd.DataFrame(rows, columns=["text", "logprob", "score", "state"]),
        hide_index=True,
        height="content",
        column_config={
            "text": st.column_config.TextColumn(tr("Beam, from where they part"), width="large"),
            "logprob": st.column_config.TextColumn(tr("Log-probability, nats")),
            "score": st.column_config.TextColumn(
                tr("Score"),
                help=tr("The log-probability over the length to the power of the penalty."),
            ),
            "state": st.column_config.TextColumn("", help=glossary.meaning("beam search")),
        },
    )


def _coloured(
    text_id: str, progress: Progress, order: Order, colour: str, place: int, *, several: bool
) -> None:
    """The text as chips; a click on one asks what else could have stood there."""
    tokenizer = order.tokenizer
    chips, scale = written_chips(
        progress.steps, tokenizer.token_bytes, tokenizer.vocab_size, colour
    )
    height = (_HEIGHT_OF_SEVERAL if several else _HEIGHT) - 58
    asked = st.session_state.get(_QUESTIONED)
    chosen = asked[1] if asked and asked[0] == text_id else None
    with st.container(border=True):  # it scrolls by itself; a fixed box would clip its tips
        st.caption(widgets.esc_md(shown_prompt(order.prompt, 40 if several else 300)))
        clicked = tokens_view(
            chips,
            scale=replace(scale, title="") if several else scale,  # one legend is enough
            key=f"written-tokens-{place}",
            height=height,
            selected=chosen,
        )
    if clicked is not None and clicked != chosen:
        st.session_state[_QUESTIONED] = text_id, clicked
        st.rerun(scope="fragment")


def _questioned(loaded: LoadedRun, ids: tuple[str, ...], colour: str) -> None:
    """The alternatives to the token that was clicked."""
    text_id, place = st.session_state.get(_QUESTIONED, ("", 0))
    progress, order = _desk().poll(text_id), _desk().order(text_id)
    if colour == "plain" or not ids:
        return
    if len(ids) > 1:
        st.caption(legend(colour))
    if text_id not in ids or progress is None or order is None or place >= len(progress.steps):
        st.caption(tr("A click on a token shows what else could have stood there."))
        return
    if loaded.run_id != order.run_id or loaded.step != order.step:
        st.caption(
            widgets.esc_md(
                tr("Written by {name}. Choose that model to question it.").format(name=order.name)
            )
        )
        return
    asked = order
    with widgets.user_errors():
        question(loaded, order, progress, place, lambda new: _start_after(loaded, asked, new))


def _stop(ids: Sequence[str], wait_seconds: float = 0.0) -> None:
    for text_id in ids:
        _desk().stop(text_id)
    for text_id in ids:
        _desk().stop(text_id, wait_seconds)


def _start(loaded: LoadedRun) -> None:
    """Write with the settings as they are now; texts that are being written end."""
    chosen, writing = st.session_state, chosen_writing()
    _stop(chosen.get(_TEXTS, ()))
    chosen.pop(_BEFORE, None)
    prompt = str(chosen.get("prompt", PROMPT))
    ids = loaded.tokenizer.encode(prompt)
    chosen[_TEXTS] = [
        _begin(loaded, prompt, ids, writing.with_seed(seed)) for seed in writing.seeds()
    ]


def _start_after(loaded: LoadedRun, order: Order, ids: Sequence[int]) -> None:
    """Write on after the order's prompt and these ids; the texts as they were can be had back."""
    chosen = st.session_state
    _stop(chosen.get(_TEXTS, ()))
    chosen[_BEFORE] = chosen.get(_TEXTS, ())
    decoder = loaded.tokenizer.decoder(order.prompt_ids)
    text = "".join(decoder.push(token) for token in ids) + decoder.flush()
    prompt_ids = [*order.prompt_ids, *ids]
    written = (*order.written, *ids)
    chosen[_TEXTS] = [_begin(loaded, order.prompt + text, prompt_ids, order.writing, written)]


def _back() -> None:
    """The texts before the last turn."""
    st.session_state[_TEXTS] = st.session_state.pop(_BEFORE)


def _start_another(loaded: LoadedRun) -> None:
    seed = controls()["seed"]
    now = int(st.session_state.get(seed.key, seed.default))
    following = now + len(chosen_writing().seeds())
    st.session_state[seed.key] = following if following <= seed.high else 0
    _start(loaded)


def _begin(
    loaded: LoadedRun,
    prompt: str,
    prompt_ids: Sequence[int],
    writing: WritingConfig,
    written: tuple[int, ...] = (),
) -> str:
    eos_id = chosen_end(loaded.tokenizer)

    def steps(should_stop: Callable[[], bool]) -> Iterator[Step | Draft]:
        loaders.choose_threads(loaded.model)
        return write(
            loaded.model,
            prompt_ids,
            writing,
            eos_id=eos_id,
            should_stop=should_stop,
            decoder=lambda: loaded.tokenizer.decoder(prompt_ids),
            constraint=constrained(
                loaded.model, loaded.tokenizer, writing, eos_id=eos_id, written=written
            ),
        )

    order = Order(
        loaded.name,
        prompt,
        prompt_ids,
        loaded.tokenizer,
        steps,
        writing,
        places=_SEARCH_PLACES if writing.method in {"beam", "contrastive"} else 1,
        run_id=loaded.run_id,
        step=loaded.step,
        eos_id=eos_id,
        written=written,
    )
    return _desk().start(order)


@st.cache_resource(show_spinner=False)
def _desk() -> Desk:
    """The server's one desk, shared by all visitors."""
    return Desk(seats=_SEATS)
