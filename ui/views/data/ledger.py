"""What cleaning rules did: a table, and before and after for one of them."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm.data.cleaning import RuleReport
from slm.data.rules import RULES
from ui.view_models import data as words


def render(reports: Sequence[RuleReport], key: str) -> None:
    """The rules with their counts; below, examples of one that did something."""
    rows = words.ledger_rows(reports)
    frame = pd.DataFrame(
        {
            "Rule": [row.title for row in rows],
            "Documents touched": [row.touched for row in rows],
            "Dropped": [row.dropped for row in rows],
            "Characters changed": [row.characters for row in rows],
        }
    )
    st.dataframe(frame, hide_index=True, height="content")
    active = {report.rule: report for report in reports if report.examples}
    if not active:
        return
    held = f"{key}-example-rule"
    if st.session_state.get(held) not in {None, *active}:
        del st.session_state[held]
    chosen = st.segmented_control(
        "Before and after",
        list(active),
        format_func=words.rule_title,
        default=next(iter(active)),
        key=held,
        required=True,
    )
    report = active[chosen or next(iter(active))]
    if report.rule in RULES:
        st.caption(RULES[report.rule].description)
    for example in report.examples:
        before, after = st.columns(2)
        before.code(words.shown(example.before), language=None, wrap_lines=True)
        after.code(words.example_after(example), language=None, wrap_lines=True)
