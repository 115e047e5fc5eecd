"""How long heavy jobs will take, judged by their command lines and what was measured here."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from slm import limits
from slm.errors import ConfigError, WorkspaceError
from slm.jobs import Job
from slm.lab import experiments, races, standings, sweeps
from slm.lab.experiments import Budget, Plan
from slm.lab.lanes import is_setting, lane_of, with_changes
from slm.lab.standings import Trace
from slm.limits import Limits
from slm.model.config import PRESETS, ModelConfig
from slm.owners import LOCAL_OWNER
from slm.queueing import Waiting
from slm.training.config import TrainConfig, as_trained, recipe_for
from slm.training.events import latest_config, steps_done
from slm.training.rates import Rate, estimated_rate, measured_rate
from slm.training.runs import RunSettings
from slm.workspace import Artefact, Workspace

_SHORT: Mapping[str, float] = {"rate": 10.0, "find-rate": 25.0}
_OVERHEAD = 1.15  # looking at the model, checkpoints, turns


def starts_in(
    workspace: Workspace, line: Sequence[Waiting], rates: Sequence[Rate]
) -> list[float | None]:
    """Seconds until each job of the line begins; 0 for those that work, None where nobody knows."""
    now = limits.read(workspace.root)
    at_work = [(each.job.owner, each.status.remaining_seconds) for each in line if each.works]
    behind = [
        (each.job.owner, seconds_of(workspace, each.job, rates)) for each in line if not each.works
    ]
    return [0.0] * len(at_work) + begin_times(at_work, behind, now)


def begin_times(
    at_work: Sequence[tuple[str, float | None]],
    waiting: Sequence[tuple[str, float | None]],
    now: Limits,
) -> list[float | None]:
    """Seconds until each waiting job begins, with several slots and so many for each person.

    Jobs are told as their owner and the seconds that they have before them, None where nobody
    knows; `waiting` in the order of turns. None for a job behind one of unknown length, or one
    that is held back.

    >>> begin_times([("a", 60.0)], [("b", 30.0), ("c", 5.0)], Limits(slots=2))
    [0.0, 30.0]
    """
    ends = [(math.inf if left is None else left, owner) for owner, left in at_work]
    begins: dict[int, float] = {}
    left = [n for n, (owner, _) in enumerate(waiting) if not now.paused or owner == LOCAL_OWNER]
    clock = 0.0
    while left and clock < math.inf:
        for number in list(left):
            owner, seconds = waiting[number]
            most = now.of(owner).running
            has_all = most is not None and sum(of == owner for _, of in ends) >= most
            if len(ends) < now.slots and not has_all:
                begins[number] = clock
                ends.append((math.inf if seconds is None else clock + seconds, owner))
                left.remove(number)
        clock = min((end for end, _ in ends), default=math.inf)
        if ends:
            ends.remove(min(ends))
    return [begins.get(number) for number in range(len(waiting))]


def seconds_of(workspace: Workspace, job: Job, rates: Sequence[Rate]) -> float | None:
    """How long a waiting job will take, within a factor of two or so; None where nobody knows."""
    flags = _flags(job.argv)
    try:
        seconds = _seconds(workspace, job, flags, rates)
    except (ConfigError, WorkspaceError, ValueError):
        return None  # the job itself will say what is wrong
    return None if seconds is None else seconds * _OVERHEAD


def training_seconds(
    model: ModelConfig, train: TrainConfig, rates: Sequence[Rate], done: int = 0
) -> float | None:
    """Seconds for the steps that are left, at the speed that was measured or is likely."""
    known = measured_rate(rates, model, train)
    rate = known.tokens_per_second if known else estimated_rate(rates, model)
    per_step = train.batch_size * as_trained(model, train).context_length
    places = max(0, train.steps - done) * per_step
    return places / rate if rate else None


def _seconds(
    workspace: Workspace, job: Job, flags: Mapping[str, list[str]], rates: Sequence[Rate]
) -> float | None:
    if job.verb in _SHORT:
        return _SHORT[job.verb]
    if job.verb == "build":
        from slm.lab.pipeline import RECIPES  # brings torch

        recipe = RECIPES[_one(flags, "recipe", "first")]
        steps = int(_one(flags, "steps", str(recipe.train.steps)))
        return training_seconds(recipe.model, recipe.train.replace(steps=steps), rates)
    if job.verb in {"sweep", "race"}:
        begun = _begun(workspace, job, flags)
        if begun is not None:
            return _seconds_left(workspace, begun, rates)
        return _race_seconds(flags, rates) if job.verb == "race" else _sweep_seconds(flags, rates)
    if job.verb == "train" and ("resume" in flags or "fork" in flags):
        return _seconds_on(workspace, flags, rates)
    return training_seconds(*_settings(flags), rates)


def _begun(workspace: Workspace, job: Job, flags: Mapping[str, list[str]]) -> Artefact | None:
    """The experiment that a job goes on with; None where it has not planned one yet."""
    if "resume" in flags:
        return experiments.shelf(workspace).get(_one(flags, "resume", ""))
    return experiments.of_job(workspace, job.id)


def _seconds_left(
    workspace: Workspace, experiment: Artefact, rates: Sequence[Rate]
) -> float | None:
    """What the lanes of an experiment have before them."""
    plan, runs = experiments.read_plan(experiment), experiments.runs_of(workspace, experiment.id)
    left = [
        _lane_seconds(plan, trace, rates)
        for trace in standings.traces_of(plan, experiment, runs)
        if trace.state not in {"done", "diverged"}  # what failed is tried anew
    ]
    return _together(left)


def _lane_seconds(plan: Plan, trace: Trace, rates: Sequence[Rate]) -> float | None:
    done, used = (trace.last.step, trace.last.seconds) if trace.last else (0, 0.0)
    if plan.budget is not None and plan.budget.kind == "seconds":
        return max(0.0, plan.budget.amount - used)
    train = trace.lane.train.replace(steps=trace.steps)
    return training_seconds(trace.lane.model, train, rates, done)


def _seconds_on(
    workspace: Workspace, flags: Mapping[str, list[str]], rates: Sequence[Rate]
) -> float | None:
    """A run that goes on, or a fork, with the settings that are changed."""
    run = workspace.runs.get(_one(flags, "resume", "") or _one(flags, "fork", ""))
    done = steps_done(run.folder)
    if "fork" in flags:
        done = int(_one(flags, "at", str(done)))
    model = RunSettings.read(run.folder).model
    _, train = with_changes(model, latest_config(run.folder), _asked(flags))
    return training_seconds(model, train, rates, done)


def _sweep_seconds(flags: Mapping[str, list[str]], rates: Sequence[Rate]) -> float | None:
    model, train = _settings(flags)
    each = training_seconds(model, train, rates)
    field, values = _one(flags, "field", "learning_rate"), _one(flags, "values", "")
    named = values.split(",") if values else sweeps.suggested_values(field, model, train)
    return None if each is None else each * len(named) * int(_one(flags, "seeds", "1"))


def _race_seconds(flags: Mapping[str, list[str]], rates: Sequence[Rate]) -> float | None:
    budget = Budget.parse(_one(flags, "budget", "seconds=60"))
    lanes = [lane_of(text, {}, {}) for text in flags.get("lane", [])]
    if budget.kind == "seconds":
        return budget.amount * len(lanes)
    return _together(
        [
            training_seconds(
                lane.model, lane.train.replace(steps=races.steps_for(lane, budget)), rates
            )
            for lane in lanes
        ]
    )


def _together(each: Sequence[float | None]) -> float | None:
    """The sum; None where one of them is not known."""
    known = [seconds for seconds in each if seconds is not None]
    return sum(known) if len(known) == len(each) else None


def _settings(flags: Mapping[str, list[str]]) -> tuple[ModelConfig, TrainConfig]:
    preset = _one(flags, "preset", "nano")
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}.")
    return with_changes(PRESETS[preset], recipe_for(preset), _asked(flags))


def _asked(flags: Mapping[str, list[str]]) -> dict[str, Any]:
    """The settings among the flags; prompts are no matter of time."""
    return {
        name: flags[name][-1] for name in flags if is_setting(name) and name != "sample_prompts"
    }


def _flags(argv: Sequence[str]) -> dict[str, list[str]]:
    """Flags and their values, as pages write them.

    >>> _flags(["race", "--lane=preset=nano", "--lane=preset=micro", "--budget=tokens=5"])
    {'lane': ['preset=nano', 'preset=micro'], 'budget': ['tokens=5']}
    """
    found: dict[str, list[str]] = {}
    for part in argv[1:]:
        name, equals, value = part.removeprefix("--").partition("=")
        if part.startswith("--") and equals:
            found.setdefault(name.replace("-", "_"), []).append(value)
    return found


def _one(flags: Mapping[str, list[str]], name: str, default: str) -> str:
    return flags.get(name, [default])[-1]
