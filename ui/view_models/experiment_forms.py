"""A sweep or a race that is still to be started: its lanes, its cost, its command."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from slm.errors import ConfigError
from slm.lab import races, sweeps
from slm.lab.experiments import Budget, BudgetKind
from slm.lab.lanes import Lane
from slm.lab.queue_estimates import training_seconds
from slm.lab.races import RaceConfig
from slm.model.config import ModelConfig, parameter_counts
from slm.training.config import TrainConfig, recipe_for
from slm.training.rates import Rate
from ui.texts import tr
from ui.view_models import settings
from ui.view_models.budget import long_time
from ui.view_models.jobs import count
from ui.view_models.lane_rows import shown
from ui.view_models.model import Design

BUDGET_LABELS: Mapping[BudgetKind, str] = MappingProxyType(
    {"seconds": tr("seconds of training"), "tokens": tr("tokens"), "flops": tr("FLOPs")}
)
BUDGET_STARTS: Mapping[BudgetKind, float] = MappingProxyType(
    {"seconds": 30.0, "tokens": 1e6, "flops": 1e13}
)
READY_MADE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        tr("Muon against AdamW"): (
            "name=Muon, preset=nano",
            "name=AdamW, preset=nano, optimizer=adamw, learning_rate=0.004, copy_start=0, "
            "look_back_start=0",
        ),
        tr("Deep against wide"): (
            "name=deep, preset=nano, n_layers=6, d_model=96, d_ff=192",
            "name=usual, preset=nano",
            "name=wide, preset=nano, n_layers=1, d_model=192, d_ff=384",
        ),
        tr("Small batches against large ones"): (
            "name=batch of 4, preset=nano, batch_size=4",
            "name=batch of 12, preset=nano",
            "name=batch of 48, preset=nano, batch_size=48",
        ),
        tr("Schedules"): (
            "name=hold and descend, preset=nano",
            "name=half a cosine, preset=nano, schedule=cosine",
            "name=a straight line, preset=nano, schedule=linear",
        ),
        tr("GPT-2's blocks against today's"): (
            "name=today's, preset=nano",
            "name=GPT-2's, preset=nano, norm=layernorm, positions=learned, mlp=gelu, "
            "qk_norm=False, bias=all",
        ),
    }
)
"""Races that show something within a minute or two."""
EXAMPLE = tr("Muon against AdamW")
_OVERHEAD = 1.3  # of a race by seconds: trying the pace, measuring, changing lanes


@dataclass(frozen=True)
class Preview:
    """What an experiment would come to. `problem` says why it cannot be."""

    rows: tuple[dict[str, str], ...]
    time: str
    problem: str | None = None


def sweep_argv(
    design: Design,
    recipe: TrainConfig,
    corpus: str,
    tokenizer: str,
    name: str,
    field: str,
    values: Sequence[Any],
    seeds: int,
) -> list[str]:
    """The command line of a sweep around those settings."""
    model = {key: value for key, value in design.changed.items() if key != "vocab_size"}
    base = recipe_for(design.preset).replace(snapshots=0)
    return [
        "sweep",
        f"--corpus={corpus}",
        f"--tokenizer={tokenizer}",
        f"--name={name}",
        f"--preset={design.preset}",
        f"--field={field}",
        f"--values={','.join(map(str, values))}",
        f"--seeds={seeds}",
        *settings.flags(model),
        *settings.flags(settings.changes(recipe.replace(snapshots=0), base)),
    ]


def race_argv(
    lanes: Sequence[str], budget: Budget, corpus: str, tokenizer: str, name: str, seed: int
) -> list[str]:
    """The command line of a race."""
    return [
        "race",
        f"--corpus={corpus}",
        f"--tokenizer={tokenizer}",
        f"--name={name}",
        f"--budget={budget}",
        *(f"--lane={lane}" for lane in lanes),
        *([f"--seed={seed}"] if seed != 1 else []),
    ]


def read_values(text: str, suggested: Sequence[Any]) -> tuple[Any, ...]:
    """The values that a person wrote, separated by commas; the suggested ones for an empty text.

    >>> read_values("0.1, 0.2,", (1,)), read_values(" ", (1, 2))
    (('0.1', '0.2'), (1, 2))
    """
    written = tuple(part.strip() for part in text.split(",") if part.strip())
    return written or tuple(suggested)


def values_in_words(values: Sequence[Any]) -> str:
    """Values as they stand in the form."""
    return ", ".join(str(value) for value in values)


def read_lane_lines(text: str) -> list[str]:
    """The lanes of a text with one a line."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def sweep_preview(
    model: ModelConfig,
    recipe: TrainConfig,
    field: str,
    values: Sequence[Any],
    seeds: int,
    rates: Sequence[Rate],
) -> Preview:
    """The runs that a sweep would make; they are checked as the sweep itself does."""
    try:
        lanes = sweeps.lanes_of(Lane("base", "nano", model, recipe), field, values, seeds)
    except ConfigError as error:
        return Preview((), "…", str(error))
    times = [training_seconds(lane.model, lane.train, rates) for lane in lanes]
    rows = tuple(
        {
            "run": lane.name,
            "value": shown(lane.value),
            "parameters": count(sum(parameter_counts(lane.model).values())),
            "steps": f"{lane.train.steps:,}",
            "time": _time(seconds),
        }
        for lane, seconds in zip(lanes, times, strict=True)
    )
    return Preview(rows, _total(times, 1.0))


