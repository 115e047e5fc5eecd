"""Charts as text: inline SVG for a page that stands alone. Numbers and our own words in.

Every text is escaped. Colours come from the page's style sheet, by class: series-0, series-1, …
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite, log10

_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 720, 190, 90, 14, 46
_ROW = 30
_HEIGHT = 300


@dataclass(frozen=True)
class Bar:
    """One bar: its value in figures and in words; an interval and a mark where there are any."""

    label: str
    value: float
    shown: str
    low: float | None = None
    high: float | None = None
    mark: float | None = None
    series: int = 0


@dataclass(frozen=True)
class Line:
    """One line of a chart."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


def bars(rows: Sequence[Bar], axis: str, *, most: float | None = None) -> str:
    """Bars from 0, the first on top."""
    ends = [value for row in rows for value in (row.value, row.high or 0.0) if isfinite(value)]
    top = most or max(ends, default=1.0) or 1.0
    wide = _WIDTH - _LEFT - _RIGHT
    height = _TOP + _ROW * len(rows) + _BOTTOM

    def at(value: float) -> float:
        return _LEFT + wide * min(max(value, 0.0), top) / top

    parts = []
    for number, row in enumerate(rows):
        y = _TOP + _ROW * number
        middle = y + _ROW / 2
        parts.append(_text(_LEFT - 10, middle + 5, row.label, "end"))
        parts.append(
            f'<rect class="series-{row.series}" x="{_LEFT}" y="{y + 5}" '
            f'width="{at(row.value) - _LEFT:.1f}" height="{_ROW - 10}"/>'
        )
        end = at(row.value)
        if row.low is not None and row.high is not None:
            end = max(end, at(row.high))
            parts.append(_line(at(row.low), middle, at(row.high), middle, "interval"))
        if row.mark is not None:
            parts.append(_line(at(row.mark), y + 1, at(row.mark), y + _ROW - 1, "mark"))
        parts.append(_text(end + 8, middle + 5, row.shown))
    base = _TOP + _ROW * len(rows)
    parts.append(_line(_LEFT, base, _LEFT + wide, base, "axis"))
    for tick in (0.0, top / 2, top):
        parts.append(_text(at(tick), base + 18, _number(tick), "middle", "tick"))
    parts.append(_text(_LEFT + wide / 2, base + 40, axis, "middle"))
    return _svg(height, parts, f"{axis}: {', '.join(row.label for row in rows)}")


def lines(
    series: Sequence[Line],
    x_axis: str,
    y_axis: str,
    *,
    log_x: bool = False,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    legend_above: bool = True,
) -> str:
    """Lines in one frame; on a logarithmic axis what is not above 0 is left out.

    The legend stands to the right, above or below, wherever the lines are not.
    """

    def place(x: float) -> float:
        return log10(x) if log_x else x

    points = [
        [
            (place(x), y)
            for x, y in zip(line.x, line.y, strict=True)
            if isfinite(x) and isfinite(y) and (x > 0 or not log_x)
        ]
        for line in series
    ]
    flat = [point for line in points for point in line] or [(0.0, 0.0)]
    x_low, x_high = x_range or (min(x for x, _ in flat), max(x for x, _ in flat))
    y_low, y_high = y_range or (min(y for _, y in flat), max(y for _, y in flat))
    left, wide, tall = 70, _WIDTH - 70 - 20, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_low) / ((x_high - x_low) or 1.0)
        up = (y - y_low) / ((y_high - y_low) or 1.0)
        return left + wide * across, _TOP + tall * (1 - up)

    parts = [_line(left, _TOP + tall, left + wide, _TOP + tall, "axis")]
    parts.append(_line(left, _TOP, left, _TOP + tall, "axis"))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = x_low + share * (x_high - x_low), y_low + share * (y_high - y_low)
        shown = 10**x if log_x else x
        parts.append(_text(at(x, y_low)[0], _TOP + tall + 18, _number(shown), "middle", "tick"))
        parts.append(_text(left - 8, at(x_low, y)[1] + 4, _number(y), "end", "tick"))
    for number, (line, path) in enumerate(zip(series, points, strict=True)):
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in path))
        style = f"line series-{number}" + (" dashed" if line.dashed else "")
        parts.append(f'<polyline class="{style}" points="{drawn}"/>')
        y = (_TOP + 9 if legend_above else _TOP + tall - 18 * len(series)) + 18 * number
        parts.append(_line(left + wide - 170, y, left + wide - 146, y, style))
        parts.append(_text(left + wide - 140, y + 5, line.label))
    parts.append(_text(left + wide / 2, _TOP + tall + 40, x_axis, "middle"))
    parts.append(_text(left, _TOP - 2, y_axis, "start", "tick"))
    return _svg(_HEIGHT, parts, f"{y_axis} by {x_axis}: {', '.join(s.label for s in series)}")


def _svg(height: float, parts: Sequence[str], told: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(told)}">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", style: str = "label") -> str:
    return (
        f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">'
        f"{escape(text)}</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line class="{style}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _number(value: float) -> str:
    """A tick in few digits.

    >>> _number(0.25), _number(12000.0), _number(3.0)
    ('0.25', '12,000', '3')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
