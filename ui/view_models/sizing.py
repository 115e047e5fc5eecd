"""What a design changes and where it fits, in words: the dial, the last change, the machines.

Knows shapes and costs; no browser.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from typing import Literal

from slm.model.config import ModelConfig, flops_per_token, memory_bytes, parameter_counts
from slm.model.fits import Fit, Optimizer
from slm.model.sizing import nearest_preset, shape_for, sizes
from slm.training.config import TrainConfig
from ui.texts import counted, tr
from ui.view_models import settings
from ui.view_models.jobs import count, size
from ui.view_models.model import LABELS, Design, value_in_words

RULE = tr(
    "Chooses blocks, width, heads and inner width by a rule that runs through published models: "
    "deeper ones are also wider. The vocabulary stays that of the tokenizer. Change any setting "
    "below afterwards."
)


@dataclass(frozen=True)
class Dial:
    """The places of the slider, and the one that is nearest to the design."""

    places: tuple[int, ...]
    here: int


def dial(config: ModelConfig, vocab_size: int | None) -> Dial:
    """The dial for a vocabulary (None: it follows the size), standing at the design's size."""
    places = sizes(vocab_size=vocab_size)
    parameters = sum(parameter_counts(config).values())
    return Dial(places, min(places, key=lambda place: abs(log(place / parameters))))


def design_of_size(parameters: int, vocab_size: int | None) -> Design:
    """The design that the dial gives, told from the preset of about that size.

    Raises: ConfigError where the vocabulary leaves no room.
    """
    config = shape_for(parameters, vocab_size=vocab_size)
    return Design(nearest_preset(parameters), config)


@dataclass(frozen=True)
class Effect:
    """A figure and how the last change moved it; `moved` is None before anything was changed."""

    label: str
    value: str
    term: str
    moved: str | None

    @property
    def direction(self) -> Literal["up", "down", "off"]:
        """Where the last change moved it."""
        if self.moved is None or self.moved == UNCHANGED:
            return "off"
        return "down" if self.moved[0] in "-÷" else "up"


UNCHANGED = tr("unchanged")
_TOLD = 4  # settings of one change that a line has room for
NO_CHANGE = tr("Change a setting: each figure then says how far it moved.")


@dataclass(frozen=True)
class Effects:
    """The figures, and the key-value cache in a sentence."""

    figures: tuple[Effect, ...]
    cache: str


def effects(
    config: ModelConfig, before: ModelConfig | None, windows: int, optimizer: Optimizer
) -> Effects:
    """What a design comes to, and what the last change did to each figure.

    >>> from slm.model.config import PRESETS
    >>> nano = PRESETS["nano"]
    >>> told = effects(nano.replace(n_heads=8), nano, 12, "muon")
    >>> [(effect.label, effect.moved) for effect in told.figures][:2]
    [('Parameters', '-2.5%'), ('FLOPs per token', '-2.1%')]
    >>> told.cache
    'Its key-value cache at the full context: 196.6 kB (-50%).'
    """
    now = _amounts(config, windows, optimizer)
    then = None if before is None else _amounts(before, windows, optimizer)
    *figures, cache = (
        Effect(
            label,
            size(amount) if term in {"memory", "key-value cache"} else count(amount),
            term,
            None if then is None else moved(then[place][1], amount),
        )
        for place, (label, amount, term) in enumerate(now)
    )
    change = f" ({cache.moved})" if cache.moved else ""
    return Effects(
        tuple(figures),
        tr("Its key-value cache at the full context: {value}{change}.").format(
            value=cache.value, change=change
        ),
    )


def _amounts(
    config: ModelConfig, windows: int, optimizer: Optimizer
) -> tuple[tuple[str, int, str], ...]:
    training = memory_bytes(config, windows, "train", optimizer=optimizer)
    writing = memory_bytes(config, 1, "generate")
    return (
        (tr("Parameters"), sum(parameter_counts(config).values()), "parameter"),
        (tr("FLOPs per token"), flops_per_token(config), "FLOP"),
        (tr("Memory, training"), sum(training.values()), "memory"),
        (tr("Memory, writing"), sum(writing.values()), "memory"),
        (tr("Key-value cache"), writing["cache"], "key-value cache"),
    )


