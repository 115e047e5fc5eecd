"""How good a model is, in plain words: it, its baselines and other models.

Knows measures; neither models nor Streamlit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from slm.lab.evaluation import EvaluateConfig
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines

Unit = Literal["perplexity", "bits_per_byte"]
RIVALS: Mapping[str, str] = MappingProxyType(
    {
        "uniform": tr("Uniform"),
        "unigram": tr("Unigram"),
        "bigram": tr("Bigram"),
        "trigram": tr("Trigram"),
        "model": tr("This model"),
    }
)
OTHER = "other"
_QUICK_WORK = 2.4e10  # tokens times parameters: about a second on one core
_QUICK_TOKENS = (256, 40_000)
_SAME = 5e-4  # bits a byte, which three decimals do not show

Edges = tuple[float, float]


@dataclass(frozen=True)
class Rival:
    """One guesser: the model, another, or what counting alone gives.

    `key` is one of RIVALS or OTHER; the name of another model is foreign text. The edges are
    those of the 95% interval, where it is known.
    """

    key: str
    label: str
    perplexity: float
    bits_per_byte: float | None
    edges: Mapping[Unit, Edges] = field(default_factory=dict)

    def value(self, unit: Unit) -> float:
        """Its figure in that unit; 0 where the bytes are unknown."""
        return self.perplexity if unit == "perplexity" else self.bits_per_byte or 0.0

    def shown(self, unit: Unit) -> str:
        """Its figure in words."""
        if unit == "perplexity":
            return choices(self.perplexity)
        return tr("unknown") if self.bits_per_byte is None else f"{self.bits_per_byte:.2f}"


@dataclass(frozen=True)
class Comparison:
    """A model beside its rivals, worst first. `reading` and `verdict` say it in plain words.

    partial      only the beginning of the text was measured
    doubt        how far the figures would move on other text of the kind
    beside       each other model in a sentence; holds foreign text
    same_tokens  whether perplexities may be compared: all cut text alike
    """

    rivals: tuple[Rival, ...]
    reading: str
    verdict: str
    measured: str
    partial: bool
    doubt: str = ""
    beside: tuple[str, ...] = ()
    same_tokens: bool = True

    @property
    def model(self) -> Rival:
        """The model's own figures."""
        return next(rival for rival in self.rivals if rival.key == "model")

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units in which all rivals are known and can be compared."""
        if not self.same_tokens:
            return ("bits_per_byte",)
        known = all(rival.bits_per_byte is not None for rival in self.rivals)
        return ("perplexity", "bits_per_byte") if known else ("perplexity",)


def quick_tokens(n_parameters: int) -> int:
    """So many tokens a model of that size reads in about a second.

    >>> quick_tokens(500_000), quick_tokens(2_000_000), quick_tokens(500_000_000)
    (40000, 12000, 256)
    """
    low, high = _QUICK_TOKENS
    return max(low, min(high, int(_QUICK_WORK / n_parameters)))


def comparison(figures: Mapping[str, Any], of_tokens: int | None, what: str) -> Comparison:
    """What `evaluate_run` found, in words. `of_tokens` is how many there are in all, if known.

    `what` names the text, in a phrase that follows "tokens of".
    """
    others = [other for other in figures.get("others", ()) if other.get("perplexity")]
    counted = [_rival(key, RIVALS[key], figures[key]) for key in RIVALS if _known(figures, key)]
    models = [counted.pop(), *(_rival(OTHER, other["name"], other) for other in others)]
    models.sort(key=lambda rival: -(rival.bits_per_byte or 0.0))
    rivals = (*counted, *models)
    by_key = {rival.key: rival.perplexity for rival in rivals if rival.key != OTHER}
    tokens = int(figures["model"]["tokens"])
    told = figures.get("text", {})
    partial = told.get("partial", of_tokens is not None and tokens < of_tokens - 1)
    if partial and of_tokens is not None:
        measured = tr("Measured on the first {tokens:,} of {of_tokens:,} tokens of {what}.").format(
            tokens=tokens, of_tokens=of_tokens, what=what
        )
    elif partial:
        measured = tr("Measured on the first {tokens:,} tokens of {what}.").format(
            tokens=tokens, what=what
        )
    else:
        measured = tr("Measured on all {tokens:,} tokens of {what}.").format(
            tokens=tokens, what=what
        )
    return Comparison(
        rivals,
        tr("As unsure as choosing between {model} equally likely tokens.").format(
            model=choices(by_key["model"])
        ),
        _verdict(by_key, figures),
        measured,
        partial,
        _doubt(figures),
        tuple(_beside(other) for other in others),
        all(other.get("same_tokens", False) for other in others),
    )


def _known(figures: Mapping[str, Any], key: str) -> bool:
    return key in figures and figures[key].get("perplexity") is not None


def _rival(key: str, label: str, figures: Mapping[str, Any]) -> Rival:
    edges: dict[Unit, Edges] = {}
    intervals = figures.get("intervals", {})
    units: tuple[Unit, ...] = ("perplexity", "bits_per_byte")
    for unit in units:
        found = intervals.get(unit)
        if found and found["low"] is not None and found["high"] is not None:
            edges[unit] = (found["low"], found["high"])
    return Rival(key, label, figures["perplexity"], figures.get("bits_per_byte"), edges)


def _doubt(figures: Mapping[str, Any]) -> str:
    """The intervals of the model in a sentence; why there are none, where there are none."""
    intervals = figures["model"].get("intervals")
    if intervals is None:
        return ""
    per_byte, per_token = intervals.get("bits_per_byte"), intervals.get("perplexity")
    if not per_byte or not per_token:
        return tr("The text is too short for intervals.")
    told = figures.get("text", {})
    over = told.get("intervals_over", "documents")
    many = (
        tr("{documents:,} documents").format(documents=told["documents"])
        if over == "documents"
        else tr("stretches of 1 kB")
    )
    return tr(
        "95% intervals: perplexity {low} to {high}, bits per byte "
        "{least:.2f} to {most:.2f} (bootstrap over {many})."
    ).format(
        low=choices(per_token["low"]),
        high=choices(per_token["high"]),
        least=per_byte["low"],
        most=per_byte["high"],
        many=many,
    )


def _beside(other: Mapping[str, Any]) -> str:
    """Another model in a sentence: by how much it is better or worse, and whether that is sure."""
    name, apart = other["name"], other.get("worse_by")
    if not apart:
        return tr("{name} was measured on the same text.").format(name=name)
    more, interval = apart["bits_per_byte"], apart.get("interval")
    if abs(more) < _SAME and not (interval and (interval["low"] or interval["high"])):
        return tr("{name} predicts just the same.").format(name=name)
    word = tr("worse") if more > 0 else tr("better")
    told = tr("{name} is {more:.3f} bits a byte {word}").format(
        name=name, more=abs(more), word=word
    )
    if not interval:
        return f"{told}."
    low, high = interval["low"], interval["high"]
    if low < 0 < high:
        return tr("{told}, which may be chance (95% interval {low:+.3f} to {high:+.3f}).").format(
            told=told, low=low, high=high
        )
    edges = sorted((abs(low), abs(high)))
    return tr("{told} (95% interval {edges:.3f} to {high:.3f}).").format(
        told=told, edges=edges[0], high=edges[1]
    )


def choices(perplexity: float) -> str:
    """A perplexity as a number of choices.

    >>> choices(6.13), choices(58.2), choices(1024.0), choices(2e7)
    ('6.1', '58', '1,024', '20,000,000')
    """
    return f"{perplexity:.1f}" if perplexity < 19.95 else f"{perplexity:,.0f}"


def documents_of(
    ids: Sequence[int], eos_id: int | None, decode: Callable[[list[int]], str], limit: int
) -> tuple[str, ...]:
    """The first texts of a row of token ids, cut at the end-of-text token; a cut-off last is left.

    >>> documents_of([5, 6, 0, 7, 0, 8], 0, str, limit=9)
    ('[5, 6]', '[7]')
    """
    if eos_id is None:
        return (decode(list(ids[:512])),) if len(ids) else ()
    row = np.asarray(ids)
    found, start = [], 0
    for stop in np.flatnonzero(row == eos_id)[:limit].tolist():
        if stop > start:
            found.append(decode(row[start:stop].tolist()))
        start = stop + 1
    return tuple(found)


def held_out_code(run: Artefact, config: EvaluateConfig) -> str:
    """The lines that measure the same without a browser."""
    return f"""{open_lines(run)}
