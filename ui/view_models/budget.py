"""“Enough text?” in figures and words: what the gauge marks, what the verdict says, what helps.

Knows budgets and measured rates; no browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from slm.model.config import PRESETS, ModelConfig
from slm.training.budget import (
    FRESH_EPOCHS,
    NEAR_OPTIMAL,
    OPTIMAL_TOKENS_PER_PARAMETER,
    WORN_EPOCHS,
    Budget,
    RunVerdict,
    TextVerdict,
    budget_of,
    effective_tokens,
)
from slm.training.config import TrainConfig, as_trained, recipe_for
from slm.training.rates import Rate, estimated_rate, measured_rate
from ui.texts import tr
from ui.view_models import settings
from ui.view_models.jobs import count, duration, size

_TEXT: Mapping[TextVerdict, str] = {
    "plenty": tr("Plenty of"),
    "enough": tr("Enough"),
    "tight": tr("Barely enough"),
    "too_little": tr("Too little"),
}
_RUN: Mapping[RunVerdict, str] = {
    "short": tr("less than compute-optimal"),
    "near": tr("about compute-optimal"),
    "long": tr("more than compute-optimal"),
}
_LOWEST, _HIGHEST = 0.01, 10_000.0  # tokens a parameter at the gauge's ends
_CURVE_POINTS = 60
HONEST = tr(
    "Twenty tokens for each parameter is what large models on web text wanted when computing was "
    "the limit. A small model on narrow text, such as tales, goes on learning with profit far "
    "beyond it; whether yours does, the validation loss says."
)


@dataclass(frozen=True)
class Plan:
    """A model and a recipe to judge. `source` is a preset's name, or says whose they are."""

    source: str
    model: ModelConfig
    train: TrainConfig


def preset_plan(preset: str, vocab_size: int) -> Plan:
    """A preset with the vocabulary of the tokenizer, and its own recipe."""
    return Plan(preset, PRESETS[preset].replace(vocab_size=vocab_size), recipe_for(preset))


@dataclass(frozen=True)
class Mark:
    """A place on the gauge, in tokens a parameter."""

    label: str
    value: float
    shown: str


@dataclass(frozen=True)
class Zone:
    """A stretch of the gauge."""

    label: str
    low: float
    high: float


def zones() -> tuple[Zone, Zone, Zone]:
    """Less than, about, and more than compute-optimal."""
    low = OPTIMAL_TOKENS_PER_PARAMETER / NEAR_OPTIMAL
    high = OPTIMAL_TOKENS_PER_PARAMETER * NEAR_OPTIMAL
    return (
        Zone(tr("less"), _LOWEST, low),
        Zone(tr("optimal"), low, high),
        Zone(tr("more"), high, _HIGHEST),
    )


def marks(budget: Budget) -> tuple[Mark, Mark, Mark]:
    """The text once, what the training reads, and what that is worth."""

    def mark(label: str, value: float) -> Mark:
        return Mark(label, min(_HIGHEST, max(_LOWEST, value)), _per_parameter(value))

    return (
        mark(tr("the text, read once"), budget.unique_per_parameter),
        mark(tr("this training reads"), budget.tokens_per_parameter),
        mark(tr("worth, in fresh text"), budget.effective_per_parameter),
    )


@dataclass(frozen=True)
class Verdict:
    """The answer in a headline and sentences; `mood` chooses its colour."""

    mood: Literal["good", "fair", "poor"]
    headline: str
    text: str
    helps: tuple[str, ...]


def verdict(budget: Budget, bytes_per_token: float) -> Verdict:
    """Whether the text is enough for the model, and this training for the text."""
    kind = budget.text_verdict
    wanted = count(budget.optimal_tokens)
    epochs = _times(budget.optimal_epochs)
    reason = {
        "plenty": tr(
            "Twenty tokens for each of {parameters} parameters are {wanted}, "
            "and the text holds that many different ones."
        ).format(parameters=count(budget.parameters), wanted=wanted),
        "enough": tr(
            "Twenty tokens a parameter are {wanted}: the text, read "
            "{epochs}. Up to {fresh_epochs} epochs, repeats teach nearly as "
            "much as fresh text."
        ).format(wanted=wanted, epochs=epochs, fresh_epochs=FRESH_EPOCHS),
        "tight": tr(
            "Twenty tokens a parameter are {wanted}: the text, read "
            "{epochs}. Beyond {fresh_epochs} epochs each repeat is worth "
            "less."
        ).format(wanted=wanted, epochs=epochs, fresh_epochs=FRESH_EPOCHS),
        "too_little": tr(
            "Twenty tokens a parameter are {wanted}: the text, read "
            "{epochs}. Beyond about {worn_epochs} epochs, repeats teach "
            "little more than the text by heart."
        ).format(wanted=wanted, epochs=epochs, worn_epochs=WORN_EPOCHS),
    }[kind]
    worth = ""
    if budget.epochs > FRESH_EPOCHS:
        worth = tr(", worth {effective_per_parameter} in fresh text").format(
            effective_per_parameter=_per_parameter(budget.effective_per_parameter)
        )
    text = tr(
        "{reason} This training reads the text {epochs}, "
        "{tokens_per_parameter} tokens a parameter{worth}: {run}."
    ).format(
        reason=reason,
        epochs=_times(budget.epochs),
        tokens_per_parameter=_per_parameter(budget.tokens_per_parameter),
        worth=worth,
        run=_RUN[budget.run_verdict],
    )
    mood: Literal["good", "fair", "poor"] = "good"
    if kind == "too_little":
        mood = "poor"
    elif kind == "tight" or budget.run_verdict == "short":
        mood = "fair"
    headline = tr("{text} text for this model").format(text=_TEXT[kind])
    return Verdict(mood, headline, text, _helps(budget, bytes_per_token))


