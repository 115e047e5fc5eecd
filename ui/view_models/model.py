"""A model's shape in numbers and words, before anything is trained. Knows no browser."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import log
from types import MappingProxyType

from slm.errors import ConfigError
from slm.model.config import (
    PRESETS,
    ModelConfig,
    flops_by_part,
    memory_bytes,
    parameter_counts,
)
from slm.model.fits import Optimizer
from ui.texts import counted, tr
from ui.view_models import settings
from ui.view_models.jobs import count, size

GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "size": ("n_layers", "n_heads", "d_model", "d_ff", "context_length", "vocab_size"),
        "attention": ("n_kv_heads", "d_head", "positions", "rope_theta", "qk_norm", "window"),
        "details": (
            "mlp",
            "norm",
            "norm_eps",
            "bias",
            "tie_embeddings",
            "dropout",
            "copy_start",
            "look_back_start",
        ),
    }
)
FIELDS: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)
LABELS: Mapping[str, str] = MappingProxyType(
    {
        "n_layers": tr("Blocks"),
        "n_heads": tr("Heads"),
        "d_model": tr("Width"),
        "d_ff": tr("Inner width"),
        "context_length": tr("Context"),
        "vocab_size": tr("Vocabulary"),
        "n_kv_heads": tr("Key-value heads"),
        "d_head": tr("Head width"),
        "positions": tr("Positions"),
        "rope_theta": tr("Rotary base"),
        "qk_norm": tr("QK norm"),
        "window": tr("Window"),
        "mlp": tr("Feed-forward"),
        "norm": tr("Norm"),
        "norm_eps": tr("Norm epsilon"),
        "bias": tr("Bias"),
        "tie_embeddings": tr("Tied embeddings"),
        "dropout": tr("Dropout"),
        "copy_start": tr("Copying start"),
        "look_back_start": tr("Looking-back start"),
    }
)
_PARTS: Mapping[str, str] = MappingProxyType(
    {
        "token_embedding": tr("token embedding"),
        "position_embedding": tr("position embedding"),
        "attention": tr("attention"),
        "feed_forward": tr("feed-forward"),
        "norms": tr("norms"),
        "unembedding": tr("output"),
        "weights": tr("weights"),
        "gradients": tr("gradients"),
        "optimizer": tr("optimizer"),
        "activations": tr("activations"),
        "logits": tr("logits"),
        "attention_maps": tr("attention's matrices"),
        "mixing": tr("scores and mixture"),
        "output": tr("output"),
        "cache": tr("key-value cache"),
    }
)
_KNOWN: Mapping[str, str] = MappingProxyType(
    {
        "gpt2-124m": "GPT-2 (124 M)",
        "smollm2-135m": "SmolLM2-135M",
        "qwen3-0.6b": "Qwen3-0.6B",
        "tinyllama-1.1b": "TinyLlama (1.1 B)",
        "phi-3-mini": tr("Phi-3 Mini (3.8 B)"),
    }
)
_NAMES = re.compile(  # a name that is also a word, such as "window", only where its value follows
    "|".join(rf"\b{name}\b" + ("" if "_" in name else r"(?= \(| is )") for name in LABELS)
)
DEFAULT = "nano"


@dataclass(frozen=True)
class Design:
    """A model to be: the preset that it started from, and its settings now."""

    preset: str
    config: ModelConfig

    @property
    def changed(self) -> dict[str, object]:
        """Settings that differ from the preset's."""
        return settings.changes(self.config, PRESETS[self.preset])


@dataclass(frozen=True)
class Piece:
    """One part of a whole. `share` is 0 to 1."""

    label: str
    amount: int
    shown: str
    share: float


@dataclass(frozen=True)
class ModelView:
    """What a design comes to, ready to show. `flops` is one forward pass, for one token."""

    parameters: str
    train_memory: str
    generate_memory: str
    flops: str
    train_flops: str
    flops_pieces: tuple[Piece, ...]
    parameter_pieces: tuple[Piece, ...]
    train_pieces: tuple[Piece, ...]
    generate_pieces: tuple[Piece, ...]
    comparison: str
    memory: str
    fits: bool


