"""Lanes of a race or a sweep, and runs side by side, as rows of charts and tables.

Knows traces of lanes; no charts, no browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.standings import Axis, Point, Trace
from ui.texts import tr
from ui.view_models.jobs import count, duration

AXES: Mapping[Axis, str] = MappingProxyType(
    {
        "tokens": tr("tokens"),
        "flops": tr("FLOPs"),
        "seconds": tr("seconds"),
        "step": tr("steps"),
    }
)
AXIS_TITLES: Mapping[Axis, str] = MappingProxyType(
    {
        "tokens": tr("tokens learned from"),
        "flops": tr("training FLOPs"),
        "seconds": tr("seconds of training"),
        "step": tr("step"),
    }
)
Losses = Literal["validation", "training", "both"]
LOSSES: Mapping[Losses, str] = MappingProxyType(
    {"validation": tr("validation"), "training": tr("training"), "both": tr("both")}
)
_STATES: Mapping[standings.State, str] = MappingProxyType(
    {
        "waiting": tr("not begun"),
        "unfinished": tr("under way"),
        "done": tr("finished"),
        "diverged": tr("diverged"),
        "failed": tr("failed"),
    }
)
COLUMNS = ("x", "run", "name", "split", "nats")
TIE_NATS = 0.005  # closer than seeds usually are; our choice
_TEXT_CHARACTERS = 500
_REPLAY_SECONDS = 12.0
_IN_A_ROW = 3


@dataclass(frozen=True)
class LaneText:
    """What a lane wrote, at about the same share of its way as the others. Foreign text."""

    lane: str
    caption: str
    text: str


def curve_rows(
    traces: Sequence[Trace],
    axis: Axis,
    losses: Losses = "validation",
    smoothing: float = 0.0,
    *,
    by_value: bool = False,
) -> list[dict[str, Any]]:
    """Points (x, run, name, split, nats) of the lanes: `run` is a line, `name` its colour.

    `smoothing` (0 to 1) is for training losses. `by_value` gives all seeds of a value one name.
    """
    rows: list[dict[str, Any]] = []
    for trace in traces:
        name = shown(trace.lane.value) if by_value else trace.lane.name
        where = (axis, trace.lane.name, name)
        if losses != "training":
            rows += [_row(point, *where, "validation", point.val_nats) for point in trace.measured]
        if losses != "validation":
            learned = [point for point in trace.points if point.train_nats is not None]
            nats = smoothed([float(point.train_nats or 0) for point in learned], smoothing)
            rows += [
                _row(point, *where, "training", value)
                for point, value in zip(learned, nats, strict=True)
            ]
    return rows


def smoothed(values: Sequence[float], smoothing: float) -> list[float]:
    """The running mean in which each value keeps `smoothing` of the one before; 0 changes nothing.

    The beginning is corrected for having no past (Kingma and Ba 2015, section 3).

    >>> [round(x, 3) for x in smoothed([4.0, 2.0, 2.0], 0.5)]
    [4.0, 2.667, 2.286]
    """
    held, weight, found = 0.0, 0.0, []
    for value in values:
        held = smoothing * held + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
        found.append(held / weight)
    return found


def standing_rows(traces: Sequence[Trace]) -> list[dict[str, str]]:
    """The table of the lanes, the lowest loss first."""
    rows = []
    for place, trace in enumerate(standings.ranking(traces), start=1):
        last, final, best = trace.last, trace.final, trace.best
        rows.append(
            {
                tr("place"): f"{place}." if final is not None else "–",
                tr("lane"): trace.lane.name,
                tr("validation loss"): nats_shown(final),
                tr("lowest"): nats_shown(best),
                tr("steps"): tr("{step:,} of {steps:,}").format(
                    step=last.step if last else 0, steps=trace.steps
                ),
                tr("tokens"): count(last.tokens) if last else "–",
                tr("FLOPs"): f"{last.flops:.2e}" if last else "–",
                tr("training time"): duration(last.seconds) if last else "–",
                tr("state"): _STATES[trace.state],
            }
        )
    return rows


def short_rows(traces: Sequence[Trace], axis: Axis) -> list[dict[str, str]]:
    """The same in short, for beside the curves."""
    return [
        {
            tr("lane"): trace.lane.name,
            tr("loss"): nats_shown(trace.final),
            AXES[axis]: amount(trace.last.at(axis), axis) if trace.last else "–",
            "": "" if trace.state == "done" else _STATES[trace.state],
        }
        for trace in standings.ranking(traces)
    ]


def finish_rows(traces: Sequence[Trace], axis: Axis) -> list[dict[str, str]]:
    """A row for each loss: what every lane had used up when it reached it, and who was first."""
    return [
        {
            tr("loss reached"): tr("{nats:g} nats").format(nats=each.nats),
            **{
                name: tr("not yet") if x is None else amount(x, axis)
                for name, x in each.used.items()
            },
            tr("first"): each.first or tr("nobody yet"),
        }
        for each in standings.crossings(traces, axis)
    ]


def amount(value: float, axis: Axis) -> str:
    """So much of an axis, with its unit.

    >>> amount(61_200, "tokens"), amount(75, "seconds"), amount(2.5e12, "flops")
    ('61.2 k', '1 min 15 s', '2.50e+12')
    """
    if axis == "seconds":
        return duration(value) if value >= 10 else f"{value:.1f} s"
    return f"{value:.2e}" if axis == "flops" else count(value)


def lane_texts(traces: Sequence[Trace], prompt: str) -> tuple[LaneText, ...]:
    """The newest text of every lane after that prompt."""
    told = []
    for trace in traces:
        texts = [text for text in trace.texts if text.prompt == prompt]
        newest = texts[-1] if texts else None
        told.append(
            LaneText(
                trace.lane.name,
                tr("after {step:,} steps, {share:.0%} of its way").format(
                    step=newest.step, share=newest.step / trace.steps
                )
                if newest
                else tr("has not written yet"),
                (newest.prompt + newest.text)[:_TEXT_CHARACTERS].strip() or "(nothing)"
                if newest
                else "…",
            )
        )
    return tuple(told)


def prompts(traces: Sequence[Trace]) -> tuple[str, ...]:
    """The prompts that texts were written after, in their order."""
    return tuple(dict.fromkeys(text.prompt for trace in traces for text in trace.texts))


def in_rows(texts: Sequence[LaneText]) -> list[Sequence[LaneText]]:
    """Texts as they stand side by side: at most three in a row."""
    return [texts[first : first + _IN_A_ROW] for first in range(0, len(texts), _IN_A_ROW)]


def replay_share(began: float, now: float) -> float:
    """How much of a race a replay shows by now, 0 to 1.

    >>> replay_share(100.0, 106.0), replay_share(100.0, 200.0)
    (0.5, 1.0)
    """
    return min(1.0, max(0.0, (now - began) / _REPLAY_SECONDS))


def x_limit(plan: Plan, traces: Sequence[Trace], axis: Axis, live: bool) -> float | None:
    """Where the axis ends, so that it stays while curves grow or are replayed."""
    if live and plan.budget is not None and axis == plan.budget.kind:
        return plan.budget.amount
    return max((trace.last.at(axis) for trace in traces if trace.last), default=None)


def shown(value: Any) -> str:
    """A value of a setting, short.

    >>> shown(0.0032), shown(None), shown(1200)
    ('0.0032', 'automatic', '1,200')
    """
    if value is None:
        return tr("automatic")
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def nats_shown(point: Point | None) -> str:
    """The validation loss at a point, or a dash."""
    return "–" if point is None or point.val_nats is None else f"{point.val_nats:.3f}"


def final_nats(point: Point | None) -> float:
    """The validation loss at a point that has one."""
    assert point is not None and point.val_nats is not None
    return point.val_nats


def _row(
    point: Point, axis: Axis, run: str, name: str, split: str, nats: float | None
) -> dict[str, Any]:
    return {"x": point.at(axis), "run": run, "name": name, "split": split, "nats": nats}
