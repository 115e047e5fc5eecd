"""The verb that tells what a shape costs before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Annotated, Any

import tyro

from slm.errors import ConfigError
from slm.model.config import (
    PRESETS,
    ModelConfig,
    flops_by_part,
    memory_bytes,
    parameter_counts,
)
from slm.model.sizing import nearest_preset, parse_size, shape_for
from slm.training.config import TrainConfig, recipe_for
from slm.verbs.common import Context, Result, parse, preset_of, value_of


@dataclass(frozen=True)
class ModelChoice:
    """Which shape, or how big; the settings of a model change it."""

    preset: str = "nano"
    """Preset that the settings start from. With --size its recipe alone is taken; default
    then: the preset of about that size."""
    size: str = ""
    """About so many parameters, such as 300k, 10M or 1.1B: a sensible shape is chosen."""
    batch_size: int = 0
    """Windows trained on at once. Default: a micro-batch of the preset's recipe."""


def model(arguments: Sequence[str], context: Context) -> Result:
    """What a shape comes to: parameters, FLOPs, memory, time here, and which machines fit it."""
    from slm.model.fits import MACHINES, fits, machines_here

    choice, config = _parse(arguments)
    recipe = recipe_for(choice.preset)
    windows = choice.batch_size or ceil(recipe.batch_size / recipe.grad_accum_steps)
    if windows < 1:
        raise ConfigError(f"batch-size is {choice.batch_size}; it must be at least 1.")
    parameters, forward = parameter_counts(config), flops_by_part(config)
    machines = (*machines_here(), *MACHINES)
    training = memory_bytes(config, windows, "train", optimizer=recipe.optimizer)
    writing = memory_bytes(config, 1, "generate")
    return {
        "recipe": choice.preset,
        "settings": config.to_json(),
        "parameters": sum(parameters.values()),
        "parameters_by_part": parameters,
        "forward_flops_per_token": sum(forward.values()),
        "backward_flops_per_token": 2 * sum(forward.values()),
        "forward_flops_by_part": forward,
        "windows_at_once": windows,
        "training_bytes": sum(training.values()),
        "training_bytes_by_part": training,
        "writing_bytes": sum(writing.values()),
        "writing_bytes_by_part": writing,
        **_time(config, recipe, context),
        "fits": [fit.to_json() for fit in fits(config, windows, machines, recipe.optimizer)],
    }


def _time(config: ModelConfig, recipe: TrainConfig, context: Context) -> Result:
    """How long the recipe takes here, as far as anything was measured on this machine."""
    from slm.training.rates import estimated_rate, known_rates, measured_rate

    rates = known_rates(context.workspace)
    measured = measured_rate(rates, config, recipe)
    per_second = measured.tokens_per_second if measured else estimated_rate(rates, config)
    places = recipe.steps * recipe.batch_size * config.context_length
    return {
        "tokens_per_second": per_second,
        "rate_source": measured.source if measured else "estimate" if per_second else None,
        "recipe_steps": recipe.steps,
        "seconds": places / per_second if per_second else None,
    }


def _parse(arguments: Sequence[str]) -> tuple[ModelChoice, ModelConfig]:
    size = value_of("--size", arguments)
    preset = preset_of(arguments, ModelChoice.preset)
    base = _sized(size, arguments) if size else PRESETS[preset]

    @dataclass(frozen=True)
    class Asked:
        choice: Annotated[ModelChoice, tyro.conf.arg(name="")]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = base

    asked: Any = parse(Asked, model, arguments)
    if size and value_of("--preset", arguments) is None:
        nearest = nearest_preset(sum(parameter_counts(asked.model).values()))
        return replace(asked.choice, preset=nearest), asked.model
    return asked.choice, asked.model


def _sized(size: str, arguments: Sequence[str]) -> ModelConfig:
    """The shape of that size, with the vocabulary and the context that the flags name."""
    given = {name: value_of(flag, arguments) for name, flag in _CHOSEN_FIRST.items()}
    numbers = {name: int(text) for name, text in given.items() if text and text.isdecimal()}
    checked = ModelConfig(**numbers)
    return shape_for(
        parse_size(size),
        **{name: getattr(checked, name) for name in numbers},
    )


_CHOSEN_FIRST = {"vocab_size": "--vocab-size", "context_length": "--context-length"}
