"""What a run writes from its fixed prompts: newest first, or two steps side by side."""

from collections.abc import Sequence

import streamlit as st

from slm.training.runs import SAMPLES
from slm.workspace import Artefact
from ui import loaders
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import training as words
from ui.view_models.training import Sample

_HEIGHT = 270
_CHOICE_WIDTH = 130  # pixels: two stand side by side where there is room


def render(run: Artefact) -> None:
    """The samples of one prompt; `?written=` and `?beside=` are steps to compare."""
    st.markdown(tr("**What it writes**"), help=glossary.meaning("sampling"))
    records = loaders.log_reader(str(run.folder / SAMPLES)).read()
    prompts = words.prompts_of(records)
    if not prompts:
        st.caption(tr("The first text appears at the first sample step."))
        return
    prompt = _ask_prompt(prompts)
    steps = words.sample_steps(records, prompt)
    with st.container(horizontal=True, gap="small"):
        newer = _ask_step(steps, "written", tr("newest"))
        older = _ask_step(steps, "beside", tr("all"))
    with st.container(height=_HEIGHT, border=False):
        if older is None:
            _list(words.samples_of(records, prompt, up_to=newer))
        else:
            _list(words.samples_at(records, prompt, (newer or steps[0], older)))


def _ask_prompt(prompts: Sequence[str]) -> str:
    if len(prompts) == 1:
        return prompts[0]
    chosen = st.selectbox(
        tr("Prompt"),
        range(len(prompts)),
        format_func=lambda place: words.prompt_label(prompts[place]),
        key="written_prompt",
        bind="query-params",
        label_visibility="collapsed",
    )
    return prompts[chosen] if chosen < len(prompts) else prompts[0]


def _ask_step(steps: Sequence[int], key: str, none: str) -> int | None:
    """One of the steps at which something was written, newest first; None for the rest."""
    chosen: int | None = st.selectbox(
        tr("Step") if key == "written" else tr("Beside step"),
        steps,
        index=None,
        format_func=lambda step: tr("after {step:,}").format(step=step),
        placeholder=none,
        width=_CHOICE_WIDTH,
        key=key,
        bind="query-params",
    )
    return chosen if chosen in steps else None


def _list(samples: Sequence[Sample]) -> None:
    for each in samples:
        st.caption(tr("after {step:,} steps").format(step=each.step))
        st.text((each.prompt + each.text).strip() or "(nothing)")
