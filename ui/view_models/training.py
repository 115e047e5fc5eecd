"""A run's record as curves and words; knows no charts."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from slm.jobs import Job, JobStatus
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.jobs import count, duration
from ui.view_models.run_curves import Unit, bytes_per_token

State = Literal["waiting", "running", "done", "paused", "stopped", "failed", "interrupted"]
Records = Sequence[Mapping[str, Any]]

_STATES: Mapping[State, str] = MappingProxyType(
    {
        "waiting": tr("Waiting to start"),
        "running": tr("Training"),
        "done": tr("Finished"),
        "paused": tr("Paused"),
        "stopped": tr("Stopped"),
        "failed": tr("Failed"),
        "interrupted": tr("Interrupted"),
    }
)
_ENDED: Mapping[str, State] = MappingProxyType(
    {"paused": "paused", "stopped": "stopped", "failed": "failed"}
)
TRAINING, VALIDATION = tr("training"), tr("validation")
VERBS = frozenset({"train", "build"})
"""Verbs of jobs that train one run."""
_MAX_POINTS = 600
_RATE_RECORDS = 50  # how many records back the rate is taken from
_SAMPLE_CHARACTERS = 600


@dataclass(frozen=True)
class Figure:
    """One number of a run. `term` is its entry in the glossary; `more` is said after it."""

    label: str
    value: str
    term: str
    more: str = ""


@dataclass(frozen=True)
class Costs:
    """What the figures of a run need beside its record; None where nobody knows.

    train_tokens      tokens of the training split, for epochs
    flops_per_token   of one training step, forwards and backwards
    peak_flops        what the device can do in a second; `peak_source` says how that is known
    """

    train_tokens: int | None = None
    flops_per_token: int | None = None
    peak_flops: float | None = None
    peak_source: str = ""


@dataclass(frozen=True)
class RunView:
    """Where a run stands, ready to show."""

    state: State
    step: int
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


def run_state(
    step: int,
    steps: int,
    locked: bool,
    job: JobStatus | None,
    *,
    stop_asked: bool = False,
    pause_asked: bool = False,
) -> State:
    """How a run is doing, from its record, its lock and the job behind it, if there is one.

    `stop_asked` and `pause_asked` say that a file in its folder asked for it, and nothing went
    on since.
    """
    if locked:
        return "running"
    if job is not None and job.alive:
        return "running" if step else "waiting"
    if step >= steps:
        return "done"
    if job is not None and job.state in _ENDED:
        return _ENDED[job.state]
    if stop_asked or pause_asked:
        return "stopped" if stop_asked else "paused"
    return "interrupted" if step else "waiting"


def run_view(
    steps: int,
    records: Records,
    locked: bool,
    job: JobStatus | None,
    costs: Costs = Costs(),
    unit: Unit = "nats",
) -> RunView:
    """A run of `steps` steps in figures and words; losses in the unit that is asked."""
    step = last_step(records)
    state = run_state(step, steps, locked, job)
    alive = state == "running" or (job is not None and job.alive)
    if state == "waiting" and not alive:
        headline = tr("Not started yet")
    else:
        headline = tr("{states}: step {step:,} of {steps:,}").format(
            states=_STATES[state], step=step, steps=steps
        )
    if alive and job is not None and job.stopping:
        headline += tr(", stopping: it saves what is sound first")
    return RunView(
        state=state,
        step=step,
        headline=headline,
        fraction=min(1.0, step / steps),
        figures=_figures(steps, records, alive, costs, unit),
        alive=alive,
        can_resume=not alive and state != "done",
    )


def last_step(records: Records) -> int:
    """The newest step in the record that was learned; 0 before the first."""
    return next((int(each["step"]) for each in reversed(records) if not each.get("diverged")), 0)


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
        *_points(_thinned(records), TRAINING, "train_nats"),
        *_points(records, VALIDATION, "val_nats"),
    ]


def prompts_of(records: Records) -> tuple[str, ...]:
    """The prompts that samples were written from, in their order; foreign text."""
    return tuple(dict.fromkeys(str(each["prompt"]) for each in records))


def prompt_label(prompt: str) -> str:
    """A prompt as a choice.

    >>> prompt_label("")
    'a new document'
    """
    return prompt.strip() or tr("a new document")


def sample_steps(records: Records, prompt: str) -> tuple[int, ...]:
    """The steps at which something was written from that prompt, newest first."""
    return tuple(
        sorted({int(each["step"]) for each in records if each["prompt"] == prompt}, reverse=True)
    )


def samples_of(
    records: Records, prompt: str, *, up_to: int | None = None, limit: int = 8
) -> tuple[Sample, ...]:
    """The texts that the model wrote from a prompt, newest first, from `up_to` back."""
    steps = sample_steps(records, prompt)
    wanted = [step for step in steps if up_to is None or step <= up_to][:limit]
    return samples_at(records, prompt, wanted)


def samples_at(records: Records, prompt: str, steps: Sequence[int]) -> tuple[Sample, ...]:
    """What was written at those steps, in their order."""
    by_step = {int(each["step"]): each for each in records if each["prompt"] == prompt}
    return tuple(
        Sample(step, prompt, str(by_step[step]["text"])[:_SAMPLE_CHARACTERS])
        for step in steps
        if step in by_step
    )


def job_of_run(jobs: Sequence[Job], run_id: str) -> Job | None:
    """The newest job that trains or trained that run; jobs come newest first."""
    return next(
        (
            job
            for job in jobs
            if job.verb in VERBS
            and (job.status().result.get("run") == run_id or f"--resume={run_id}" in job.argv)
        ),
        None,
    )


def job_at_work(jobs: Sequence[Job]) -> Job | None:
    """One's training that runs now, else the one that waits longest; jobs come newest first."""
    alive = [job for job in jobs if job.mine and job.verb in VERBS and job.status().alive]
    running = [job for job in alive if job.status().state == "running"]
    return next(iter(running), alive[-1] if alive else None)