def _helps(budget: Budget, bytes_per_token: float) -> tuple[str, ...]:
    helps = []
    if budget.missing_tokens:
        more = size(budget.missing_tokens * bytes_per_token)
        helps.append(
            tr(
                "More text: about {more} more ({missing_tokens} tokens), so that "
                "{fresh_epochs} epochs come to 20 tokens a parameter."
            ).format(
                more=more, missing_tokens=count(budget.missing_tokens), fresh_epochs=FRESH_EPOCHS
            )
        )
        helps.append(
            tr("A smaller model: up to {fitting_parameters} parameters for this text.").format(
                fitting_parameters=count(budget.fitting_parameters)
            )
        )
    worn = budget.text_verdict == "too_little"  # then more steps are only more repeats
    if budget.run_verdict == "short" and budget.steps < budget.optimal_steps and not worn:
        helps.append(
            tr(
                "More steps: {optimal_steps:,} come to 20 tokens a parameter, "
                "{optimal_epochs} through the text."
            ).format(
                optimal_steps=budget.optimal_steps, optimal_epochs=_times(budget.optimal_epochs)
            )
        )
    if budget.run_verdict == "long":
        helps.append(
            tr(
                "Fewer steps, or a larger model: {optimal_steps:,} steps come to "
                "20 tokens a parameter. More is no mistake for a model that is "
                "to be small and good."
            ).format(optimal_steps=budget.optimal_steps)
        )
    return tuple(helps)


@dataclass(frozen=True)
class Figure:
    """One number of the plan. `term` is its entry in the glossary."""

    label: str
    value: str
    term: str


def figures(budget: Budget, *, counted: bool) -> tuple[Figure, ...]:
    """The plan in numbers; a count that was judged from a part of the text says so."""
    about = "" if counted else "≈ "
    return (
        Figure(tr("Parameters"), count(budget.parameters), "parameter"),
        Figure(tr("Tokens of text"), about + count(budget.unique_tokens), "token"),
        Figure(tr("Tokens read"), count(budget.trained_tokens), "step"),
        Figure(tr("Epochs"), about + _epochs(budget.epochs), "epoch"),
        Figure(
            tr("Tokens per parameter"),
            _per_parameter(budget.tokens_per_parameter),
            "compute-optimal",
        ),
    )


@dataclass(frozen=True)
class Time:
    """How long a training takes here, and how that is known. `measured` is False for an estimate,
    and for none."""

    shown: str
    source: str
    measured: bool


def time_of(plan: Plan, rates: Sequence[Rate]) -> Time:
    """The time of the plan from what was measured on this machine."""
    per_step = plan.train.batch_size * as_trained(plan.model, plan.train).context_length
    places = plan.train.steps * per_step
    rate = measured_rate(rates, plan.model, plan.train)
    if rate is not None:
        speed = tr("{tokens_per_second:,.0f} tokens/s").format(
            tokens_per_second=rate.tokens_per_second
        )
        how = (
            tr("by the run {name}").format(name=rate.name)
            if rate.source == "run"
            else tr("by a short probe")
        )
        source = tr("Measured on this machine {how}: {speed}.").format(how=how, speed=speed)
        if (
            rate.rows is not None
            and rate.rows < rate.train.batch_size // rate.train.grad_accum_steps
        ):
            source += tr(
                " The probe took {rows} windows at a time, fewer than training will."
            ).format(rows=rate.rows)
        return Time(long_time(places / rate.tokens_per_second), source, measured=True)
    guess = estimated_rate(rates, plan.model)
    if guess is None:
        return Time(
            tr("not measured"), tr("Nothing was trained or measured on this machine yet."), False
        )
    return Time(
        f"≈ {long_time(places / guess)}",
        tr(
            "An estimate: scaled by FLOPs from another model that was measured on this machine. It "
            "may be off by a factor of two or more."
        ),
        measured=False,
    )


