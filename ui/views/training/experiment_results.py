"""What a sweep or a race has found so far: curves, who reached what, texts side by side."""

import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.standings import Axis, Trace
from slm.workspace import Artefact
from ui import widgets
from ui.figures import experiments as figures
from ui.texts import tr
from ui.view_models import glossary, lane_rows, race_words, sweep_words

REPLAY = "race_replay"


def show(plan: Plan, traces: Sequence[Trace], *, live: bool) -> int | None:
    """The picture, the tables, the texts. Gives the lane whose settings somebody wants."""
    if plan.kind == "sweep":
        return _sweep(plan, traces)
    return _race(plan, traces, live)


def code(experiment: Artefact, plan: Plan) -> None:
    """The lines that make the tables."""
    widgets.show_code(
        "from slm.lab import experiments, standings\n"
        "from slm.workspace import Workspace\n\n"
        'here = Workspace("workspace", read_only=["demo"])\n'
        f"experiment = experiments.shelf(here).get({experiment.id!r})\n"
        "plan = experiments.read_plan(experiment)\n"
        "runs = experiments.runs_of(here, experiment.id)\n"
        "traces = standings.traces_of(plan, experiment, runs)\n"
        + (
            "for each in standings.by_value(traces):\n"
            "    print(each.value, each.final, each.best, each.diverged)"
            if plan.kind == "sweep"
            else 'for each in standings.crossings(traces, "tokens"):\n'
            "    print(each.nats, each.first, each.used)"
        ),
        standings.crossings if plan.kind == "race" else standings.by_value,
    )


def _race(plan: Plan, traces: Sequence[Trace], live: bool) -> int | None:
    asked = st.container(horizontal=True, vertical_alignment="bottom", gap="medium")
    with asked:
        axis = _axis(plan)
        losses = _losses()
        share = _replay(live)
    shown = [trace.until(share) for trace in traces]
    colors = figures.lane_colors([trace.lane.name for trace in traces])
    limit = lane_rows.x_limit(plan, traces, axis, live)
    rows = pd.DataFrame(
        lane_rows.curve_rows(shown, axis, losses, 0.8), columns=list(lane_rows.COLUMNS)
    )
    left, right = st.columns([1.9, 1], gap="large")
    with left:
        spec = figures.overlay(lane_rows.AXIS_TITLES[axis], colors, x_limit=limit)
        st.vega_lite_chart(rows, spec, key="experiment-curves")
    with right:
        st.text(race_words.race_verdict(plan, shown, axis))
        st.dataframe(
            pd.DataFrame(lane_rows.short_rows(shown, axis)), hide_index=True, height="content"
        )
        _fairness(plan, shown)
    _texts(shown)
    st.markdown(tr("**Who reached which loss first**"), help=glossary.meaning("validation loss"))
    finish = lane_rows.finish_rows(shown, axis)
    if finish:
        st.dataframe(pd.DataFrame(finish), hide_index=True, height="content")
    else:
        st.caption(tr("It shows when the lanes have been measured a few times."))
    with st.expander(tr("All that each lane used up")):
        st.dataframe(
            pd.DataFrame(lane_rows.standing_rows(shown)), hide_index=True, height="content"
        )
    return _use_one(traces)


def _sweep(plan: Plan, traces: Sequence[Trace]) -> int | None:
    axis: Axis = "step"
    results = standings.by_value(traces)
    values = [each.value for each in results]
    scale = sweep_words.sweep_scale(values)
    best = standings.best_value(traces)
    st.text(sweep_words.sweep_verdict(plan, traces))
    left, right = st.columns(2, gap="large")
    with left:
        points = pd.DataFrame(sweep_words.sweep_points(traces), columns=["value", "nats", "run"])
        if scale == "names":
            points["value"] = points["value"].map(lane_rows.shown)
        order = [lane_rows.shown(v) if scale == "names" else str(v) for v in values]
        mark = (
            None
            if best is None
            else lane_rows.shown(best.value)
            if scale == "names"
            else best.value
        )
        spec = figures.sweep(sweep_words.field_label(plan.field or ""), scale, order, mark)
        if points.empty:
            st.caption(
                tr("Each value's last validation loss is drawn here as soon as its run is done.")
            )
        else:
            st.vega_lite_chart(points, spec, key="sweep-values")
    with right:
        rows = pd.DataFrame(
            lane_rows.curve_rows(traces, axis, by_value=True), columns=list(lane_rows.COLUMNS)
        )
        colors = figures.value_colors([lane_rows.shown(value) for value in values])
        spec = figures.overlay(lane_rows.AXIS_TITLES[axis], colors)
        st.vega_lite_chart(rows, spec, key="experiment-curves")
    st.dataframe(pd.DataFrame(sweep_words.sweep_rows(traces)), hide_index=True, height="content")
    if best is None:
        return None
    if st.button(tr("Use the best"), type="primary", icon=":material/check:", key="use-best"):
        return sweep_words.lane_of_value(traces, best)
    st.caption(tr("It fills the form of a new training with the settings of that run."))
    return None


