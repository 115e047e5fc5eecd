"""Prompt and settings: the same in all views of the chapter, so that they stay."""

from typing import Any

import streamlit as st

from slm.sampling.config import SamplingConfig
from ui.view_models import glossary
from ui.view_models.sampling import ORDER, config_of, controls
from ui.views import kept

PROMPT = "Once upon a time"
LONGEST_LINK = 500
_SLIDERS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty")


def ask_prompt() -> str:
    """The prompt; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("prompt", ""))) <= LONGEST_LINK
    bound: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    prompt: str = st.text_area(
        "Prompt",
        PROMPT,
        key="prompt",
        height=90,
        placeholder="Empty: the model begins a new text",
        help=glossary.meaning("prompt"),
        **bound,
    )
    return prompt


def sliders() -> None:
    """A slider for every filter's setting."""
    asked = controls()
    for field in _SLIDERS:
        control = asked[field]
        st.slider(
            control.label,
            min_value=control.low,
            max_value=control.high,
            value=control.default,
            step=control.step,
            key=control.key,
            bind="query-params",
            help=control.help,
        )


def ask_seed() -> None:
    """The seed, as a number: it begins at its lowest value, which is the setting's default."""
    control = controls()["seed"]
    st.number_input(
        control.label,
        min_value=control.low,
        max_value=control.high,
        step=control.step,
        key=control.key,
        bind="query-params",
        help=control.help,
    )


def chosen_config() -> SamplingConfig:
    """The settings as the visitor has them now."""
    keys = [control.key for control in controls().values()]
    values = {key: st.session_state[key] for key in keys if key in st.session_state}
    return config_of({**values, ORDER: kept.recall(ORDER)})
