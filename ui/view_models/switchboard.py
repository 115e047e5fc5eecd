"""The switchboard: every part of a model as a switch, in names, colours and numbers.

Knows edits, names of heads and what each part is worth; no models and no Streamlit.

A part's number counts through its layer, heads first, then the feed-forward part, and on
through the layers. L layers, H heads, P places of a layer: H + 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slm.attention.importance import Left
from slm.attention.interventions import ACTS, Act, Change, Edit, PaintedRow
from slm.attention.maps import Floats
from slm.model.config import ModelConfig
from ui.texts import tr
from ui.view_models.head_grid import HeadGrid, Kind
from ui.view_models.switchboard_words import MORE, WITHOUT

Part = tuple[int, Act, float]
"""A part that is changed: its number, what is done with it, and the factor."""

_LARGEST_FACTOR = 1000.0
_LEAST_SCALE = 0.05  # nats; changes smaller than this shall look small


@dataclass(frozen=True)
class Preset:
    """Something worth trying: the whole board as it would stand then."""

    name: str
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Board:
    """Everything that is drawn.

    `labels` and `kinds_of` name the heads, layer by layer; None where they are not known.
    `worth_LP` is what each part is worth in nats per token, NaN where that is not known;
    colours end at `most`, which is 0 where nothing is known. `without` says what was done to
    measure it. `naming`: names are on their way.
    """

    n_layers: int
    n_heads: int
    parts: tuple[Part, ...]
    labels: tuple[str, ...] | None
    kinds_of: tuple[str, ...] | None
    kinds: tuple[Kind, ...]
    presets: tuple[Preset, ...]
    worth_LP: Floats
    most: float
    chosen: int | None = None
    naming: bool = False
    scale_title: str = MORE["off"]
    without: str = WITHOUT["off"]


def board_of(
    config: ModelConfig,
    changes: Sequence[Change],
    grid: HeadGrid | None = None,
    worth_LP: Floats | None = None,
    chosen: tuple[int | None, int | None] = (None, None),
    by: Left = "off",
) -> Board:
    """The switches as they stand; `chosen` are layer and head that the chapter has open."""
    labels, kinds_of = _flat(grid and grid.labels), _flat(grid and grid.kinds_of)
    shape = (config.n_layers, config.n_heads + 1)
    worth = np.full(shape, np.nan, dtype=np.float32) if worth_LP is None else worth_LP
    return Board(
        config.n_layers,
        config.n_heads,
        parts_of(changes, config.n_heads),
        labels,
        kinds_of,
        () if grid is None else grid.kinds,
        presets_of(config, kinds_of, () if grid is None else grid.kinds),
        worth,
        most_of(worth),
        _chosen(*chosen, config),
        naming=grid is None,
        scale_title=MORE[by],
        without=WITHOUT[by],
    )


def parts_of(changes: Sequence[Change], n_heads: int) -> tuple[Part, ...]:
    """What is done with which part; painted rows are no switches.

    >>> parts_of([Edit(1, 0), Edit(0, None, "scale", 0.5), PaintedRow(0, 0, 0, (1,))], n_heads=2)
    ((3, 'off', 1.0), (2, 'scale', 0.5))
    """
    return tuple(
        (_number(edit.layer, edit.head, n_heads), edit.act, edit.factor)
        for edit in changes
        if isinstance(edit, Edit)
    )


def told_edits(told: object, config: ModelConfig) -> tuple[Edit, ...] | None:
    """The edits of the board that a browser sent; None for anything else it may have sent.

    >>> told_edits([[4, "scale", 0.5]], ModelConfig(n_heads=4))
    (Edit(layer=0, head=None, act='scale', factor=0.5),)
    >>> told_edits([[4, "uniform", 1]], ModelConfig(n_heads=4)) is None
    True
    """
    n_parts = config.n_layers * (config.n_heads + 1)
    if not isinstance(told, list) or len(told) > n_parts:
        return None
    edits = [_told_edit(each, config) for each in told]
    sound = tuple(edit for edit in edits if edit is not None)
    return sound if len(sound) == len(edits) else None


def told_place(told: object, config: ModelConfig) -> tuple[int, int] | None:
    """Layer and head of a part's number that a browser sent; None for all else.

    >>> told_place(6, ModelConfig(n_heads=4)), told_place(4, ModelConfig(n_heads=4))
    ((1, 1), None)
    """
    n_parts = config.n_layers * (config.n_heads + 1)
    if type(told) is not int or not 0 <= told < n_parts:
        return None
    layer, place = divmod(told, config.n_heads + 1)
    return (layer, place) if place < config.n_heads else None


def with_rows(before: Sequence[Change], edits: Sequence[Edit]) -> tuple[Change, ...]:
    """The board's edits with the painted rows that a link brought along."""
    return (*edits, *(change for change in before if isinstance(change, PaintedRow)))


