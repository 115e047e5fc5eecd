"""Sampling, ready to show: the sliders, one choice as bars, the lines of code.

Knows distributions and token bytes; neither models nor Streamlit.

Legend: V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from slm.config import Config, bounds
from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.distribution import Distribution
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.chips import labeller
from ui.view_models.code import open_lines
from ui.view_models.settings import described

TokenBytes = Callable[[int], bytes]
SHOWN = 20
_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "temperature": ("temperature", tr("Temperature")),
        "top_k": ("top_k", tr("Top-k")),
        "top_p": ("top_p", tr("Top-p")),
        "min_p": ("min_p", tr("Min-p")),
        "typical_p": ("typical_p", tr("Typical p")),
        "repetition_penalty": ("repetition_penalty", tr("Repetition penalty")),
        "seed": ("sampling_seed", tr("Seed")),
    }
)
_STAGE_NAMES = MappingProxyType(
    {
        "constraint": tr("the form"),
        "top_k": "top-k",
        "top_p": "top-p",
        "min_p": "min-p",
        "typical_p": tr("typical"),
    }
)
ORDER = "filter_order"
"""The key of the order of filters, in session state and URL."""


@dataclass(frozen=True)
class Control:
    """One setting as a page asks for it. `key` names it in session state and URL."""

    field: str
    key: str
    label: str
    low: float
    high: float
    step: float
    default: float
    help: str

    @property
    def whole(self) -> bool:
        """Whether it counts in whole numbers."""
        return isinstance(self.default, int)


def controls() -> dict[str, Control]:
    """Every number of SamplingConfig, by field, with bounds and help from its declaration."""
    return {
        field: control_of(SamplingConfig, field, key, label)
        for field, (key, label) in _LABELS.items()
    }


def config_of(values: Mapping[str, Any]) -> SamplingConfig:
    """The settings that session state (or anything with its keys) holds; defaults elsewhere.

    >>> config_of({"temperature": 0.5, "sampling_seed": 3}).seed
    3
    """
    numbers = {
        field: values[key]
        for field, (key, _) in _LABELS.items()
        if isinstance(values.get(key), int | float)
    }
    return SamplingConfig(**numbers, order=read_order(values.get(ORDER)))


def read_order(text: Any) -> tuple[str, ...]:
    """The order of filters that an address says; the usual one where it says none.

    >>> read_order("top_k,temperature,repetition_penalty,top_p,min_p,typical_p")[:2]
    ('top_k', 'temperature')
    >>> read_order("top_k,<b>") == FILTERS
    True
    """
    names = tuple(text.split(",")) if isinstance(text, str) else ()
    return names if sorted(names) == sorted(FILTERS) else FILTERS


def write_order(order: Sequence[str]) -> str:
    """The order for an address; empty for the usual one."""
    return "" if tuple(order) == FILTERS else ",".join(order)


def order_sentence(order: Sequence[str]) -> str:
    """The filters in the order in which they act.

    >>> order_sentence(("top_k", "temperature"))
    'The filters act in this order: top-k, temperature.'
    """
    names = (_STAGE_NAMES.get(name, name.replace("_", " ")) for name in order)
    return tr("The filters act in this order: {names}.").format(names=", ".join(names))


@dataclass(frozen=True)
class Bar:
    """One token's probability, from the model and in the draw. `cut_by` names a filter."""

    label: str
    model: float
    final: float
    cut_by: str | None


@dataclass(frozen=True)
class ChoiceView:
    """The next token before and after the filters. `bars` are ordered by the model's own view."""

    bars: tuple[Bar, ...]
    summary: str
    notes: tuple[str, ...]


def choice_view(
    distribution: Distribution,
    config: SamplingConfig,
    token_bytes: TokenBytes,
    vocab_size: int,
    shown: int = SHOWN,
) -> ChoiceView:
    """The likeliest tokens as bars that keep their places while the sliders move.

    The last bar is all the other tokens together.
    """
    model_V = distribution.stages[0].probabilities_V
    order = likeliest(distribution, shown)
    label = labeller(token_bytes, vocab_size)
    bars = [
        Bar(
            label(int(token)),
            float(model_V[token]),
            float(distribution.probabilities_V[token]),
            cut_by(distribution, int(token)),
        )
        for token in order
    ]
    rest = model_V.size - len(bars)
    if rest:
        final = max(0.0, 1.0 - sum(bar.final for bar in bars))
        final = final if final > 1e-6 else 0.0
        model = max(0.0, 1.0 - sum(bar.model for bar in bars))
        bars.append(
            Bar(
                tr("{rest:,} others").format(rest=rest),
                model,
                final,
                None if final else tr("the filters"),
            )
        )
    return ChoiceView(_unique(bars), _summary(distribution), _notes(distribution, config))


