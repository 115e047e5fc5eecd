"""Evaluation, ready to show: figures in plain words, painted text.

Knows measures and bytes; neither models nor Streamlit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from slm.evaluation.text_score import TextScore, TokenScore
from slm.tokenizer.protocol import well_formed
from slm.workspace import Artefact
from ui.view_models.chips import Chip, Scale, chip, labeller, visible
from ui.view_models.code import open_lines

Unit = Literal["perplexity", "bits_per_byte"]
SURPRISE = Scale("surprise", 0.0, 8.0, "nats")
RIVALS: Mapping[str, str] = MappingProxyType(
    {"uniform": "Uniform", "unigram": "Unigram", "bigram": "Bigram", "model": "This model"}
)


@dataclass(frozen=True)
class Rival:
    """One guesser: the model, or what counting alone gives. `key` is one of RIVALS."""

    key: str
    label: str
    perplexity: float
    bits_per_byte: float | None

    def value(self, unit: Unit) -> float:
        """Its figure in that unit; 0 where the bytes are unknown."""
        return self.perplexity if unit == "perplexity" else self.bits_per_byte or 0.0

    def shown(self, unit: Unit) -> str:
        """Its figure in words."""
        if unit == "perplexity":
            return choices(self.perplexity)
        return "unknown" if self.bits_per_byte is None else f"{self.bits_per_byte:.2f}"


@dataclass(frozen=True)
class Comparison:
    """A model beside its rivals, worst first. `reading` and `verdict` say it in plain words.

    partial: only the beginning of the text was measured.
    """

    rivals: tuple[Rival, ...]
    reading: str
    verdict: str
    measured: str
    partial: bool

    @property
    def model(self) -> Rival:
        """The model's own figures."""
        return next(rival for rival in self.rivals if rival.key == "model")

    @property
    def units(self) -> tuple[Unit, ...]:
        """The units in which all rivals are known."""
        known = all(rival.bits_per_byte is not None for rival in self.rivals)
        return ("perplexity", "bits_per_byte") if known else ("perplexity",)


def comparison(figures: Mapping[str, Any], of_tokens: int | None, what: str) -> Comparison:
    """What `evaluate_run` found, in words. `of_tokens` is how many there are in all.

    `what` names the text, in a phrase that follows "tokens of".
    """
    rivals = tuple(
        Rival(key, label, figures[key]["perplexity"], figures[key].get("bits_per_byte"))
        for key, label in RIVALS.items()
        if key in figures
    )
    by_key = {rival.key: rival.perplexity for rival in rivals}
    tokens = int(figures["model"]["tokens"])
    partial = of_tokens is not None and tokens < of_tokens - 1
    if partial:
        measured = f"Measured on the first {tokens:,} of {of_tokens:,} tokens of {what}."
    else:
        measured = f"Measured on all {tokens:,} tokens of {what}."
    reading = f"As unsure as choosing between {choices(by_key['model'])} equally likely tokens."
    return Comparison(rivals, reading, _verdict(by_key), measured, partial)


def choices(perplexity: float) -> str:
    """A perplexity as a number of choices.

    >>> choices(6.13), choices(58.2), choices(1024.0), choices(2e7)
    ('6.1', '58', '1,024', '20,000,000')
    """
    return f"{perplexity:.1f}" if perplexity < 19.95 else f"{perplexity:,.0f}"


def surprise_chips(
    score: TextScore, text: str, token_bytes: Callable[[int], bytes], vocab_size: int
) -> tuple[Chip, ...]:
    """The text's tokens; colour is surprise, hover says what the model expected instead."""
    utf8 = well_formed(text).encode()
    return tuple(
        chip(
            token.id,
            utf8[slice(*token.byte_span)],
            value=None if token.nats is None else SURPRISE.place(token.nats),
            notes=_score_notes(token, token_bytes, vocab_size),
        )
        for token in score.tokens
    )


@dataclass(frozen=True)
class Surprise:
    """One token that caught the model out."""

    place: int
    token: str
    nats: float
    expected: str


def most_surprising(
    score: TextScore,
    text: str,
    token_bytes: Callable[[int], bytes],
    vocab_size: int,
    count: int = 5,
) -> tuple[Surprise, ...]:
    """The tokens of the highest loss, highest first."""
    utf8 = well_formed(text).encode()
    known = [(t.nats, n, t) for n, t in enumerate(score.tokens) if t.nats is not None]
    return tuple(
        Surprise(
            n,
            visible(utf8[slice(*token.byte_span)]),
            nats,
            labeller(token_bytes, vocab_size)(token.expected[0].id) if token.expected else "",
        )
        for nats, n, token in sorted(known, key=lambda row: -row[0])[:count]
    )


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


def held_out_code(run: Artefact, split: str, max_tokens: int) -> str:
    """The lines that measure the same without a browser."""
    return f"""{open_lines(run)}
from slm.lab.reports import EvaluateConfig, evaluate_run

config = EvaluateConfig(split={split!r}, max_tokens={max_tokens})
found = evaluate_run(workspace, run, config)
for name in ("uniform", "unigram", "bigram", "model"):
    print(name, found[name]["perplexity"], found[name]["bits_per_byte"])
"""


def painted_code(run: Artefact, text: str) -> str:
    """The lines that score the same text without a browser."""
    return f"""{open_lines(run)}
from slm.evaluation.text_score import score_text

score = score_text(opened.model, opened.tokenizer, {text!r})
for token in score.tokens:
    print(repr(token.text), token.nats, token.rank, token.expected[:2])
print(score.total)
"""


def _verdict(perplexity: Mapping[str, float]) -> str:
    model, bigram = perplexity["model"], perplexity.get("bigram")
    if bigram is None:
        return ""
    beside = (
        f"Looking one token back (bigram) leaves {choices(bigram)}, frequencies alone (unigram) "
        f"{choices(perplexity['unigram'])}, knowing nothing (uniform) "
        f"{choices(perplexity['uniform'])}."
    )
    if model < bigram:
        return beside
    return (
        f"{beside} The model does not beat the bigram yet: nothing that it learned needs more "
        "than one token of memory. Train it for longer."
    )


def _score_notes(
    token: TokenScore, token_bytes: Callable[[int], bytes], vocab_size: int
) -> list[str]:
    if token.nats is None or token.probability is None:
        return ["nothing comes before it, so nothing predicts it"]
    notes = [f"surprise {token.nats:.2f} nats: the model gave it {_share(token.probability)}"]
    label = labeller(token_bytes, vocab_size)
    others = [f"{label(e.id)} {_share(e.probability)}" for e in token.expected if e.id != token.id][
        :4
    ]
    if token.rank == 1:
        notes.append("the model's first guess")
        return notes + (["next: " + ", ".join(others)] if others else [])
    notes.append(f"rank {token.rank:,}")
    return notes + (["expected instead: " + ", ".join(others)] if others else [])


def _share(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else f"{probability:.1g}"
