"""Library: everything that was made here."""

import streamlit as st

from ui import session, widgets
from ui.view_models.library import KINDS
from ui.views.library import artefacts, bring, work

session.guard(__file__)
state = session.state()
widgets.page_header(
    "Library",
    "Everything that was made here: models, tokenizers and corpora, and the work that made them. "
    "Take it home, give it a better name, or throw it away.",
)
chosen = widgets.view_picker({**KINDS, "work": "Work"})
with widgets.user_errors():
    if chosen == "work":
        work.render(state)
    else:
        if chosen == "models":
            bring.render(state)
        artefacts.render(state, chosen)
st.caption("What is downloaded is a ZIP of plain files: JSON, safetensors, Parquet.")
