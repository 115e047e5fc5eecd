"""The verbs that look ahead: what a training would read, if it is enough, how long it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from slm.data.windows import WindowMode
from slm.errors import ConfigError
from slm.model.config import PRESETS, ModelConfig
from slm.tokenizer.documents import (
    LOOKED_AT,
    EncodedDocuments,
    filled_share,
    training_documents,
    training_size,
)
from slm.tokenizer.separators import Separator, separator_of
from slm.training.budget import budget_of
from slm.training.config import TrainConfig, recipe_for
from slm.verbs.common import Context, Result, Verb, chosen_text, parse, preset_of


@dataclass(frozen=True)
class WindowsChoice:
    """Which text is cut into which windows."""

    corpus: str
    """Corpus, by name or id; its training split is cut."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    context_length: int = 256
    """Tokens that a window reads."""
    windows: WindowMode = "documents"
    """How text is cut into windows."""
    separator: Separator | None = None
    """What stands behind each document. Default: what the tokenizer was trained to go with."""
    max_tokens: int = LOOKED_AT
    """Look at so many tokens from the beginning; 0 looks at all."""
    first: int = 8
    """Windows to list."""


def windows(arguments: Sequence[str], context: Context) -> Result:
    """How documents fall into windows: padding, cuts, what is seen twice."""
    from slm.tokenizer.loading import load_tokenizer

    asked = parse(WindowsChoice, windows, arguments)
    if asked.context_length < 1 or asked.max_tokens < 0 or asked.first < 0:
        raise ConfigError("context-length must be at least 1, max-tokens and first at least 0.")
    corpus, tokenizer = chosen_text(asked.corpus, asked.tokenizer, context)
    documents = training_documents(
        context.workspace,
        corpus,
        tokenizer,
        load_tokenizer(tokenizer.folder),
        separator=asked.separator,
        max_tokens=asked.max_tokens or None,
    )
    layout = documents.lay_out(asked.context_length, asked.windows)
    return {
        "corpus": corpus.id,
        "tokenizer": tokenizer.id,
        "separator": asked.separator or separator_of(tokenizer),
        "windows": asked.windows,
        "whole_split": documents.whole,
        "totals": layout.totals.to_json(),
        "first_windows": layout.to_json(asked.first),
    }


@dataclass(frozen=True)
class BudgetChoice:
    """For which text, and from which preset on."""

    corpus: str
    """Corpus, by name or id."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    preset: str = "nano"
    """Model preset that the other settings start from."""
    measure: bool = False
    """True measures the speed of training, about 10 seconds, where it is not known yet."""


def budget(arguments: Sequence[str], context: Context) -> Result:
    """Whether a corpus is enough for a model, and how long training would take here."""
    from slm.tokenizer.loading import load_tokenizer
    from slm.training.rates import known_rates, measured_rate

    choice, model, training = _parse_plan(BudgetChoice, budget, arguments)
    corpus, tokenizer = chosen_text(choice.corpus, choice.tokenizer, context)
    engine = load_tokenizer(tokenizer.folder)
    model = model.replace(vocab_size=engine.vocab_size)
    size = training_size(context.workspace, corpus, tokenizer, engine)

    def first_documents() -> EncodedDocuments:
        return training_documents(
            context.workspace, corpus, tokenizer, engine, max_tokens=LOOKED_AT
        )

    filled = filled_share(first_documents, model.context_length, training.windows)
    found = budget_of(model, training, size.tokens, filled=filled)
    rate = measured_rate(known_rates(context.workspace), model, training)
    if rate is None and choice.measure:
        rate = _measure(model, training, context)
    per_second = None if rate is None else rate.tokens_per_second
    return {
        "corpus": corpus.id,
        "tokenizer": tokenizer.id,
        "preset": choice.preset,
        "unique_tokens_counted": size.counted,
        "bytes_per_token": size.bytes_per_token,
        **found.to_json(),
        "missing_bytes": round(found.missing_tokens * size.bytes_per_token),
        "tokens_per_second": per_second,
        "rate_source": None if rate is None else rate.source,
        "seconds": None
        if per_second is None
        else training.steps * training.batch_size * model.context_length / per_second,
    }


@dataclass(frozen=True)
class RateChoice:
    """From which preset on."""

    preset: str = "nano"
    """Model preset that the other settings start from."""


def rate(arguments: Sequence[str], context: Context) -> Result:
    """Measure in a few seconds how fast a model trains on this machine, and keep the result."""
    _, model, training = _parse_plan(RateChoice, rate, arguments)
    found = _measure(model, training, context)
    if found is None:
        return {}
    return {
        "tokens_per_second": found.tokens_per_second,
        "rows": found.rows,
        "seconds_per_step": training.batch_size * model.context_length / found.tokens_per_second,
    }


def _measure(model: ModelConfig, training: TrainConfig, context: Context) -> Any:
    from slm.training.rates import keep_probe
    from slm.training.speed import measure_speed

    speed = measure_speed(model, training, context.report)
    if speed is None:
        return None
    context.report(1.0, f"{speed.tokens_per_second:,.0f} tokens per second")
    return keep_probe(context.workspace, model, training, speed.tokens_per_second, speed.rows)


def _parse_plan(
    choices: type[Any], verb: Verb, arguments: Sequence[str]
) -> tuple[Any, ModelConfig, TrainConfig]:
    """A verb's own settings, and those of model and training, from a preset on."""
    preset = preset_of(arguments, choices.preset)

    @dataclass(frozen=True)
    class Plan:
        choice: Annotated[choices, tyro.conf.arg(name="")]  # type: ignore[valid-type]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = PRESETS[preset]
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = recipe_for(preset)

    asked = parse(Plan, verb, arguments)
    return asked.choice, asked.model, asked.training
