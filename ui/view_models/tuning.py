"""Fine-tuning a model that exists: its form, its cost, its command. Knows no browser."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal

from slm.model.config import ModelConfig, parameter_counts
from slm.model.lora_settings import adapter_parameters
from slm.training.config import TrainConfig, recipe_for_tuning
from slm.workspace import MAX_NAME
from ui.texts import tr
from ui.view_models import recipe, settings
from ui.view_models.jobs import count, size
from ui.view_models.recipe import ADAPTERS, Fit, Need

Way = Literal["adapters", "all"]
WAYS: Mapping[Way, str] = MappingProxyType({"adapters": tr("Adapters"), "all": tr("All weights")})
WAY_HELP = tr(
    "Adapters (LoRA) leave the model as it is and train two thin matrices beside each of its own: "
    "less memory, small files, and what the model knew is kept better. All weights can change "
    "more, and forget more."
)
_NEVER = {"optimizer", "muon_learning_rate", "muon_momentum"}
BASIC: tuple[str, ...] = ("steps", "batch_size", "learning_rate", "window_length")


def first_fields(way: Way) -> tuple[str, ...]:
    """The settings that stand open."""
    return (*BASIC, *(ADAPTERS if way == "adapters" else ()))


def folded_fields(way: Way) -> dict[str, tuple[str, ...]]:
    """The others, by title. Models that exist are tuned by AdamW.

    >>> folded_fields("adapters")["Optimizer"]
    ('weight_decay', 'gradient_clip', 'grad_accum_steps')
    """
    hidden = {*BASIC, *_NEVER, *(("sharding",) if way == "adapters" else ())}
    kept = {
        title: tuple(name for name in names if name not in hidden)
        for title, names in recipe.FOLDED.items()
    }
    return {title: names for title, names in kept.items() if names}


def base_recipe(model: ModelConfig, way: Way) -> TrainConfig:
    """The recipe that the form starts from."""
    return recipe_for_tuning(model, adapters=way == "adapters")


def begins_with(name: str, model: ModelConfig, step: int | None, tokenizer: bool) -> str:
    """What is fine-tuned, in a sentence. `tokenizer`: whether its tokens were cut before.

    >>> begins_with("Ada", ModelConfig(n_layers=1, d_model=64), 20, True)
    'Begins with Ada at step 20: 327.9 k parameters, which read 256 tokens at most.'
    """
    at = "" if step is None else tr(" at step {step:,}").format(step=step)
    n = count(sum(parameter_counts(model).values()))
    told = tr(
        "Begins with {name}{at}: {n} parameters, which read {context_length:,} tokens at most."
    ).format(name=name, at=at, n=n, context_length=model.context_length)
    if not tokenizer:
        told += tr(" The text is first cut into tokens by the model's own tokenizer.")
    return told


def trained_share(model: ModelConfig, config: TrainConfig) -> tuple[str, str]:
    """How many numbers are trained, and what share that is, in a sentence.

    Raises: ConfigError for a rank that the model's matrices cannot have.
    """
    everything = sum(parameter_counts(model).values())
    if config.lora is None:
        return count(everything), tr("All {everything} parameters are trained.").format(
            everything=count(everything)
        )
    trained = adapter_parameters(model, config.lora)
    share = trained / everything
    told = f"{share:.1%}" if share >= 0.001 else tr("less than 0.1%")
    return count(trained), (
        tr(
            "{trained} numbers in adapters of rank {rank} are trained, "
            "{told} of the model's {everything}; those stay as they are."
        ).format(
            trained=count(trained), rank=config.lora.rank, told=told, everything=count(everything)
        )
    )


def memory_need(fit: Fit, config: TrainConfig, processes: int, *, on_gpu: bool) -> Need:
    """Whether the training fits into memory here; if not, with what it would."""
    told = recipe.memory_need(fit, processes, on_gpu=on_gpu)
    if told.problem is None or fit.fits or fit.grad_accum_steps is not None:
        return told
    ways = [
        tr("shorter windows"),
        *([] if config.lora else [tr("adapters in place of all weights")]),
    ]
    return Need(
        told.shown,
        "",
        tr(
            "It takes about {needed} of memory even with one window at a "
            "time, and {free} are free. Take {ways}, or a smaller model."
        ).format(needed=size(fit.needed), free=size(fit.free), ways=" or ".join(ways)),
    )


def suggested_name(model_name: str, corpus_name: str, taken: Iterable[str]) -> str:
    """A name that no run has yet.

    >>> suggested_name("SmolLM2", "Tales", {"SmolLM2 on Tales"})
    'SmolLM2 on Tales 2'
    """
    base = f"{model_name[: MAX_NAME // 2]} on {corpus_name}"[: MAX_NAME - 4]
    known = set(taken)
    number = 1
    while (name := base if number == 1 else f"{base} {number}") in known:
        number += 1
    return name


def tune_argv(
    model: str,
    shape: ModelConfig,
    step: int | None,
    config: TrainConfig,
    corpus: str,
    name: str,
    processes: int = 1,
) -> list[str]:
    """The command line of that fine-tuning: the model, and what differs from its recipe."""
    way: Way = "adapters" if config.lora else "all"
    changed = settings.changes(config, base_recipe(shape, way))
    changed.pop("lora_rank", None)
    return [
        "train",
        f"--from={model}",
        *([f"--at={step}"] if step is not None else []),
        f"--corpus={corpus}",
        f"--name={name}",
        *([f"--nproc={processes}"] if processes > 1 else []),
        *([f"--lora-rank={config.lora_rank}"] if config.lora else []),
        *settings.flags(changed),
    ]


def python_code(
    model: str, shape: ModelConfig, step: int | None, config: TrainConfig, corpus: str
) -> str:
    """The same in Python."""
    adapters = config.lora is not None
    base = base_recipe(shape, "adapters" if adapters else "all")
    changed = settings.python_arguments(settings.changes(config, base))
    at = "" if step is None else f", step={step}"
    return (
        "from slm.training.config import recipe_for_tuning\n"
        "from slm.training.finetune import finetune_run\n"
        "from slm.training.runs import shape_of\n"
        "from slm.training.trainer import train\n"
        "from slm.workspace import Workspace\n\n"
        'here = Workspace("workspace")\n'
        f"model, corpus = here.get_model({model!r}), here.corpora.get({corpus!r})\n"
        f"recipe = recipe_for_tuning(shape_of(model), adapters={adapters})"
        f"{f'.replace({changed})' if changed else ''}\n"
        f"run = finetune_run(here, model, corpus, recipe{at})\n"
        "train(run.folder)"
    )


def came_from(told: Mapping[str, Any], details: Mapping[str, Any], config: TrainConfig) -> str:
    """What a fine-tuned run began with and what of it is trained, for the page that watches it.

    >>> came_from({"kind": "models", "name": "Ada", "step": 0}, {}, TrainConfig())
    'Fine-tuned from Ada: step 0 is that model as it was. All of its weights are trained.'
    """
    at = tr(" at step {step:,}").format(step=told["step"]) if told.get("kind") == "runs" else ""
    begun = tr("Fine-tuned from {name}{at}: step 0 is that model as it was.").format(
        name=told.get("name", tr("a model")), at=at
    )
    if config.lora is None:
        return tr("{begun} All of its weights are trained.").format(begun=begun)
    trained, whole = details.get("trained_parameters"), details.get("parameters")
    share = ""
    if isinstance(trained, int) and isinstance(whole, int) and whole:
        share = tr(": {trained} numbers beside {whole} that stay as they are").format(
            trained=count(trained), whole=count(whole)
        )
    return tr("{begun} Adapters of rank {rank} are trained{share}.").format(
        begun=begun, rank=config.lora.rank, share=share
    )
