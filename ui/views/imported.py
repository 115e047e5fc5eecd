"""What a page says of a model that was trained elsewhere, where it has nothing to show of it."""

import streamlit as st

from slm.workspace import Artefact
from ui import session, widgets
from ui.texts import tr


def lacks(run: Artefact, what: str) -> bool:
    """For an imported model, say that `what` is not here, and which chapters work with it.

    False, and nothing is said, for a run that was trained here.
    """
    if not run.imported:
        return False
    st.info(
        tr(
            "{name} was trained elsewhere, so {what} not here. Model, "
            "Attention, Evaluation (on your own text), Sampling and "
            "Tokenizer work with it, and it can be fine-tuned. For this page "
            "choose a run that was trained here, at the top of the sidebar."
        ).format(name=widgets.esc_md(run.name), what=what),
        icon=":material/info:",
    )
    with st.container(horizontal=True, gap="small"):
        if st.button(tr("See its attention"), key="imported-attention", type="primary"):
            session.go_to("attention")
        if st.button(tr("Let it write"), key="imported-sampling"):
            session.go_to("sampling")
        if st.button(tr("Fine-tune it"), key="imported-tune"):
            session.go_to("training", view="start")
    return True