def presets_of(
    config: ModelConfig, kinds_of: Sequence[str] | None, kinds: Sequence[Kind]
) -> tuple[Preset, ...]:
    """What is worth trying with this model: each kind of heads off, and whole sorts of parts."""
    per_layer = config.n_heads + 1
    numbers = range(config.n_layers * per_layer)
    heads = [number for number in numbers if number % per_layer < config.n_heads]
    rest = [number for number in numbers if number % per_layer == config.n_heads]

    def preset(name: str, wanted: Sequence[int], act: Act = "off") -> Preset:
        return Preset(name, tuple((number, act, 1.0) for number in wanted))

    found = []
    for kind in kinds if kinds_of is not None else ():
        same = [number for number, name in zip(heads, kinds_of or (), strict=True)
                if name == kind.name]  # fmt: skip
        plural = tr("heads") if kind.count > 1 else tr("head")
        found.append(
            preset(
                tr("All {name} heads off ({count} {plural})").format(
                    name=kind.name, count=kind.count, plural=plural
                ),
                same,
            )
        )
        if 1 < len(same) < len(heads):
            others = [number for number in heads if number not in set(same)]
            found.append(preset(tr("Only {name} heads on").format(name=kind.name), others))
    return (
        *found,
        preset(tr("All heads off"), heads),
        preset(tr("All heads uniform"), heads, "uniform"),
        preset(tr("All heads at their mean"), heads, "mean"),
        preset(tr("All feed-forward parts off"), rest),
    )


def most_of(worth_LP: Floats) -> float:
    """Where colours end: at the strongest head.

    Feed-forward parts are often worth several times as much; they would make all heads pale.

    >>> most_of(np.array([[0.2, -0.4, 9.0]], np.float32)).__round__(3)
    0.4
    """
    known = np.abs(worth_LP[:, :-1][np.isfinite(worth_LP[:, :-1])])
    return max(_LEAST_SCALE, float(known.max())) if known.size else 0.0


def left_of_parts(changes: Sequence[Change], config: ModelConfig) -> Floats:
    """left_LP: how much of its output each part still gives; NaN where another is put for it."""
    left_LP = np.ones((config.n_layers, config.n_heads + 1), dtype=np.float32)
    shares = {"off": 0.0, "uniform": math.nan, "mean": math.nan}
    for edit in changes:
        if isinstance(edit, Edit):
            place = config.n_heads if edit.head is None else edit.head
            left_LP[edit.layer, place] = shares.get(edit.act, edit.factor)
    return left_LP


def _told_edit(told: object, config: ModelConfig) -> Edit | None:
    if not isinstance(told, list) or len(told) != 3:
        return None
    number, wanted, factor = told
    n_places = config.n_heads + 1
    if type(number) is not int or not 0 <= number < config.n_layers * n_places:
        return None
    if type(factor) not in {int, float} or not abs(factor) <= _LARGEST_FACTOR:
        return None
    layer, place = divmod(number, n_places)
    head = place if place < config.n_heads else None
    act = next((each for each in ACTS if each == wanted), None)
    if act is None or (act == "uniform" and head is None):
        return None
    return Edit(layer, head, act, float(factor) if act == "scale" else 1.0)


def _number(layer: int, head: int | None, n_heads: int) -> int:
    return layer * (n_heads + 1) + (n_heads if head is None else head)


def _chosen(layer: int | None, head: int | None, config: ModelConfig) -> int | None:
    if layer is None or head is None:
        return None
    if not (0 <= layer < config.n_layers and 0 <= head < config.n_heads):
        return None
    return _number(layer, head, config.n_heads)


def _flat(rows: Any) -> tuple[str, ...] | None:
    return None if rows is None else tuple(each for row in rows for each in row)
