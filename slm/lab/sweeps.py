"""A sweep: the same training with a few values of one setting, one run after the other.

Seeds are the outer loop: every value is seen once before any is seen twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product
from math import floor, log10
from typing import Any

from pydantic.fields import FieldInfo

from slm.config import bounds
from slm.errors import ConfigError
from slm.jobs import Reporter, StageOf, silent
from slm.lab import experiments, standings
from slm.lab.experiments import Plan
from slm.lab.lanes import Lane, on_tokens, train_lane, with_changes, with_own_names
from slm.lab.standings import Trace
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

RATES = "rates"
"""Both learning rates at once, as a factor of the recipe's; not a setting by itself."""
MOST_VALUES, MOST_SEEDS = 12, 3
_DECADES = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)
_TRIED: Mapping[str, tuple[Any, ...]] = {
    "weight_decay": (0.0, 0.01, 0.03, 0.1, 0.3),
    "dropout": (0.0, 0.1, 0.2),
    "muon_momentum": (0.6, 0.8, 0.9, 0.95),
    "decay_fraction": (0.1, 0.25, 0.5, 0.75, 1.0),
    "gradient_clip": (0.0, 0.3, 1.0, 3.0),
    "seed": (1, 2, 3),
    RATES: (0.1, 0.3, 1.0, 3.0, 10.0),
}
_NOT_SWEPT = frozenset(
    {
        "vocab_size",
        "sample_prompts",
        "threads",
        "device",
        "copy_start",
        "look_back_start",
        "rope_scaling",
    }
)


def swept_fields() -> tuple[str, ...]:
    """Every setting that a sweep can vary, those of training first."""
    fields = (RATES, *TrainConfig.model_fields, *ModelConfig.model_fields)
    return tuple(field for field in fields if field not in _NOT_SWEPT)


