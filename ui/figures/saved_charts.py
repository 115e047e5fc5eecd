"""Charts that are saved: lines over an axis, and rows of bars. Numbers and words in, sheets out.

N lines, S places along an axis, R rows, B bars of a row.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ui.figures.curves import OKABE_ITO
from ui.figures.sheet import (
    INK,
    LINE,
    MARGIN,
    MUTED,
    RULE,
    Box,
    Mark,
    Sheet,
    Stroke,
    Words,
    beside,
    heading,
    heading_width,
    label,
    widest,
    width_of,
)

_PLOT_WIDTH, _PLOT_HEIGHT = 520, 240
_BAR_LENGTH, _BAR_HEIGHT, _ROW_GAP = 220, 11, 6
_ROWS_A_COLUMN = 48
_TICKS = 5
_PALE = "#c4c4c4"


@dataclass(frozen=True)
class SavedLine:
    """One line. Without a name it is pale, and stands for itself and others like it."""

    values_S: Sequence[float]
    name: str = ""
    places_S: Sequence[float] | None = None


@dataclass(frozen=True)
class SavedLines:
    """Lines over one axis. `places_S` are where points stand, and `ticks` names of some places.

    A line may have places of its own. The axis of values runs from `low` to `high`. `pale` is
    what the lines without names are.
    """

    lines: Sequence[SavedLine]
    places_S: Sequence[float]
    ticks: Sequence[tuple[float, str]]
    title: str
    subtitle: str = ""
    along: str = ""
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    pale: str = "others"


@dataclass(frozen=True)
class _Plot:
    """Where a number stands on the sheet."""

    left: int
    top: int
    first: float
    last: float
    low: float
    high: float

    def x(self, place: float) -> float:
        span = self.last - self.first
        return self.left + _PLOT_WIDTH * ((place - self.first) / span if span > 0 else 0.5)

    def y(self, value: float) -> float:
        part = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.top + _PLOT_HEIGHT * (1 - min(1.0, max(0.0, part)))


@dataclass(frozen=True)
class SavedBars:
    """A row a label, with a bar for each series; bars of numbers below 0 point left.

    `told` stands to the right of each row. NaN has no bar.
    """

    labels: Sequence[str]
    values_RB: NDArray[np.float32]
    title: str
    subtitle: str = ""
    unit: str = ""
    series: Sequence[str] = ()
    told: Sequence[str] = ()


def lines_sheet(chart: SavedLines) -> Sheet:
    """Axes with names, pale lines below coloured ones, their names to the right."""
    numbers = [_number(each) for each in np.linspace(chart.low, chart.high, _TICKS)]
    left = MARGIN + 10 + max(width_of(each) for each in numbers)
    top = MARGIN + 48 + LINE
    every = [*chart.places_S, *(at for line in chart.lines for at in line.places_S or ())]
    plot = _Plot(left, top, min(every), max(every), chart.low, chart.high)
    marks: list[Mark] = list(heading(chart.title, chart.subtitle))
    marks.append(Words(MARGIN, top - LINE, chart.unit, colour=MUTED))
    for value, name in zip(np.linspace(chart.low, chart.high, _TICKS), numbers, strict=True):
        y = plot.y(float(value))
        marks.append(Box(left, y, _PLOT_WIDTH, 1, RULE))
        marks.append(Words(left - 6, y, name, colour=MUTED, anchor="end"))
    foot = top + _PLOT_HEIGHT
    for x, name in _spaced(chart, plot):
        marks.append(Box(x, foot, 1, 4, MUTED))
        marks.append(Words(x, foot + 12, name, colour=MUTED, anchor="middle"))
    middle = left + _PLOT_WIDTH / 2
    marks.append(Words(middle, foot + 12 + LINE, chart.along, colour=MUTED, anchor="middle"))
    pale = [line for line in chart.lines if not line.name]
    for line in pale:
        marks += _drawn_line(chart, line, plot, _PALE, 1.0)
    known = [(line.name, _colour(at)) for at, line in enumerate(_named(chart))]
    for line, (_, colour) in zip(_named(chart), known, strict=True):
        marks += _drawn_line(chart, line, plot, colour, 2.2)
    if pale:
        known.append((chart.pale, _PALE))
    right = left + _PLOT_WIDTH + 12
    for number, (name, colour) in enumerate(known):
        y = top + number * (LINE + 2) + LINE / 2
        marks += [Box(right, y - 5, 10, 10, colour), Words(right + 15, y, name)]
    names = max((width_of(name) for name, _ in known), default=0)
    width = max(right + 15 + names, heading_width(chart.title, chart.subtitle)) + MARGIN
    height = max(foot + 12 + 2 * LINE, top + len(known) * (LINE + 2)) + MARGIN
    return Sheet(width, height, tuple(marks))


def bars_sheet(chart: SavedBars) -> Sheet:
    """Rows from top to bottom; many of them stand in several columns."""
    parts = range(0, max(1, len(chart.labels)), _ROWS_A_COLUMN)
    return beside([_column(chart, start, first=start == 0) for start in parts])


def _column(chart: SavedBars, start: int, *, first: bool) -> Sheet:
    """Some of the rows, on the same scale as all."""
    rows = range(start, min(start + _ROWS_A_COLUMN, len(chart.labels)))
    n_bars = chart.values_RB.shape[1]
    row_height = n_bars * _BAR_HEIGHT + _ROW_GAP
    left = 2 * MARGIN + widest([chart.labels[row] for row in rows])
    top = MARGIN + 48 + LINE * (1 + bool(chart.series))
    low, high = _ends(chart.values_RB)
    zero = left + _BAR_LENGTH * -low / (high - low)
    marks: list[Mark] = list(heading(chart.title, chart.subtitle)) if first else []
    marks.append(Words(left, top - LINE, chart.unit, colour=MUTED))
    x = float(left)
    for number, name in enumerate(chart.series):
        marks += [
            Box(x, top - 2 * LINE - 5, 10, 10, _colour(number)),
            Words(x + 14, top - 2 * LINE, name),
        ]
        x += 14 + width_of(name) + MARGIN
    for place, row in enumerate(rows):
        row_top = top + place * row_height
        middle = row_top + n_bars * _BAR_HEIGHT / 2
        marks.append(label(left - 6, middle, chart.labels[row], anchor="end"))
        for bar, value in enumerate(chart.values_RB[row].tolist()):
            if math.isfinite(value):
                end = zero + _BAR_LENGTH * value / (high - low)
                colour = OKABE_ITO[5] if value > 0 > low and n_bars == 1 else _colour(bar)
                box = (
                    min(zero, end),
                    row_top + bar * _BAR_HEIGHT,
                    abs(end - zero),
                    _BAR_HEIGHT - 1,
                )
                marks.append(Box(*box, colour))
        if chart.told:
            marks.append(Words(left + _BAR_LENGTH + 8, middle, chart.told[row], colour=MUTED))
    foot = top + len(rows) * row_height
    marks.append(Box(zero, top - 3, 1, foot - top + 3, INK))
    marks.append(Words(left, foot + 9, _number(low), colour=MUTED))
    right = left + _BAR_LENGTH
    marks.append(Words(right, foot + 9, _number(high), colour=MUTED, anchor="end"))
    told = max((width_of(chart.told[row]) for row in rows), default=0) if chart.told else 0
    inner = max(_BAR_LENGTH + 8 + told, width_of(chart.unit), math.ceil(x) - left)
    titled = heading_width(chart.title, chart.subtitle) if first and len(rows) else 0
    alone = len(chart.labels) <= _ROWS_A_COLUMN
    width = max(left + inner, titled if alone else 0) + MARGIN
    return Sheet(width, foot + LINE + MARGIN, tuple(marks))


def _ends(values_RB: NDArray[np.float32]) -> tuple[float, float]:
    """Where the axis begins and ends; 0 lies on it."""
    known = values_RB[np.isfinite(values_RB)].astype(np.float64)
    low, high = min(0.0, float(known.min(initial=0.0))), max(0.0, float(known.max(initial=0.0)))
    return (low, high) if high > low else (0.0, 1.0)


def _colour(number: int) -> str:
    return OKABE_ITO[number % len(OKABE_ITO)]


def _named(chart: SavedLines) -> list[SavedLine]:
    return [line for line in chart.lines if line.name]


def _spaced(chart: SavedLines, plot: _Plot) -> list[tuple[float, str]]:
    """Ticks that have room, the last of them surely, with their pixels."""
    kept: list[tuple[float, str]] = []
    for place, name in reversed(chart.ticks):
        x, half = plot.x(place), width_of(name) / 2
        if not kept or x + half + 8 < kept[-1][0] - width_of(kept[-1][1]) / 2:
            kept.append((x, name))
    return kept


def _drawn_line(
    chart: SavedLines, line: SavedLine, plot: _Plot, colour: str, width: float
) -> list[Mark]:
    """The line in pieces: it is interrupted where there is no number."""
    places = chart.places_S if line.places_S is None else line.places_S
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, value in zip(places, line.values_S, strict=True):
        if math.isfinite(value):
            pieces[-1].append((plot.x(place), plot.y(value)))
        else:
            pieces.append([])
    marks: list[Mark] = [Stroke(tuple(piece), colour, width) for piece in pieces if len(piece) > 1]
    alone = [piece[0] for piece in pieces if len(piece) == 1]
    return marks + [Box(x - 2, y - 2, 4, 4, colour) for x, y in alone]


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")
