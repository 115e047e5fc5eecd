"""Calibration, ready to show: what certainty is worth, in words and as marks of a chart.

Knows what was measured; neither models nor Streamlit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from slm.evaluation.binning import Reliability
from slm.evaluation.calibration import Calibration
from slm.evaluation.tempering import TEMPERATURES, AtTemperature
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines

KINDS: Mapping[str, str] = MappingProxyType(
    {"width": tr("Equal width"), "mass": tr("Equal count"), "guesses": tr("First ten guesses")}
)
"""Ways to put what the model said into bins."""
OWN_TEMPERATURE = 1.0
_FEW = 30  # statements in a bin, below which it is drawn faint


@dataclass(frozen=True)
class Mark:
    """One bin: how certain the model was, how often it was right; shares are 0 to 1."""

    low: float
    high: float
    said: float
    came: float
    by_chance: float
    count: int
    share: float
    faint: bool


@dataclass(frozen=True)
class EntropyMark:
    """The tokens before which it was about equally unsure (nats)."""

    entropy: float
    low: float
    high: float
    accuracy: float
    confidence: float
    count: int
    share: float


@dataclass(frozen=True)
class CalibrationView:
    """What was measured, in words, and what the two charts draw.

    figures: label, value and glossary term of each number on top
    """

    headline: str
    reading: str
    temperature: str
    measured: str
    partial: bool
    figures: tuple[tuple[str, str, str], ...]
    marks: tuple[Mark, ...]
    entropy: tuple[EntropyMark, ...]


def calibration_view(
    found: Calibration, kind: str, temperature: float, of_tokens: int | None, what: str
) -> CalibrationView:
    """What was found, in words. `what` names the text, in a phrase that follows "tokens of".

    temperature: 1 is the model itself; at another, first guesses in bins of equal width.
    of_tokens: how many there are in all, where that is known.
    """
    shown = reliability_of(found, kind, temperature)
    partial = of_tokens is not None and found.tokens < of_tokens - 1
    if of_tokens is None:
        measured = tr("Measured on the first {tokens:,} tokens of {what}.").format(
            tokens=found.tokens, what=what
        )
    elif partial:
        measured = tr("Measured on the first {tokens:,} of {of_tokens:,} tokens of {what}.").format(
            tokens=found.tokens, of_tokens=of_tokens, what=what
        )
    else:
        measured = tr("Measured on all {tokens:,} tokens of {what}.").format(
            tokens=found.tokens, what=what
        )
    figures = (
        (tr("Right at once"), f"{found.top[1]:.1%}", tr("top-k accuracy")),
        (tr("Among first 5"), f"{found.top[5]:.1%}", tr("top-k accuracy")),
        (tr("Among first 10"), f"{found.top[10]:.1%}", tr("top-k accuracy")),
        (tr("ECE"), _points(shown.ece), tr("expected calibration error")),
    )
    return CalibrationView(
        _headline(shown, kind),
        _reading(found, shown, kind, temperature),
        _temperature(found),
        measured,
        partial,
        figures,
        _marks(shown),
        tuple(
            EntropyMark(
                each.entropy,
                each.low,
                each.high,
                each.accuracy,
                each.confidence,
                each.count,
                each.count / found.tokens,
            )
            for each in found.by_entropy
        ),
    )


def reliability_of(found: Calibration, kind: str, temperature: float) -> Reliability:
    """The bins to draw. A temperature that was not tried is that of the model."""
    if temperature != OWN_TEMPERATURE and temperature in TEMPERATURES:
        return _at(found, temperature).width
    kinds = {"width": found.width, "mass": found.mass, "guesses": found.guesses}
    return kinds.get(kind, found.width)


def calibration_code(run: Artefact, split: str, corpus: str, max_tokens: int) -> str:
    """The lines that measure the same without a browser."""
    where = f", corpus={corpus!r}" if corpus else ""
    return f"""{open_lines(run)}
