"""How a challenge begins: the corpus, the budget, and what else holds for all."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from slm.model.config import PRESETS
from slm.training.config import recipe_for
from slm.workshop import challenges
from slm.workshop.budgets import steps_within
from slm.workshop.challenges import ChallengeConfig
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import workshop_challenge as words
from ui.views.workshop.following import newest

_KEY = "race"
_PRESET = "nano"


def ask(state: PageState, *, unfolded: bool) -> None:
    """The presenter's form; folded away while there is a challenge."""
    corpora = {
        corpus.id: corpus.name
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


def budget_help(config: ChallengeConfig) -> str:
    """How many steps of the smallest recipe the budget allows."""
    recipe, window = recipe_for(_PRESET), PRESETS[_PRESET].context_length
    steps = steps_within(config.amount, recipe.batch_size, window)
    return words.budget_help(config, recipe.batch_size, window, steps)
