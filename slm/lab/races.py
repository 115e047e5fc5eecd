"""A fair race: several settings under one budget of tokens, FLOPs or seconds, in turns.

All lanes read the same token files with the same seed, are measured on the same validation
tokens, and take turns on the machine, so that none has it to itself while it is cool or idle.
How many steps a lane makes follows from the budget alone. A turn ends with a checkpoint, and
the next goes on from it bit for bit; what that costs is not in any lane's training time.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import Field

from slm.config import Config
from slm.errors import ConfigError
from slm.jobs import Reporter, silent
from slm.lab import experiments, standings
from slm.lab.experiments import Budget, Plan
from slm.lab.lanes import Lane, lane_of, on_tokens, train_lane, with_own_names
from slm.lab.standings import Trace, read_log
from slm.training import events
from slm.training.runs import METRICS
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

MOST_LANES = 6
_TURNS = 12  # of a lane, at least
_TURN_SECONDS = 20.0  # after which a turn ends anyway
_PROBE_SECONDS = 3.0  # for each lane of a race by seconds
_CHECKED_FROM, _CHECKED_UNTIL = 0.04, 0.45  # shares of a lane's way; later, rates descend
_TOLERANCE = 0.02  # of the budget of seconds
_WARM_RECORDS, _TIMED_STEPS = 5, 3  # records that tell little of the pace, steps that tell it
_LEAST_STEPS = 10
_FOLLOWS = "it follows from the budget; leave it out."
_SHARED = "it is the same for all lanes; set it for the race."
FIXED: Mapping[str, str] = {
    "steps": _FOLLOWS,
    "vocab_size": "it follows from the tokenizer; leave it out.",
    "seed": _SHARED,
    "evaluate_every": _SHARED,
    "evaluation_tokens": _SHARED,
    "sample_every": _SHARED,
    "sample_prompts": _SHARED,
    "sample_tokens": _SHARED,
    "threads": _SHARED,
    "device": _SHARED,
}
"""What a lane cannot choose, and why."""


class RaceConfig(Config):
    """What all lanes of a race share."""

    seed: int = Field(
        1,
        ge=0,
        le=2**63 - 1,
        description="Decides every lane's first weights and the order of the text.",
    )
    evaluations: int = Field(
        24, ge=2, le=1_000, description="How often each lane's validation loss is measured."
    )
    evaluation_tokens: int = Field(
        32_768,
        ge=0,
        le=1_000_000_000,
        description="Validation tokens per measurement, the same ones in every lane; 0 takes all.",
    )
    samples: int = Field(
        6, ge=0, le=100, description="How often each lane writes a text; 0 writes none."
    )
    sample_prompts: tuple[str, ...] = Field(
        ("",), max_length=8, description="What the texts begin with; empty: a new document."
    )
    sample_tokens: int = Field(64, ge=1, le=4_096, description="Tokens of each text.")
    threads: int | None = Field(
        None, ge=1, le=1_024, description="CPU threads of every lane. None: all cores."
    )
    device: str = Field(
        "auto", pattern="^(auto|cpu|cuda|mps)$", description="Where all lanes are trained."
    )

    def shared(self) -> dict[str, Any]:
        """The settings of training that every lane begins with, before its own changes."""
        return {
            "seed": self.seed,
            "evaluation_tokens": self.evaluation_tokens,
            "sample_prompts": self.sample_prompts,
            "sample_tokens": self.sample_tokens,
            "threads": self.threads,
            "device": self.device,
            "snapshots": 0,
        }


def read_lanes(texts: Sequence[str], config: RaceConfig) -> tuple[Lane, ...]:
    """The lanes as a person wrote them; their steps are still the recipes'.

    Raises: ConfigError for fewer than two, more than six, or one that cannot be.
    """
    lanes = [lane_of(text, FIXED, config.shared()) for text in texts if text.strip()]
    if not 2 <= len(lanes) <= MOST_LANES:
        raise ConfigError(
            f"A race has 2 to {MOST_LANES} lanes; this one has {len(lanes)}. "
            "A lane is a preset and what is changed, such as preset=nano,optimizer=adamw."
        )
    return with_own_names(lanes)


def steps_for(lane: Lane, budget: Budget, places_per_second: float | None = None) -> int:
    """Steps with which a lane uses the budget up, as nearly as whole steps can.

    A budget of seconds needs the pace: places in windows that the lane trains on per second.

    Raises: ConfigError when the budget is fewer than ten steps, or more than a run may have.
    """
    if budget.kind == "tokens":
        exact = budget.amount / lane.tokens_per_step
    elif budget.kind == "flops":
        exact = budget.amount / (lane.tokens_per_step * lane.flops_per_token)
    else:
        assert places_per_second is not None, "a budget of seconds needs a pace"
        exact = budget.amount * places_per_second / lane.places_per_step
    if exact < _LEAST_STEPS:
        raise ConfigError(
            f"The budget {budget} is {max(0, int(exact))} steps of the lane {lane.name!r}, whose "
            f"step is {lane.tokens_per_step:,.0f} tokens; a race needs at least {_LEAST_STEPS}. "
            "Give more, or make that lane's batch or model smaller."
        )
    return round(min(exact, 1e15))


def with_steps(lane: Lane, steps: int, config: RaceConfig) -> Lane:
    """The lane with its steps, measured and sampled at the same shares of its way as the others.

    Raises: ConfigError when the steps are more than a run may have.
    """
    return replace(lane, train=lane.train.replace(steps=steps, **_pace(steps, config)))


def plan_race(
    corpus: Artefact,
    tokenizer: Artefact,
    tokens: Artefact,
    budget: Budget,
    lanes: Sequence[Lane],
    config: RaceConfig,
    *,
    name: str,
    report: Reporter = silent,
) -> Plan | None:
    """Every lane's final settings. By seconds, each is tried first. None when asked to stop.

    Raises: ConfigError for a budget that a lane cannot use, or a model too large to try.
    """
    final = []
    if budget.kind == "seconds":
        report.plan({"pace": _PROBE_SECONDS, "race": budget.amount})
    for number, lane in enumerate(on_tokens(lanes, tokens)):
        pace = None
        if budget.kind == "seconds":
            from slm.training.speed import measure_speed

            part = _Part(report, lane.name, number / len(lanes), 1 / len(lanes))
            speed = measure_speed(lane.model, lane.train, part, seconds=_PROBE_SECONDS)
            if speed is None:
                return None
            pace = speed.tokens_per_second
        final.append(with_steps(lane, steps_for(lane, budget, pace), config))
    return Plan("race", name, corpus.id, tokenizer.id, tokens.id, tuple(final), budget=budget)


def run_race(
    workspace: Workspace,
    experiment: Artefact,
    plan: Plan,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> tuple[Trace, ...]:
    """Train all lanes in turns, from where they stand to the end of the budget.

    The lane that is furthest behind has the next turn, so that they grow side by side. One
    that diverges or runs out of memory is out, and the others go on. Asked to stop, it returns
    after the turn's checkpoint; called again, it goes on, and tries lanes anew that failed.

    Raises: as `train`, but for a lane that diverged or does not fit into memory.
    """
    runs = [
        experiments.ensure_run(workspace, experiment, plan, index, owner)
        for index in range(len(plan.lanes))
    ]
    tokens = workspace.tokens.get(plan.tokens).folder
    experiments.note_problems(experiment, {})
    while True:
        traces = standings.traces_of(plan, experiment, dict(enumerate(runs)))
        behind = _furthest_behind(traces)
        if behind is None or report.should_stop():
            break
        problem = _take_turn(runs[behind].folder, tokens, traces, behind, report)
        if problem is not None:
            told = {**experiments.problems_of(experiment), plan.lanes[behind].name: problem}
            experiments.note_problems(experiment, told)
        if plan.budget is not None and plan.budget.kind == "seconds":
            _check_pace(runs[behind].folder, plan.budget.amount)
    if behind is None:
        standings.keep_record(experiment, traces)
    return traces


@dataclass(frozen=True)
class _Part:
    """The reporter of one lane's trial: its share of the stage in which all are tried."""

    whole: Reporter
    name: str
    begin: float
    share: float

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `slm.jobs.Reporter`."""
        del message, stage, facts
        done = self.begin + self.share * (fraction or 0.0)
        self.whole(done, f"trying how fast {self.name} is", stage="pace")

    def plan(self, stages: Mapping[str, float]) -> None:
        """A trial has no stages."""

    def should_stop(self) -> bool:
        """See `slm.jobs.Reporter`."""
        return self.whole.should_stop()


@dataclass
class _Turn:
    """The reporter of one turn: passes words on, and ends it when the turn is over.

    The trainer asks before each update whether to stop; if it asked more often, turns
    would be shorter, and nothing else.
    """

    whole: Reporter
    name: str
    others: float
    share: float
    steps_left: int
    deadline: float

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `slm.jobs.Reporter`."""
        del stage, facts
        done = self.others + self.share * (fraction or 0.0)
        self.whole(done, f"{self.name}: {message}", stage="race", lane=self.name)

    def plan(self, stages: Mapping[str, float]) -> None:
        """A turn has no stages."""

    def should_stop(self) -> bool:
        """See `slm.jobs.Reporter`."""
        self.steps_left -= 1
        over = self.steps_left < 0 or time.monotonic() > self.deadline
        return over or self.whole.should_stop()


