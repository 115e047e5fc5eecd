"""A matrix of numbers between tokens as a PNG or an SVG, to be put into a document.

Arrays and words in, bytes out: no Streamlit, no browser, no network. The SVG holds the matrix
as a small PNG, one pixel a value, under labels that stay text; so it stays small, and sharp.

R rows, C columns.
"""

import base64
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CIVIDIS = np.array(
    [
        [0, 34, 78],
        [18, 53, 112],
        [59, 73, 108],
        [87, 93, 109],
        [112, 113, 115],
        [138, 134, 120],
        [165, 156, 116],
        [195, 179, 105],
        [225, 204, 85],
        [254, 232, 56],
    ],
    dtype=np.float64,
)
"""Dark blue (0) to yellow (1). Source: Nuñez, Anderton & Renslow 2018."""
_BELOW, _WHITE, _ABOVE = (0, 114, 178), (255, 255, 255), (213, 94, 0)
_MASKED, _NO_NUMBER = (238, 238, 238), (220, 30, 30)
_INK, _MUTED = "#222222", "#666666"
_FONT, _TITLE_FONT, _LINE = 12, 16, 15
_SMALLEST_CELL, _LARGEST_CELL, _WANTED_SIDE = 1, 28, 900
_LONGEST_LABEL = 16
_BAR_LENGTH, _BAR_HEIGHT, _MARGIN = 180, 12, 14
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class SavedPicture:
    """What is seen, as numbers and words. NaN is what may not be looked at: it stays grey.

    Colours run from 0 to `most`, by the root of a share where `root`; where `diverging`, from
    −`most` over white to `most`. `unit` says what the numbers are.
    """

    values_RC: NDArray[np.float32]
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    title: str
    subtitle: str = ""
    unit: str = "attention weight"
    rows_are: str = "queries"
    columns_are: str = "keys"
    most: float = 1.0
    root: bool = True
    diverging: bool = False


@dataclass(frozen=True)
class _Layout:
    """Where things stand, in pixels."""

    cell: int
    left: int
    top: int
    width: int
    height: int


def colours_of(picture: SavedPicture) -> NDArray[np.uint8]:
    """Red, green and blue of every cell, (R, C, 3).

    >>> row = np.array([[0.0, 1.0, np.nan]], dtype=np.float32)
    >>> colours_of(SavedPicture(row, ["a"], ["a", "b", "c"], "")).tolist()
    [[[0, 34, 78], [254, 232, 56], [238, 238, 238]]]
    """
    values = picture.values_RC.astype(np.float64)
    most = picture.most if math.isfinite(picture.most) and picture.most > 0 else 1.0
    place = np.nan_to_num(values / most, nan=0.0, posinf=0.0, neginf=0.0)
    if picture.diverging:
        strength = np.clip(np.abs(place), 0, 1)[..., None] ** 0.6
        end = np.where(place[..., None] < 0, np.array(_BELOW), np.array(_ABOVE))
        colours = np.array(_WHITE) + (end - np.array(_WHITE)) * strength
    else:
        place = np.clip(place, 0, 1)
        at = (np.sqrt(place) if picture.root else place) * (len(CIVIDIS) - 1)
        low = np.minimum(at.astype(int), len(CIVIDIS) - 2)
        part = (at - low)[..., None]
        colours = CIVIDIS[low] + (CIVIDIS[low + 1] - CIVIDIS[low]) * part
    colours[np.isnan(values)] = _MASKED
    colours[np.isinf(values)] = _NO_NUMBER
    found: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    return found


def as_png(picture: SavedPicture) -> bytes:
    """The picture on white, with labels, title and scale."""
    layout = _lay_out(picture)
    sheet = Image.new("RGB", (layout.width, layout.height), _WHITE)
    pen = ImageDraw.Draw(sheet)
    cells = Image.fromarray(colours_of(picture))
    rows, columns = picture.values_RC.shape
    size = (columns * layout.cell, rows * layout.cell)
    sheet.paste(cells.resize(size, Image.Resampling.NEAREST), (layout.left, layout.top))
    font, large = ImageFont.load_default(_FONT), ImageFont.load_default(_TITLE_FONT)
    pen.text((_MARGIN, _MARGIN), _clean(picture.title), _INK, large)
    pen.text((_MARGIN, _MARGIN + 22), _clean(picture.subtitle), _MUTED, font)
    for row, y in _places(rows, layout.cell, layout.top):
        name = _cut(picture.row_labels[row])
        pen.text((layout.left - 6, y), name, _INK, font, anchor="rm")
    for column, x in _places(columns, layout.cell, layout.left):
        _write_upright(sheet, _cut(picture.column_labels[column]), x, layout.top - 6, font)
    bar_y = layout.top + size[1] + _MARGIN
    scale = Image.fromarray(_ramp(picture)).resize((_BAR_LENGTH, _BAR_HEIGHT))
    sheet.paste(scale, (layout.left, bar_y))
    low, high, unit = _scale_words(picture)
    below = bar_y + _BAR_HEIGHT + 3
    pen.text((layout.left, below), low, _MUTED, font)
    pen.text((layout.left + _BAR_LENGTH, below), high, _MUTED, font, anchor="ra")
    pen.text((layout.left, below + _LINE), unit, _MUTED, font)
    held = io.BytesIO()
    sheet.save(held, "PNG", optimize=True)
    return held.getvalue()


