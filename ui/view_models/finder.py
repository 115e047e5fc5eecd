"""The learning-rate finder in words and points. Knows no browser."""

from dataclasses import dataclass

from slm.training.config import TrainConfig
from slm.training.rate_curves import RateCurve
from ui.texts import tr
from ui.view_models import settings
from ui.view_models.model import Design
from ui.view_models.recipe import train_argv

_NEAR = 1.6
"""Factors closer than this to the suggestion are as good: the loss is flat around the best."""


@dataclass(frozen=True)
class FinderView:
    """A curve ready to draw: rates of AdamW against nats, with what stands on it.

    `near` says that the present rates are as good as those suggested.
    """

    rates: tuple[float, ...]
    nats: tuple[float, ...]
    smoothed: tuple[float, ...]
    present: float
    suggested: float | None
    near: bool
    headline: str
    reason: str
    notes: str


def finder_view(curve: RateCurve, recipe: TrainConfig) -> FinderView:
    """The curve of a range test, and where the present recipe stands on it."""
    rates = tuple(curve.learning_rate * factor for factor in curve.factors)
    suggested = curve.suggested
    present = recipe.learning_rate
    near = False
    if suggested is None:
        headline = tr("No rate stands out")
        reason = tr(
            "The loss hardly fell at any rate, so there is nothing to read off. The text may be "
            "very short, or the model too large for so few steps."
        )
    else:
        factor = suggested["learning_rate"] / present
        near = 1 / _NEAR <= factor <= _NEAR
        headline = (
            tr("The present rates are about right")
            if near
            else tr("Try {suggested}").format(suggested=rates_in_words(suggested))
        )
        reason = tr(
            "It is {factor:.2g} times the present rate, midway between where "
            "the loss falls fastest ({curve}) and where it is lowest "
            "({lowest})."
        ).format(
            factor=factor,
            curve=_rate(curve, curve.steepest_factor),
            lowest=_rate(curve, curve.lowest_factor),
        )
    return FinderView(
        rates,
        curve.nats,
        curve.smoothed,
        present,
        None if suggested is None else suggested["learning_rate"],
        near,
        headline,
        reason,
        _notes(curve),
    )


def rates_in_words(rates: dict[str, float]) -> str:
    """Rates as the form calls them.

    >>> rates_in_words({"learning_rate": 0.0231, "muon_learning_rate": 0.0347})
    'learning rate 0.0231 and Muon learning rate 0.0347'
    """
    names = {"learning_rate": tr("learning rate"), "muon_learning_rate": tr("Muon learning rate")}
    return tr(" and ").join(f"{names[name]} {rate:.3g}" for name, rate in rates.items())


def find_argv(design: Design, recipe: TrainConfig, corpus: str, tokenizer: str) -> list[str]:
    """The command line of a range test for that training."""
    training = train_argv(design, recipe, corpus, tokenizer, "")
    return ["find-rate", *(part for part in training[1:] if not part.startswith("--name="))]


def python(key: str) -> str:
    """The lines that read the kept curve."""
    return (
        "from pathlib import Path\n\n"
        "from slm.training.rate_curves import kept_curve, read_off\n"
        "from slm.workspace import Workspace\n\n"
        f'curve = kept_curve(Workspace(Path("workspace")), {key!r})\n'
        "print(curve.suggested)\n"
        "print(read_off(curve.factors, curve.nats).suggested_factor)"
    )


def changed_text(recipe: TrainConfig, base: TrainConfig, rates: dict[str, float]) -> str:
    """The recipe with those rates, as the form keeps it."""
    return settings.to_text(settings.changes(recipe.replace(**rates), base))


def _notes(curve: RateCurve) -> str:
    told = tr("{n_factors} steps in {seconds:.0f} s").format(
        n_factors=len(curve.factors), seconds=curve.seconds
    )
    if curve.rows < curve.batch_size:
        told += tr(
            ", with {rows} windows a step for want of time, where the recipe "
            "takes {batch_size}; larger batches bear somewhat higher rates"
        ).format(rows=curve.rows, batch_size=curve.batch_size)
    if curve.diverged_at is not None:
        told += tr(". The loss left the chart at a rate of {curve}").format(
            curve=_rate(curve, curve.diverged_at)
        )
    return tr(
        "{told}. A short trial favours rates that suit its first steps: take it as a start."
    ).format(told=told)


def _rate(curve: RateCurve, factor: float | None) -> str:
    return "…" if factor is None else f"{curve.learning_rate * factor:.2g}"