from slm.lab.evaluation import EvaluateConfig, evaluate_run

found = evaluate_run(workspace, run, EvaluateConfig({_given(config)}))
for name in ("uniform", "unigram", "bigram", "trigram", "model"):
    if name in found:
        print(name, found[name]["perplexity"], found[name]["intervals"]["perplexity"])
print(found["model"]["bits_per_byte"], found["slices"]["by_place"], found["documents"][:3])
"""


def evaluate_argv(run: Artefact, config: EvaluateConfig) -> list[str]:
    """The command line that measures the same."""
    argv = ["evaluate", "--run", run.id]
    for name, value in _changed(config).items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, tuple):
            argv += [flag, *map(str, value)]
        else:
            argv.append(f"{flag}={value}")  # a text may begin with a dash
    return argv


def _changed(config: EvaluateConfig) -> dict[str, Any]:
    default = EvaluateConfig()
    return {
        name: getattr(config, name)
        for name in type(config).model_fields
        if getattr(config, name) != getattr(default, name)
    }


def _given(config: EvaluateConfig) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in _changed(config).items())


def _verdict(perplexity: Mapping[str, float], figures: Mapping[str, Any]) -> str:
    model, counted = perplexity["model"], perplexity.get("trigram", perplexity.get("bigram"))
    if counted is None or "unigram" not in perplexity:
        return ""
    name = tr("trigram") if "trigram" in perplexity else tr("bigram")
    back = tr("two tokens") if name == "trigram" else tr("one token")
    beside = tr("Looking {back} back ({name}) leaves {counted}, ").format(
        back=back, name=name, counted=choices(counted)
    )
    if name == "trigram" and "bigram" in perplexity:
        beside += tr("one token (bigram) {bigram}, ").format(bigram=choices(perplexity["bigram"]))
    beside += tr("frequencies alone (unigram) {unigram}").format(
        unigram=choices(perplexity["unigram"])
    )
    if "uniform" in perplexity:
        beside += tr(", knowing nothing (uniform) {uniform}").format(
            uniform=choices(perplexity["uniform"])
        )
    if model < counted:
        return f"{beside}."
    apart = figures[name].get("worse_by")
    if apart is not None and not (apart["interval"] and apart["interval"]["high"] < 0):
        return tr("{beside}. That the {name} comes before the model may be chance.").format(
            beside=beside, name=name
        )
    if figures.get("split", "val") not in {"val", "train"}:
        return tr(
            "{beside}. What the model learned helps with this text no more than counting does."
        ).format(beside=beside)
    return tr(
        "{beside}. The model does not beat the {name} yet: nothing that "
        "it learned needs more than {back} of memory. Train it for "
        "longer."
    ).format(beside=beside, name=name, back=back)
