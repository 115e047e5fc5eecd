"""Sampling, ready to show: the sliders, one choice as bars, and a text as chips.

Knows distributions and token bytes; neither models nor Streamlit.

Legend: V vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.distribution import Distribution
from slm.sampling.generate import Step
from slm.workspace import Artefact
from ui.view_models.chips import Chip, Scale, chip, labeller
from ui.view_models.code import open_lines

TokenBytes = Callable[[int], bytes]
PROBABILITY = Scale("probability that the model gave", 0.0, 1.0)
SHOWN = 20
_OTHERS_NOTED = 4
_LABELS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "temperature": ("temperature", "Temperature"),
        "top_k": ("top_k", "Top-k"),
        "top_p": ("top_p", "Top-p"),
        "min_p": ("min_p", "Min-p"),
        "typical_p": ("typical_p", "Typical p"),
        "repetition_penalty": ("repetition_penalty", "Repetition penalty"),
        "seed": ("sampling_seed", "Seed"),
    }
)
_STAGE_NAMES = MappingProxyType(
    {"top_k": "top-k", "top_p": "top-p", "min_p": "min-p", "typical_p": "typical"}
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
    return {field: _control(field) for field in _LABELS}


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
    order = np.argsort(-model_V, kind="stable")[:shown]
    label = labeller(token_bytes, vocab_size)
    bars = [
        Bar(
            label(int(token)),
            float(model_V[token]),
            float(distribution.probabilities_V[token]),
            _cut_by(distribution, int(token)),
        )
        for token in order
    ]
    rest = model_V.size - len(bars)
    if rest:
        final = max(0.0, 1.0 - sum(bar.final for bar in bars))
        final = final if final > 1e-6 else 0.0
        model = max(0.0, 1.0 - sum(bar.model for bar in bars))
        bars.append(Bar(f"{rest:,} others", model, final, None if final else "the filters"))
    return ChoiceView(_unique(bars), _summary(distribution), _notes(distribution, config))


def written_chips(
    steps: Sequence[Step], token_bytes: TokenBytes, vocab_size: int, by: str = "probability"
) -> tuple[tuple[Chip, ...], Scale]:
    """The written tokens, and what their colours mean: all are the model's own, unfiltered.

    `by`: probability, rank or surprise.
    """
    label = labeller(token_bytes, vocab_size)
    values, scale = colour_values(steps, by)
    chips = tuple(
        _written_chip(step, token_bytes, vocab_size, label, scale.place(value))
        for step, value in zip(steps, values, strict=True)
    )
    return chips, scale


@dataclass(frozen=True)
class Alternative:
    """Another token that could have stood there. `fate` says what the filters did to it."""

    token: int
    label: str
    fate: str


def alternatives(
    distribution: Distribution, token_bytes: TokenBytes, vocab_size: int, shown: int = 12
) -> tuple[Alternative, ...]:
    """The model's likeliest tokens at one place, with what the filters made of each."""
    model_V, final_V = distribution.stages[0].probabilities_V, distribution.probabilities_V
    label = labeller(token_bytes, vocab_size)
    found = []
    for token in np.argsort(-model_V, kind="stable")[:shown]:
        cut = _cut_by(distribution, int(token))
        fate = f"{percent(float(final_V[token]))} in the draw" if cut is None else f"cut by {cut}"
        name = f"{label(int(token))} {percent(float(model_V[token]))}"
        found.append(Alternative(int(token), name, fate))
    return tuple(found)


def colour_values(steps: Sequence[Step], by: str) -> tuple[tuple[float, ...], Scale]:
    """A value for each step, and the scale that it is coloured by.

    >>> steps = [Step(5, math.log(0.5), 0.5, 3, ())]
    >>> colour_values(steps, "rank")[0], colour_values(steps, "probability")[0]
    ((3.0,), (0.5,))
    """
    if by == "rank":
        most = max(10.0, *(float(step.rank) for step in steps))
        return tuple(float(step.rank) for step in steps), Scale("rank", 1.0, most)
    if by == "surprise":
        return tuple(-step.logprob for step in steps), Scale("surprise", 0.0, 8.0, "nats")
    return tuple(math.exp(step.logprob) for step in steps), PROBABILITY


def percent(share: float) -> str:
    """A probability as a person reads it.

    >>> percent(0.345), percent(0.0345), percent(0.00012), percent(0.0), percent(1.0)
    ('34%', '3.5%', '0.012%', '0%', '100%')
    """
    if share <= 0 or share >= 0.0995:
        return f"{share:.0%}"
    if share >= 0.01:
        return f"{share:.1%}"
    return "below 0.001%" if share < 1e-5 else f"{share * 100:.2g}%"


