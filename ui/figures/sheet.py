"""A drawing as a list of marks on white, written as a PNG or an SVG.

No Streamlit, no browser, no network. An SVG's words stay text, its matrices are small pictures,
one pixel a value; a PNG has twice the pixels where it is small, so that a slide shows it sharp.

Foreign words may be anything: what no file can hold, or what would turn their direction, becomes
a mark of its own (`clean`); what the font of a PNG lacks is written as its number (`drawn`).
"""

import base64
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

INK, MUTED, RULE = "#222222", "#666666", "#dddddd"
FONT, TITLE_FONT, LINE, MARGIN = 12, 16, 15, 14
LONGEST_LABEL = 16
_LONGEST_DRAWN = 22
"""Characters of a label in a PNG, where a letter may be written as its number."""
_SHARP_SIDE, _LARGEST_SIDE = 1_600, 2_400
"""Up to so many pixels a side, a PNG has twice as many; and is drawn larger for smooth lines."""
_UNSHOWABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff\u202a-\u202e\u2066-\u2069]")
_NEWLINES = str.maketrans({"⏎": "\\n", "␣": "·"})
_NOWHERE = "\U0010fffd"
"""A character that no font has: what is drawn in its place is drawn for every missing one."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True)
class Raster:
    """Pixels (rows, columns, 3), stretched over a place."""

    pixels_RC3: NDArray[np.uint8]
    x: float
    y: float
    width: int
    height: int


@dataclass(frozen=True)
class Words:
    """A line of text. (x, y) is its start, middle or end at half its height.

    `upright` text reads upwards from there. Of a label (`is_label`) the end may be cut off.
    """

    x: float
    y: float
    text: str
    size: int = FONT
    colour: str = INK
    anchor: Anchor = "start"
    upright: bool = False
    is_label: bool = False


@dataclass(frozen=True)
class Stroke:
    """A line through points."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.0


@dataclass(frozen=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str


Mark = Raster | Words | Stroke | Box


@dataclass(frozen=True)
class Sheet:
    """Marks, later ones above earlier ones, on a white sheet of so many pixels."""

    width: int
    height: int
    marks: tuple[Mark, ...]


def beside(sheets: Sequence[Sheet]) -> Sheet:
    """Sheets from left to right, their tops even."""
    marks: list[Mark] = []
    x = 0
    for sheet in sheets:
        marks += [_moved(mark, x, 0) for mark in sheet.marks]
        x += sheet.width
    return Sheet(x, max(sheet.height for sheet in sheets), tuple(marks))


def below(sheets: Sequence[Sheet]) -> Sheet:
    """Sheets from top to bottom."""
    marks: list[Mark] = []
    y = 0
    for sheet in sheets:
        marks += [_moved(mark, 0, y) for mark in sheet.marks]
        y += sheet.height
    return Sheet(max(sheet.width for sheet in sheets), y, tuple(marks))


def heading(title: str, subtitle: str = "") -> tuple[Words, ...]:
    """What a sheet is called; it takes 48 pixels below the margin."""
    return (
        Words(MARGIN, MARGIN + 9, title, TITLE_FONT),
        Words(MARGIN, MARGIN + 30, subtitle, colour=MUTED),
    )


def heading_width(title: str, subtitle: str) -> int:
    """Pixels that title and subtitle take, from the sheet's left."""
    return MARGIN + max(width_of(title, TITLE_FONT), width_of(subtitle))


def label(
    x: float, y: float, text: str, *, anchor: Anchor = "start", upright: bool = False
) -> Words:
    """A name beside what it names, cut where it is long."""
    return Words(x, y, cut(text), anchor=anchor, upright=upright, is_label=True)


def clean(text: str) -> str:
    """Text without what neither XML nor a font can show, or what would turn its direction.

    >>> clean("a\\x00b")
    'a�b'
    """
    return _UNSHOWABLE.sub("�", text)


def cut(text: str) -> str:
    """A label of at most so many characters.

    >>> cut("x" * 40)
    'xxxxxxxxxxxxxxx…'
    """
    return _shortened(clean(text), LONGEST_LABEL)


def drawn(text: str) -> str:
    r"""Text as the font of a PNG can show it: a letter that it lacks is told by its number.

    >>> drawn("a⏎中b")
    'a\\n U+4E2D b'
    """
    plain = clean(text).translate(_NEWLINES)
    told = "".join(each if _is_there(each) else f" U+{ord(each):04X} " for each in plain)
    return plain if told == plain else re.sub(" +", " ", told).strip()


def width_of(text: str, size: int = FONT, *, is_label: bool = False) -> int:
    """Pixels that a line takes, in a PNG or in an SVG."""
    font = font_of(size)
    return math.ceil(max(font.getlength(clean(text)), font.getlength(_in_png(text, is_label))))


def widest(labels: Sequence[str]) -> int:
    """Pixels that the widest label takes."""
    return max((width_of(cut(text), is_label=True) for text in labels), default=0)


def to_png(sheet: Sheet) -> bytes:
    """The sheet as pixels. Lines are drawn large and made small, so that they are smooth."""
    side = max(sheet.width, sheet.height)
    factor = 2 if side <= _SHARP_SIDE else 1
    curved = any(isinstance(mark, Stroke) for mark in sheet.marks)
    smooth = 2 if curved and side * factor <= _LARGEST_SIDE else 1
    times = factor * smooth
    image = Image.new("RGB", (sheet.width * times, sheet.height * times), "white")
    pen = ImageDraw.Draw(image)
    for mark in sheet.marks:
        match mark:
            case Raster():
                cells = Image.fromarray(mark.pixels_RC3)
                size = (mark.width * times, mark.height * times)
                place = (round(mark.x * times), round(mark.y * times))
                image.paste(cells.resize(size, Image.Resampling.NEAREST), place)
            case Box():
                left, top = mark.x * times, mark.y * times
                right, bottom = left + mark.width * times, top + mark.height * times
                if right - left >= 1 and bottom - top >= 1:
                    pen.rectangle((left, top, right - 1, bottom - 1), mark.colour)
            case Stroke():
                points = [(x * times, y * times) for x, y in mark.points]
                pen.line(points, mark.colour, max(1, round(mark.width * times)), joint="curve")
            case Words():
                _write(image, pen, mark, times)
    held = io.BytesIO()
    (image.reduce(smooth) if smooth > 1 else image).save(held, "PNG", optimize=True)
    return held.getvalue()


def to_svg(sheet: Sheet) -> bytes:
    """The sheet as vectors: labels are text, every matrix is a small picture."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{sheet.width}" height="{sheet.height}" '
        f'viewBox="0 0 {sheet.width} {sheet.height}" font-family="Source Sans 3, sans-serif" '
        f'font-size="{FONT}" fill="{INK}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        *(_as_svg(mark) for mark in sheet.marks),
        "</svg>",
    ]
    return "\n".join(lines).encode("utf-8")


@cache
def font_of(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font of the app, which comes with Streamlit; else the plain one of Pillow."""
    spec = find_spec("streamlit")
    if spec is not None and spec.origin is not None:
        media = Path(spec.origin).parent / "static" / "static" / "media"
        for path in sorted(media.glob("SourceSansVF-Upright*.woff2")):
            try:
                font = ImageFont.truetype(path, size)
                font.set_variation_by_name("Regular")
            except (OSError, NotImplementedError):  # a FreeType without Brotli or variable fonts
                continue
            return font
    return ImageFont.load_default(size)


@cache
def _is_there(letter: str) -> bool:
    font = font_of(FONT)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask(_NOWHERE))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _in_png(text: str, is_label: bool) -> str:
    told = drawn(text)
    return _shortened(told, _LONGEST_DRAWN) if is_label else told


