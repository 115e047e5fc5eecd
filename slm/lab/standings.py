"""How the lanes of a sweep or a race stand: their curves, and who reached which loss first.

Reads what runs wrote down, nothing else; no torch here. Losses are validation losses in
nats per token, measured on the same tokens in every lane.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, floor, log10
from pathlib import Path
from statistics import mean
from typing import Any, Literal, Self

from slm import files
from slm.errors import WorkspaceError
from slm.lab import experiments
from slm.lab.experiments import Plan
from slm.lab.lanes import Lane
from slm.training.events import read_events
from slm.training.runs import METRICS, SAMPLES
from slm.workspace import Artefact

Axis = Literal["tokens", "flops", "seconds", "step"]
AXES: tuple[Axis, ...] = ("tokens", "flops", "seconds", "step")
State = Literal["waiting", "unfinished", "done", "diverged", "failed"]
Read = Callable[[Path], Sequence[Mapping[str, Any]]]
RECORD = "record.json"
_MOST_POINTS = 300  # of the training loss; every validation loss is kept
_LEVELS = 5
_DIGITS = 6  # of a level behind the point
_FINEST = 10.0**-_DIGITS


@dataclass(frozen=True)
class Point:
    """Where a lane stood at one record. `seconds` are of training alone."""

    step: int
    tokens: float
    flops: float
    seconds: float
    train_nats: float | None
    val_nats: float | None

    def at(self, axis: Axis) -> float:
        """How much of that quantity was used up."""
        return float(getattr(self, axis))


@dataclass(frozen=True)
class Text:
    """What a lane's model wrote after `step` updates. `prompt` and `text` are foreign text."""

    step: int
    prompt: str
    text: str