def status_line(n_tokens: int, seconds: float, how: str) -> str:
    """How far a text is and how fast it comes.

    >>> status_line(84, 0.5, "Writing")
    'Writing · 84 tokens · 168 tokens/s'
    """
    parts = [how, f"{n_tokens:,} {'token' if n_tokens == 1 else 'tokens'}"]
    if n_tokens > 1 and seconds > 0.05:
        parts.append(f"{n_tokens / seconds:,.0f} tokens/s")
    return " · ".join(parts)


def shown_prompt(prompt: str, length: int = 300) -> str:
    """The end of a prompt, which is what the text goes on from.

    >>> shown_prompt("Once upon a time", 8)
    '… a time'
    """
    return prompt if len(prompt) <= length else "…" + prompt[1 - length :]


def ending(state: str, ended_by_itself: bool, ahead: int) -> str:
    """What a text is doing, or why it ended.

    >>> ending("done", True, 0), ending("waiting", False, 1)
    ('Done: the model ended its text', 'Waiting: 1 text must end first')
    """
    if state == "waiting":
        return f"Waiting: {ahead} {'text' if ahead == 1 else 'texts'} must end first"
    if state == "done":
        why = "the model ended its text" if ended_by_itself else "the length is reached"
        return f"Done: {why}"
    return {
        "writing": "Writing",
        "stopped": "Stopped",
        "left": "Stopped, because nobody was looking",
    }.get(state, "Broken off")


def code_lines(
    run: Artefact,
    prompt: str,
    config: SamplingConfig,
    max_new_tokens: int,
    *,
    go_on: bool = False,
) -> str:
    """The lines that write the same text without a browser."""
    eos_id = "None" if go_on else "opened.tokenizer.eos_id"
    settings = _settings(config)
    return f"""{open_lines(run)}
from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.generate import decode_stream, generate

prompt = {prompt!r}
ids = opened.tokenizer.encode(prompt)
config = SamplingConfig({settings})
steps = generate(opened.model, ids, config, {max_new_tokens}, eos_id={eos_id})
print(prompt + "".join(decode_stream(steps, opened.tokenizer, after=ids)))
"""


def anatomy_lines(run: Artefact, prompt: str, config: SamplingConfig, n_read: int) -> str:
    """The lines that take the same choice apart without a browser."""
    return f"""{open_lines(run)}
from slm.sampling.filters import SamplingConfig, next_token_distribution
from slm.sampling.generate import logits

ids = opened.tokenizer.encode({prompt!r})[:{n_read}]
config = SamplingConfig({_settings(config)})
distribution = next_token_distribution(logits(opened.model, ids), config, ids)
for stage in distribution.stages:
    print(stage.name, stage.entropy_nats, stage.kept_V.sum())
"""


def _settings(config: SamplingConfig) -> str:
    """The settings that differ from their defaults, as arguments."""
    return ", ".join(
        f"{field}={getattr(config, field)!r}"
        for field, declared in SamplingConfig.model_fields.items()
        if getattr(config, field) != declared.default
    )


def _control(field: str) -> Control:
    key, label = _LABELS[field]
    declared = SamplingConfig.model_fields[field]
    extra = declared.json_schema_extra
    hints: Any = extra.get("ui", {}) if isinstance(extra, dict) else {}
    low = next((check.ge for check in declared.metadata if hasattr(check, "ge")), 0)
    high = next((check.le for check in declared.metadata if hasattr(check, "le")), None)
    cast = int if isinstance(declared.default, int) else float
    return Control(
        field=field,
        key=key,
        label=label,
        low=cast(hints.get("min", low)),
        high=cast(hints.get("max", high)),
        step=cast(hints["step"]),
        default=cast(declared.default),
        help=str(declared.description),
    )


def _cut_by(distribution: Distribution, token: int) -> str | None:
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
    return (
        f"**{possible:,}** of {total:,} can be drawn · **{percent(max(0.0, cut))}** is cut · "
        f"entropy {before:.2f} → **{after:.2f}** nats, as among {math.exp(before):,.1f} → "
        f"**{math.exp(after):,.1f}** tokens"
    )


def _notes(distribution: Distribution, config: SamplingConfig) -> tuple[str, ...]:
    if config.temperature == 0:
        greedy = "Temperature 0 is greedy: always the likeliest token, whatever the seed."
        return (greedy, *distribution.notes)
    return distribution.notes


def _written_chip(
    step: Step,
    token_bytes: TokenBytes,
    vocab_size: int,
    label: Callable[[int], str],
    place: float | None,
) -> Chip:
    probability = math.exp(step.logprob)
    others = [f"{label(token)} {percent(share)}" for token, share in step.top if token != step.id][
        :_OTHERS_NOTED
    ]
    notes = [
        f"the model gave it {percent(probability)} (rank {step.rank:,})",
        f"drawn with {percent(step.probability)} after the filters",
    ]
    if others:
        notes.append("instead of " + ", ".join(others))
    if step.ends:
        notes.append("the end-of-text token: the tale ends here")
    known = step.id < vocab_size
    return chip(
        step.id,
        token_bytes(step.id) if known else b"",
        value=place,
        notes=notes,
    )
