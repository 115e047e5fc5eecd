"""Which step of its training a model is looked at: the same slider in every chapter."""

import streamlit as st

from slm.lab.reports import checkpoint_at
from slm.model.checkpoint import snapshots
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models import glossary

_WIDTH = 150


def ask_step(run: Artefact, why: str) -> int | None:
    """The training step to look at; None for the newest checkpoint, where the slider begins.

    There is no slider where there is but one step. `why` ends its help.
    """
    newest = checkpoint_at(run).step
    steps = sorted({reference.step for reference in snapshots(run.folder)} | {newest})
    if len(steps) < 2:
        return None
    if st.session_state.get("at_step") not in {None, *steps}:
        del st.session_state["at_step"]
    step: int = st.select_slider(
        tr("Training step"),
        steps,
        value=newest,
        key="at_step",
        bind="query-params",
        width=_WIDTH,
        help=f"{glossary.meaning('snapshot')} {why}",
    )
    return None if step == newest else step
