"""How a challenge begins: the corpus, the budget, and what else holds for all."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from slm.model.config import PRESETS
from slm.training.config import recipe_for
from slm.workshop import challenges, people
from slm.workshop.budgets import steps_within
from slm.workshop.challenges import ChallengeConfig
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import settings
from ui.view_models import workshop_challenge as words
from ui.views.workshop.following import newest

_KEY = "race"
_PRESET = "nano"


def ask(state: PageState, *, unfolded: bool) -> None:
    """The presenter's form; folded away while there is a challenge."""
    names = people.names(state.workspace)
    corpora = {
        corpus.id: words.corpus_label(corpus, names, state.owner)
        for corpus in state.workspace.corpora.list()
        if not corpus.problem and corpus.details.get("val")
    }
    with st.expander(tr("Begin a challenge"), expanded=unfolded, icon=":material/flag:"):
        if not corpora:
            st.info(tr("A challenge needs a corpus. Collect one on the Data page first."))
            return
        first = state.corpus.id if state.corpus is not None else ""
        with st.container(horizontal=True, gap="small"):
            corpus = st.selectbox(
                tr("Corpus that all learn from"),
                list(corpora),
                index=list(corpora).index(first) if first in corpora else 0,
                format_func=lambda key: corpora.get(key, key),
                key=f"{_KEY}-corpus",
            )
            values = _fields(("title",))
        with st.container(horizontal=True, gap="small"):
            values |= _fields(("budget", "amount"))
        with st.expander(tr("More")), st.container(horizontal=True, gap="small"):
            values |= _fields(("most_parameters", "judged_kilobytes"))
        config = ChallengeConfig().replace(**values, corpus=corpus)
        st.caption(budget_help(config))
        if st.button(tr("Begin"), type="primary", key=f"{_KEY}-begin", icon=":material/flag:"):
            with widgets.user_errors():
                challenges.open_challenge(state.workspace, config)
                st.session_state["challenge"] = None
                newest.clear()
                st.rerun()


def _fields(names: Sequence[str]) -> dict[str, Any]:
    return widgets.config_form(ChallengeConfig, names, ChallengeConfig(), _KEY, words.LABELS)


def recipe_within(config: ChallengeConfig) -> str:
    """The smallest preset's recipe with as many steps as a budget of tokens allows, as a link
    tells it; empty for a budget of seconds, which no form knows beforehand."""
    recipe = recipe_for(_PRESET)
    steps = min(recipe.steps, _steps_of(config))
    return settings.to_text({"steps": steps}) if config.budget == "tokens" and steps else ""


def _steps_of(config: ChallengeConfig) -> int:
    recipe = recipe_for(_PRESET)
    return steps_within(config.amount, recipe.batch_size, PRESETS[_PRESET].context_length)


def budget_help(config: ChallengeConfig) -> str:
    """How many steps of the smallest recipe the budget allows."""
    recipe, window = recipe_for(_PRESET), PRESETS[_PRESET].context_length
    steps = _steps_of(config)
    return words.budget_help(config, recipe.batch_size, window, steps)
