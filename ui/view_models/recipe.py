"""A training that is still to be started: its form, its cost, its command. Knows no browser."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol, get_args

from slm.model.config import ModelConfig, parameter_counts
from slm.model.lora_settings import adapter_parameters
from slm.tokenizer.separators import matching_tokens, separator_of
from slm.training.config import TrainConfig, as_trained, rate_factor, recipe_for, snapshot_steps
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models import settings
from ui.view_models.jobs import count, size
from ui.view_models.model import Design
from ui.view_models.settings import label_of

MOST_PROMPTS = 8
BASIC: tuple[str, ...] = ("steps", "batch_size", "learning_rate", "muon_learning_rate")
_GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        tr("Schedule"): ("schedule", "warmup_steps", "decay_fraction", "final_fraction"),
        tr("Optimizer"): (
            "optimizer",
            "muon_momentum",
            "weight_decay",
            "gradient_clip",
            "grad_accum_steps",
        ),
        tr("Text"): ("windows", "window_length"),
        tr("What is recorded"): (
            "evaluate_every",
            "evaluation_tokens",
            "sample_every",
            "sample_tokens",
            "snapshots",
            "log_every",
            "checkpoint_seconds",
            "checkpoint_every",
        ),
        tr("Machine and seed"): ("seed", "threads", "device", "dtype", "compile", "sharding"),
    }
)
ADAPTERS: tuple[str, ...] = ("lora_rank", "lora_alpha", "lora_parts", "lora_dropout")
"""Asked for only where a model exists that they can stand beside."""
_GROUPED = {
    *BASIC,
    *ADAPTERS,
    "sample_prompts",
    *(name for names in _GROUPS.values() for name in names),
}
FOLDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **_GROUPS,
        tr("Further settings"): tuple(n for n in TrainConfig.model_fields if n not in _GROUPED),
    }
)
FIELDS: tuple[str, ...] = (*BASIC, *(name for names in FOLDED.values() for name in names))
_NAMES = re.compile(  # a name that is also a word, such as "windows", where its value follows
    rf"\b({'|'.join(sorted((*FIELDS, *ADAPTERS), key=len, reverse=True))})\b(?= \(| is )"
)
SCHEDULES: tuple[str, ...] = get_args(TrainConfig.model_fields["schedule"].annotation)
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "batch_size": tr("Batch (windows)"),
        "windows": tr("Windows"),
        "window_length": tr("Window length"),
        "lora_rank": tr("Rank of the adapters"),
        "lora_alpha": tr("Alpha"),
        "lora_parts": tr("Adapted matrices"),
        "lora_dropout": tr("Dropout in adapters"),
        "learning_rate": tr("Learning rate"),
        "muon_learning_rate": tr("Muon learning rate"),
        "muon_momentum": tr("Muon momentum"),
        "grad_accum_steps": tr("Micro-batches per step"),
        "warmup_steps": tr("Warm-up steps"),
        "decay_fraction": tr("Share of descent"),
        "final_fraction": tr("Final share of the peak"),
        "checkpoint_seconds": tr("Seconds between checkpoints"),
        "checkpoint_every": tr("Steps between checkpoints"),
        "evaluate_every": tr("Steps between evaluations"),
        "evaluation_tokens": tr("Tokens per evaluation"),
        "sample_every": tr("Steps between samples"),
        "sample_tokens": tr("Tokens per sample"),
        "log_every": tr("Steps between records"),
        **{
            name: label_of(name)
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
        "dtype": tr("Number format"),
        "compile": tr("Start of steps"),
        "sharding": tr("Shares of the model"),
    }
)
_NAME_CHARACTERS = 80
_MANY_EPOCHS = 10


@dataclass(frozen=True)
class Plan:
    """What a training would read; `problem` says why it cannot be."""

    tokens: str
    epochs: str
    sentence: str
    problem: str | None


class Fit(Protocol):
    """What `slm.training.memory.fit` tells: bytes needed and free, and what would fit."""

    @property
    def needed(self) -> int: ...

    @property
    def in_shares(self) -> bool: ...

    @property
    def free(self) -> int: ...

    @property
    def fits(self) -> bool: ...

    @property
    def grad_accum_steps(self) -> int | None: ...

    @property
    def preset(self) -> str | None: ...


@dataclass(frozen=True)
class Need:
    """What a training would take of something; `problem` says why it cannot be."""

    shown: str
    sentence: str
    problem: str | None = None


def training_tokens(
    tokens: Iterable[Artefact], corpus: Artefact, tokenizer: Artefact
) -> int | None:
    """Tokens of the corpus's training split in this tokenizer; None while they are not cut yet."""
    known = matching_tokens(tokens, corpus, tokenizer, separator_of(tokenizer))
    return None if known is None else int(known.details["train"]["tokens"])


