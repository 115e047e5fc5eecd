"""Library: everything that was made here."""

import streamlit as st

from ui import session, widgets
from ui.texts import tr
from ui.view_models.library import KINDS
from ui.views.library import artefacts, bring, recipe, serve, take_out, work

session.guard(__file__)
state = session.state()
widgets.page_header(
    tr("Library"),
    tr(
        "Everything that was made here or brought in: give it a name, take it elsewhere, or "
        "delete it."
    ),
)
more = {"out": tr("Take out"), "serve": tr("Serve"), "recipe": tr("Recipe"), "work": tr("Work")}
chosen = widgets.view_picker({**KINDS, **more})
with widgets.user_errors():
    if chosen == "work":
        work.render(state)
    elif chosen == "out":
        take_out.render(state)
    elif chosen == "serve":
        serve.render(state)
    elif chosen == "recipe":
        recipe.render(state)
    else:
        if chosen == "models":
            bring.render(state)
        artefacts.render(state, chosen)
st.caption(tr("What is downloaded is a ZIP of plain files: JSON, safetensors, Parquet."))