def long_time(seconds: float) -> str:
    """A length of time, however long.

    >>> long_time(75), long_time(3 * 86_400), long_time(4e9)
    ('1 min 15 s', '3 days', '127 years')
    """
    days = seconds / 86_400
    if days < 2:
        return duration(seconds)
    return (
        tr("{days:,.0f} days").format(days=days)
        if days < 700
        else tr("{days:,.0f} years").format(days=days / 365.25)
    )


def preset_rows(vocab_size: int, unique_tokens: int, rates: Sequence[Rate]) -> dict[str, list[str]]:
    """Every preset with its own recipe on this text, as columns of a table."""
    short = {
        "plenty": tr("plenty"),
        "enough": tr("enough"),
        "tight": tr("barely"),
        "too_little": tr("too little"),
    }
    columns: dict[str, list[str]] = {
        name: []
        for name in (
            tr("Preset"),
            tr("Parameters"),
            tr("Text"),
            tr("20 a parameter takes"),
            tr("Its recipe"),
            tr("Time"),
        )
    }
    for preset in PRESETS:
        plan = preset_plan(preset, vocab_size)
        budget = budget_of(plan.model, plan.train, unique_tokens)
        time = time_of(plan, rates)
        columns[tr("Preset")].append(preset)
        columns[tr("Parameters")].append(count(budget.parameters))
        columns[tr("Text")].append(short[budget.text_verdict])
        columns[tr("20 a parameter takes")].append(
            tr("{optimal_epochs} epochs").format(optimal_epochs=_epochs(budget.optimal_epochs))
        )
        columns[tr("Its recipe")].append(
            tr("{epochs} epochs, {tokens_per_parameter} a parameter").format(
                epochs=_epochs(budget.epochs),
                tokens_per_parameter=_per_parameter(budget.tokens_per_parameter),
            )
        )
        columns[tr("Time")].append(
            tr("{time} (measured)").format(time=time.shown) if time.measured else time.shown
        )
    return columns


@dataclass(frozen=True)
class Curve:
    """What reading the text again is worth: epochs, and in fresh epochs what they are worth."""

    epochs: tuple[float, ...]
    worth: tuple[float, ...]
    here: tuple[float, float]


def curve(budget: Budget) -> Curve:
    """From no reading to well beyond this training's."""
    last = max(3 * WORN_EPOCHS, 1.25 * budget.epochs)
    xs = [last * step / _CURVE_POINTS for step in range(_CURVE_POINTS + 1)]
    return Curve(
        tuple(xs),
        tuple(effective_tokens(1.0, x) for x in xs),
        (budget.epochs, budget.effective / budget.unique_tokens),
    )


def rate_argv(plan: Plan) -> list[str]:
    """The command line that measures how fast the plan trains here."""
    return ["rate", *_flags(plan, vocabulary=True)]


def budget_argv(plan: Plan, corpus: str, tokenizer: str) -> list[str]:
    """The command line that tells this budget."""
    return ["budget", f"--corpus={corpus}", f"--tokenizer={tokenizer}", *_flags(plan)]


def _flags(plan: Plan, *, vocabulary: bool = False) -> list[str]:
    preset = plan.source if plan.source in PRESETS else "nano"
    model = settings.changes(plan.model, PRESETS[preset])
    if not vocabulary:
        model.pop("vocab_size", None)
    train = settings.changes(plan.train, recipe_for(preset))
    train.pop("sample_prompts", None)  # foreign text, and no matter of speed
    return [f"--preset={preset}", *settings.flags(model), *settings.flags(train)]


def _per_parameter(value: float) -> str:
    if value < 0.001:
        return tr("under 0.001")
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _epochs(value: float) -> str:
    if value >= 100:
        return count(value)
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def choices(wanted: int, most: int) -> list[int]:
    """Round numbers up to `most` to choose from, each about twice the one before, and the wanted.

    >>> choices(48, 200)
    [1, 2, 5, 10, 20, 48, 50, 100, 200]
    """
    found = {wanted}
    power = 1
    while power <= most:
        found |= {lead * power for lead in (1, 2, 5) if lead * power <= most}
        power *= 10
    return sorted(found)


def _times(epochs: float) -> str:
    if epochs < 1:
        return (
            tr("{epochs:.0%} of it once").format(epochs=epochs)
            if epochs >= 0.01
            else tr("under 1% of it once")
        )
    shown = _epochs(epochs)
    return tr("once") if shown == "1.0" else tr("{shown} times").format(shown=shown)
