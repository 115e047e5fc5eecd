"""The model, drawn: the whole architecture, and beside it one part with its own numbers.

The drawing follows the current model or the visitor's design; numbers are always those of the
current model on the text that is typed. Everything chosen stands in the address.
"""

from typing import Any

import streamlit as st

from slm.errors import SlmError
from slm.model.config import ModelConfig
from slm.model.parts import Part, parts_of
from ui import loaders, widgets
from ui.components.architecture import Pick, architecture_view
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import part_panel as words
from ui.view_models.architecture import FIRST, drawing_of
from ui.view_models.attention import DEFAULT_TEXT
from ui.view_models.part_words import title_of
from ui.views.model import design
from ui.views.model import part as part_panel

_LONGEST_LINK = 500
_DRAWING_WIDTH, _PANEL_WIDTH = 560, 440  # pixels; they stand below each other where it is narrow
_TEXT_WIDTH, _CHOICE_WIDTH, _PART_WIDTH = 330, 92, 250
_HEIGHT = 540


def render(state: PageState) -> None:
    """The drawing and the panel form one fragment: a click redraws them alone."""
    _explore(state)


@st.fragment
def _explore(state: PageState) -> None:
    with widgets.user_errors():
        asking = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
        loaded, problem = _load(state)
        with asking:
            config = _ask_drawn(loaded)
            text = _ask_text()
            ids = tuple(loaded.tokenizer.encode(text)) if loaded else ()
            part, layer, head = _ask_place(config)
        shown = ids[: words.MOST_TOKENS]
        with st.container(horizontal=True, gap="medium"):
            with st.container(width=_DRAWING_WIDTH):
                architecture_view(
                    drawing_of(config, max(1, len(shown))),
                    key="architecture",
                    part=part.name,
                    layer=layer,
                    height=_HEIGHT,
                    on_pick=_keep,
                )
            with st.container(width=_PANEL_WIDTH):
                part_panel.show(config, part, layer, head, shown, loaded, problem)
        note = words.cut_note(len(ids), words.MOST_TOKENS)
        if note:
            st.caption(note)
        widgets.demo_note(state.on_demo and loaded is not None, tr("the numbers"))
        widgets.show_code(_lines(state, loaded, part, layer, head, text))


def _load(state: PageState) -> tuple[LoadedRun | None, str | None]:
    """The model whose numbers are shown, or why there is none."""
    if state.run is None:
        return None, tr("No model is trained yet, so there are shapes and code, and no numbers.")
    try:
        return loaders.load_run(state.run), None
    except SlmError as error:
        return None, str(error)


def _ask_drawn(loaded: LoadedRun | None) -> ModelConfig:
    """Which shape is drawn: the current model's, or the one on the drawing board."""
    chosen = st.selectbox(
        tr("Drawn"),
        list(words.DRAWN),
        format_func=words.DRAWN.__getitem__,
        index=0 if loaded else 1,
        key="drawn",
        bind="query-params",
        width=150,
        help=tr(
            "The current model is chosen in the sidebar; your design is what the view Design holds."
        ),
    )
    if loaded and chosen == "model":
        return loaded.model.config
    return design.current().config


def _ask_text() -> str:
    """The text; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("text", ""))) <= _LONGEST_LINK
    kept_by: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_input(
        tr("Text"),
        DEFAULT_TEXT,
        key="text",
        width=_TEXT_WIDTH,
        placeholder=tr("Any text"),
        help=tr("The model reads this text; shapes and numbers are those of its first tokens."),
        **kept_by,
    )
    return text


def _ask_place(config: ModelConfig) -> tuple[Part, int, int]:
    """Part, block and head: chosen here or in the drawing."""
    parts = {part.name: part for part in parts_of(config)}
    if st.session_state.get("part") not in {None, *parts}:
        del st.session_state["part"]
    name = st.selectbox(
        tr("Part"),
        list(parts),
        index=None,
        placeholder=title_of(config, FIRST),
        format_func=lambda each: title_of(config, each),
        key="part",
        bind="query-params",
        width=_PART_WIDTH,
    )
    part = parts[name or FIRST]
    layer = _ask_number("layer", tr("Block"), config.n_layers, "block")
    heads = words.heads_to_choose(config, part)
    return part, layer, _ask_number("head", tr("Head"), heads, "head") if heads > 1 else 0


def _ask_number(key: str, label: str, count: int, term: str) -> int:
    """One of `count`, numbered from 0; a value of another model falls back to the first."""
    if st.session_state.get(key) is not None and st.session_state[key] >= count:
        st.session_state[key] = None
    chosen: int | None = st.selectbox(
        label,
        list(range(count)),
        index=None,
        placeholder="0",
        key=key,
        bind="query-params",
        width=_CHOICE_WIDTH,
        help=glossary.meaning(term),
    )
    return chosen or 0


def _keep(picked: Pick) -> None:
    st.session_state["part"] = picked.part
    st.session_state["layer"] = picked.layer


def _lines(
    state: PageState, loaded: LoadedRun | None, part: Part, layer: int, head: int, text: str
) -> str:
    return words.code_lines(
        state.run.name if state.run and loaded else None, part, layer, head, text
    )