def run_of_job(job: Job) -> str | None:
    """The run that a job works on; None before it made one."""
    run = job.status().result.get("run")
    if isinstance(run, str):
        return run
    flag = next((part for part in job.argv if part.startswith("--resume=")), None)
    return flag.removeprefix("--resume=") if flag else None


def _figures(
    steps: int, records: Records, alive: bool, costs: Costs, unit: Unit
) -> tuple[Figure, ...]:
    per_token = bytes_per_token(records)
    found = [
        Figure(
            tr("Training loss"),
            _loss(_newest(records, "train_nats"), unit, per_token),
            tr("training loss"),
        ),
        Figure(
            tr("Validation loss"),
            _loss(_newest(records, "val_nats"), unit, per_token),
            tr("validation loss"),
        ),
    ]
    if unit == "nats":
        val_nats = _newest(records, "val_nats")
        found.append(
            Figure(tr("Perplexity"), _loss(val_nats, "perplexity", per_token), "perplexity")
        )
    rate = _newest(records, "tokens_per_second")
    found.append(Figure(tr("Tokens/s"), _count(rate), "token"))
    share = share_of_peak(records, costs)
    if share is not None:
        found.append(
            Figure(tr("Share of peak"), f"{share:.0%}", tr("share of peak"), _peak_known(costs))
        )
    read = _newest(records, "tokens")
    if costs.train_tokens and read is not None:
        found.append(Figure(tr("Epochs read"), _epochs(read / costs.train_tokens), "epoch"))
    left = remaining_seconds(steps, records) if alive else None
    taken = _newest(records, "elapsed_seconds")
    energy = _newest(records, "energy_joules")
    if energy is not None and taken:
        watts = tr("On average {energy:,.0f} W, as the system measured it.").format(
            energy=energy / taken
        )
        found.append(Figure(tr("Energy"), energy_in_words(energy), "energy", watts))
    if alive:
        found.append(Figure(tr("Time left"), "…" if left is None else duration(left), "step"))
    elif taken is not None:
        found.append(Figure(tr("Time taken"), duration(taken), "run"))
    return tuple(found)


def costs_of(machine: Mapping[str, Any], tokens: Artefact | None, flops: int) -> Costs:
    """What the figures need, from the run's `machine.json` and its tokens, as far as they say."""
    split = tokens.details.get("train") if tokens is not None else None
    peak = machine.get("peak_flops")
    return Costs(
        train_tokens=int(split["tokens"]) if isinstance(split, Mapping) else None,
        flops_per_token=flops,
        peak_flops=float(peak) if peak else None,
        peak_source=str(machine.get("peak_source", "")),
    )


def counted_in(report: Mapping[str, Any]) -> dict[str, float]:
    """The baselines that a run's evaluation counted, in nats, by their names in a record."""
    measured = report.get("evaluation", {})
    found = {
        f"{name}_nats": measured.get(name, {}).get("nats_per_token")
        for name in ("unigram", "bigram")
    }
    return {name: float(nats) for name, nats in found.items() if isinstance(nats, int | float)}


def share_of_peak(records: Records, costs: Costs) -> float | None:
    """Floating-point operations done a second over those that the device could do (MFU)."""
    done = _newest(records, "flops_per_second")
    return None if done is None or not costs.peak_flops else done / costs.peak_flops


def energy_in_words(joules: float) -> str:
    """Energy as one reads it on a meter.

    >>> energy_in_words(820), energy_in_words(90_000), energy_in_words(7.2e6)
    ('820 J', '25.0 Wh', '2.00 kWh')
    """
    if joules < 3_600:
        return f"{joules:.0f} J"
    hours = joules / 3_600
    return (
        tr("{hours:.1f} Wh").format(hours=hours)
        if hours < 1_000
        else tr("{hours:.2f} kWh").format(hours=hours / 1000)
    )


def _peak_known(costs: Costs) -> str:
    peak = tr("{peak_flops:,.3g} TFLOP/s").format(peak_flops=(costs.peak_flops or 0) / 1e12)
    if costs.peak_source == "datasheet":
        return tr("The peak is the {peak} of the maker's data sheet.").format(peak=peak)
    return tr(
        "The peak is {peak}, measured here on large matrix products before the run began."
    ).format(peak=peak)


def _epochs(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _newest(records: Records, field: str) -> float | None:
    return next((float(each[field]) for each in reversed(records) if each.get(field)), None)


def _loss(nats: float | None, unit: Unit, per_token: float | None) -> str:
    if nats is None or (unit == "perplexity" and nats > 50):
        return "…"
    if unit == "bits":
        return f"{nats / (math.log(2) * per_token):.3f}" if per_token else "…"
    value = math.exp(nats) if unit == "perplexity" else nats
    if unit == "nats":
        return f"{value:.3f}"
    return f"{value:.1f}" if value < 100 else count(value)


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
