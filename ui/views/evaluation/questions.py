"""Does it understand a tale, or only sound right? Questions with one right answer."""

import pandas as pd
import streamlit as st

from slm.evaluation.cloze import ask
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.figures.evaluation import cloze_chart
from ui.session import PageState
from ui.view_models import glossary
from ui.view_models.evaluation import cloze_code, cloze_view
from ui.views.evaluation import measures

_TALES = (10, 30)


def asks_tales(corpus: Artefact | None) -> bool:
    """Whether these questions are fair: the model learned from tales, as far as is known."""
    if corpus is None:
        return True
    config = corpus.details.get("config")
    return not isinstance(config, dict) or config.get("source") == "tales"


def render(state: PageState) -> None:
    """Right answers by subject beside chance, and every question below."""
    if state.run is None:
        st.info("No model is here yet. Build one on Home, then question it here.")
        return
    loaded = loaders.load_run(state.run)
    left, right = st.columns([1, 2.2], gap="medium")
    with left:
        st.markdown(
            "A tale breaks off where a name or a thing must come back, and the model chooses "
            "between four ways to go on. The answer stands earlier in the tale.",
            help=glossary.meaning("cloze question"),
        )
        if not asks_tales(state.corpus):
            st.warning("This model did not learn from tales, so little more than chance is fair.")
        n_tales = st.selectbox(
            "New tales to ask about", _TALES, key="tales_asked", bind="query-params"
        )
        with st.spinner("Asking"):
            view = cloze_view(measures.cloze(loaded, n_tales or _TALES[0]))
        st.markdown(f"**{view.reading}**")
        st.caption("The tales are made anew: none of them stands in a corpus.")
    with right:
        st.plotly_chart(cloze_chart(view.rows), key="cloze", config={"displayModeBar": False})
    st.dataframe(
        pd.DataFrame(view.answers),
        hide_index=True,
        height=260,
        column_config={
            "how sure": st.column_config.NumberColumn(format="percent"),
            "the tale breaks off": st.column_config.TextColumn(width="large"),
        },
    )
    widgets.show_code(cloze_code(state.run, n_tales or _TALES[0]), ask)