@dataclass(frozen=True)
class Trace:
    """What one lane has done so far. `problem` says why it failed, where it did."""

    lane: Lane
    run: str | None
    steps: int
    state: State
    points: tuple[Point, ...]
    texts: tuple[Text, ...] = ()
    problem: str = ""

    @property
    def last(self) -> Point | None:
        """Where it stands now."""
        return self.points[-1] if self.points else None

    @property
    def through(self) -> bool:
        """Whether it will do no more."""
        return self.state in {"done", "diverged", "failed"}

    @property
    def fraction(self) -> float:
        """How much of its steps it has done, 0 to 1; 1 when it will do no more."""
        if self.through:
            return 1.0
        return self.last.step / self.steps if self.last else 0.0

    @property
    def measured(self) -> tuple[Point, ...]:
        """The points at which the validation loss was measured."""
        return tuple(point for point in self.points if point.val_nats is not None)

    @property
    def final(self) -> Point | None:
        """The last measured point; None of a lane that diverged or failed."""
        lost = self.state in {"diverged", "failed"}
        return self.measured[-1] if self.measured and not lost else None

    @property
    def best(self) -> Point | None:
        """The point of the lowest validation loss."""
        return min(self.measured, key=_val, default=None)

    def crossing(self, nats: float, axis: Axis) -> float | None:
        """How much of `axis` it had used up when its loss first was `nats` or lower.

        On the straight line between two measurements; None while it never was.
        """
        before: Point | None = None
        for point in self.measured:
            if _val(point) <= nats:
                if before is None:
                    return point.at(axis)
                share = (_val(before) - nats) / (_val(before) - _val(point))
                return before.at(axis) + share * (point.at(axis) - before.at(axis))
            before = point
        return None

    def until(self, share: float) -> "Trace":
        """The trace as it was when that share of its steps was done."""
        steps = share * self.steps
        points = tuple(point for point in self.points if point.step <= steps)
        texts = tuple(text for text in self.texts if text.step <= steps)
        through = share >= 1 or (self.last is not None and self.last.step <= steps)
        state: State = self.state if through else "unfinished" if points else "waiting"
        return Trace(self.lane, self.run, self.steps, state, points, texts, self.problem)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return {
            "lane": self.lane.to_json(),
            "run": self.run,
            "steps": self.steps,
            "state": self.state,
            "points": [[*asdict(point).values()] for point in self.points],
            "texts": [asdict(text) for text in self.texts],
            "problem": self.problem,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The trace that `to_json` wrote.

        Raises: WorkspaceError when it is damaged; ConfigError for settings that cannot be.
        """
        try:
            return cls(
                Lane.from_json(values["lane"]),
                values["run"],
                int(values["steps"]),
                values["state"],
                tuple(Point(*point) for point in values["points"]),
                tuple(Text(**text) for text in values["texts"]),
                values.get("problem", ""),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WorkspaceError(f"{RECORD} of the experiment is damaged: {error!r}.") from None


@dataclass(frozen=True)
class Crossing:
    """A loss, how much each lane had used up when it reached it, and the lane that was first."""

    nats: float
    used: Mapping[str, float | None]
    first: str | None


@dataclass(frozen=True)
class ValueResult:
    """What a value of the swept setting came to, over its seeds.

    `final` and `best` are means over the seeds that did not diverge; None without any.
    """

    value: Any
    finals: tuple[float, ...]
    final: float | None
    best: float | None
    seconds: float | None
    diverged: int
    waiting: int
    failed: int = 0


def read_log(path: Path) -> Sequence[Mapping[str, Any]]:
    """All sound records of a log."""
    return files.read_records(path).records


def trace_of(lane: Lane, run: Artefact | None, read: Read = read_log, problem: str = "") -> Trace:
    """What the run of a lane has written down, thinned for drawing.

    `problem` is why its last try failed, where it did.
    """
    if run is None:
        return Trace(lane, None, lane.train.steps, "waiting", ())
    records = read(run.folder / METRICS)
    diverged = any(record.get("diverged") for record in records[-3:])
    sound = [record for record in records if "tokens" in record]
    points = tuple(_point(lane, record) for record in _thinned(sound))
    steps = _steps_now(run, lane)
    done = bool(points) and points[-1].step >= steps
    state: State = "diverged" if diverged else "done" if done else "unfinished"
    texts = tuple(
        Text(int(each["step"]), str(each["prompt"]), str(each["text"]))
        for each in read(run.folder / SAMPLES)
    )
    if problem and state == "unfinished":  # also before its first step
        return Trace(lane, run.id, steps, "failed", points, texts, problem)
    return Trace(lane, run.id, steps, state if points else "waiting", points, texts)


def traces_of(
    plan: Plan, experiment: Artefact, runs: Mapping[int, Artefact], read: Read = read_log
) -> tuple[Trace, ...]:
    """Every lane as its run tells it; as the experiment's own record does where a run is gone.

    Raises: WorkspaceError, ConfigError when that record is damaged.
    """
    kept, problems = read_record(experiment), experiments.problems_of(experiment)

    def trace(index: int, lane: Lane) -> Trace:
        if index not in runs and lane.name in kept:
            return kept[lane.name]
        return trace_of(lane, runs.get(index), read, problems.get(lane.name, ""))

    return tuple(trace(index, lane) for index, lane in enumerate(plan.lanes))


def read_record(experiment: Artefact) -> dict[str, Trace]:
    """The traces that were kept at the experiment's end, by lane; empty before that.

    Raises: WorkspaceError, ConfigError when they are damaged.
    """
    path = experiment.folder / RECORD
    if not path.exists():
        return {}
    lanes = files.read_json(path).get("lanes", [])
    return {trace.lane.name: trace for trace in map(Trace.from_json, lanes)}


def keep_record(experiment: Artefact, traces: Sequence[Trace]) -> None:
    """Keep the curves and texts beside the plan, so that they outlive the runs.

    Raises: WorkspaceError when the disk is full.
    """
    told = {"schema": 1, "lanes": [trace.to_json() for trace in traces]}
    files.write_json(experiment.folder / RECORD, told, checked=True)


def levels(traces: Sequence[Trace]) -> tuple[float, ...]:
    """Round losses worth asking for: a few between the early ones and the best, falling.

    A level that only one lane reaches is among them; one that all had from the start is not.
    """
    lows = [_val(trace.best) for trace in traces if trace.best is not None]
    early = [_val(trace.measured[1]) for trace in traces if len(trace.measured) > 2]
    if not lows or not early or min(early) - min(lows) < _LEVELS * _FINEST:
        return ()
    low, high = min(lows), min(early)
    step = _nice((high - low) / _LEVELS)
    first = floor(high / step)
    found = [round(place * step, _DIGITS) for place in range(first, floor(low / step) - 1, -1)]
    return tuple(level for level in found if low <= level <= high)[-_LEVELS:]


def crossings(
    traces: Sequence[Trace], axis: Axis, wanted: Sequence[float] | None = None
) -> tuple[Crossing, ...]:
    """Who reached which loss first, along `axis`; without `wanted`, at `levels`."""
    told = []
    for nats in levels(traces) if wanted is None else wanted:
        used = {trace.lane.name: trace.crossing(nats, axis) for trace in traces}
        reached = {name: x for name, x in used.items() if x is not None}
        first = min(reached, key=reached.__getitem__) if reached else None
        told.append(Crossing(nats, used, first))
    return tuple(told)


def ranking(traces: Sequence[Trace]) -> tuple[Trace, ...]:
    """The lanes by their last measured loss, lowest first; those that diverged come last."""

    def rank(trace: Trace) -> tuple[bool, float]:
        return trace.final is None, _val(trace.final) if trace.final else 0.0

    return tuple(sorted(traces, key=rank))


def lead(winner: Trace, other: Trace, axis: Axis) -> float | None:
    """The share of what `other` used up in all with which `winner` had reached its last loss.

    0.5: it got there with half. None when it never did.
    """
    if other.final is None or other.final.at(axis) <= 0:
        return None
    used = winner.crossing(_val(other.final), axis)
    return None if used is None else used / other.final.at(axis)


def by_value(traces: Sequence[Trace]) -> tuple[ValueResult, ...]:
    """What each value of a sweep came to, in the order of the sweep."""
    values: dict[str, list[Trace]] = {}
    for trace in traces:
        values.setdefault(str(trace.lane.value), []).append(trace)
    return tuple(_value_result(lanes) for lanes in values.values())


def best_value(traces: Sequence[Trace]) -> ValueResult | None:
    """The value whose last losses are lowest in the mean; None before any lane is done.

    A value with a seed that diverged is not trusted while another has none.
    """
    results = [each for each in by_value(traces) if each.final is not None]
    return min(
        results, key=lambda each: (each.diverged + each.failed > 0, each.final), default=None
    )


def _value_result(traces: Sequence[Trace]) -> ValueResult:
    done = [trace for trace in traces if trace.state == "done" and trace.final is not None]
    finals = tuple(_val(trace.final) for trace in done)
    bests = [_val(trace.best) for trace in done]
    seconds = [trace.final.seconds for trace in done if trace.final is not None]
    return ValueResult(
        value=traces[0].lane.value,
        finals=finals,
        final=mean(finals) if finals else None,
        best=mean(bests) if bests else None,
        seconds=mean(seconds) if seconds else None,
        diverged=sum(trace.state == "diverged" for trace in traces),
        waiting=sum(not trace.through for trace in traces),
        failed=sum(trace.state == "failed" for trace in traces),
    )


def _point(lane: Lane, record: Mapping[str, Any]) -> Point:
    tokens = float(record["tokens"])
    return Point(
        step=int(record["step"]),
        tokens=tokens,
        flops=tokens * lane.flops_per_token,
        seconds=float(record.get("train_seconds", record.get("elapsed_seconds", 0.0))),
        train_nats=record.get("train_nats"),
        val_nats=record.get("val_nats"),
    )


def _thinned(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Every validation loss, the first and the last record, and evenly chosen ones between."""
    every = max(1, ceil(len(records) / _MOST_POINTS))
    last = len(records) - 1
    return [
        record
        for place, record in enumerate(records)
        if place % every == 0 or place == last or record.get("val_nats") is not None
    ]


def _steps_now(run: Artefact, lane: Lane) -> int:
    """Steps of the run, with what was changed in mid-run."""
    changes = [event for event in read_events(run.folder) if event.field == "steps"]
    return int(changes[-1].new) if changes else lane.train.steps


def _val(point: Point | None) -> float:
    assert point is not None and point.val_nats is not None
    return point.val_nats


def _nice(step: float) -> float:
    """The largest of 1, 2, 5 × a power of ten that is at most `step`.

    >>> _nice(0.07), _nice(0.3)
    (0.05, 0.2)
    """
    scale = 10.0 ** floor(log10(step))
    factors = (1.0, 2.0, 5.0)
    return round(scale * factors[bisect_right(factors, step / scale * (1 + 1e-9)) - 1], 10)