def suggested_values(field: str, model: ModelConfig, train: TrainConfig) -> tuple[Any, ...]:
    """A few values worth trying: around what is set, a root of ten apart where that is the scale.

    >>> suggested_values("learning_rate", ModelConfig(), TrainConfig(learning_rate=0.01))
    (0.001, 0.0032, 0.01, 0.032, 0.1)
    >>> suggested_values("n_layers", ModelConfig(n_layers=3), TrainConfig())
    (1, 3, 6)

    Raises: ConfigError for what is no setting that can be swept.
    """
    _require_swept(field)
    if field in _TRIED:
        return _TRIED[field]
    config: ModelConfig | TrainConfig = model if field in ModelConfig.model_fields else train
    told, now = type(config).model_fields[field], getattr(config, field)
    options = _options(told)
    if options:
        return options
    if now is None or isinstance(now, bool):
        return (False, True) if isinstance(now, bool) else (None,)
    if isinstance(now, float) and now > 0:
        wanted: list[Any] = [_two_digits(now * factor) for factor in _DECADES]
    else:
        wanted = [now // 2, now, 2 * now]
    return tuple(dict.fromkeys(value for value in wanted if _possible(field, value, model, train)))


def plan_sweep(
    corpus: Artefact,
    tokenizer: Artefact,
    tokens: Artefact,
    base: Lane,
    field: str,
    values: Sequence[Any],
    seeds: int,
    *,
    name: str,
) -> Plan:
    """A run for each value and seed: `base` with that value, seeds counted up from its own.

    Values may be written out, as on a command line.

    Raises: ConfigError for an unknown setting, too few or many values, or one that cannot be.
    """
    lanes = lanes_of(base, field, values, seeds)
    fitted = on_tokens(lanes, tokens)
    return Plan("sweep", name, corpus.id, tokenizer.id, tokens.id, fitted, field=field)


def lanes_of(base: Lane, field: str, values: Sequence[Any], seeds: int) -> tuple[Lane, ...]:
    """The lanes of a sweep, not yet fitted to a text.

    Raises: as `plan_sweep`.
    """
    _require_swept(field)
    values = tuple(dict.fromkeys(values))
    if not 2 <= len(values) <= MOST_VALUES or not 1 <= seeds <= MOST_SEEDS:
        raise ConfigError(
            f"A sweep takes 2 to {MOST_VALUES} different values and 1 to {MOST_SEEDS} seeds; this "
            f"one has {len(values)} and {seeds}."
        )
    if field == "seed" and seeds > 1:
        raise ConfigError("A sweep over seeds has one seed a value; set seeds to 1.")
    return with_own_names(
        [_lane(base, field, each, number, seeds) for number, each in product(range(seeds), values)]
    )


def run_sweep(
    workspace: Workspace,
    experiment: Artefact,
    plan: Plan,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> tuple[Trace, ...]:
    """Train lane after lane, each from where it stands.

    One that diverges or runs out of memory is over, and the others go on. Asked to stop, it
    returns after the checkpoint of the lane in hand; called again, it goes on there, and tries
    lanes anew that failed.

    Raises: as `train`, but for a lane that diverged or does not fit into memory.
    """
    report.plan({lane.name: _cost(lane) for lane in plan.lanes})
    tokens = workspace.tokens.get(plan.tokens).folder
    problems: dict[str, str] = {}
    experiments.note_problems(experiment, problems)
    traces = []
    for index, lane in enumerate(plan.lanes):
        known = experiments.runs_of(workspace, experiment.id).get(index)
        trace = standings.trace_of(lane, known)
        if not trace.through and not report.should_stop():
            run = experiments.ensure_run(workspace, experiment, plan, index, owner)
            stage = StageOf(report, lane.name)
            stage(0.0, "starting")
            problem = train_lane(run.folder, tokens, stage)
            if problem is not None:
                problems[lane.name] = problem
                experiments.note_problems(experiment, problems)
            trace = standings.trace_of(lane, run, problem=problem or "")
        if trace.through:
            report(1.0, _last_word(trace), stage=lane.name)
        traces.append(trace)
    if all(trace.through for trace in traces):
        standings.keep_record(experiment, traces)
    return tuple(traces)


def _last_word(trace: Trace) -> str:
    if trace.state != "done":
        return trace.state
    final = trace.final
    return f"loss {final.val_nats:.3f}" if final and final.val_nats else "done"


def _lane(base: Lane, field: str, value: Any, number: int, seeds: int) -> Lane:
    if field == RATES:
        factor = _factor(value)
        rates = {
            name: getattr(base.train, name) * factor
            for name in ("learning_rate", "muon_learning_rate")
        }
        model, train = with_changes(base.model, base.train, rates)
        value = factor
    else:
        model, train = with_changes(base.model, base.train, {field: value})
        value = getattr(model if field in ModelConfig.model_fields else train, field)
    if field != "seed":
        train = train.replace(seed=base.train.seed + number)
    shown = f"{value:g}" if isinstance(value, float) else str(value)
    name = f"{field} {shown}" + (f", seed {train.seed}" if seeds > 1 else "")
    return replace(base, name=name, model=model, train=train, value=value)


def _factor(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"{RATES} is {value!r}; give a factor, such as 0.3.") from None


def _cost(lane: Lane) -> float:
    return lane.train.steps * lane.tokens_per_step * lane.flops_per_token


def _require_swept(field: str) -> None:
    if field not in swept_fields():
        raise ConfigError(
            f"{field!r} is no setting that a sweep can vary; there are: "
            f"{', '.join(swept_fields())}."
        )


def _options(field: FieldInfo) -> tuple[Any, ...]:
    extra = field.json_schema_extra
    hints: Any = extra.get("ui", {}) if isinstance(extra, dict) else {}
    named = hints.get("options", ())
    if named and isinstance(named[0], str):
        return tuple(named)
    if "Literal" in str(field.annotation):
        from typing import get_args

        return tuple(part for part in get_args(field.annotation) if isinstance(part, str))
    return ()


def _possible(field: str, value: Any, model: ModelConfig, train: TrainConfig) -> bool:
    owner = ModelConfig if field in ModelConfig.model_fields else TrainConfig
    _, high = bounds(owner.model_fields[field])
    if high is not None and value > high:
        return False
    try:
        with_changes(model, train, {field: value})
    except ConfigError:
        return False
    return True


def _two_digits(number: float) -> float:
    """
    >>> _two_digits(0.0031623)
    0.0032
    """
    return round(number, 1 - floor(log10(number)))
