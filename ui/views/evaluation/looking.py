"""One measurement as several views need it: the text, how it is read, beside which models.

What is asked here stands in the address, so that views share it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from slm import jobs
from slm.errors import DataError
from slm.lab.evaluation import EvaluateConfig
from slm.lab.judged_text import TextConfig
from slm.workspace import Artefact
from ui import job_panel, widgets
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.evaluation import evaluate_argv
from ui.views.evaluation import measures, which_text

PHRASES = {"val": tr("the held-out text"), "train": tr("the training text")}
_STRIDES = {
    "whole": tr("Side by side"),
    "half": tr("Half over"),
    "quarter": tr("Three quarters over"),
}
_MOST_RIVALS = 4


@dataclass(frozen=True)
class Look:
    """What was asked, and what is known of it. `figures` are None while a job has to find them."""

    config: EvaluateConfig
    figures: Mapping[str, Any] | None
    what: str

    @property
    def partial(self) -> bool:
        """Whether there is more of the text than was measured."""
        if self.figures is None:
            return True
        return bool(self.figures.get("text", {}).get("partial", False))

    @property
    def of_tokens(self) -> int | None:
        """How many tokens the whole text has, where it is known."""
        told = {} if self.figures is None else self.figures.get("text", {})
        found = told.get("of_tokens")
        return int(found) if found is not None else None


def ask(state: PageState, run: Artefact, loaded: LoadedRun) -> Look | None:
    """The text and how it is read, asked; the best figures that there are of it.

    None while a text is still to be given.

    Raises: as `measures.first_look`.
    """
    text = which_text.ask(state, run)
    against, stride = _ask_more(state, run, loaded)
    if text is None:
        return None
    config = measures.settings(text, stride, against)
    what = PHRASES[text.split] if text.own else _name(state, text)
    kept = measures.kept_figures(state, run, config)
    if kept is not None:
        return Look(config, kept, what)
    if measures.of_the_hub(text):
        return Look(config, None, what)
    try:
        others = measures.others_of(state, against)
        with st.spinner(tr("Measuring a first look"), show_time=True):
            return Look(config, measures.first_look(state, loaded, config, others), what)
    except DataError:
        told = measures.report_figures(run, loaded.step, text.split) if text.own else None
        if told is None:
            raise
        return Look(config, told, what)


def measure_all(state: PageState, run: Artefact, look: Look, key: str) -> None:
    """A button for the whole text; while it is measured, how far that is."""
    newest = next(iter(measures.evaluations(state.workspace, run)), None)
    status = newest.status() if newest is not None else None
    if newest is not None and status is not None and (status.alive or status.error):
        job_panel.watch(state.workspace, newest.id, key=f"evaluation-{key}")
        if status.alive:
            return
    if not look.partial or (look.figures is not None and "text" not in look.figures):
        return
    total = look.of_tokens
    label = (
        tr("Measure all {total:,} tokens").format(total=total)
        if total
        else tr("Measure the whole text")
    )
    if measures.of_the_hub(look.config):
        label = tr("Fetch it and measure {hub_tokens:,} tokens").format(
            hub_tokens=measures.HUB_TOKENS
        )
    if st.button(label, icon=":material/straighten:", key=f"measure-all-{key}"):
        jobs.start(
            state.workspace,
            evaluate_argv(run, look.config),
            name=tr("Evaluation of {name}").format(name=run.name)[:80],
            key=f"evaluate-{run.id}-{measures.digest(look.config)}",
        )
        st.rerun()


def _ask_more(state: PageState, run: Artefact, loaded: LoadedRun) -> tuple[list[str], int | None]:
    """Other models, and how windows lie, behind one button."""
    names = {
        each.id: each.name
        for each in state.workspace.all_models()
        if each.id != run.id and not each.problem
    }
    with st.popover(tr("More"), icon=":material/tune:", width="stretch"):
        against = st.multiselect(
            tr("Other models on the same text"),
            list(names),
            format_func=lambda key: names.get(key, key),
            max_selections=_MOST_RIVALS,
            key="eval_against",
            bind="query-params",
            persist_state="session",
            placeholder=tr("None") if names else tr("There is no other model yet"),
            disabled=not names,
        )
        chosen = st.segmented_control(
            tr("Windows"),
            list(_STRIDES),
            format_func=lambda key: _STRIDES.get(key, key),
            default="whole",
            key="eval_stride",
            bind="query-params",
            persist_state="session",
            required=True,
            help=glossary.meaning("stride"),
        )
    width = loaded.model.config.context_length
    stride = {"half": width // 2, "quarter": width // 4}.get(str(chosen))
    return [key for key in against if key in names], max(1, stride) if stride is not None else None


def _name(state: PageState, text: TextConfig) -> str:
    """A text that is not the run's own, as a phrase; escaped."""
    if text.corpus:
        found = state.workspace.corpora.find(text.corpus)
        return tr("the held-out part of {name}").format(
            name=widgets.esc_md(found.name if found else text.corpus)
        )
    if measures.of_the_hub(text):
        return f"{widgets.esc_md(text.source)} ({text.hub_split})"
    return tr("this file") if text.source else tr("this text")