def race_preview(
    texts: Sequence[str],
    budget: Budget,
    vocab_size: int,
    rates: Sequence[Rate],
) -> Preview:
    """The lanes of a race with the steps that follow from the budget, checked as the race does."""
    try:
        lanes = races.read_lanes(texts, RaceConfig())
    except ConfigError as error:
        return Preview((), "…", str(error))
    fitted = [_fitted(lane, vocab_size) for lane in lanes]
    rows, times = [], []
    problem = None
    for lane in fitted:
        steps: int | None = None
        if budget.kind != "seconds":
            try:
                steps = races.steps_for(lane, budget)
            except ConfigError as error:
                problem = problem or str(error)
        shown_steps = tr("by a short trial") if budget.kind == "seconds" else "–"
        seconds = budget.amount if budget.kind == "seconds" else None
        if steps is not None:
            shown_steps = f"{steps:,}"
            seconds = _seconds(lane, steps, rates)
        rows.append(
            {
                tr("lane"): lane.name,
                tr("parameters"): count(sum(parameter_counts(lane.model).values())),
                tr("tokens a step"): f"{lane.places_per_step:,}",
                tr("steps"): shown_steps,
                tr("time"): _time(seconds),
            }
        )
        times.append(seconds)
    return Preview(tuple(rows), _total(times, _OVERHEAD), problem)


def suggested_name(base: str, taken: Sequence[str]) -> str:
    """A name that no experiment has yet.

    >>> suggested_name("Race", ["Race"])
    'Race 2'
    """
    name, number = base[:60], 1
    while name in taken:
        number += 1
        name = f"{base[:60]} {number}"
    return name


def _fitted(lane: Lane, vocab_size: int) -> Lane:
    return Lane(lane.name, lane.preset, lane.model.replace(vocab_size=vocab_size), lane.train)


def _seconds(lane: Lane, steps: int, rates: Sequence[Rate]) -> float | None:
    try:
        return training_seconds(lane.model, lane.train.replace(steps=steps), rates)
    except ConfigError:
        return None  # more steps than a run may have; the plan says so


def _time(seconds: float | None) -> str:
    return tr("not measured") if seconds is None else f"≈ {long_time(seconds)}"


def _total(times: Sequence[float | None], factor: float) -> str:
    known = [seconds for seconds in times if seconds is not None]
    if not known or len(known) < len(times):
        return tr("not measured")
    return f"≈ {long_time(factor * sum(known))}"
