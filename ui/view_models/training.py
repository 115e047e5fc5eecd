"""A run's record as curves and words; knows no charts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from slm.jobs import Job, JobStatus
from slm.training.config import TrainConfig
from slm.training.runs import RunSettings
from ui.view_models.jobs import duration

State = Literal["waiting", "running", "done", "stopped", "failed", "interrupted"]
Records = Sequence[Mapping[str, Any]]

AXES: Mapping[str, str] = MappingProxyType(
    {"step": "step", "tokens": "tokens seen", "seconds": "seconds of training"}
)
_AXIS_FIELDS: Mapping[str, str] = MappingProxyType(
    {"step": "step", "tokens": "tokens", "seconds": "train_seconds"}
)
_STATES: Mapping[State, str] = MappingProxyType(
    {
        "waiting": "Waiting to start",
        "running": "Training",
        "done": "Finished",
        "stopped": "Stopped",
        "failed": "Failed",
        "interrupted": "Interrupted",
    }
)
_VERBS = frozenset({"train", "build"})
_MAX_POINTS = 600
_RATE_RECORDS = 50  # how many records back the rate is taken from
_SAMPLE_CHARACTERS = 600


@dataclass(frozen=True)
class Figure:
    """One number of a run. `term` is its entry in the glossary."""

    label: str
    value: str
    term: str


@dataclass(frozen=True)
class RunView:
    """Where a run stands, ready to show."""

    state: State
    headline: str
    fraction: float
    figures: tuple[Figure, ...]
    alive: bool
    can_resume: bool


@dataclass(frozen=True)
class Sample:
    """What the model wrote after `step` updates. `prompt` and `text` are foreign text."""

    step: int
    prompt: str
    text: str


def run_state(step: int, steps: int, locked: bool, job: JobStatus | None) -> State:
    """How a run is doing, from its record, its lock and the job behind it, if there is one."""
    if locked:
        return "running"
    if job is not None and job.alive:
        return "running" if step else "waiting"
    if step >= steps:
        return "done"
    if job is not None and job.state in {"stopped", "failed"}:
        return "stopped" if job.state == "stopped" else "failed"
    return "interrupted" if step else "waiting"


def run_view(steps: int, records: Records, locked: bool, job: JobStatus | None) -> RunView:
    """A run of `steps` steps in figures and words."""
    step = last_step(records)
    state = run_state(step, steps, locked, job)
    alive = state == "running" or (job is not None and job.alive)
    if state == "waiting" and not alive:
        headline = "Not started yet"
    else:
        headline = f"{_STATES[state]}: step {step:,} of {steps:,}"
    if alive and job is not None and job.stopping:
        headline += ", stopping: it saves what is sound first"
    return RunView(
        state=state,
        headline=headline,
        fraction=min(1.0, step / steps),
        figures=_figures(steps, records, alive),
        alive=alive,
        can_resume=not alive and state != "done",
    )


def last_step(records: Records) -> int:
    """The newest step in the record that was learned; 0 before the first."""
    return max((int(record["step"]) for record in records if not record.get("diverged")), default=0)


def remaining_seconds(steps: int, records: Records) -> float | None:
    """Time left at the rate of the newest records; None while that says too little."""
    timed = [record for record in records if "elapsed_seconds" in record][-_RATE_RECORDS:]
    if len(timed) < 2 or timed[-1]["step"] <= timed[0]["step"]:
        return None
    seconds = timed[-1]["elapsed_seconds"] - timed[0]["elapsed_seconds"]
    each = seconds / (timed[-1]["step"] - timed[0]["step"])
    return max(0.0, float(each * (steps - timed[-1]["step"])))


def loss_rows(records: Records) -> list[dict[str, Any]]:
    """Points (step, split, nats) of a metrics log: training thinned evenly, validation whole.

    >>> loss_rows([{"step": 1, "train_nats": 3.0, "val_nats": None}])
    [{'step': 1, 'split': 'training', 'nats': 3.0}]
    """
    return [
        *_points(_thinned(records), "training", "train_nats"),
        *_points(records, "validation", "val_nats"),
    ]


def curve_rows(records: Records, field: str) -> list[dict[str, Any]]:
    """Points (step, value) of one field, thinned evenly.

    >>> curve_rows([{"step": 0, "gradient_norm": None}, {"step": 1, "gradient_norm": 2.0}],
    ...            "gradient_norm")
    [{'step': 1, 'value': 2.0}]
    """
    return [
        {"step": record["step"], "value": record[field]}
        for record in _thinned(records)
        if record.get(field)
    ]


def comparison_rows(runs: Sequence[tuple[str, Records]], axis: str) -> list[dict[str, Any]]:
    """Points (x, run, nats) of the validation losses of several runs; `axis` is one of AXES."""
    return [
        {"x": record[_AXIS_FIELDS[axis]], "run": label, "nats": record["val_nats"]}
        for label, records in runs
        for record in records
        if record.get("val_nats") is not None and record.get(_AXIS_FIELDS[axis]) is not None
    ]


def settings_that_differ(
    runs: Sequence[tuple[str, RunSettings]], names: Mapping[str, str]
) -> list[dict[str, str]]:
    """A row for each setting in which the runs differ; `names` tells ids apart in words."""
    told = [(label, _flat(settings, names)) for label, settings in runs]
    every = dict.fromkeys(name for _, values in told for name in values)
    return [
        {"setting": name, **{label: values.get(name, "") for label, values in told}}
        for name in every
        if len({values.get(name, "") for _, values in told}) > 1
    ]


def best_losses(runs: Sequence[tuple[str, Records]]) -> dict[str, str]:
    """The lowest validation loss of each run and the step at which it was measured."""
    told = {}
    for label, records in runs:
        measured = [record for record in records if record.get("val_nats") is not None]
        if measured:
            best = min(measured, key=lambda record: float(record["val_nats"]))
            told[label] = f"{best['val_nats']:.3f} at step {best['step']:,}"
        else:
            told[label] = "not measured"
    return told


def samples(records: Records, limit: int = 8) -> tuple[Sample, ...]:
    """The texts that the model wrote, newest first."""
    return tuple(
        Sample(int(each["step"]), str(each["prompt"]), str(each["text"])[:_SAMPLE_CHARACTERS])
        for each in reversed(records[-limit:])
    )


def job_of_run(jobs: Sequence[Job], run_id: str) -> Job | None:
    """The newest job that trains or trained that run; jobs come newest first."""
    return next(
        (
            job
            for job in jobs
            if job.verb in _VERBS
            and (job.status().result.get("run") == run_id or f"--resume={run_id}" in job.argv)
        ),
        None,
    )


def job_at_work(jobs: Sequence[Job]) -> Job | None:
    """The training that runs now, else the one that waits longest; jobs come newest first."""
    alive = [job for job in jobs if job.verb in _VERBS and job.status().alive]
    running = [job for job in alive if job.status().state == "running"]
    return next(iter(running), alive[-1] if alive else None)


def run_of_job(job: Job) -> str | None:
    """The run that a job works on; None before it made one."""
    run = job.status().result.get("run")
    if isinstance(run, str):
        return run
    flag = next((part for part in job.argv if part.startswith("--resume=")), None)
    return flag.removeprefix("--resume=") if flag else None


def schedule_rows(config: TrainConfig) -> list[dict[str, Any]]:
    """The learning rate of AdamW over the run, at most a few hundred points."""
    from slm.training.config import rate_factor

    every = max(1, config.steps // 300)
    steps = sorted({*range(0, config.steps, every), config.steps - 1})
    return [
        {"step": step, "value": config.learning_rate * rate_factor(config, step)} for step in steps
    ]


def _figures(steps: int, records: Records, alive: bool) -> tuple[Figure, ...]:
    found = [
        Figure("Training loss", _nats(_newest(records, "train_nats")), "training loss"),
        Figure("Validation loss", _nats(_newest(records, "val_nats")), "validation loss"),
        Figure("Perplexity", _perplexity(_newest(records, "val_nats")), "perplexity"),
        Figure("Tokens/s", _count(_newest(records, "tokens_per_second")), "token"),
    ]
    left = remaining_seconds(steps, records) if alive else None
    taken = _newest(records, "elapsed_seconds")
    if alive:
        found.append(Figure("Time left", "…" if left is None else duration(left), "step"))
    elif taken is not None:
        found.append(Figure("Time taken", duration(taken), "run"))
    return tuple(found)


def _newest(records: Records, field: str) -> float | None:
    return next((float(each[field]) for each in reversed(records) if each.get(field)), None)


def _nats(nats: float | None) -> str:
    return "…" if nats is None else f"{nats:.3f}"


def _perplexity(nats: float | None) -> str:
    if nats is None or nats > 50:
        return "…"
    value = math.exp(nats)
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _count(value: float | None) -> str:
    return "…" if value is None else f"{value:,.0f}"


def _thinned(records: Records) -> list[Mapping[str, Any]]:
    every = max(1, len(records) // _MAX_POINTS)
    return [record for place, record in enumerate(records) if place % every == 0]


def _points(records: Records, split: str, field: str) -> list[dict[str, Any]]:
    return [
        {"step": record["step"], "split": split, "nats": record[field]}
        for record in records
        if record.get(field) is not None
    ]


def _flat(settings: RunSettings, names: Mapping[str, str]) -> dict[str, str]:
    values = {**settings.model.to_json(), **settings.train.to_json()}
    values |= {"corpus": settings.corpus, "tokenizer": settings.tokenizer}
    return {
        name: names.get(value, value) if isinstance(value, str) else _shown(value)
        for name, value in values.items()
    }


def _shown(value: Any) -> str:
    if value is None:
        return "automatic"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