def _take_turn(
    run: Path, tokens: Path, traces: Sequence[Trace], index: int, report: Reporter
) -> str | None:
    """Train a lane for a turn; why it cannot be trained here, if so."""
    mine = traces[index]
    done = mine.last.step if mine.last else 0
    turn = _Turn(
        report,
        mine.lane.name,
        others=sum(trace.fraction for trace in traces if trace is not mine) / len(traces),
        share=1 / len(traces),
        steps_left=_turn_end(done, mine.steps) - done,
        deadline=time.monotonic() + _TURN_SECONDS,
    )
    return train_lane(run, tokens, turn)


def _turn_end(done: int, steps: int) -> int:
    """The step at which a turn ends that begins after `done` steps: the next of twelve marks.

    >>> _turn_end(0, 120), _turn_end(9, 120), _turn_end(10, 120), _turn_end(119, 120)
    (10, 10, 20, 120)
    """
    mark = done * _TURNS // steps + 1
    return max(done + 1, ceil(mark * steps / _TURNS))


def _furthest_behind(traces: Sequence[Trace]) -> int | None:
    """The lane to train next: the one with the least of its way done; None when all are through."""
    left = [index for index, trace in enumerate(traces) if not trace.through]
    return min(left, key=lambda index: traces[index].fraction, default=None)