def percent(share: float) -> str:
    """A probability as a person reads it.

    >>> percent(0.345), percent(0.0345), percent(0.00012), percent(0.0), percent(1.0)
    ('34%', '3.5%', '0.012%', '0%', '100%')
    """
    if share <= 0 or share >= 0.0995:
        return f"{share:.0%}"
    if share >= 0.01:
        return f"{share:.1%}"
    return tr("below 0.001%") if share < 1e-5 else f"{share * 100:.2g}%"


def anatomy_lines(run: Artefact, prompt: str, config: SamplingConfig, n_read: int) -> str:
    """The lines that take the same choice apart without a browser."""
    return f"""{open_lines(run)}
from slm.sampling.filters import SamplingConfig, next_token_distribution
from slm.sampling.generate import logits

ids = opened.tokenizer.encode({prompt!r})[:{n_read}]
config = SamplingConfig({arguments_of(config)})
distribution = next_token_distribution(logits(opened.model, ids), config, ids)
for stage in distribution.stages:
    print(stage.name, stage.entropy_nats, stage.kept_V.sum())
"""


def arguments_of(config: Config) -> str:
    """The settings that differ from their defaults, as arguments."""
    return ", ".join(
        f"{field}={getattr(config, field)!r}"
        for field, declared in type(config).model_fields.items()
        if getattr(config, field) != declared.default
    )


def control_of(config: type[Config], field: str, key: str, label: str) -> Control:
    """A number of some settings, as its declaration has it."""
    declared = config.model_fields[field]
    extra = declared.json_schema_extra
    hints: Any = extra.get("ui", {}) if isinstance(extra, dict) else {}
    low, high = bounds(declared)
    cast = int if isinstance(declared.default, int) else float
    return Control(
        field=field,
        key=key,
        label=label,
        low=cast(hints.get("min", low)),
        high=cast(hints.get("max", high)),
        step=cast(hints["step"]),
        default=cast(declared.default),
        help=described(declared),
    )


def likeliest(distribution: Distribution, shown: int) -> tuple[int, ...]:
    """The tokens that the model holds for likeliest, best first.

    Where a form allows few tokens, the likeliest of these are among them. Filters, which a
    slider moves, change nothing here.
    """
    model_V = distribution.stages[0].probabilities_V
    order = [int(token) for token in np.argsort(-model_V, kind="stable")[:shown]]
    form = distribution.stages[1]
    if form.name == "constraint":
        allowed = np.argsort(-form.probabilities_V, kind="stable")[: shown - shown // 2]
        fitting = [int(token) for token in allowed if form.kept_V[token]]
        chosen = list(dict.fromkeys([*order[: shown // 2], *fitting, *order]))[:shown]
        order = sorted(chosen, key=lambda token: -model_V[token])
    return tuple(order)


def cut_by(distribution: Distribution, token: int) -> str | None:
    """The filter that removed the token, in words; None for one that can be drawn."""
    if distribution.kept_V[token]:
        return None
    names = (stage.name for stage in distribution.stages if not stage.kept_V[token])
    return _STAGE_NAMES.get(first := next(names), "greedy" if first == "temperature" else "model")


def _unique(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Different tokens that look the same keep a bar each."""

    def named() -> Iterator[Bar]:
        seen: set[str] = set()
        for bar in bars:
            label = bar.label
            while label in seen:
                label += "′"
            seen.add(label)
            yield Bar(label, bar.model, bar.final, bar.cut_by)

    return tuple(named())


def _summary(distribution: Distribution) -> str:
    possible, total = int(distribution.kept_V.sum()), distribution.kept_V.size
    before, after = distribution.entropy_before_nats, distribution.entropy_after_nats
    cut = distribution.mass_cut
    if possible == 1:  # greedy cuts before the temperature's share could be asked for
        cut = 1.0 - float(distribution.stages[0].probabilities_V[distribution.kept_V].sum())
    return tr(
        "**{possible:,}** of {total:,} can be drawn · **{cut}** is cut · "
        "entropy {before:.2f} → **{after:.2f}** nats, as among "
        "{alike:,.1f} → **{alike_after:,.1f}** tokens"
    ).format(
        possible=possible,
        total=total,
        cut=percent(max(0.0, cut)),
        before=before,
        after=after,
        alike=math.exp(before),
        alike_after=math.exp(after),
    )


def _notes(distribution: Distribution, config: SamplingConfig) -> tuple[str, ...]:
    if config.temperature == 0:
        greedy = tr("Temperature 0 is greedy: always the likeliest token, whatever the seed.")
        return (greedy, *distribution.notes)
    return distribution.notes
