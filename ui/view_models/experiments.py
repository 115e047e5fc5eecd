"""Sweeps and races in words and rows: who leads, by how much, and whether it was fair.

Knows traces of lanes; no charts, no browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from slm.jobs import JobStatus
from slm.lab import standings
from slm.lab.experiments import Plan
from slm.lab.lanes import Lane
from slm.lab.races import FIXED
from slm.lab.standings import Axis, Point, Trace, ValueResult
from slm.lab.sweeps import RATES
from slm.model.config import PRESETS
from slm.training.config import recipe_for
from ui.view_models import model as model_words
from ui.view_models import recipe as recipe_words
from ui.view_models import settings
from ui.view_models.jobs import count, duration
from ui.view_models.model import Design

AXES: Mapping[Axis, str] = MappingProxyType(
    {
        "tokens": "tokens",
        "flops": "FLOPs",
        "seconds": "seconds",
        "step": "steps",
    }
)
AXIS_TITLES: Mapping[Axis, str] = MappingProxyType(
    {
        "tokens": "tokens learned from",
        "flops": "training FLOPs",
        "seconds": "seconds of training",
        "step": "step",
    }
)
Losses = Literal["validation", "training", "both"]
LOSSES: tuple[Losses, ...] = ("validation", "training", "both")
_STATES: Mapping[standings.State, str] = MappingProxyType(
    {
        "waiting": "not begun",
        "unfinished": "under way",
        "done": "finished",
        "diverged": "diverged",
        "failed": "failed",
    }
)
_KINDS = MappingProxyType({"sweep": "Sweep", "race": "Race"})
COLUMNS = ("x", "run", "name", "split", "nats")
_LOG_FROM = 8.0  # values that span this factor are drawn on a logarithmic axis
_TIE_NATS = 0.005  # closer than seeds usually are; our choice
_TEXT_CHARACTERS = 500
_NEAR_BUDGET = 0.05
_REPLAY_SECONDS = 12.0
_IN_A_ROW = 3


@dataclass(frozen=True)
class Head:
    """Where an experiment stands, in a line."""

    headline: str
    fraction: float
    alive: bool
    can_resume: bool
    done: bool


@dataclass(frozen=True)
class Fact:
    """One sentence of what was the same in all lanes, or was not."""

    fair: bool
    text: str


@dataclass(frozen=True)
class LaneText:
    """What a lane wrote, at about the same share of its way as the others. Foreign text."""

    lane: str
    caption: str
    text: str


def label(name: str, kind: str, shipped: bool) -> str:
    """An experiment in the picker; `name` is foreign text."""
    what = _KINDS.get(kind, "Experiment")
    return f"{name} · example" if shipped else f"{name} · {what.lower()}"


def head(plan: Plan, traces: Sequence[Trace], status: JobStatus | None) -> Head:
    """Its state, how far it is, and what can be done with it."""
    fraction = sum(trace.fraction for trace in traces) / len(traces)
    done = all(trace.through for trace in traces)
    alive = status is not None and status.alive
    if alive and status is not None and status.state == "queued":
        ahead = status.queue_position
        state = "Waiting" if not ahead else f"Waiting behind {ahead} {_jobs(ahead)}"
    elif alive:
        state = "Stopping: it saves first" if status and status.stopping else "Under way"
    elif done:
        state = "Finished"
    else:
        ended = {"failed": "Failed", "interrupted": "Interrupted", "paused": "Paused"}
        state = ended.get(status.state if status else "", "Stopped")
    far = "" if done else f", {fraction:.0%}"
    left = status.remaining_seconds if alive and status is not None else None
    time = f", about {duration(left)} left" if left else ""
    lanes = f"{len(traces)} {'runs' if plan.kind == 'sweep' else 'lanes'}"
    budget = "" if plan.budget is None else f", {budget_in_words(plan)} each"
    return Head(
        headline=f"{_KINDS[plan.kind]} of {lanes}{budget}: {state.lower()}{far}{time}",
        fraction=min(1.0, fraction),
        alive=alive,
        can_resume=not alive and not done,
        done=done,
    )


def budget_in_words(plan: Plan) -> str:
    """A race's budget.

    >>> from slm.lab.experiments import Budget
    >>> budget_in_words(Plan("race", "r", "c", "t", "k", (), budget=Budget("tokens", 2e6)))
    '2.00 M tokens'
    """
    budget = plan.budget
    assert budget is not None
    if budget.kind == "seconds":
        return f"{duration(budget.amount)} of training"
    if budget.kind == "tokens":
        return f"{count(budget.amount)} tokens"
    return f"{budget.amount:.3g} FLOPs"


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
                "place": f"{place}." if final is not None else "–",
                "lane": trace.lane.name,
                "validation loss": _nats(final),
                "lowest": _nats(best),
                "steps": f"{last.step if last else 0:,} of {trace.steps:,}",
                "tokens": count(last.tokens) if last else "–",
                "FLOPs": f"{last.flops:.2e}" if last else "–",
                "training time": duration(last.seconds) if last else "–",
                "state": _STATES[trace.state],
            }
        )
    return rows


def short_rows(traces: Sequence[Trace], axis: Axis) -> list[dict[str, str]]:
    """The same in short, for beside the curves."""
    return [
        {
            "lane": trace.lane.name,
            "loss": _nats(trace.final),
            AXES[axis]: amount(trace.last.at(axis), axis) if trace.last else "–",
            "": "" if trace.state == "done" else _STATES[trace.state],
        }
        for trace in standings.ranking(traces)
    ]


def finish_rows(traces: Sequence[Trace], axis: Axis) -> list[dict[str, str]]:
    """A row for each loss: what every lane had used up when it reached it, and who was first."""
    return [
        {
            "loss reached": f"{each.nats:g} nats",
            **{name: "not yet" if x is None else amount(x, axis) for name, x in each.used.items()},
            "first": each.first or "nobody yet",
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


def race_verdict(plan: Plan, traces: Sequence[Trace], axis: Axis) -> str:
    """Who is ahead, and by how much, in a sentence or two; lane names are foreign text."""
    ranked = [trace for trace in standings.ranking(traces) if trace.final is not None]
    if not ranked or ranked[0].final is None:
        return "Nothing was measured yet."
    done = all(trace.through for trace in traces)
    winner = ranked[0]
    if len(ranked) == 1:
        return f"{winner.lane.name} alone has a validation loss: {_nats(winner.final)} nats."
    second = ranked[1]
    gap = _val(second.final) - _val(winner.final)
    verb = "is first" if done else "is ahead"
    if gap < _TIE_NATS:
        return (
            f"{winner.lane.name} and {second.lane.name} are level at {_nats(winner.final)} nats: "
            f"{gap:.4f} apart, less than another seed would change."
        )
    told = f"{winner.lane.name} {verb} with {_nats(winner.final)} nats, {gap:.3f} below the next."
    share = standings.lead(winner, second, axis)
    if done and share is not None and share < 1:
        told += (
            f" The loss at which {second.lane.name} ended, it had reached with {share:.0%} of "
            f"the {AXES[axis]}."
        )
    if done and axis != (plan.budget.kind if plan.budget else axis):
        told += f" Along {AXES[axis]} the lanes end at different places: see the curves."
    return told


def fairness(plan: Plan, traces: Sequence[Trace]) -> tuple[Fact, ...]:
    """What was the same in every lane, and what a reader of the result must know was not."""
    lanes = plan.lanes
    seeds = {lane.train.seed for lane in lanes}
    facts = [
        Fact(True, "Every lane reads the same text, cut into the same tokens."),
        Fact(
            len(seeds) == 1,
            f"One seed ({lanes[0].train.seed}) draws the first weights and the order of the text. "
            "Another seed moves a loss a little too: repeat a close race with one.",
        ),
        Fact(True, "All are measured on the same validation tokens; that time counts for nobody."),
        Fact(
            True,
            "They take turns on the machine, and go on bit for bit where they were; what a turn "
            "costs to begin is in nobody's time.",
        ),
    ]
    if len({(lane.train.optimizer, lane.train.batch_size, str(lane.model)) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "Learning rates that suit one lane may not suit another. Sweep the rates of each "
                "before you believe a large lead.",
            )
        )
    if len({(lane.train.batch_size, lane.model.context_length) for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "Batches or contexts differ, so the same text comes in another order, and in "
                "steps of another size.",
            )
        )
    if len({lane.model.context_length for lane in lanes}) > 1:
        facts.append(
            Fact(
                False,
                "A longer context sees more before it guesses, on the validation text as well: "
                "part of its lead may be that.",
            )
        )
    facts += _spent(plan, traces)
    return tuple(facts)


def fairness_title(facts: Sequence[Fact]) -> str:
    """The facts in a line."""
    unequal = sum(not fact.fair for fact in facts)
    if not unequal:
        return "Is it fair? Nothing but the settings differs"
    return f"Is it fair? {unequal} {'thing' if unequal == 1 else 'things'} to know"


def lane_texts(traces: Sequence[Trace], prompt: str) -> tuple[LaneText, ...]:
    """The newest text of every lane after that prompt."""
    told = []
    for trace in traces:
        texts = [text for text in trace.texts if text.prompt == prompt]
        newest = texts[-1] if texts else None
        told.append(
            LaneText(
                trace.lane.name,
                f"after {newest.step:,} steps, {newest.step / trace.steps:.0%} of its way"
                if newest
                else "has not written yet",
                (newest.prompt + newest.text)[:_TEXT_CHARACTERS].strip() or "(nothing)"
                if newest
                else "…",
            )
        )
    return tuple(told)


def problems(traces: Sequence[Trace]) -> tuple[str, ...]:
    """Why lanes failed, where they did; foreign text."""
    return tuple(f"{trace.lane.name}: {trace.problem}" for trace in traces if trace.problem)


def prompts(traces: Sequence[Trace]) -> tuple[str, ...]:
    """The prompts that texts were written after, in their order."""
    return tuple(dict.fromkeys(text.prompt for trace in traces for text in trace.texts))


def sweep_points(traces: Sequence[Trace]) -> list[dict[str, Any]]:
    """Points (value, nats, lane) of the lanes that are done."""
    return [
        {"value": trace.lane.value, "nats": _val(trace.final), "run": trace.lane.name}
        for trace in traces
        if trace.state == "done" and trace.final is not None
    ]


def sweep_scale(values: Sequence[Any]) -> Literal["log", "linear", "names"]:
    """How the values of a sweep are laid out.

    >>> sweep_scale([0.001, 0.01]), sweep_scale([1, 2, 3]), sweep_scale(["muon", "adamw"])
    ('log', 'linear', 'names')
    """
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return "names"
    low, high = min(values), max(values)
    return "log" if low > 0 and high / low >= _LOG_FROM else "linear"


def sweep_rows(traces: Sequence[Trace]) -> list[dict[str, str]]:
    """The table of a sweep: a row a value."""
    best = standings.best_value(traces)
    return [
        {
            "value": shown(each.value),
            "last validation loss": _mean_and_spread(each),
            "lowest": "–" if each.best is None else f"{each.best:.3f}",
            "training time": "–" if each.seconds is None else duration(each.seconds),
            "seeds": _seeds(each),
            "": "best" if best is not None and each.value == best.value else "",
        }
        for each in standings.by_value(traces)
    ]


def sweep_verdict(plan: Plan, traces: Sequence[Trace]) -> str:
    """What the sweep found, and how sure that is."""
    results = standings.by_value(traces)
    best = standings.best_value(traces)
    field = field_label(plan.field or "")
    lost = [shown(each.value) for each in results if each.diverged]
    diverged = f" Diverged: {', '.join(lost)}." if lost else ""
    if best is None or best.final is None:
        return f"No run is done yet.{diverged}"
    told = "Best so far" if _open(results) else "Best"
    told += f": {_lower(field)} {shown(best.value)}, {best.final:.3f} nats at the end"
    told += f" (mean of {len(best.finals)} seeds)." if len(best.finals) > 1 else "."
    others = [each for each in results if each.final is not None and each.value != best.value]
    nearest = min(others, key=lambda each: each.final or 0.0, default=None)
    if nearest is not None and nearest.final is not None:
        gap = nearest.final - best.final
        spread = max((max(e.finals) - min(e.finals) for e in (best, nearest)), default=0.0)
        if gap <= max(spread, _TIE_NATS):
            told += (
                f" {shown(nearest.value)} is as good within what seeds change ({gap:.3f} apart)."
            )
    if not _open(results) and sweep_scale([each.value for each in results]) != "names":
        told += _edge(results, best)
    return told + diverged


def field_label(field: str) -> str:
    """A setting as the forms call it.

    >>> field_label("learning_rate"), field_label("rates"), field_label("n_layers")
    ('Learning rate', 'Both learning rates, ×', 'Blocks')
    """
    if field == RATES:
        return "Both learning rates, ×"
    names = {**model_words.LABELS, **recipe_words.LABELS}
    return names.get(field, field.replace("_", " ").capitalize())


def shown(value: Any) -> str:
    """A value of a setting, short.

    >>> shown(0.0032), shown(None), shown(1200)
    ('0.0032', 'automatic', '1,200')
    """
    if value is None:
        return "automatic"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def form_texts(lane: Lane) -> tuple[str, str]:
    """A lane for the form of a new training: the design and the recipe, as the address has them.

    What only the comparison wanted (how often it is measured, no snapshots) is left out.
    """
    base = recipe_for(lane.preset)
    own = {name: getattr(base, name) for name in (*FIXED, "snapshots") if hasattr(base, name)}
    recipe = lane.train.replace(**{**own, "steps": lane.train.steps, "seed": lane.train.seed})
    vocabulary = PRESETS[lane.preset].vocab_size
    design = Design(lane.preset, lane.model.replace(vocab_size=vocabulary))
    return model_words.write_design(design), settings.to_text(settings.changes(recipe, base))


def lane_of_value(traces: Sequence[Trace], result: ValueResult) -> int:
    """The best lane among those of a value."""
    places = [place for place, trace in enumerate(traces) if trace.lane.value == result.value]
    done = [place for place in places if traces[place].final is not None]
    return min(done or places, key=lambda place: _val(traces[place].final) if done else 0.0)


def replay_share(began: float, now: float) -> float:
    """How much of a race a replay shows by now, 0 to 1.

    >>> replay_share(100.0, 106.0), replay_share(100.0, 200.0)
    (0.5, 1.0)
    """
    return min(1.0, max(0.0, (now - began) / _REPLAY_SECONDS))


def in_rows(texts: Sequence[LaneText]) -> list[Sequence[LaneText]]:
    """Texts as they stand side by side: at most three in a row."""
    return [texts[first : first + _IN_A_ROW] for first in range(0, len(texts), _IN_A_ROW)]


def x_limit(plan: Plan, traces: Sequence[Trace], axis: Axis, live: bool) -> float | None:
    """Where the axis ends, so that it stays while curves grow or are replayed."""
    if live and plan.budget is not None and axis == plan.budget.kind:
        return plan.budget.amount
    return max((trace.last.at(axis) for trace in traces if trace.last), default=None)


def _row(
    point: Point, axis: Axis, run: str, name: str, split: str, nats: float | None
) -> dict[str, Any]:
    return {"x": point.at(axis), "run": run, "name": name, "split": split, "nats": nats}


def _spent(plan: Plan, traces: Sequence[Trace]) -> list[Fact]:
    """Whether lanes that are through used up what they were given."""
    if plan.budget is None:
        return []
    facts = []
    for trace in traces:
        if trace.state != "done" or trace.last is None:
            continue
        share = trace.last.at(plan.budget.kind) / plan.budget.amount
        if abs(share - 1) > _NEAR_BUDGET:
            facts.append(
                Fact(
                    False,
                    f"{trace.lane.name} used {share:.0%} of its {AXES[plan.budget.kind]}: "
                    "compare along the curves, not at their ends.",
                )
            )
    if not facts and all(trace.state == "done" for trace in traces):
        used = [t.last.at(plan.budget.kind) / plan.budget.amount for t in traces if t.last]
        facts.append(
            Fact(
                True,
                f"Their steps follow from the budget: they used {min(used):.1%} to "
                f"{max(used):.1%} of it.",
            )
        )
    return facts


def _open(results: Sequence[ValueResult]) -> bool:
    return any(each.waiting for each in results)


def _edge(results: Sequence[ValueResult], best: ValueResult) -> str:
    values = sorted(each.value for each in results)
    if len(values) < 3 or best.value not in (values[0], values[-1]):
        return ""
    side = "smaller" if best.value == values[0] else "larger"
    return f" It is at the edge: the best may be {side} still."


def _mean_and_spread(result: ValueResult) -> str:
    if result.final is None:
        return "diverged" if result.diverged else "failed" if result.failed else "–"
    if len(result.finals) < 2:
        return f"{result.final:.3f}"
    return f"{result.final:.3f} ({min(result.finals):.3f} to {max(result.finals):.3f})"


def _seeds(result: ValueResult) -> str:
    parts = [f"{len(result.finals)} done"]
    if result.diverged:
        parts.append(f"{result.diverged} diverged")
    if result.failed:
        parts.append(f"{result.failed} failed")
    if result.waiting:
        parts.append(f"{result.waiting} to come")
    return ", ".join(parts)


def _lower(label: str) -> str:
    return label[0].lower() + label[1:]


def _jobs(number: int) -> str:
    return "job" if number == 1 else "jobs"


def _nats(point: Point | None) -> str:
    return "–" if point is None or point.val_nats is None else f"{point.val_nats:.3f}"


def _val(point: Point | None) -> float:
    assert point is not None and point.val_nats is not None
    return point.val_nats
