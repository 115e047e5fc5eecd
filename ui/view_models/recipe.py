"""A training that is still to be started: its form, its cost, its command. Knows no browser."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from slm.model.config import ModelConfig, flops_per_token
from slm.tokenizer.separators import matching_tokens, separator_of
from slm.training.config import TrainConfig, recipe_for
from slm.workspace import Artefact
from ui.view_models import settings
from ui.view_models.jobs import count, duration
from ui.view_models.model import Design

BASIC: tuple[str, ...] = ("steps", "batch_size", "learning_rate", "muon_learning_rate")
FOLDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Schedule": ("schedule", "warmup_steps", "decay_fraction", "final_fraction"),
        "Optimizer": (
            "optimizer",
            "muon_momentum",
            "weight_decay",
            "gradient_clip",
            "grad_accum_steps",
        ),
        "Text": ("windows",),
        "What is recorded": (
            "evaluate_every",
            "evaluation_tokens",
            "sample_every",
            "sample_tokens",
            "snapshots",
            "log_every",
            "checkpoint_seconds",
            "checkpoint_every",
        ),
        "Machine and seed": ("seed", "threads", "device", "dtype", "compile"),
    }
)
FIELDS: tuple[str, ...] = (*BASIC, *(name for names in FOLDED.values() for name in names))
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "batch_size": "Batch (windows)",
        "windows": "Windows",
        "learning_rate": "Learning rate",
        "muon_learning_rate": "Muon learning rate",
        "muon_momentum": "Muon momentum",
        "grad_accum_steps": "Micro-batches per step",
        "warmup_steps": "Warm-up steps",
        "decay_fraction": "Share of descent",
        "final_fraction": "Final share of the peak",
        "checkpoint_seconds": "Seconds between checkpoints",
        "checkpoint_every": "Steps between checkpoints",
        "evaluate_every": "Steps between evaluations",
        "evaluation_tokens": "Tokens per evaluation",
        "sample_every": "Steps between samples",
        "sample_tokens": "Tokens per sample",
        "log_every": "Steps between records",
        **{
            name: name.replace("_", " ").capitalize()
            for name in (
                "steps",
                "schedule",
                "optimizer",
                "weight_decay",
                "gradient_clip",
                "snapshots",
                "seed",
                "threads",
                "device",
            )
        },
        "dtype": "Number format",
        "compile": "Start of steps",
    }
)
_NAME_CHARACTERS = 80
_MANY_EPOCHS = 10


@dataclass(frozen=True)
class Plan:
    """What a training would read and how long it would take; `problem` says why it cannot be."""

    tokens: str
    epochs: str
    time: str
    sentence: str
    problem: str | None


def training_tokens(
    tokens: Iterable[Artefact], corpus: Artefact, tokenizer: Artefact
) -> int | None:
    """Tokens of the corpus's training split in this tokenizer; None while they are not cut yet."""
    known = matching_tokens(tokens, corpus, tokenizer, separator_of(tokenizer))
    return None if known is None else int(known.details["train"]["tokens"])


def plan(
    model: ModelConfig,
    recipe: TrainConfig,
    corpus_tokens: int | None,
    flops_per_second: float | None,
) -> Plan:
    """The cost of a training. `flops_per_second` is what this machine did in an earlier run."""
    per_step = recipe.batch_size * model.context_length
    seen = recipe.steps * per_step
    seconds = 3 * flops_per_token(model) * seen / flops_per_second if flops_per_second else None
    sentence = (
        f"{recipe.steps:,} steps of {recipe.batch_size:,} × {model.context_length:,} tokens "
        f"read {count(seen)} tokens"
    )
    epochs = None if corpus_tokens is None else seen / max(1, corpus_tokens)
    if epochs is None:
        sentence += ". How often that is the whole text shows when the text is cut into tokens."
    elif epochs < 1:
        sentence += f": {epochs:.0%} of the training text once."
    else:
        sentence += f": the whole training text {epochs:,.{1 if epochs < 100 else 0}f} times."
        if epochs > _MANY_EPOCHS:
            sentence += (
                " So many repeats teach a model its text by heart: take fewer steps, or more text."
            )
    return Plan(
        tokens=count(seen),
        epochs="…" if epochs is None else f"{epochs:.2f}" if epochs < 10 else f"{epochs:,.0f}",
        time="…" if seconds is None else _long_time(seconds),
        sentence=sentence,
        problem=_problem(model, corpus_tokens),
    )


def train_argv(
    design: Design, recipe: TrainConfig, corpus: str, tokenizer: str, name: str
) -> list[str]:
    """The command line of that training: the preset, and what differs from it.

    The vocabulary is left out, since it follows the tokenizer.
    """
    model = {key: value for key, value in design.changed.items() if key != "vocab_size"}
    return [
        "train",
        f"--corpus={corpus}",
        f"--tokenizer={tokenizer}",
        f"--name={name}",
        f"--preset={design.preset}",
        *settings.flags(model),
        *settings.flags(settings.changes(recipe, recipe_for(design.preset))),
    ]


def suggested_name(design: Design, corpus_name: str, taken: Iterable[str]) -> str:
    """A name that no run has yet.

    >>> from slm.model.config import PRESETS
    >>> suggested_name(Design("nano", PRESETS["nano"]), "Tales", {"nano on Tales"})
    'nano on Tales 2'
    """
    base = f"{design.preset} on {corpus_name}"[: _NAME_CHARACTERS - 4]
    known = set(taken)
    number = 1
    while (name := base if number == 1 else f"{base} {number}") in known:
        number += 1
    return name


def _long_time(seconds: float) -> str:
    days = seconds / 86_400
    if days < 2:
        return f"≈ {duration(seconds)}"
    return f"≈ {days:,.0f} days" if days < 700 else f"≈ {days / 365.25:,.0f} years"


def _problem(model: ModelConfig, corpus_tokens: int | None) -> str | None:
    needed = model.context_length + 1
    if corpus_tokens is None or corpus_tokens >= needed:
        return None
    return (
        f"The training text holds {corpus_tokens:,} tokens; a context of "
        f"{model.context_length:,} needs at least {needed:,}. Add text or shorten the context."
    )
