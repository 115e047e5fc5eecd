"""What a new training begins with: fresh weights, or a model that exists."""

import streamlit as st

from ui.session import PageState
from ui.texts import N_, tr
from ui.views.training import start, tuning

_FRESH, _TUNED = N_("Fresh weights"), N_("A model that exists")
WAYS = {_FRESH: start, _TUNED: tuning}


def render(state: PageState) -> None:
    """The choice, and the form that belongs to it; an imported model is there to be tuned."""
    usual = _TUNED if state.run is not None and state.run.imported else _FRESH
    held, last = st.session_state.get("begin_with"), st.session_state.get("begin-usual")
    if held not in WAYS or (held == last and last != usual):  # nobody chose it
        st.session_state["begin_with"] = usual
    st.session_state["begin-usual"] = usual
    chosen = st.segmented_control(
        tr("Begin with"),
        list(WAYS),
        format_func=tr,
        key="begin_with",
        bind="query-params",
        persist_state="session",
        required=True,
        help=tr(
            "Fresh weights know nothing yet. A model that exists goes on learning from a text of "
            "your choice: fine-tuning."
        ),
    )
    WAYS[chosen or usual].render(state)
