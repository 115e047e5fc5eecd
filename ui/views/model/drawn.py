"""The model, drawn: the whole architecture, and beside it one part with its own numbers.

The drawing follows the current model or the visitor's design; numbers are always those of the
current model on the text that is typed. Everything chosen stands in the address.
"""

import inspect
import textwrap
from typing import Any

import pandas as pd
import streamlit as st

from slm.errors import SlmError
from slm.model.anatomy import CODE, values_of, weight_matrix
from slm.model.config import ModelConfig
from slm.model.parts import PARTS, Part, parts_of, weights_of
from slm.model.pictures import Cell, Picture, picture
from ui import loaders, widgets
from ui.components.architecture import Pick, architecture_view
from ui.components.heatmap import heatmap_view
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models import part_panel as words
from ui.view_models.architecture import FIRST, drawing_of, title_of
from ui.view_models.attention import DEFAULT_TEXT
from ui.view_models.chips import visible
from ui.views.model import design

_LONGEST_LINK = 500
_DRAWING_WIDTH, _PANEL_WIDTH = 560, 440  # pixels; they stand below each other where it is narrow
_TEXT_WIDTH, _CHOICE_WIDTH, _PART_WIDTH = 330, 92, 250
_HEIGHT = 540
_LIKELY = 5


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
                _panel(config, part, layer, head, shown, loaded, problem)
        note = words.cut_note(len(ids), words.MOST_TOKENS)
        if note:
            st.caption(note)
        widgets.demo_note(state.on_demo and loaded is not None, "the numbers")
        widgets.show_code(_lines(state, loaded, part, layer, head, text))


def _load(state: PageState) -> tuple[LoadedRun | None, str | None]:
    """The model whose numbers are shown, or why there is none."""
    if state.run is None:
        return None, "No model is trained yet, so there are shapes and code, and no numbers."
    try:
        return loaders.load_run(state.run), None
    except SlmError as error:
        return None, str(error)


def _ask_drawn(loaded: LoadedRun | None) -> ModelConfig:
    """Which shape is drawn: the current model's, or the one on the drawing board."""
    chosen = st.selectbox(
        "Drawn",
        list(words.DRAWN),
        format_func=words.DRAWN.__getitem__,
        index=0 if loaded else 1,
        key="drawn",
        bind="query-params",
        width=150,
        help="The current model is chosen in the sidebar; your design is what the view Design "
        "holds.",
    )
    if loaded and chosen == "model":
        return loaded.model.config
    return design.current().config


