"""What a design comes to, before anything is trained: figures, parts, machines, time."""

from collections.abc import Sequence
from math import ceil

import pandas as pd
import psutil
import streamlit as st

from slm.model.config import ModelConfig
from slm.model.fits import MACHINES, Machine, fits, machines_here
from slm.training.config import recipe_for
from slm.training.rates import known_rates
from ui.components.architecture import architecture_view
from ui.figures import model as figures
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary, sizing
from ui.view_models import model as words
from ui.view_models.architecture import drawing_of
from ui.view_models.budget import Plan
from ui.view_models.model import Design, ModelView
from ui.views import training_time

_PLAIN = {"displayModeBar": False}
_DRAWN_TOKENS = 24
_TABS = (
    tr("What fits where"),
    tr("Memory, part by part"),
    tr("FLOPs, part by part"),
    tr("Drawing"),
)


def windows_of(design: Design) -> int:
    """Windows that the preset's recipe trains on at once: one micro-batch."""
    recipe = recipe_for(design.preset)
    return ceil(recipe.batch_size / recipe.grad_accum_steps)


def show(state: PageState, design: Design, before: ModelConfig | None) -> None:
    """Everything that follows from the settings, the last change first."""
    recipe, windows = recipe_for(design.preset), windows_of(design)
    view = words.model_view(design.config, windows, psutil.virtual_memory().total, recipe.optimizer)
    told = sizing.effects(design.config, before, windows, recipe.optimizer)
    _figures(told.figures)
    st.caption(f"{sizing.last_change(before, design.config) or sizing.NO_CHANGE} {told.cache}")
    st.plotly_chart(figures.parts(view.parameter_pieces), key="design-parameters", config=_PLAIN)
    st.caption(f"{view.comparison} {words.changes_in_words(design)}")
    training_time.show(
        state,
        Plan(design.preset, design.config, recipe),
        known_rates(state.workspace),
        key="design",
        note=sizing.recipe_note(design.preset, recipe, design.config),
    )
    _aspects(design, view, windows)


def _figures(told: Sequence[sizing.Effect]) -> None:
    """The figures, each with how the last change moved it."""
    with st.container(horizontal=True, gap="small"):
        for effect in told:
            st.metric(
                effect.label,
                effect.value,
                effect.moved,
                delta_color="off",
                delta_arrow=effect.direction,
                help=glossary.meaning(effect.term),
                width="content",
            )


def _aspects(design: Design, view: ModelView, windows: int) -> None:
    where, memory, flops, drawing = st.tabs(list(_TABS))
    with where:
        machines = (*_here(), *MACHINES)
        found = fits(design.config, windows, machines, recipe_for(design.preset).optimizer)
        st.dataframe(pd.DataFrame(sizing.fit_rows(found)), hide_index=True, height="content")
        st.caption(sizing.fit_note(windows, design.config))
    with memory:
        st.caption(tr("{memory} PyTorch itself takes 0.2 to 1 GB more.").format(memory=view.memory))
        parts = {tr("training"): view.train_pieces, tr("writing"): view.generate_pieces}
        st.plotly_chart(
            figures.stacked(parts, unit=tr("bytes")), key="design-memory", config=_PLAIN
        )
    with flops:
        st.caption(
            tr(
                "A token costs {flops} FLOPs on the way forward. Training goes "
                "back as well, which costs twice as much again: {train_flops} in "
                "all."
            ).format(flops=view.flops, train_flops=view.train_flops)
        )
        st.plotly_chart(
            figures.stacked(
                {tr("forward"): view.flops_pieces}, unit=tr("FLOPs per token"), height=170
            ),
            key="design-flops",
            config=_PLAIN,
        )
    with drawing:
        architecture_view(drawing_of(design.config, _DRAWN_TOKENS), key="design-drawing")
        st.caption(tr("The view “The model, drawn” opens each part with its code and its numbers."))


@st.cache_resource(show_spinner=False)
def _here() -> tuple[Machine, ...]:
    return machines_here()
