"""What is seen of attention as a PNG or an SVG, to be put into a document.

Arrays and words in, bytes out. Every picture is laid out once, as a sheet of marks.

R rows, C columns, L layers, H heads, P side of a small picture.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ui.figures.saved_charts import SavedBars, SavedLines, bars_sheet, lines_sheet
from ui.figures.sheet import (
    LINE,
    MARGIN,
    MUTED,
    Mark,
    Raster,
    Sheet,
    Words,
    below,
    beside,
    heading,
    heading_width,
    label,
    to_png,
    to_svg,
    widest,
    width_of,
)
from ui.texts import tr

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
_SMALLEST_CELL, _LARGEST_CELL, _WANTED_SIDE = 1, 28, 900
_BAR_LENGTH, _BAR_HEIGHT = 180, 12
_THUMBNAIL, _THUMBNAIL_GAP = 72, 8


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
    unit: str = tr("attention weight")
    rows_are: str = "queries"
    columns_are: str = "keys"
    most: float = 1.0
    root: bool = True
    diverging: bool = False


@dataclass(frozen=True)
class SavedThumbnails:
    """All heads small: a row of pictures a layer. Pixels are 255 × √weight.

    `names_LH` stand below the pictures; None where heads have no names.
    """

    pictures_LHPP: NDArray[np.uint8]
    title: str
    subtitle: str = ""
    names_LH: Sequence[Sequence[str]] | None = None


@dataclass(frozen=True)
class SavedPage:
    """Several pictures: rows of them, from top to bottom."""

    rows: "Sequence[Sequence[Saved]]"


Saved = SavedPicture | SavedThumbnails | SavedLines | SavedBars | SavedPage


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


def as_png(picture: Saved) -> bytes:
    """The picture on white, with labels, title and scale."""
    return to_png(_sheet_of(picture))


def as_svg(picture: Saved) -> bytes:
    """The same as a vector picture: labels are text, every matrix is one small image."""
    return to_svg(_sheet_of(picture))


def _sheet_of(picture: Saved) -> Sheet:
    match picture:
        case SavedPicture():
            return _matrix(picture)
        case SavedThumbnails():
            return _thumbnails(picture)
        case SavedLines():
            return lines_sheet(picture)
        case SavedBars():
            return bars_sheet(picture)
        case SavedPage():
            return below([beside([_sheet_of(part) for part in row]) for row in picture.rows])


def _matrix(picture: SavedPicture) -> Sheet:
    """Labels to the left and above, the scale below."""
    rows, columns = picture.values_RC.shape
    wanted = _WANTED_SIDE // max(rows, columns, 1)
    cell = max(_SMALLEST_CELL, min(_LARGEST_CELL, wanted))
    left = 2 * MARGIN + widest(picture.row_labels)
    top = MARGIN + 48 + widest(picture.column_labels)
    bar_y = top + rows * cell + MARGIN
    low, high, unit = _scale_words(picture)
    below_bar = bar_y + _BAR_HEIGHT + 9
    marks: list[Mark] = [
        *heading(picture.title, picture.subtitle),
        Raster(colours_of(picture), left, top, columns * cell, rows * cell),
        *(
            label(left - 6, y, picture.row_labels[row], anchor="end")
            for row, y in _places(rows, cell, top)
        ),
        *(
            label(x, top - 6, picture.column_labels[column], upright=True)
            for column, x in _places(columns, cell, left)
        ),
        Raster(_ramp(picture), left, bar_y, _BAR_LENGTH, _BAR_HEIGHT),
        Words(left, below_bar, low, colour=MUTED),
        Words(left + _BAR_LENGTH, below_bar, high, colour=MUTED, anchor="end"),
        Words(left, below_bar + LINE, unit, colour=MUTED),
    ]
    inner = max(columns * cell, _BAR_LENGTH, width_of(unit))
    width = max(left + inner, heading_width(picture.title, picture.subtitle)) + MARGIN
    return Sheet(width, bar_y + _BAR_HEIGHT + MARGIN + 36, tuple(marks))


def _thumbnails(picture: SavedThumbnails) -> Sheet:
    """A raster a layer: its heads beside each other, with their numbers and names below."""
    n_layers, n_heads, side = picture.pictures_LHPP.shape[:3]
    times = max(1, _THUMBNAIL // side)
    gap = -(-_THUMBNAIL_GAP // times)
    names = picture.names_LH or [[""] * n_heads] * n_layers
    longest = max((width_of(name) for row in names for name in row), default=0)
    gap += max(0, -(-(longest - (side + gap) * times + 6) // times))
    room = LINE + 6 if picture.names_LH is None else 2 * LINE + 6
    left, top = 2 * MARGIN + width_of(tr("layer {layer}").format(layer=n_layers - 1)), MARGIN + 48
    marks: list[Mark] = list(heading(picture.title, picture.subtitle))
    for layer in range(n_layers):
        y = top + layer * (side * times + room)
        pixels = _row_of_heads(picture.pictures_LHPP[layer], gap)
        marks.append(Raster(pixels, left, y, pixels.shape[1] * times, side * times))
        middle = y + side * times / 2
        marks.append(
            Words(
                left - 8,
                middle,
                tr("layer {layer}").format(layer=layer),
                colour=MUTED,
                anchor="end",
            )
        )
        for head in range(n_heads):
            x, under = left + head * (side + gap) * times, y + side * times + LINE / 2 + 1
            marks.append(Words(x, under, f"{layer}.{head}", colour=MUTED))
            if picture.names_LH is not None:
                marks.append(Words(x, under + LINE - 1, names[layer][head]))
    told = tr("Rows: queries, columns: keys. Blue 0 to yellow 1, by the root of the weight.")
    bottom = top + n_layers * (side * times + room) + LINE
    marks.append(Words(left, bottom, told, colour=MUTED))
    grid = n_heads * (side + gap) * times
    width = max(left + max(grid, width_of(told)), heading_width(picture.title, picture.subtitle))
    return Sheet(width + MARGIN, bottom + 2 * MARGIN, tuple(marks))


def _row_of_heads(pictures_HPP: NDArray[np.uint8], gap: int) -> NDArray[np.uint8]:
    """The heads of a layer as one picture, white between them; what lies ahead is grey."""
    side = pictures_HPP.shape[1]
    shares = pictures_HPP.astype(np.float32) / 255
    shares[:, np.triu(np.ones((side, side), dtype=bool), 1)] = np.nan
    white = np.full((side, gap, 3), 255, dtype=np.uint8)
    strips = []
    for share_PP in shares:
        strips += [colours_of(SavedPicture(share_PP, (), (), "", root=False)), white]
    return np.concatenate(strips[:-1], axis=1)


def _places(count: int, cell: int, start: int) -> Iterator[tuple[int, float]]:
    """Which labels are written, and where their middle is: so many that none touch."""
    every = max(1, math.ceil(LINE / cell))
    for number in range(0, count, every):
        yield number, start + (number + 0.5) * cell


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
    bent = tr(" (colour grows with its root)") if picture.root and not picture.diverging else ""
    grey = tr("; grey: may not be looked at") if np.isnan(picture.values_RC).any() else ""
    sides = tr("; rows: {rows_are}, columns: {columns_are}").format(
        rows_are=picture.rows_are, columns_are=picture.columns_are
    )
    return low, f"{picture.most:.3g}", f"{picture.unit}{bent}{sides}{grey}"
