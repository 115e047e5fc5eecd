"""The verbs that compare: a sweep over one setting, a fair race between several."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.lab import experiments, races, standings, sweeps
from slm.lab.experiments import Budget, Plan
from slm.lab.lanes import Lane
from slm.lab.races import RaceConfig
from slm.lab.standings import Trace
from slm.model.config import PRESETS, ModelConfig
from slm.training.config import TrainConfig, recipe_for
from slm.verbs.common import Context, Result, chosen_tokens, parse, preset_of
from slm.workspace import Artefact


@dataclass(frozen=True)
class SweepChoice:
    """What is varied, and on which text."""

    corpus: str = ""
    """Corpus to learn from, by name or id."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    name: str = "sweep"
    """The sweep's name; its runs are named after it."""
    preset: str = "nano"
    """Model preset that the other settings start from."""
    field: str = "learning_rate"
    """The setting to vary: any of a model or a training, or `rates` for a factor on both rates."""
    values: str = ""
    """Its values, separated by commas. Default: a few around the one that is set."""
    seeds: int = 1
    """Runs of each value, with seeds that count up: 1 to 3."""
    resume: str = ""
    """Go on with this sweep, by name or id; the other settings are its own."""


def sweep(arguments: Sequence[str], context: Context) -> Result:
    """Train with a few values of one setting, one run after the other, and compare."""
    preset = preset_of(arguments, SweepChoice.preset)

    @dataclass(frozen=True)
    class Sweep:
        choice: Annotated[SweepChoice, tyro.conf.arg(name="")]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = PRESETS[preset]
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = recipe_for(preset).replace(
            snapshots=0
        )

    asked = parse(Sweep, sweep, arguments)
    choice = asked.choice

    def plan(corpus: Artefact, tokenizer: Artefact, tokens: Artefact) -> Plan:
        base = Lane("base", preset, asked.model, asked.training)
        values: Sequence[Any] = [part.strip() for part in choice.values.split(",") if part.strip()]
        values = values or sweeps.suggested_values(choice.field, asked.model, asked.training)
        return sweeps.plan_sweep(
            corpus, tokenizer, tokens, base, choice.field, values, choice.seeds, name=choice.name
        )

    experiment = _known(choice.resume, "sweep", context)
    if experiment is None:
        parents = _text(choice.corpus, choice.tokenizer, context)
        if parents is None:
            return {}
        experiment = _keep(plan(*parents), context)
    agreed = experiments.read_plan(experiment)
    traces = sweeps.run_sweep(
        context.workspace, experiment, agreed, context.report, owner=context.owner
    )
    return _told(experiment, agreed, traces)


@dataclass(frozen=True)
class RaceChoice:
    """Who races, and on which text."""

    corpus: str = ""
    """Corpus to learn from, by name or id."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    name: str = "race"
    """The race's name; its runs are named after it."""
    budget: str = "seconds=60"
    """What each lane may use up: tokens=NUMBER, flops=NUMBER, or seconds=NUMBER of training."""
    lane: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A preset and what is changed: preset=nano,optimizer=adamw. Give one for each lane, 2 to 6."""
    lanes: Path | None = None
    """A JSON file {"lanes": ["preset=nano", …]} instead."""
    resume: str = ""
    """Go on with this race, by name or id; the other settings are its own."""


def race(arguments: Sequence[str], context: Context) -> Result:
    """Train several settings in turns under one budget, and see who learns faster."""

    @dataclass(frozen=True)
    class Race:
        choice: Annotated[RaceChoice, tyro.conf.arg(name="")]
        shared: Annotated[RaceConfig, tyro.conf.arg(name="")] = RaceConfig()

    asked = parse(Race, race, arguments)
    choice: RaceChoice = asked.choice
    experiment = _known(choice.resume, "race", context)
    if experiment is None:
        budget = Budget.parse(choice.budget)
        lanes = races.read_lanes([*choice.lane, *_lanes_of(choice.lanes)], asked.shared)
        parents = _text(choice.corpus, choice.tokenizer, context)
        if parents is None:
            return {}
        plan = races.plan_race(
            *parents, budget, lanes, asked.shared, name=choice.name, report=context.report
        )
        if plan is None:
            return {}
        experiment = _keep(plan, context)
    agreed = experiments.read_plan(experiment)
    traces = races.run_race(
        context.workspace, experiment, agreed, context.report, owner=context.owner
    )
    return _told(experiment, agreed, traces)


def _known(asked: str, kind: str, context: Context) -> Artefact | None:
    """The experiment to go on with: the one asked for, or the one that this job began."""
    here = context.workspace
    if not asked:
        return experiments.of_job(here, context.common.job)
    known = experiments.shelf(here).get(asked)
    if known.read_only:
        raise WorkspaceError(f"{known.name!r} ships with the app and cannot go on.")
    if known.details.get("kind") != kind:
        raise ConfigError(f"{known.name!r} is a {known.details.get('kind')}, not a {kind}.")
    return known


def _keep(plan: Plan, context: Context) -> Artefact:
    made = experiments.create(context.workspace, plan, owner=context.owner, job=context.common.job)
    context.result["experiment"] = made.id
    return made


def _text(
    corpus_name: str, tokenizer_name: str, context: Context
) -> tuple[Artefact, Artefact, Artefact] | None:
    """Corpus, tokenizer, and the corpus as tokens; None when asked to stop before they are cut."""
    if not corpus_name:
        raise ConfigError("--corpus is missing; name the corpus to learn from.")
    return chosen_tokens(corpus_name, tokenizer_name, context)


def _lanes_of(path: Path | None) -> list[str]:
    if path is None:
        return []
    if not files.is_file(path):
        raise ConfigError(f"There is no file {str(path)[:200]!r}.")
    lanes = files.read_json(path).get("lanes")
    if not isinstance(lanes, list) or not all(isinstance(lane, str) for lane in lanes):
        raise ConfigError(
            f'{path.name} has no list of lanes; write {{"lanes": ["preset=nano", "preset=micro"]}}.'
        )
    return lanes


def _told(experiment: Artefact, plan: Plan, traces: Sequence[Trace]) -> Result:
    """The table of a sweep or a race, as far as it has come."""
    told: Result = {
        "experiment": experiment.id,
        "name": experiment.name,
        "kind": plan.kind,
        "lanes": [_lane(trace) for trace in traces],
    }
    if plan.kind == "sweep":
        best = standings.best_value(traces)
        told["field"] = plan.field
        told["best_value"] = None if best is None else best.value
        told["best_mean_final_nats"] = None if best is None else best.final
    else:
        told["budget"] = str(plan.budget)
        ranked = standings.ranking(traces)
        told["first"] = ranked[0].lane.name if ranked[0].final else None
        told["reached"] = {
            axis: [
                {"nats": each.nats, "first": each.first, **each.used}
                for each in standings.crossings(traces, axis)
            ]
            for axis in standings.AXES
        }
    return told


def _lane(trace: Trace) -> dict[str, Any]:
    last, final, best = trace.last, trace.final, trace.best
    return {
        "lane": trace.lane.name,
        "run": trace.run,
        "state": trace.state,
        "step": 0 if last is None else last.step,
        "steps": trace.steps,
        "tokens": 0 if last is None else int(last.tokens),
        "flops": 0.0 if last is None else last.flops,
        "train_seconds": 0.0 if last is None else last.seconds,
        "final_val_nats": None if final is None else final.val_nats,
        "best_val_nats": None if best is None else best.val_nats,
        "best_step": None if best is None else best.step,
    }
