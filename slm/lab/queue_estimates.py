"""How long heavy jobs will take, judged by their command lines and what was measured here."""

from collections.abc import Mapping, Sequence
from typing import Any

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.jobs import Job
from slm.lab import experiments, races, sweeps
from slm.lab.experiments import Budget
from slm.model.config import PRESETS, ModelConfig
from slm.queueing import Waiting
from slm.training.config import TrainConfig, recipe_for
from slm.training.events import latest_config
from slm.training.rates import Rate, estimated_rate, measured_rate
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Workspace

_SHORT: Mapping[str, float] = {"rate": 10.0, "find-rate": 25.0}
_OVERHEAD = 1.15  # looking at the model, checkpoints, turns


def starts_in(
    workspace: Workspace, line: Sequence[Waiting], rates: Sequence[Rate]
) -> list[float | None]:
    """Seconds until each job of the line begins; 0 for those that work, None where nobody knows."""
    until: float | None = 0.0
    told: list[float | None] = []
    for entry in line:
        told.append(0.0 if entry.works else until)
        left = (
            entry.status.remaining_seconds
            if entry.works
            else seconds_of(workspace, entry.job, rates)
        )
        until = None if until is None or left is None else until + left
    return told


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
    places = max(0, train.steps - done) * train.batch_size * model.context_length
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
    if job.verb == "race":
        return _race_seconds(flags, rates)
    resumed = _one(flags, "resume", "")
    if job.verb == "train" and resumed:
        run = workspace.runs.get(resumed)
        settings = RunSettings.read(run.folder)
        records = files.read_records(run.folder / METRICS).records
        done = max((int(record.get("step", 0)) for record in records), default=0)
        return training_seconds(settings.model, latest_config(run.folder), rates, done)
    model, train = _settings(flags)
    each = training_seconds(model, train, rates)
    if job.verb == "sweep":
        field = _one(flags, "field", "learning_rate")
        values = _one(flags, "values", "").split(",")
        n_values = len(values) if values[0] else len(sweeps.suggested_values(field, model, train))
        return None if each is None else each * n_values * int(_one(flags, "seeds", "1"))
    return each


def _race_seconds(flags: Mapping[str, list[str]], rates: Sequence[Rate]) -> float | None:
    budget = Budget.parse(_one(flags, "budget", "seconds=60"))
    lanes = [experiments.lane_of(text, {}, {}) for text in flags.get("lane", [])]
    if budget.kind == "seconds":
        return budget.amount * len(lanes)
    total = 0.0
    for lane in lanes:
        train = lane.train.replace(steps=races.steps_for(lane, budget))
        seconds = training_seconds(lane.model, train, rates)
        if seconds is None:
            return None
        total += seconds
    return total


def _settings(flags: Mapping[str, list[str]]) -> tuple[ModelConfig, TrainConfig]:
    preset = _one(flags, "preset", "nano")
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}.")
    asked: dict[str, Any] = {
        name: flags[name][-1] for name in flags if experiments.is_setting(name)
    }
    asked.pop("sample_prompts", None)
    return experiments.changed(PRESETS[preset], recipe_for(preset), asked)


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
