"""How a challenge begins: the corpus, the budget, and what else holds for all."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from slm.errors import ConfigError
from slm.model.config import PRESETS
from slm.training.config import as_trained, recipe_for
from slm.workshop import challenges, people
from slm.workshop.budgets import steps_within
from slm.workshop.challenges import ChallengeConfig
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import settings
from ui.view_models import workshop_challenge as words
from ui.view_models.model import DEFAULT, Design
from ui.views.model import design as board
from ui.views.workshop.following import newest

_KEY = "race"
_MOST_STEPS = 10_000
"""That a form is filled in with, however large a budget is."""


def ask(state: PageState, *, unfolded: bool) -> None:
    """The presenter's form; folded away while there is a challenge."""
    names = people.names(state.workspace)
    found = state.workspace.corpora.list()
    usable = [each for each in found if not each.problem and each.details.get("val")]
    corpora = words.corpus_labels(usable, names, state.owner)
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
    """The recipe of the model that one would train, with as many steps as a budget of tokens
    allows, as a link tells it; empty for a budget of seconds, which no form knows beforehand."""
    steps = min(_within(config)[2], _MOST_STEPS)
    return settings.to_text({"steps": steps}) if config.budget == "tokens" and steps else ""


def budget_help(config: ChallengeConfig) -> str:
    """How many steps the budget allows of the model that one would train."""
    return words.budget_help(config, *_within(config))


def _within(config: ChallengeConfig) -> tuple[int, int, int]:
    """Batch and window of the model that a new training would begin with, and the steps that the
    budget allows of it."""
    try:
        design = board.current()
    except ConfigError:  # the form begins with the smallest preset then
        design = Design(DEFAULT, PRESETS[DEFAULT])
    recipe = recipe_for(design.preset)
    window = as_trained(design.config, recipe).context_length
    return recipe.batch_size, window, steps_within(config.amount, recipe.batch_size, window)
