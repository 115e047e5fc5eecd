"""The verbs that advise: what is wrong with a run, and which learning rate to take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from slm.errors import ConfigError
from slm.model.config import PRESETS, ModelConfig
from slm.training.config import TrainConfig, recipe_for
from slm.verbs.common import Context, Result, chosen_tokens, parse, preset_of


@dataclass(frozen=True)
class DoctorChoice:
    """Which run to look at."""

    run: str
    """Run, by name or id; it may be at work."""


def doctor(arguments: Sequence[str], context: Context) -> Result:
    """What the record of a run shows to be wrong, with the numbers behind it, and what helps."""
    from slm import files
    from slm.training.doctor import examine
    from slm.training.events import read_events
    from slm.training.runs import METRICS, RunSettings

    asked = parse(DoctorChoice, doctor, arguments)
    run = context.workspace.runs.get(asked.run)
    settings = RunSettings.read(run.folder)
    records = files.read_records(run.folder / METRICS).records
    found = examine(
        settings,
        records,
        read_events(run.folder),
        train_tokens=training_tokens(context, settings.tokens),
    )
    return {
        "run": run.id,
        "name": run.name,
        "step": max((int(record["step"]) for record in records), default=0),
        "findings": [finding.to_json() for finding in found],
    }


@dataclass(frozen=True)
class FinderChoice:
    """For which text, and from which preset on."""

    corpus: str
    """Corpus, by name or id."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    preset: str = "nano"
    """Model preset that the other settings start from."""
    seconds: float = 15.0
    """About how long to try."""


def find_rate(arguments: Sequence[str], context: Context) -> Result:
    """Try learning rates from far too low to far too high on a short training of its own."""
    from slm.data.batches import TokenFile
    from slm.training.finder import find_rate as try_rates
    from slm.training.rate_curves import keep_curve, key_of

    preset = preset_of(arguments, FinderChoice.preset)

    @dataclass(frozen=True)
    class FindRate:
        choice: Annotated[FinderChoice, tyro.conf.arg(name="")]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = PRESETS[preset]
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = recipe_for(preset)

    asked = parse(FindRate, find_rate, arguments)
    if not 1 <= asked.choice.seconds <= 600:
        raise ConfigError(f"seconds is {asked.choice.seconds:g}; it must be between 1 and 600.")
    chosen = chosen_tokens(asked.choice.corpus, asked.choice.tokenizer, context)
    if chosen is None:
        return {}
    tokens = chosen[-1]
    model = asked.model.replace(vocab_size=tokens.details["vocab_size"])
    text = TokenFile(
        tokens.folder / "train.bin", tokens.details.get("document_end"), asked.training.windows
    )
    curve = try_rates(model, asked.training, text, context.report, seconds=asked.choice.seconds)
    if curve is None:
        return {}
    key = key_of(model, asked.training, str(tokens.manifest.files["train.bin"]["sha256"]))
    keep_curve(context.workspace, key, curve)
    context.report(1.0, "done", stage="rates")
    return {
        "key": key,
        "suggested_factor": curve.suggested_factor,
        **(curve.suggested or {}),
        "steepest_factor": curve.steepest_factor,
        "lowest_factor": curve.lowest_factor,
        "diverged_at": curve.diverged_at,
        "rows": curve.rows,
        "batch_size": curve.batch_size,
        "seconds": curve.seconds,
        "factors": list(curve.factors),
        "nats": list(curve.nats),
        "smoothed": list(curve.smoothed),
    }


def training_tokens(context: Context, tokens_id: str) -> int | None:
    """Size of a run's training text in tokens; None where its token files are gone."""
    tokens = context.workspace.tokens.find(tokens_id)
    told = tokens.details.get("train") if tokens is not None else None
    return int(told["tokens"]) if isinstance(told, dict) and "tokens" in told else None