def write_design(design: Design) -> str:
    """The design for an address.

    >>> write_design(Design("nano", PRESETS["nano"].replace(n_layers=5)))
    'nano,n_layers:5'
    """
    changed = settings.to_text(design.changed)
    return f"{design.preset},{changed}" if changed else design.preset


def read_design(text: str) -> Design:
    """The design that `write_design` wrote; the text may come from anyone.

    Raises: ConfigError for an unknown preset, or settings that do not fit together.
    """
    preset, _, changed = text.partition(",")
    if preset not in PRESETS:
        raise ConfigError(
            tr("There is no preset {preset!r}; there are: {presets}.").format(
                preset=preset[:60], presets=", ".join(PRESETS)
            )
        )
    return Design(preset, settings.from_text(changed, PRESETS[preset]))


def design_like(config: ModelConfig) -> Design:
    """That shape, told from the preset that it differs from in the fewest settings."""
    nearest = min(PRESETS, key=lambda preset: len(settings.changes(config, PRESETS[preset])))
    return Design(nearest, config)


def preset_label(preset: str) -> str:
    """A preset with its size.

    >>> preset_label("tinyllama-1.1b")
    'tinyllama-1.1b · 1.10 B'
    """
    if preset not in PRESETS:
        return preset
    return f"{preset} · {count(sum(parameter_counts(PRESETS[preset]).values()))}"


def summary(config: ModelConfig) -> str:
    """A shape in a few words.

    >>> summary(PRESETS["gpt2-124m"])
    '12 blocks of width 768, 124.44 M parameters'
    """
    parameters = count(sum(parameter_counts(config).values()))
    blocks = counted("{n} block", "{n} blocks", config.n_layers)
    return tr("{blocks} of width {d_model:,}, {parameters} parameters").format(
        blocks=blocks, d_model=config.d_model, parameters=parameters
    )


def changes_in_words(design: Design) -> str:
    """In what a design left its preset; empty where it did not.

    >>> changes_in_words(Design("nano", PRESETS["nano"].replace(n_layers=5)))
    'Changed from nano: blocks 3 → 5.'
    """
    base = PRESETS[design.preset]
    told = [
        f"{LABELS.get(name, name).split(' (')[0].lower()} "
        f"{value_in_words(getattr(base, name))} → {value_in_words(value)}"
        for name, value in design.changed.items()
    ]
    return (
        tr("Changed from {preset}: {told}.").format(preset=design.preset, told=", ".join(told))
        if told
        else ""
    )


def model_view(
    config: ModelConfig, batch_size: int, machine_bytes: int, optimizer: Optimizer = "adamw"
) -> ModelView:
    """The figures of a shape, trained on `batch_size` windows at once on this machine."""
    parameters = parameter_counts(config)
    training = memory_bytes(config, batch_size, "train", optimizer=optimizer)
    generating = memory_bytes(config, 1, "generate")
    needed = sum(training.values())
    forward = flops_by_part(config)
    return ModelView(
        parameters=count(sum(parameters.values())),
        train_memory=size(needed),
        generate_memory=size(sum(generating.values())),
        flops=count(sum(forward.values())),
        train_flops=count(3 * sum(forward.values())),
        flops_pieces=_pieces(forward, count),
        parameter_pieces=_pieces(parameters, count),
        train_pieces=_pieces(training, size),
        generate_pieces=_pieces(generating, size),
        comparison=f"{_size_sentence(config)} {_share_sentence(parameters)}",
        memory=_memory_sentence(config, batch_size, needed, machine_bytes),
        fits=needed <= machine_bytes,
    )


