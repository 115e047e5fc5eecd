"""The list of cleaning rules: order, switches, values, and what each did.

``rules_view(rows, more, …)`` draws it. What the visitor did is to be had before drawing, by
``rules_sent(key)``, so that the list is drawn with its effect in the same run.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.cleaning import RuleRow

_mount = register("slm_rules", Path(__file__).parent, shared=("base.css", "payload.js"))


def rules_view(
    rows: Sequence[RuleRow],
    more: Sequence[RuleRow],
    *,
    selected: str | None,
    turn: int = 0,
    key: str,
) -> None:
    """Draw the rules of the list in order, and below them those that can be added.

    ``selected`` is the rule whose changes are shown elsewhere. ``turn`` must differ after each
    change that the browser sent, so that one that was refused is drawn back too.
    """
    _mount(
        key=key,
        data=rules_payload(rows, more, selected=selected, turn=turn),
        on_change_change=lambda: None,
        on_open_change=lambda: None,
    )


def rules_sent(key: str) -> tuple[Any, str | None]:
    """What the browser sent for this run: the new list, unchecked, and the rule clicked."""
    held = st.session_state.get(key, {})
    opened = held.get("open")
    return held.get("change"), opened if isinstance(opened, str) else None


def rules_payload(
    rows: Sequence[RuleRow],
    more: Sequence[RuleRow],
    *,
    selected: str | None,
    turn: int = 0,
) -> bytes:
    """What the browser receives."""
    return pack(
        {
            "rows": [asdict(row) for row in rows],
            "more": [{"name": row.name, "title": row.title, "hint": row.hint} for row in more],
            "selected": selected,
            "turn": turn,
        }
    )
