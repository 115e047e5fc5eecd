"""A sentence on its way through the current model, step by step, with the model's own numbers.

The walk is computed once for each checkpoint, text and block, what is read off it once for
each token; steps inside a block ask the server nothing.
"""

from typing import TYPE_CHECKING, Any

import streamlit as st

from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.sentence_walk import sentence_walk
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import walk as words
from ui.view_models.chips import labeller, visible
from ui.view_models.walk import Look, Place
from ui.views import kept
from ui.views.at_step import ask_step

if TYPE_CHECKING:
    from slm.model.readout import Reading
    from slm.model.walk import Walk

_PLACE = "walk"
_LONGEST_LINK = 500
_TEXT_WIDTH = 410
_WHY_STEP = tr("Move it, and see the same text walk through the model as it was then.")


def render(state: PageState) -> None:
    """The text above, the walk below."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then walk through it here."))
        return
    _walk_panel(state, state.run)


@st.fragment
def _walk_panel(state: PageState, run: Artefact) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        text = _ask_text()
        step = ask_step(run, _WHY_STEP)
    with widgets.user_errors():
        loaded = loaders.load_run(run, step)
        ids = loaded.tokenizer.encode(text)
        walked = _walkable(ids, loaded)
        for note in (*loaded.notes, words.length_note(len(ids), len(walked))):
            if note:
                st.caption(f":material/info: {widgets.esc_md(note)}")
        if not walked:
            st.info(tr("Type a text, and follow it through the model."))
            return
        place = _draw(loaded, walked)
        widgets.demo_note(state.on_demo, tr("the numbers"))
        _code(run, step, text, place)


def _ask_text() -> str:
    """The text; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("walk_text", ""))) <= _LONGEST_LINK
    kept_by: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_input(
        tr("Text"),
        words.DEFAULT_TEXT,
        key="walk_text",
        width=_TEXT_WIDTH,
        placeholder=tr("Any text of up to 64 tokens"),
        help=tr(
            "The model reads this text; it writes nothing. Enter applies it. A walk takes 64 "
            "tokens at most, so that every number can be shown."
        ),
        **kept_by,
    )
    return text


def _walkable(ids: list[int], loaded: LoadedRun) -> tuple[int, ...]:
    from slm.model.walk import MOST_TOKENS

    return tuple(ids[: min(MOST_TOKENS, loaded.model.config.context_length)])


def _draw(loaded: LoadedRun, ids: tuple[int, ...]) -> Place:
    """The walk at the chosen place; gives where the visitor stands."""
    config = loaded.model.config
    place = words.settle(words.read_place(kept.recall(_PLACE)), config, len(ids))
    walk = _walk(loaded.run_id, loaded.step, ids, place.layer, loaded)
    reading = _reading(loaded.run_id, loaded.step, ids, place.layer, place.token, loaded)
    shown = words.with_key(place, walk)
    sentence_walk(
        words.story(_look(loaded, walk, reading, shown)),
        [visible(loaded.tokenizer.token_bytes(token)) for token in ids],
        shown,
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        key="sentence-walk",
        on_move=_move,
    )
    kept.keep(_PLACE, words.write_place(place))
    return place


def _look(loaded: LoadedRun, walk: "Walk", reading: "Reading", place: Place) -> Look:
    token_bytes = loaded.tokenizer.token_bytes
    label = labeller(token_bytes, loaded.tokenizer.vocab_size)
    return Look(
        walk=walk,
        reading=reading,
        place=place,
        tokens=tuple(visible(token_bytes(token)) for token in walk.ids_T.tolist()),
        names={token: label(token) for token in words.names_of(reading)},
    )


def _move(asked: Any) -> None:
    """The visitor went to another step, token, head, block or key."""
    place = words.moved(words.read_place(kept.recall(_PLACE)), asked)
    kept.keep(_PLACE, words.write_place(place))


@loaders.shared_answer()
def _first_walk(run_id: str, step: int, ids: tuple[int, ...], _loaded: LoadedRun) -> "Walk":
    """The whole way, with the first block opened."""
    from slm.model.walk import take_walk

    del run_id, step
    return take_walk(_loaded.model, ids, 0)


@loaders.shared_answer()
def _walk(run_id: str, step: int, ids: tuple[int, ...], layer: int, _loaded: LoadedRun) -> "Walk":
    """The same way with another block opened; the streams are shared, not copied."""
    from slm.model.walk import open_block

    return open_block(_loaded.model, _first_walk(run_id, step, ids, _loaded), layer)


@loaders.shared_answer()
def _reading(
    run_id: str, step: int, ids: tuple[int, ...], layer: int, token: int, _loaded: LoadedRun
) -> "Reading":
    from slm.model.readout import read_position

    walk = _walk(run_id, step, ids, layer, _loaded)
    return read_position(_loaded.model, walk, token)


def _code(run: Artefact, step: int | None, text: str, place: Place) -> None:
    from slm.model.readout import logit_parts
    from slm.model.walk import take_walk

    widgets.show_code(words.code_lines(run, step, text, place), take_walk, logit_parts)