from slm.evaluation.calibration import calibrate
from slm.lab.calibration import ids_to_judge

ids = ids_to_judge(workspace, run, opened.tokenizer, {split!r}, {max_tokens}{where})
found = calibrate(opened.model, ids)
print(found.top, found.width.ece, found.mass.ece, found.tempered.best)
for each in found.width.bins:
    print(f"{{each.low:.2f}} to {{each.high:.2f}}: said {{each.confidence:.3f}}, "
          f"right {{each.accuracy:.3f}}, {{each.count}} tokens")
"""


def _at(found: Calibration, temperature: float) -> AtTemperature:
    return next(each for each in found.tempered.at if each.temperature == temperature)


def _marks(shown: Reliability) -> tuple[Mark, ...]:
    total = max(1, shown.count)
    return tuple(
        Mark(
            each.low,
            each.high,
            each.confidence,
            each.accuracy,
            each.by_chance,
            each.count,
            each.count / total,
            each.count < _FEW,
        )
        for each in shown.bins
    )


def _headline(shown: Reliability, kind: str) -> str:
    gap = sum(each.count * each.gap for each in shown.bins) / max(1, shown.count)
    if shown.ece <= 2 * shown.by_chance or shown.ece < 0.005:
        return tr("It knows what it knows: it is right about as often as it says.")
    if abs(gap) < shown.ece / 3:
        return tr(
            "Sometimes too certain, sometimes not certain enough; on average it is about right."
        )
    much = (
        tr("much ") if shown.ece > 0.1 else tr("somewhat ") if shown.ece > 0.03 else tr("a little ")
    )
    return tr("It is {much}{gap}.").format(
        much=much, gap=tr("too certain") if gap > 0 else tr("less certain than it could be")
    )


def _reading(found: Calibration, shown: Reliability, kind: str, temperature: float) -> str:
    chance = tr(
        "What it says and what comes differ by {ece} on average; a "
        "calibrated model would show about {by_chance} on as many tokens."
    ).format(ece=_points(shown.ece), by_chance=_points(shown.by_chance))
    if kind == "guesses" and temperature == OWN_TEMPERATURE:
        return tr("Each of its first ten guesses, held against whether it came. {chance}").format(
            chance=chance
        )
    said = sum(each.count * each.confidence for each in shown.bins) / max(1, shown.count)
    came = sum(each.count * each.accuracy for each in shown.bins) / max(1, shown.count)
    at = temperature != OWN_TEMPERATURE
    lead = (
        tr("At temperature {temperature:g} it gives its first guess {said:.1%} on average")
        if at
        else tr("It gives its first guess {said:.1%} on average")
    ).format(temperature=temperature, said=said)
    note = tr(" Entropy is that at temperature 1.") if at else ""
    return tr("{lead}, and is right {came:.1%} of the time. {chance}{note}").format(
        lead=lead, came=came, chance=chance, note=note
    )


def _temperature(found: Calibration) -> str:
    tempered = found.tempered
    own = _at(found, OWN_TEMPERATURE).nats_per_token
    if tempered.at_an_end:
        way = tr("or less") if tempered.best < OWN_TEMPERATURE else tr("or more")
        return tr("Temperature {best:g} {way} would calibrate it best.").format(
            best=tempered.best, way=way
        )
    if abs(tempered.best - OWN_TEMPERATURE) < 0.02:
        return tr("Temperature 1 is best already: dividing the logits would not help.")
    return tr(
        "Temperature {best:.2f} would calibrate it best: the loss would "
        "fall from {own:.3f} to {best_nats:.3f} nats a token."
    ).format(best=tempered.best, own=own, best_nats=tempered.best_nats)


def _points(share: float) -> str:
    """A difference of shares in percentage points.

    >>> _points(0.0123)
    '1.2 points'
    """
    return tr("{share:.1f} points").format(share=100 * share)
