"""Which head a view opens, where nobody has chosen one: the same that the chapter opens with."""

import streamlit as st

from slm.attention.heads import standard_scores
from slm.attention.survey import head_weights, survey
from ui import loaders
from ui.loaders import LoadedRun
from ui.view_models import glossary
from ui.view_models.attention import Opening, opening
from ui.view_models.settings import label_of
from ui.views.attention.asking import Asked

_CHOICE_WIDTH = 95
_SOON = 20_000_000
"""Parameters up to which heads are named, by random tokens, before one is chosen."""


def ask_head(asked: Asked) -> Opening:
    """Layer and head: what was chosen, else the opening; its query is a proposal.

    The keys are those of all views, so that a head stays open from view to view.
    """
    config = asked.loaded.model.config
    counts = {"layer": config.n_layers, "head": config.n_heads}
    for key, count in counts.items():
        if not 0 <= (st.session_state.get(key) or 0) < count:
            st.session_state[key] = None
    first = Opening(0, 0)
    if not all(_is_chosen(key) for key in counts):
        first = _opening(*asked.key, asked.loaded)
    chosen: dict[str, int | None] = {}
    with asked.row:
        for key, count in counts.items():
            chosen[key] = st.selectbox(
                label_of(key),
                list(range(count)),
                index=None,
                placeholder=str(getattr(first, key)),
                key=key,
                bind="query-params",
                width=_CHOICE_WIDTH,
                help=glossary.meaning(key),
                on_change=keep_head,
                args=(first.layer, first.head),
            )
    layer, head = chosen["layer"], chosen["head"]
    if layer is None and head is None:
        return _opening(*asked.key, asked.loaded)
    return Opening(first.layer if layer is None else layer, first.head if head is None else head)


def _is_chosen(key: str) -> bool:
    """Whether a visitor has chosen it; a link's choice enters the visit with its widget."""
    return st.session_state.get(key) is not None or key in st.query_params


def keep_head(layer: int, head: int) -> None:
    """Pin layer and head where they were not chosen by hand; both enter the link."""
    for key, value in (("layer", layer), ("head", head)):
        if st.session_state.get(key) is None:
            st.session_state[key] = value


@loaders.shared_answer()
def _opening(run_id: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Opening:
    """The head that tells most of this text, in one pass."""
    del run_id, step
    model = _loaded.model
    found = survey(model, ids_T)
    scores = found.scores
    if model.n_parameters <= _SOON:
        scores = scores.joined(standard_scores(model, eos_id=_loaded.tokenizer.eos_id))
    return opening(scores, ids_T, lambda layer, head: head_weights(model, found, layer, head))