def plan(model: ModelConfig, recipe: TrainConfig, corpus_tokens: int | None) -> Plan:
    """What a training reads, against the text that there is."""
    model = as_trained(model, recipe)
    per_step = recipe.batch_size * model.context_length
    seen = recipe.steps * per_step
    sentence = tr(
        "{steps:,} steps of {batch_size:,} × {context_length:,} tokens read {seen} tokens"
    ).format(
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        context_length=model.context_length,
        seen=count(seen),
    )
    epochs = None if corpus_tokens is None else seen / max(1, corpus_tokens)
    if epochs is None:
        sentence += tr(". How often that is the whole text shows when the text is cut into tokens.")
    elif epochs < 1:
        sentence += tr(": {epochs:.0%} of the training text once.").format(epochs=epochs)
    else:
        sentence += tr(": the whole training text {epochs:,.{digits}f} times.").format(
            epochs=epochs, digits=1 if epochs < 100 else 0
        )
        if epochs > _MANY_EPOCHS:
            sentence += tr(
                " So many repeats teach a model its text by heart: take fewer steps, or more text."
            )
    return Plan(
        tokens=count(seen),
        epochs="…" if epochs is None else f"{epochs:.2f}" if epochs < 10 else f"{epochs:,.0f}",
        sentence=sentence,
        problem=_problem(model, corpus_tokens),
    )


def parameters_in_words(model: ModelConfig) -> str:
    """The model's size."""
    return tr("{values} parameters").format(values=count(sum(parameter_counts(model).values())))


def memory_need(fit: Fit, processes: int = 1, *, on_gpu: bool = False) -> Need:
    """Whether the training fits into memory here; if not, with what it would.

    `fit` is that of one process; on a processor all of them share its memory.
    """
    needed = fit.needed if on_gpu else processes * fit.needed
    place = tr("on the GPU") if on_gpu else tr("here")
    if fit.fits and needed <= fit.free:
        told = tr("It takes about {needed} of memory; {free} are free {place}.").format(
            needed=size(needed), free=size(fit.free), place=place
        )
        if fit.in_shares:
            told += tr(
                " Each process holds a share of the model; no samples and snapshots are kept."
            )
        return Need(size(needed), told)
    problem = tr("It takes about {needed} of memory, and {free} are free {place}. ").format(
        needed=size(needed), free=size(fit.free), place=place
    )
    if fit.fits:
        each = (
            tr("has its own batch to compute") if fit.in_shares else tr("holds a model of its own")
        )
        problem += tr("Take fewer than {processes} processes: each {each}.").format(
            processes=processes, each=each
        )
    elif fit.grad_accum_steps is not None:
        problem += tr(
            "With {grad_accum_steps:,} micro-batches per step (under "
            "Optimizer) it fits, and learns the same."
        ).format(grad_accum_steps=fit.grad_accum_steps)
    elif fit.preset is not None:
        problem += tr("Choose a smaller model, such as {preset}, or a shorter context.").format(
            preset=fit.preset
        )
    else:
        problem += tr("Choose a much smaller model, or a shorter context.")
    return Need(size(needed), "", problem)