def _write(image: Image.Image, pen: ImageDraw.ImageDraw, words: Words, times: int) -> None:
    text, font = _in_png(words.text, words.is_label), font_of(words.size * times)
    x, y = words.x * times, words.y * times
    if not words.upright:
        anchor = {"start": "lm", "middle": "mm", "end": "rm"}[words.anchor]
        pen.text((x, y), text, words.colour, font, anchor=anchor)
        return
    long, high = max(1, math.ceil(font.getlength(text))), LINE * times
    strip = Image.new("RGB", (long, high), "white")
    ImageDraw.Draw(strip).text((0, high / 2), text, words.colour, font, anchor="lm")
    image.paste(strip.rotate(90, expand=True), (round(x - high / 2), round(y - long)))


def _as_svg(mark: Mark) -> str:
    match mark:
        case Raster():
            held = io.BytesIO()
            Image.fromarray(mark.pixels_RC3).save(held, "PNG", optimize=True)
            data = base64.b64encode(held.getvalue()).decode("ascii")
            return (
                f'<image x="{mark.x:g}" y="{mark.y:g}" width="{mark.width}" '
                f'height="{mark.height}" preserveAspectRatio="none" '
                f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
            )
        case Box():
            size = f'width="{mark.width:.5g}" height="{mark.height:.5g}"'
            return f'<rect x="{mark.x:.6g}" y="{mark.y:.6g}" {size} fill="{mark.colour}"/>'
        case Stroke():
            points = " ".join(f"{x:.6g},{y:.6g}" for x, y in mark.points)
            return (
                f'<polyline points="{points}" fill="none" stroke="{mark.colour}" '
                f'stroke-width="{mark.width:g}" stroke-linejoin="round"/>'
            )
        case Words():
            turn = f' transform="rotate(-90 {mark.x:.6g} {mark.y:.6g})"' if mark.upright else ""
            end = "" if mark.anchor == "start" else f' text-anchor="{mark.anchor}"'
            size = "" if mark.size == FONT else f' font-size="{mark.size}"'
            colour = "" if mark.colour == INK else f' fill="{mark.colour}"'
            return (
                f'<text x="{mark.x:.6g}" y="{mark.y:.6g}" dominant-baseline="central"'
                f"{end}{size}{colour}{turn}>{escape(clean(mark.text))}</text>"
            )


def _moved(mark: Mark, right: float, down: float) -> Mark:
    if isinstance(mark, Stroke):
        return replace(mark, points=tuple((x + right, y + down) for x, y in mark.points))
    return replace(mark, x=mark.x + right, y=mark.y + down)
