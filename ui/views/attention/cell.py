"""From score to weight: how one head comes to give one token its share, with the model's numbers.

One fragment. The vectors of a head are read once for each checkpoint, text and head; another
query or key is arithmetic on them.
"""

import streamlit as st

from slm.attention.cells import HeadVectors, head_vectors
from slm.model.self_attention import score, weigh
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.cell_view import cell_view as draw
from ui.figures.attention_saved import cell_picture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.attention import MOST_TOKENS, Opening
from ui.view_models.cell import MOST_VALUES, cell_code, cell_view, read_key, saved_arrays
from ui.views import kept
from ui.views.attention.asking import Asked, asking, run_of
from ui.views.attention.choosing import ask_head, keep_head
from ui.views.attention.saving import panel

_NUMBER_WIDTH = 150
_KEY = "cell_key"


def render(state: PageState) -> None:
    """Text and choices above the cell."""
    run = run_of(state)
    if run is not None:
        _cell(state, run)


@st.fragment
def _cell(state: PageState, run: Artefact) -> None:
    with asking(run, longest=MOST_TOKENS) as asked:
        if asked is None:
            return
        opened = ask_head(asked)
        vectors = _vectors(*asked.key, opened.layer, opened.head, asked.loaded)
        query = _ask_query(asked, opened)
        row = vectors.row(query)
        key = read_key(kept.recall(_KEY), row)
        view = cell_view(vectors, row, key, vectors.mixture(row, MOST_VALUES), asked.tokens_T)

        def keep(moved_query: int, moved_key: int | None) -> None:
            keep_head(opened.layer, opened.head)
            st.session_state["query"] = moved_query
            kept.keep(_KEY, "" if moved_key is None else str(moved_key))

        draw(view, asked.tokens_T, key="cell", on_move=keep)
        st.caption(tr("Vaswani et al. 2017, “Attention Is All You Need”, equation 1."))
        widgets.demo_note(state.on_demo, tr("the numbers"))
        place = (opened.layer, opened.head, query, key)
        code = cell_code(run, asked.step, asked.text, asked.window, *place)
        panel(
            asked,
            picture=lambda: cell_picture(
                view,
                asked.tokens_T,
                tr("layer {layer}, head {head}").format(layer=opened.layer, head=opened.head),
                tr("{name}, step {step}").format(name=asked.loaded.name, step=asked.loaded.step),
            ),
            arrays=lambda: saved_arrays(view, asked.ids_T),
            code=code,
            functions=(head_vectors, score, weigh),
            link={
                "view": "cell",
                "layer": opened.layer,
                "head": opened.head,
                "query": query,
                _KEY: key,
            },
            name="cell",
        )


def _ask_query(asked: Asked, opened: Opening) -> int:
    """The position that looks: what was chosen, else the opening's, else the last."""
    last = len(asked.ids_T) - 1
    first = last if opened.query is None else opened.query
    if not 0 <= (st.session_state.get("query") or 0) <= last:
        st.session_state["query"] = None
    with asked.row:
        chosen: int | None = st.number_input(
            tr("Query token"),
            min_value=0,
            max_value=last,
            value=None,
            placeholder=str(first),
            key="query",
            bind="query-params",
            width=_NUMBER_WIDTH,
            help=tr("{meaning} Or step with the arrows above the text.").format(
                meaning=glossary.meaning("query")
            ),
        )
    return first if chosen is None else chosen


@loaders.shared_answer()
def _vectors(
    run_id: str, step: int, ids_T: tuple[int, ...], layer: int, head: int, _loaded: LoadedRun
) -> HeadVectors:
    """What one head works with, once for each checkpoint, text and head."""
    del run_id, step
    return head_vectors(_loaded.model, ids_T, layer, head)