def disk_need(
    model: ModelConfig, recipe: TrainConfig, n_snapshots: int, free_bytes: int, kept: int
) -> Need:
    """What checkpoints and snapshots will take on the disk. `kept` checkpoints stay at a time,
    and the best one; each holds what is trained and the optimizer's averages."""
    n, width = sum(parameter_counts(model).values()), 2
    if recipe.lora is not None:
        n, width = adapter_parameters(model, recipe.lora), 4
    averages = 1.5 if recipe.optimizer == "muon" else 2
    checkpoint, snapshot = 4 * n * (1 + averages), width * n
    total = (kept + 1) * checkpoint + n_snapshots * snapshot
    told = tr(
        "On the disk: up to {kept} checkpoints of about {checkpoint} and "
        "{n_snapshots} snapshots of {snapshot}, of {free_bytes} that are "
        "free."
    ).format(
        kept=kept + 1,
        checkpoint=size(checkpoint),
        n_snapshots=n_snapshots,
        snapshot=size(snapshot),
        free_bytes=size(free_bytes),
    )
    if n_snapshots < len(snapshot_steps(recipe.steps, recipe.snapshots)):
        told += tr(" The disk has no room for more snapshots.")
    if total > free_bytes:
        problem = tr(
            "Checkpoints and snapshots would take {total}, and {free_bytes} "
            "of the disk are free. Delete runs in the Library, or choose a "
            "smaller model."
        ).format(total=size(total), free_bytes=size(free_bytes))
        return Need(size(total), told, problem)
    return Need(size(total), told)


def schedule_rows(recipe: TrainConfig) -> dict[str, list[Any]]:
    """The learning rate over the run under each schedule, as columns."""
    every = max(1, recipe.steps // 200)
    steps = sorted({*range(0, recipe.steps, every), recipe.steps - 1})
    columns: dict[str, list[Any]] = {"step": [], "value": [], "schedule": []}
    for schedule in SCHEDULES:
        other = recipe.replace(schedule=schedule)
        columns["step"] += steps
        columns["value"] += [recipe.learning_rate * rate_factor(other, step) for step in steps]
        columns["schedule"] += [schedule] * len(steps)
    return columns


def prompts_of(text: str) -> tuple[str, ...]:
    """The prompts that a person wrote, one a line; an empty text is the empty prompt.

    >>> prompts_of("Once upon a time\\n\\nThe fox "), prompts_of("")
    (('Once upon a time', 'The fox'), ('',))
    """
    lines = [line.strip() for line in text.splitlines()]
    return tuple(line for line in lines if line)[:MOST_PROMPTS] or ("",)


def problem_in_words(problem: str) -> str:
    """Why settings do not fit together, in the words that the form has for them.

    >>> problem_in_words("grad_accum_steps (5) must divide batch_size (12).")
    'Micro-batches per step (5) must divide Batch (windows) (12).'
    """
    return _NAMES.sub(lambda found: LABELS.get(found[0], found[0].capitalize()), problem)


def prompts_problem(prompts: Sequence[str]) -> str | None:
    """Why a prompt cannot go on a command line."""
    dashed = next((prompt for prompt in prompts if prompt.startswith("-")), None)
    if dashed is None:
        return None
    return tr(
        "A sample cannot begin with a hyphen ({dashed!r}), which stands for a setting."
    ).format(dashed=dashed[:40])


def processes_problem(recipe: TrainConfig, processes: int) -> str | None:
    """Why a batch cannot be shared by so many processes."""
    if recipe.batch_size >= processes * recipe.grad_accum_steps:
        return None
    return tr(
        "A batch of {batch_size:,} windows in {grad_accum_steps:,} "
        "micro-batches cannot be shared by {processes:,} processes; take "
        "at most {most:,}, or a larger batch."
    ).format(
        batch_size=recipe.batch_size,
        grad_accum_steps=recipe.grad_accum_steps,
        processes=processes,
        most=recipe.batch_size // recipe.grad_accum_steps,
    )


def train_argv(
    design: Design,
    recipe: TrainConfig,
    corpus: str,
    tokenizer: str,
    name: str,
    processes: int = 1,
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
        *([f"--nproc={processes}"] if processes > 1 else []),
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


def _problem(model: ModelConfig, corpus_tokens: int | None) -> str | None:
    needed = model.context_length + 1
    if corpus_tokens is None or corpus_tokens >= needed:
        return None
    return tr(
        "The training text holds {corpus_tokens:,} tokens; a context of "
        "{context_length:,} needs at least {needed:,}. Add text or "
        "shorten the context."
    ).format(corpus_tokens=corpus_tokens, context_length=model.context_length, needed=needed)