def _ask_text() -> str:
    """The text; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("text", ""))) <= _LONGEST_LINK
    kept_by: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    text: str = st.text_input(
        "Text",
        DEFAULT_TEXT,
        key="text",
        width=_TEXT_WIDTH,
        placeholder="Any text",
        help="The model reads this text; shapes and numbers are those of its first tokens.",
        **kept_by,
    )
    return text


def _ask_place(config: ModelConfig) -> tuple[Part, int, int]:
    """Part, block and head: chosen here or in the drawing."""
    parts = {part.name: part for part in parts_of(config)}
    if st.session_state.get("part") not in {None, *parts}:
        del st.session_state["part"]
    name = st.selectbox(
        "Part",
        list(parts),
        index=None,
        placeholder=title_of(config, FIRST),
        format_func=lambda each: title_of(config, each),
        key="part",
        bind="query-params",
        width=_PART_WIDTH,
    )
    part = parts[name or FIRST]
    layer = _ask_number("layer", "Block", config.n_layers, "block")
    heads = words.heads_to_choose(config, part)
    return part, layer, _ask_number("head", "Head", heads, "head") if heads > 1 else 0


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


def _panel(
    config: ModelConfig,
    part: Part,
    layer: int,
    head: int,
    ids: tuple[int, ...],
    loaded: LoadedRun | None,
    problem: str | None,
) -> None:
    """The chosen part: its numbers on the text, its weights, its shapes, or its code."""
    st.markdown(f"##### {widgets.esc_md(title_of(config, part.name))}")
    aspect = st.segmented_control(
        "Show",
        list(words.ASPECTS),
        format_func=words.ASPECTS.__getitem__,
        default="values",
        key="aspect",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
    )
    if aspect == "code":
        _code(part)
    elif aspect == "shapes":
        st.dataframe(pd.DataFrame(words.shape_rows(config, part, layer, len(ids))), hide_index=True)
        st.caption(words.letters_in_words(config, len(ids)))
    elif loaded is None:
        st.info(problem)
    else:
        _numbers(str(aspect), config, part, layer, head, ids, loaded)


def _numbers(
    aspect: str,
    config: ModelConfig,
    part: Part,
    layer: int,
    head: int,
    ids: tuple[int, ...],
    loaded: LoadedRun,
) -> None:
    """Heat maps of the current model, and which model that is."""
    own = loaded.model.config
    absent = words.missing_there(part, own, config)
    if absent:
        st.info(absent)
        return
    layer, head = words.place_there(own, part, layer, head)
    place = words.place_in_words(own, part, layer, head)
    whose = words.whose_numbers(loaded.name, loaded.step, own, config, place)
    st.caption(widgets.esc_md(whose))
    cell: Cell = st.session_state.get("cell") or "largest"
    if aspect == "values":
        if not ids:
            st.info("Type at least one character: the numbers are those of a text.")
            return
        shown = _values(loaded.run_id, loaded.step, ids, part.name, layer, head, cell, loaded)
        tokens = [visible(loaded.tokenizer.token_bytes(token)) for token in ids]
        heatmap_view(words.values_heat(shown, part, tokens, cell), key="values")
        st.caption(words.figures_of(shown))
        if part.name == "logits":
            st.caption(widgets.esc_md(_likely(loaded.run_id, loaded.step, ids, loaded)))
    else:
        _weights(own, part, layer, head, cell, loaded)
    st.segmented_control(
        "A cell that stands for several numbers shows",
        list(words.CELLS),
        format_func=words.CELLS.__getitem__,
        default="largest",
        key="cell",
        bind="query-params",
        required=True,
    )


def _weights(
    own: ModelConfig, part: Part, layer: int, head: int, cell: Cell, loaded: LoadedRun
) -> None:
    names = weights_of(own, part, layer)
    if not names:
        st.info(words.NOTHING_LEARNED)
    for name in names:
        shown = _weight(loaded.run_id, loaded.step, name, part.name, head, cell, loaded)
        st.caption(f"`{name}`{words.head_note(own, part, head)}")
        heatmap_view(words.weights_heat(shown, name, cell), key=f"weights-{name}")
        st.caption(words.figures_of(shown))


def _code(part: Part) -> None:
    """The functions of `slm` that compute the part, as they run."""
    for function in CODE[part.name]:
        source = textwrap.dedent(inspect.getsource(function))
        st.caption(f"{function.__module__}.{function.__qualname__}")
        height = words.code_height(source)
        st.code(source, language="python", height=height, wrap_lines=True)


@st.cache_data(max_entries=128, show_spinner=False)
def _values(
    run_id: str,
    step: int,
    ids: tuple[int, ...],
    part: str,
    layer: int,
    head: int,
    cell: Cell,
    _loaded: LoadedRun,
) -> Picture:
    """The picture of what leaves a part, once for each text and place."""
    del run_id, step
    values = values_of(_loaded.model, ids, PARTS[part], layer, head)
    return picture(values.numpy(), most_rows=words.MOST_TOKENS, cell=cell)


@st.cache_data(max_entries=128, show_spinner=False)
def _weight(
    run_id: str, step: int, name: str, part: str, head: int, cell: Cell, _loaded: LoadedRun
) -> Picture:
    del run_id, step
    heads = words.heads_to_choose(_loaded.model.config, PARTS[part])
    own = head if heads > 1 else None
    return picture(weight_matrix(_loaded.model, name, PARTS[part], own).numpy(), cell=cell)


@st.cache_data(max_entries=32, show_spinner=False)
def _likely(run_id: str, step: int, ids: tuple[int, ...], _loaded: LoadedRun) -> str:
    """The likeliest next tokens, in words."""
    del run_id, step
    logits_TV = values_of(_loaded.model, ids, PARTS["logits"])
    found = logits_TV[-1].softmax(dim=-1).topk(min(_LIKELY, logits_TV.shape[-1]))
    pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return words.likely_in_words(
        [words.Likely(visible(_loaded.tokenizer.token_bytes(i)), share) for i, share in pairs]
    )


def _lines(
    state: PageState, loaded: LoadedRun | None, part: Part, layer: int, head: int, text: str
) -> str:
    return words.code_lines(
        state.run.name if state.run and loaded else None, part, layer, head, text
    )