def ratio_in_words(ratio: float) -> str:
    """A ratio of sizes as a person says it.

    >>> ratio_in_words(1.05), ratio_in_words(2.5), ratio_in_words(0.3), ratio_in_words(0.004)
    ('about as many parameters as', '2.5 times the parameters of', \
'30% of the parameters of', '0.40% of the parameters of')
    """
    if 0.9 <= ratio <= 1.1:
        return tr("about as many parameters as")
    if ratio > 1:
        return tr("{ratio:.{digits}f} times the parameters of").format(
            ratio=ratio, digits=1 if ratio < 10 else 0
        )
    return tr("{ratio:.{digits}f}% of the parameters of").format(
        ratio=100 * ratio, digits=0 if ratio >= 0.1 else 2
    )


def _pieces(amounts: Mapping[str, int], shown: Callable[[float], str]) -> tuple[Piece, ...]:
    whole = sum(amounts.values())
    return tuple(
        Piece(_PARTS[name], amount, shown(amount), amount / whole)
        for name, amount in amounts.items()
        if amount
    )


def _size_sentence(config: ModelConfig) -> str:
    ours = sum(parameter_counts(config).values())
    ratios = {
        name: ours / sum(parameter_counts(PRESETS[preset]).values())
        for preset, name in _KNOWN.items()
    }
    nearest = min(ratios, key=lambda name: abs(log(ratios[name])))
    return tr("It has {ratios} {nearest}, the nearest published model.").format(
        ratios=ratio_in_words(ratios[nearest]), nearest=nearest
    )


def _share_sentence(parameters: Mapping[str, int]) -> str:
    whole = sum(parameters.values())
    largest = max(parameters, key=lambda name: parameters[name])
    share = parameters[largest] / whole
    sentence = tr("The largest part is the {parts}, {share:.0%} of all parameters").format(
        parts=_PARTS[largest], share=share
    )
    if largest == "token_embedding":
        return tr(
            "{sentence}: here the vocabulary decides the size more than the blocks do."
        ).format(sentence=sentence)
    return f"{sentence}."


def _memory_sentence(config: ModelConfig, batch_size: int, needed: int, machine: int) -> str:
    windows = (
        tr("{batch_size} windows").format(batch_size=batch_size)
        if batch_size > 1
        else tr("one window")
    )
    what = tr("Training on {windows} of {context_length:,} tokens at once takes {needed}").format(
        windows=windows, context_length=config.context_length, needed=size(needed)
    )
    if needed <= machine:
        return tr("{what}; this machine has {machine}, so it fits.").format(
            what=what, machine=size(machine)
        )
    fixed = sum(
        amount
        for part, amount in memory_bytes(config, 1, "train").items()
        if part not in {"activations", "logits"}
    )
    remedy = (
        tr("fewer windows at once or a shorter context would make it fit")
        if fixed < machine
        else tr("its weights, gradients and optimizer alone are too large; choose a smaller shape")
    )
    return tr("{what}, but this machine has {machine}: {remedy}.").format(
        what=what, machine=size(machine), remedy=remedy
    )


def problem_in_words(problem: str) -> str:
    """Why settings do not fit together, in the words that the form has for them.

    >>> problem_in_words("d_model (128) must be a multiple of n_heads (5).")
    'Width (128) must be a multiple of Heads (5).'
    >>> problem_in_words("d_ff is None; it must be a valid integer.")
    'Inner width is empty; it must be a valid integer.'
    """
    named = _NAMES.sub(lambda found: LABELS[found[0]], problem)
    return named.replace(" is None; ", tr(" is empty; "))


def value_in_words(value: object) -> str:
    """A setting's value as a person says it.

    >>> value_in_words(None), value_in_words(True), value_in_words(4096)
    ('automatic', 'on', '4,096')
    """
    if value is None:
        return tr("automatic")
    if isinstance(value, bool):
        return tr("on") if value else tr("off")
    return f"{value:,}" if isinstance(value, int) else str(value)
