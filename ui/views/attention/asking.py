"""The question that every view of this chapter asks: which text, at which step of training.

The keys are the same in all views, so that text, step and part stay while one goes
through them, and a link to one view opens in another.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm.workspace import Artefact
from ui import loaders, widgets
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models.attention import DEFAULT_TEXT, Window, too_short, window_of
from ui.view_models.chips import visible
from ui.views.at_step import ask_step

LONGEST_LINK = 500
"""Characters of a text that a link holds; a longer one stays out of it."""
WHY_STEP = tr("Move it, and watch the heads take up their habits.")
_TEXT_WIDTH, _NUMBER_WIDTH = 330, 125


@dataclass(frozen=True)
class Asked:
    """A model at one step of its training, and the tokens that it reads.

    `step` is None for the newest checkpoint; `ids_T` is the part of the text that `window`
    says, `tokens_T` the same as chips show it. `row` is where a view puts choices of its own.
    """

    run: Artefact
    step: int | None
    loaded: LoadedRun
    text: str
    window: Window
    ids_T: tuple[int, ...]
    tokens_T: tuple[str, ...]
    row: DeltaGenerator

    @property
    def key(self) -> tuple[str, int, tuple[int, ...]]:
        """What tells this question from others, for caches."""
        return self.loaded.run_id, self.loaded.step, self.ids_T


def run_of(state: PageState) -> Artefact | None:
    """The model to look at; says what to do where there is none."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then look into it here."))
    return state.run


def keep(*keys: str) -> None:
    """Values of fields that a view does not draw stay for the views that do.

    Streamlit forgets a field that is not drawn, unless its value is set.
    """
    for key in keys:
        if key in st.session_state:
            st.session_state[key] = st.session_state[key]


@contextmanager
def asking(
    run: Artefact, *, longest: int | None = None, one_step: bool = True
) -> Iterator[Asked | None]:
    """Ask for text, step and part; None, and the reason on the page, where nothing can be shown.

    Errors that users can mend, also those of the view's own block, become sentences. `longest`
    is how many tokens the view can draw; a view of all steps asks for no `one_step`, and is
    given the newest.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    asked = None
    with widgets.user_errors():
        asked = _ask(run, row, longest, one_step)
    with widgets.user_errors():
        yield asked


def _ask(run: Artefact, row: DeltaGenerator, longest: int | None, one_step: bool) -> Asked | None:
    with row:
        text = _ask_text()
        step = ask_step(run, WHY_STEP) if one_step else None
        loaded = loaders.load_run(run, step)
        ids = loaded.tokenizer.encode(text)
        window = _ask_window(len(ids), loaded, longest)
    for note in (*loaded.notes, window.note):
        if note:
            st.caption(f":material/info: {widgets.esc_md(note)}")
    shown = tuple(ids[window.start : window.stop])
    problem = too_short(len(shown))
    if problem is not None:
        st.info(problem)
        return None
    tokens = tuple(visible(loaded.tokenizer.token_bytes(token)) for token in shown)
    return Asked(run, step, loaded, text, window, shown, tokens, row)


def _ask_text() -> str:
    """The text; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("text", ""))) <= LONGEST_LINK
    kept: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_area(
        tr("Text"),
        DEFAULT_TEXT,
        key="text",
        height=92,
        width=_TEXT_WIDTH,
        placeholder=tr("Any text"),
        help=tr("The model reads this text; it writes nothing. Ctrl+Enter applies it."),
        **kept,
    )
    return text


def _ask_window(n_tokens: int, loaded: LoadedRun, longest: int | None) -> Window:
    """Which part of a text that is longer than the model reads, or the view draws, at once."""
    window = window_of(n_tokens, 0, loaded.model.config, longest)
    if window.note is None:
        return window
    if st.session_state.get("from_token", 0) > window.last_start:
        del st.session_state["from_token"]
    start: int = st.number_input(
        tr("Begin at token"),
        min_value=0,
        max_value=window.last_start,
        step=max(1, (window.stop - window.start) // 2),
        key="from_token",
        bind="query-params",
        width=_NUMBER_WIDTH,
    )
    return window_of(n_tokens, start, loaded.model.config, longest)
