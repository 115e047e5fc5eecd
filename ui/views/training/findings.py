"""What the training doctor finds in a run, once for the marks on the charts and for its panel."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from slm.training.doctor import Finding, examine
from slm.training.events import Event
from slm.training.runs import RunSettings
from ui.view_models import run_curves as words
from ui.view_models.doctor import HEADLINES
from ui.view_models.run_curves import Mark, Records


def of_run(
    run_id: str,
    settings: RunSettings,
    records: Records,
    events: Sequence[Event],
    train_tokens: int | None,
) -> tuple[Finding, ...]:
    """The findings of a run's record, computed anew when it has grown by a fiftieth, or ended."""
    return _findings(
        (run_id, *words.record_key(records, settings.train.steps), len(events)),
        settings,
        records,
        events,
        train_tokens,
    )


@st.cache_data(max_entries=32, show_spinner=False)
def _findings(
    key: tuple[Any, ...],
    _settings: RunSettings,
    _records: Records,
    _events: Sequence[Event],
    _train_tokens: int | None,
) -> tuple[Finding, ...]:
    del key
    return examine(_settings, _records, _events, train_tokens=_train_tokens)


def marks(found: Sequence[Finding]) -> tuple[Mark, ...]:
    """The stretches of steps in which something is wrong; mere advice leaves the charts clear."""
    return tuple(
        Mark(each.first_step, HEADLINES[each.kind], each.last_step, each.severity)
        for each in found
        if each.severity != "info"
    )
