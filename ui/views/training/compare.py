"""Several runs side by side: their losses along what they cost, and in what they differ."""

from typing import Any

import pandas as pd
import streamlit as st

from slm.errors import ConfigError, WorkspaceError
from slm.lab import standings
from slm.lab.standings import Axis
from slm.training.events import read_events
from slm.training.runs import RunSettings
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.figures import experiments as figures
from ui.figures.curves import OKABE_ITO
from ui.session import PageState
from ui.texts import tr
from ui.view_models import lane_rows
from ui.view_models import run_comparison as words
from ui.view_models.run_comparison import Group

_GROUP_MOST = 36


def render(state: PageState) -> None:
    """Choose runs; their losses over each other, and the table of what differs."""
    known = [run for run in state.workspace.runs.list() if not run.problem]
    if not known:
        st.info(tr("There is no run to compare yet. Start one in “New training”."))
        return
    labels = words.labels(known)
    group, chosen = _choose(state, known, labels)
    opened = {run.id: settings for run in chosen if (settings := _open(run)) is not None}
    chosen = [run for run in chosen if run.id in opened]
    if not chosen:
        return
    axis, losses, smoothing = _ask()
    traces = [
        standings.trace_of(words.lane_of_run(labels[run.id], opened[run.id]), run, _read)
        for run in chosen
    ]
    events = {labels[run.id]: read_events(run.folder) for run in chosen}
    rows = pd.DataFrame(
        lane_rows.curve_rows(traces, axis, losses, smoothing),
        columns=list(lane_rows.COLUMNS),
    )
    colors = _colors(chosen, known, labels, group)
    spec = figures.overlay(
        lane_rows.AXIS_TITLES[axis], colors, marks=words.mark_rows(traces, events, axis)
    )
    st.vega_lite_chart(rows, spec, key="compare-loss")
    st.caption(
        tr(
            "Validation losses are points, training losses dashed. A dashed upright line is "
            "where a run's settings were changed. The address of this page holds all of it: copy "
            "it to share."
        )
    )
    _table(state, chosen, opened, labels, traces)
    _events(words.event_rows(events))
    _code(chosen)


def _choose(
    state: PageState, known: list[Artefact], labels: dict[str, str]
) -> tuple[Group | None, list[Artefact]]:
    groups = {group.id: group for group in words.groups(known)}
    if st.session_state.get("group") not in {None, *groups}:
        st.session_state["group"] = None
    group = None
    whole, single = st.columns([1, 2.4])
    if groups:
        with whole:
            picked_group = st.selectbox(
                tr("Sweep or race"),
                list(groups),
                index=None,
                format_func=lambda key: (
                    f"{groups[key].name} · {groups[key].kind}" if key in groups else key
                ),
                key="group",
                placeholder=tr("any runs"),
                bind="query-params",
                persist_state="session",
            )
            group = groups.get(str(picked_group))
    options = [run.id for run in known if group is None or run.id in group.runs]
    with single if groups else st.container():
        picked = st.multiselect(
            tr("Runs"),
            options,
            format_func=lambda run_id: labels.get(run_id, run_id),
            key="runs" if group is None else f"runs_{group.id}",
            max_selections=words.MOST if group is None else _GROUP_MOST,
            placeholder=tr("the current one and the newest") if group is None else tr("all of it"),
            bind="query-params",
            persist_state="session",
        )
    if group is not None:
        return group, [run for run in reversed(known) if run.id in (picked or group.runs)]
    current = state.run.id if state.run is not None else None
    return None, words.chosen_runs(known, picked, current)


def _ask() -> tuple[Axis, lane_rows.Losses, float]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        axis = st.segmented_control(
            tr("Against"),
            list(lane_rows.AXES),
            format_func=lambda key: lane_rows.AXES.get(key, key),
            default="step",
            key="axis",
            bind="query-params",
            required=True,
        )
        losses = st.segmented_control(
            tr("Losses"),
            list(lane_rows.LOSSES),
            format_func=lane_rows.LOSSES.__getitem__,
            default="validation",
            key="compare_losses",
            bind="query-params",
            required=True,
        )
        smoothing = 0.0
        if losses != "validation":
            smoothing = st.slider(
                tr("Smoothing"),
                0.0,
                0.98,
                0.8,
                0.02,
                key="smoothing",
                bind="query-params",
                width=220,
                help=tr(
                    "How much of the one before each training loss keeps: a running mean. "
                    "Validation losses are never smoothed."
                ),
            )
    return axis, losses, smoothing


def _open(run: Artefact) -> RunSettings | None:
    try:
        return RunSettings.read(run.folder)
    except (WorkspaceError, ConfigError) as error:
        widgets.show_problem(f"{run.name}: {error}")
        return None


def _read(path: Any) -> list[dict[str, Any]]:
    return loaders.log_reader(str(path)).read()


def _colors(
    chosen: list[Artefact], known: list[Artefact], labels: dict[str, str], group: Group | None
) -> dict[str, str]:
    """A run's colour: by its place among all runs, oldest first, so that it keeps it; within a
    sweep or race, by its place there."""
    if group is not None and group.kind == "sweep":
        return figures.value_colors([labels[run.id] for run in chosen])
    if group is not None:
        return figures.lane_colors([labels[run.id] for run in chosen])
    oldest_first = sorted(run.id for run in known)
    return {
        labels[run.id]: OKABE_ITO[oldest_first.index(run.id) % (len(OKABE_ITO) - 1)]
        for run in chosen
    }


def _table(
    state: PageState,
    chosen: list[Artefact],
    opened: dict[str, RunSettings],
    labels: dict[str, str],
    traces: list[standings.Trace],
) -> None:
    here = state.workspace
    names = {each.id: each.name for each in (*here.corpora.list(), *here.tokenizers.list())}
    runs = [(labels[run.id], opened[run.id]) for run in chosen]
    st.dataframe(
        pd.DataFrame(words.difference_rows(runs, traces, names)), hide_index=True, height="content"
    )


def _events(rows: list[dict[str, str]]) -> None:
    if rows:
        with st.expander(tr("What was changed in mid-run ({n_rows})").format(n_rows=len(rows))):
            st.dataframe(pd.DataFrame(rows), hide_index=True, height="content")


def _code(chosen: list[Artefact]) -> None:
    widgets.show_code(
        "from slm.files import read_records\n"
        "from slm.training.runs import METRICS\n"
        "from slm.workspace import Workspace\n\n"
        f"for name in {[run.id for run in chosen]!r}:\n"
        '    run = Workspace("workspace", read_only=["demo"]).runs.get(name)\n'
        "    records = read_records(run.folder / METRICS).records\n"
        '    print(run.name, [r["val_nats"] for r in records if r.get("val_nats") is not None])',
        standings.trace_of,
    )