def moved(before: float, after: float) -> str:
    """A change as a person says it.

    >>> moved(100, 112), moved(100, 100), moved(100, 99.97), moved(10, 42), moved(42_000, 10)
    ('+12%', 'unchanged', '-0.03%', '×4.2', '÷4,200')
    """
    if before == after:
        return UNCHANGED
    ratio = after / before
    if ratio >= 3 or ratio <= 1 / 3:
        sign, times = ("×", ratio) if ratio > 1 else ("÷", before / after)
        return f"{sign}{times:.1f}" if times < 10 else f"{sign}{times:,.0f}"
    percent = 100 * (ratio - 1)
    digits = 0 if abs(percent) >= 9.95 else 1 if abs(percent) >= 0.95 else 2
    return f"{percent:+.{digits}f}%"


def last_change(before: ModelConfig | None, after: ModelConfig) -> str:
    """What was changed last, setting by setting; empty before the first change.

    >>> last_change(ModelConfig(n_layers=3), ModelConfig(n_layers=5))
    'Last change: blocks 3 → 5.'

    A preset or the dial changes many at once; the form shows them all.
    """
    if before is None or before == after:
        return ""
    told = [
        f"{LABELS.get(name, name).lower()} {value_in_words(getattr(before, name))} → "
        f"{value_in_words(value)}"
        for name, value in settings.changes(after, before).items()
    ]
    more = (
        tr(" and {n_told} settings more").format(n_told=len(told) - _TOLD)
        if len(told) > _TOLD + 1
        else ""
    )
    return tr("Last change: {told}{more}.").format(
        told=", ".join(told[:_TOLD] if more else told), more=more
    )


def fit_rows(found: Sequence[Fit]) -> dict[str, list[str]]:
    """What fits where, as columns of a table."""
    columns: dict[str, list[str]] = {
        title: []
        for title in (
            tr("Machine"),
            tr("Memory"),
            tr("Training"),
            tr("Most windows at once"),
            tr("Writing"),
        )
    }
    for fit in found:
        columns[tr("Machine")].append(fit.machine.name)
        columns[tr("Memory")].append(size(fit.machine.memory))
        columns[tr("Training")].append(_training(fit))
        columns[tr("Most windows at once")].append(f"{fit.training_windows:,}")
        columns[tr("Writing")].append(_writing(fit))
    return columns


def _training(fit: Fit) -> str:
    needs = size(fit.training_bytes)
    if fit.trains:
        return tr("✓ takes {needs}").format(needs=needs)
    if fit.training_windows:
        return tr("fewer windows: {needs} do not fit").format(needs=needs)
    return tr("✗ not even one window ({needs} for {asked})").format(needs=needs, asked=fit.asked)


def _writing(fit: Fit) -> str:
    if not fit.writing_texts:
        return tr("✗ takes {writing_bytes}").format(writing_bytes=size(fit.writing_bytes))
    texts = counted("{n:,} text", "up to {n:,} texts", fit.writing_texts)
    return tr("✓ {texts} at once").format(texts=texts)


def fit_note(windows: int, config: ModelConfig) -> str:
    """What the table assumes."""
    many = counted("{n} window", "{n} windows", windows)
    return tr(
        "Training on {many} of {context_length:,} tokens at once, "
        "weights in float32; GPUs from the RTX 4090 on compute in "
        "bfloat16. Of a laptop's memory the system's share and a fifth "
        "for holes between tensors are taken off, of a GPU's 1 GB. "
        "Memory sold as 8 GB is 8 × 2³⁰ bytes, 8.6 GB as counted here. "
        "That it fits does not say that it is fast."
    ).format(many=many, context_length=config.context_length)


def recipe_note(preset: str, recipe: TrainConfig, config: ModelConfig) -> str:
    """Which training the predicted time is of."""
    return tr(
        "The recipe of {preset}: {steps:,} steps of {batch_size:,} "
        "windows of {context_length:,} tokens."
    ).format(
        preset=preset,
        steps=recipe.steps,
        batch_size=recipe.batch_size,
        context_length=config.context_length,
    )