def as_svg(picture: SavedPicture) -> bytes:
    """The same as a vector picture: labels are text, the matrix is one small image."""
    layout = _lay_out(picture)
    rows, columns = picture.values_RC.shape
    size = (columns * layout.cell, rows * layout.cell)
    low, high, unit = _scale_words(picture)
    bar_y = layout.top + size[1] + _MARGIN
    below = bar_y + _BAR_HEIGHT + _FONT + 2
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{layout.width}" '
        f'height="{layout.height}" viewBox="0 0 {layout.width} {layout.height}" '
        f'font-family="sans-serif" font-size="{_FONT}" fill="{_INK}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        _text(_MARGIN, _MARGIN + _TITLE_FONT, picture.title, f'font-size="{_TITLE_FONT}"'),
        _text(_MARGIN, _MARGIN + 34, picture.subtitle, f'fill="{_MUTED}"'),
        _image(colours_of(picture), layout.left, layout.top, *size),
    ]
    for row, y in _places(rows, layout.cell, layout.top):
        end = 'text-anchor="end" dominant-baseline="central"'
        lines.append(_text(layout.left - 6, y, _cut(picture.row_labels[row]), end))
    for column, x in _places(columns, layout.cell, layout.left):
        turn = f'transform="rotate(-90 {x:g} {layout.top - 6})" dominant-baseline="central"'
        lines.append(_text(x, layout.top - 6, _cut(picture.column_labels[column]), turn))
    lines += [
        _image(_ramp(picture), layout.left, bar_y, _BAR_LENGTH, _BAR_HEIGHT),
        _text(layout.left, below, low, f'fill="{_MUTED}"'),
        _text(layout.left + _BAR_LENGTH, below, high, f'fill="{_MUTED}" text-anchor="end"'),
        _text(layout.left, below + _LINE, unit, f'fill="{_MUTED}"'),
        "</svg>",
    ]
    return "\n".join(lines).encode("utf-8")


def _lay_out(picture: SavedPicture) -> _Layout:
    rows, columns = picture.values_RC.shape
    wanted = _WANTED_SIDE // max(rows, columns, 1)
    cell = max(_SMALLEST_CELL, min(_LARGEST_CELL, wanted))
    left = 2 * _MARGIN + _widest(picture.row_labels)
    top = _MARGIN + 48 + _widest(picture.column_labels)
    font, large = ImageFont.load_default(_FONT), ImageFont.load_default(_TITLE_FONT)
    title, subtitle = _clean(picture.title), _clean(picture.subtitle)
    written = max(large.getlength(title), font.getlength(subtitle)) + 2 * _MARGIN
    unit = font.getlength(_scale_words(picture)[2])
    inner = max(columns * cell, _BAR_LENGTH, math.ceil(unit))
    width = max(left + inner + _MARGIN, math.ceil(written))
    return _Layout(cell, left, top, width, top + rows * cell + 2 * _MARGIN + 48)


def _widest(labels: Sequence[str]) -> int:
    """Pixels that the widest label takes."""
    font = ImageFont.load_default(_FONT)
    return math.ceil(max((font.getlength(_cut(label)) for label in labels), default=0.0))


def _places(count: int, cell: int, start: int) -> Iterator[tuple[int, float]]:
    """Which labels are written, and where their middle is: so many that none touch."""
    every = max(1, math.ceil(_LINE / cell))
    for number in range(0, count, every):
        yield number, start + (number + 0.5) * cell


def _write_upright(
    sheet: Image.Image, text: str, x: float, y: int, font: ImageFont.ImageFont | object
) -> None:
    """A label that reads upwards from (x, y)."""
    assert isinstance(font, ImageFont.FreeTypeFont | ImageFont.ImageFont)
    width = max(1, math.ceil(font.getlength(text)))
    strip = Image.new("RGB", (width, _LINE), _WHITE)
    ImageDraw.Draw(strip).text((0, _LINE / 2), text, _INK, font, anchor="lm")
    sheet.paste(strip.rotate(90, expand=True), (round(x - _LINE / 2), y - width))


def _ramp(picture: SavedPicture) -> NDArray[np.uint8]:
    """The scale as a picture of one row."""
    places = np.linspace(-1 if picture.diverging else 0, 1, _BAR_LENGTH, dtype=np.float32)
    labels = [""] * _BAR_LENGTH
    line = SavedPicture(
        places[None], [""], labels, "", root=picture.root, diverging=picture.diverging
    )
    return colours_of(line)


def _scale_words(picture: SavedPicture) -> tuple[str, str, str]:
    low = f"-{picture.most:.3g}" if picture.diverging else "0"
    bent = " (colour grows with its root)" if picture.root and not picture.diverging else ""
    grey = "; grey: may not be looked at" if np.isnan(picture.values_RC).any() else ""
    sides = f"; rows: {picture.rows_are}, columns: {picture.columns_are}"
    return low, f"{picture.most:.3g}", f"{picture.unit}{bent}{sides}{grey}"


def _clean(text: str) -> str:
    """Text without what neither XML nor a font can show, or what would turn its direction."""
    return _UNSHOWABLE.sub("�", text)


def _cut(text: str) -> str:
    clean = _clean(text)
    return clean if len(clean) <= _LONGEST_LABEL else clean[: _LONGEST_LABEL - 1] + "…"


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" {more}>{escape(_clean(text))}</text>'


def _image(colours: NDArray[np.uint8], x: int, y: int, width: int, height: int) -> str:
    held = io.BytesIO()
    Image.fromarray(colours).save(held, "PNG", optimize=True)
    data = base64.b64encode(held.getvalue()).decode("ascii")
    return (
        f'<image x="{x}" y="{y}" width="{width}" height="{height}" '
        'preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{data}"/>'
    )