def _axis(plan: Plan) -> Axis:
    first: Axis = plan.budget.kind if plan.budget is not None else "step"
    axis = st.segmented_control(
        tr("Against"),
        list(lane_rows.AXES),
        format_func=lambda key: lane_rows.AXES.get(key, key),
        default=first,
        key=f"race_axis_{first}",
        bind="query-params",
        required=True,
        help=tr("The same curves along what they cost."),
    )
    return axis if axis in lane_rows.AXES else first


def _losses() -> lane_rows.Losses:
    chosen = st.segmented_control(
        tr("Losses"),
        list(lane_rows.LOSSES),
        format_func=lane_rows.LOSSES.__getitem__,
        default="validation",
        key="race_losses",
        bind="query-params",
        required=True,
    )
    return chosen if chosen in lane_rows.LOSSES else "validation"


def _replay(live: bool) -> float:
    """The share of the budget to show: all of it, or as far as the slider or the replay is."""
    if live:
        return 1.0
    began = st.session_state.get(REPLAY)
    if began is not None:
        share = lane_rows.replay_share(began, time.monotonic())
        st.session_state["race_share"] = round(100 * share)
        if share >= 1:
            _hold()
            st.rerun()
    percent = st.slider(
        tr("Budget spent"),
        0,
        100,
        100,
        format="%d%%",
        key="race_share",
        bind="query-params",
        width=220,
        on_change=_hold,
        help=tr("Look back at how the race stood."),
    )
    if began is None:
        if st.button(tr("Replay"), icon=":material/replay:", key="race-again"):
            st.session_state[REPLAY] = time.monotonic()
            st.rerun()
    elif st.button(tr("Hold"), icon=":material/pause:", key="race-hold"):
        _hold()
        st.rerun()
    return percent / 100


def _hold() -> None:
    st.session_state.pop(REPLAY, None)


def _fairness(plan: Plan, traces: Sequence[Trace]) -> None:
    facts = race_words.fairness(plan, traces)
    with st.expander(race_words.fairness_title(facts), icon=":material/balance:"):
        for fact in facts:
            icon = ":material/check:" if fact.fair else ":material/priority_high:"
            st.caption(f"{icon} {widgets.esc_md(fact.text)}")


def _texts(traces: Sequence[Trace]) -> None:
    prompts = lane_rows.prompts(traces)
    if not prompts:
        return
    st.markdown(tr("**What they write**"), help=glossary.meaning("sampling"))
    prompt = prompts[0]
    if len(prompts) > 1:
        prompt = st.selectbox(tr("After"), prompts, key="race_prompt") or prompt
    for part in lane_rows.in_rows(lane_rows.lane_texts(traces, prompt)):
        for column, each in zip(st.columns(len(part)), part, strict=True):
            with column.container(border=True, height=190):
                st.caption(f"**{widgets.esc_md(each.lane)}** · {each.caption}")
                st.text(each.text)


def _use_one(traces: Sequence[Trace]) -> int | None:
    names = [trace.lane.name for trace in traces]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lane = st.selectbox(
            tr("Settings of"),
            names,
            key="race_lane",
            index=None,
            placeholder=tr("a lane"),
            width=320,
        )
        if st.button(tr("Use them for a new training"), key="use-lane", disabled=lane not in names):
            return names.index(str(lane))
    return None
