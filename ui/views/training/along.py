"""A run taken along: its story as a file, its curves in TensorBoard. Folded below the curves."""

from functools import partial

import streamlit as st

from slm.exchange.notebook import NOTEBOOK, SCRIPT, file_name, story_of
from slm.workspace import Artefact
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.views.library.recipe import trackers


def render(state: PageState, run: Artefact, *, alive: bool) -> None:
    """Two files that make the run again, and its record for other programs."""
    with st.expander(tr("Take it along: notebook, script, TensorBoard"), icon=":material/luggage:"):
        left, right = st.columns(2, gap="large")
        with left:
            st.markdown(tr("**Notebook and script**"))
            st.caption(
                tr(
                    "Everything that this run was made of, as Python that makes it again: sources, "
                    "cleaning, tokenizer, settings, changes on the way."
                )
            )
            with st.container(horizontal=True):
                for ending, label in (
                    (NOTEBOOK, tr("Notebook (.ipynb)")),
                    (SCRIPT, tr("Script (.py)")),
                ):
                    st.download_button(
                        label,
                        partial(_told, state, run, ending),
                        file_name=file_name(run, ending),
                        on_click="ignore",
                        key=f"along-{ending}",
                    )
        with right, widgets.user_errors():
            trackers(state, run, alive=alive)


def _told(state: PageState, run: Artefact, ending: str) -> str:
    """The file's content, put together when somebody asks for it."""
    return story_of(state.workspace, run).text(ending)
