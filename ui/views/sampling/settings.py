"""Prompt and settings: the same in all views of the chapter, so that they stay."""

from collections.abc import Iterable
from typing import Any

import streamlit as st

from slm.sampling.config import SamplingConfig
from slm.sampling.methods import WritingConfig
from slm.sampling.search import BeamConfig
from slm.tokenizer.protocol import TextTokenizer
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.sampling import ORDER, Control, config_of, controls
from ui.view_models.settings import described
from ui.view_models.writing import (
    CONTINUATIONS,
    EARLY,
    EARLY_KEY,
    FORM,
    FORM_FIELDS,
    FORMS,
    LENGTH,
    METHOD,
    METHODS,
    STOP,
    search_controls,
    whole_controls,
    writing_of,
)
from ui.views import kept

PROMPT = "Once upon a time"
LONGEST_LINK = 500
_SLIDERS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty")
_SLIDER_WIDTH = 138
_NUMBER_WIDTH = 138


def ask_prompt(height: int = 90) -> str:
    """The prompt; it stands in the link unless it is too long for one."""
    short = len(str(st.session_state.get("prompt", ""))) <= LONGEST_LINK
    bound: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    prompt: str = st.text_area(
        tr("Prompt"),
        PROMPT,
        key="prompt",
        height=height,
        placeholder=tr("Empty: the model begins a new text"),
        help=glossary.meaning("prompt"),
        **bound,
    )
    return prompt


def ask_method() -> str:
    """How tokens are chosen."""
    method: str = st.selectbox(
        tr("Method"),
        list(METHODS),
        format_func=lambda each: METHODS[each],
        key=METHOD,
        bind="query-params",
        help=" ".join(
            glossary.meaning(term)
            for term in ("sampling", "greedy", tr("beam search"), tr("contrastive search"))
        ),
    )
    return method


def sliders() -> None:
    """A slider for every filter's setting."""
    _side_by_side(controls()[field] for field in _SLIDERS)


def ask_method_settings(method: str) -> None:
    """The sliders that the method reads."""
    if method == "sampling":
        sliders()
    elif method == "greedy":
        _side_by_side([controls()["repetition_penalty"]])
    else:
        _side_by_side(search_controls(method).values())
    if method == "beam":
        st.selectbox(
            tr("The search ends"),
            list(EARLY),
            index=list(EARLY).index(BeamConfig().early_stopping),
            format_func=lambda each: EARLY[each],
            key=EARLY_KEY,
            bind="query-params",
            help=described(BeamConfig.model_fields["early_stopping"]),
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
        width=_NUMBER_WIDTH,
        help=control.help,
    )


def ask_length() -> None:
    """How many tokens at most."""
    control = whole_controls()["max_new_tokens"]
    st.number_input(
        control.label,
        min_value=control.low,
        max_value=control.high,
        value=control.default,
        step=control.step,
        key=LENGTH,
        bind="query-params",
        width=_NUMBER_WIDTH,
        help=control.help,
    )


def ask_texts(certain: bool) -> None:
    """How many texts at once."""
    control = whole_controls()["continuations"]
    st.segmented_control(
        control.label,
        range(int(control.low), int(control.high) + 1),
        default=control.default,
        key=CONTINUATIONS,
        bind="query-params",
        required=True,
        disabled=certain,
        help=tr("{help} A method without chance writes one.").format(help=control.help),
    )


def ask_stops(method: str) -> None:
    """Strings that end a text."""
    st.multiselect(
        tr("Stop strings"),
        [],
        key=STOP,
        accept_new_options=True,
        persist_state="session",
        disabled=method == "beam",
        placeholder=tr("none: type one, then Enter"),
        help=glossary.meaning("stop string")
        + tr(
            " Type \\n for a new line. Beam search, whose texts change as they grow, looks for "
            "none."
        ),
    )


def ask_form(method: str) -> None:
    """Whether the text must match a regular expression or a JSON schema, and which."""
    form: str = st.selectbox(
        tr("Form of the text"),
        list(FORMS),
        format_func=lambda each: FORMS[each],
        key=FORM,
        bind="query-params",
        disabled=method in {"beam", "contrastive"},
        help=glossary.meaning("constrained decoding") + tr(" A search takes no form."),
    )
    if form not in FORM_FIELDS or method in {"beam", "contrastive"}:
        return
    field = FORM_FIELDS[form]
    short = len(str(st.session_state.get(field.key, ""))) <= LONGEST_LINK
    bound: dict[str, Any] = {"bind": "query-params"} if short else {"persist_state": "session"}
    st.text_area(
        field.label,
        field.example,
        key=field.key,
        height=70 if form == "regex" else 140,
        max_chars=field.longest,
        placeholder=tr("Empty: any text"),
        help=field.help,
        **bound,
    )


def chosen_end(cut: TextTokenizer) -> int | None:
    """The token that ends a text; None where the visitor lets texts go on after it."""
    return None if st.session_state.get("go_on") else cut.eos_id


def chosen_config() -> SamplingConfig:
    """The settings of the draw as the visitor has them now."""
    return config_of(_held(control.key for control in controls().values()))


def chosen_writing() -> WritingConfig:
    """All settings of writing as the visitor has them now."""
    asked = [
        *controls().values(),
        *search_controls("beam").values(),
        *search_controls("contrastive").values(),
        *whole_controls().values(),
    ]
    others = (METHOD, EARLY_KEY, STOP, FORM, *(field.key for field in FORM_FIELDS.values()))
    return writing_of(_held([*(control.key for control in asked), *others]))


def _held(keys: Iterable[str]) -> dict[str, Any]:
    values = {key: st.session_state[key] for key in keys if key in st.session_state}
    return {**values, ORDER: kept.recall(ORDER)}


def _side_by_side(asked: Iterable[Control]) -> None:
    with st.container(horizontal=True, gap="small"):
        for control in asked:
            st.slider(
                control.label,
                min_value=control.low,
                max_value=control.high,
                value=control.default,
                step=control.step,
                key=control.key,
                bind="query-params",
                width=_SLIDER_WIDTH,
                help=control.help,
            )