def _check_pace(run: Path, seconds: float) -> None:
    """Mend a lane's steps while it shows its real pace, where they would miss the budget.

    Only in its first half, so that a descent of the rates goes as planned; every change stands
    among the run's events.
    """
    records = [record for record in read_log(run / METRICS) if "train_seconds" in record]
    now = events.latest_config(run)
    if not records:
        return
    done, used = int(records[-1]["step"]), float(records[-1]["train_seconds"])
    if not used / seconds >= _CHECKED_FROM or not done / now.steps <= _CHECKED_UNTIL:
        return
    each = _seconds_per_step(records)
    if each is None:
        return
    wanted = max(done + 1, done + round((seconds - used) / each))
    if abs(wanted / now.steps - 1) > _TOLERANCE:
        events.request_change(run, {"steps": wanted})


def _seconds_per_step(records: Sequence[Mapping[str, Any]]) -> float | None:
    """What a step takes on average once the first ones are over; None while that says little."""
    timed = records[min(_WARM_RECORDS, len(records) // 3) :]
    steps = int(timed[-1]["step"]) - int(timed[0]["step"])
    if steps < _TIMED_STEPS:
        return None
    return (float(timed[-1]["train_seconds"]) - float(timed[0]["train_seconds"])) / steps


def _pace(steps: int, config: RaceConfig) -> dict[str, int]:
    """How often a lane of so many steps is measured and writes."""
    return {
        "evaluate_every": max(1, round(steps / config.evaluations)),
        "sample_every": max(1, round(steps / config.samples)) if config.samples else 0,
    }
