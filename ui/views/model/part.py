"""One part of the model beside its drawing: numbers on a text, weights, shapes, code."""

import pandas as pd
import streamlit as st

from slm.model.anatomy import CODE, values_of, weight_matrix
from slm.model.config import ModelConfig
from slm.model.parts import PARTS, Part, weights_of
from slm.model.pictures import Cell, Picture, picture
from ui import widgets
from ui.components.heatmap import heatmap_view
from ui.loaders import LoadedRun
from ui.texts import tr
from ui.view_models import part_panel as words
from ui.view_models.chips import labeller, visible
from ui.view_models.part_words import title_of

_LIKELY = 5


def show(
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
        tr("Show"),
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
            st.info(tr("Type at least one character: the numbers are those of a text."))
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
        tr("A cell that stands for several numbers shows"),
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
        source = widgets.source_of(function)
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
    label = labeller(_loaded.tokenizer.token_bytes, _loaded.tokenizer.vocab_size)
    return words.likely_in_words([words.Likely(label(i), share) for i, share in pairs])
