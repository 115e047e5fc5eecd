"""All heads at once, ready to draw: names with colours, scores to sort by, what is chosen.

Knows scores; neither models nor Streamlit.

Legend: L layers, H heads.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

from slm.attention.heads import MEASURES, STANDARD_MEASURES, HeadScores
from ui.view_models.attention import COLUMNS, KINDS, kinds_of, labels_of

Order = Literal["layers", "highest", "lowest"]

_COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "induction": "#D55E00",
        "duplicate token": "#CC79A7",
        "previous token": "#0072B2",
        "first token": "#E69F00",
        "broad": "#009E73",
        "positional": "#56B4E9",
        "mixed": "#999999",
    }
)
"""Okabe and Ito's, which colour-blind eyes tell apart; grey for heads without a habit."""


@dataclass(frozen=True)
class Kind:
    """A name that heads of this model have, what it means, and how many have it."""

    name: str
    meaning: str
    colour: str
    count: int


@dataclass(frozen=True)
class Column:
    """One score of every head, layer by layer; `most` is where its scale ends."""

    measure: str
    title: str
    most: float
    values: tuple[float, ...]


@dataclass(frozen=True)
class HeadGrid:
    """What is known of all heads. Before they are named, `labels` and `kinds_of` are None."""

    labels: tuple[tuple[str, ...], ...] | None
    kinds_of: tuple[tuple[str, ...], ...] | None
    kinds: tuple[Kind, ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True)
class Arrangement:
    """How the heads are put: by which score, in which order, and which of them.

    Without a `measure` they stand by layers, and `least` says nothing. `kind` "" is all kinds.
    """

    measure: str = ""
    order: Order = "layers"
    least: float = 0.0
    kind: str = ""


def grid_of(scores: HeadScores) -> HeadGrid:
    """Names, kinds and scores of all heads; no names while the standard measures lack."""
    columns = tuple(
        Column(measure, title, _most(measure, scores), _rounded(scores, measure))
        for measure, title in COLUMNS.items()
        if measure in scores.measures
    )
    if not set(STANDARD_MEASURES) & set(scores.measures):
        return HeadGrid(None, None, (), columns)
    kinds_LH = kinds_of(scores)
    every = [kind for row in kinds_LH for kind in row]
    kinds = tuple(
        Kind(name, meaning, _COLOURS[name], every.count(name))
        for name, (_, meaning) in KINDS.items()
        if name in every
    )
    named = tuple(tuple(row) for row in labels_of(scores))
    return HeadGrid(named, tuple(tuple(row) for row in kinds_LH), kinds, columns)


def read_arrangement(text: str | None) -> Arrangement:
    """What an address or a browser says, as far as it makes sense.

    >>> read_arrangement("induction,highest,0.4,")
    Arrangement(measure='induction', order='highest', least=0.4, kind='')
    >>> read_arrangement("<b>,sideways,nan,broad")
    Arrangement(measure='', order='layers', least=0.0, kind='broad')
    """
    measure, order, least, kind, *_ = [*(text or "").split(","), "", "", "", ""]
    known = measure if measure in MEASURES else ""
    return Arrangement(
        known,
        next((name for name in get_args(Order) if name == order and known), "layers"),
        _number(least) if known else 0.0,
        kind if kind in KINDS else "",
    )


def write_arrangement(arrangement: Arrangement) -> str:
    """The text that `read_arrangement` reads; empty for the usual order.

    >>> write_arrangement(Arrangement("entropy", "lowest", 0.5))
    'entropy,lowest,0.5,'
    """
    if arrangement == Arrangement():
        return ""
    least = f"{arrangement.least:g}"
    return ",".join((arrangement.measure, arrangement.order, least, arrangement.kind))


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) and number >= 0 else 0.0


def _rounded(scores: HeadScores, measure: str) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in scores[measure].ravel())


def _most(measure: str, scores: HeadScores) -> float:
    """1 for shares; for nats and tokens the next round number above every head's."""
    if measure not in {"entropy", "distance"}:
        return 1.0
    return max(1.0, float(math.ceil(scores[measure].max())))
