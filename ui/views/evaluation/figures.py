"""The figures of one measurement, as every view of the chapter shows them."""

import streamlit as st

from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.evaluation import Comparison, Unit

_METRICS: tuple[tuple[str, Unit], ...] = (
    (tr("Perplexity"), "perplexity"),
    (tr("Bits per byte"), "bits_per_byte"),
)


def tell(view: Comparison) -> None:
    """Perplexity and bits per byte, what they mean, and on how many tokens they rest."""
    with st.container(horizontal=True):
        for label, unit in _METRICS:
            st.metric(label, view.model.shown(unit), help=glossary.meaning(label), width="content")
    st.markdown(f"**{view.reading}**")
    if view.doubt:
        st.caption(view.doubt, help=glossary.meaning("bootstrap"))
    st.caption(view.measured)
