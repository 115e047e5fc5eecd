"""Pictures that are saved: their colours are those of the values, their words are harmless."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from ui.figures.attention_pictures import (
    SavedPage,
    SavedPicture,
    SavedThumbnails,
    as_png,
    as_svg,
    colours_of,
)
from ui.figures.saved_charts import SavedBars, SavedLine, SavedLines
from ui.figures.sheet import drawn

HOSTILE = ['<img onerror="x">', "\u202eturned", "x" * 10_000, "\x00]]>"]


def picture(n: int = 4) -> SavedPicture:
    values = np.tril(np.full((n, n), 0.25, dtype=np.float32))
    values[np.triu_indices(n, 1)] = np.nan
    labels = (HOSTILE * n)[:n]
    return SavedPicture(values, labels, labels, "Layer 0, head 1", "<b>a model</b>")


def test_what_may_not_be_looked_at_is_grey_and_what_is_no_number_red():
    values = np.array([[np.nan, np.inf]], dtype=np.float32)
    cells = colours_of(SavedPicture(values, ["a"], ["a", "b"], ""))
    assert cells.tolist() == [[[238, 238, 238], [220, 30, 30]]]


def test_signs_are_told_by_colour_around_white():
    values = np.array([[-2, 0, 2]], dtype=np.float32)
    cells = colours_of(SavedPicture(values, ["a"], ["a", "b", "c"], "", most=2, diverging=True))
    assert cells.tolist() == [[[0, 114, 178], [255, 255, 255], [213, 94, 0]]]


def test_the_matrix_in_an_svg_is_one_pixel_a_value():
    """The root of ¼ is ½: midway between the fifth and sixth of cividis' ten stops."""
    data = re.findall(rb"base64,([^\"]+)", as_svg(picture()))[0]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    np.testing.assert_array_equal(pixels, colours_of(picture()))
    np.testing.assert_allclose(pixels[1, 0], [125, 124, 118], atol=1)


def test_foreign_words_stay_words():
    root = ElementTree.fromstring(as_svg(picture()))
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds == {"svg", "rect", "text", "image"}
    words = [element.text or "" for element in root.iter() if element.tag.endswith("text")]
    assert "<b>a model</b>" in words
    assert max(map(len, words)) < 120


def test_pictures_of_a_long_text_stay_small():
    values = np.random.default_rng(0).random((512, 512), dtype=np.float32)
    noise = SavedPicture(values, ["token"] * 512, ["token"] * 512, "noise, which packs worst")
    assert len(as_png(noise)) < 1_500_000
    assert len(as_svg(noise)) < 1_500_000


def test_a_png_opens_at_the_size_that_its_cells_ask_for():
    with Image.open(io.BytesIO(as_png(picture()))) as found:
        assert found.format == "PNG"
        assert found.width > 4 * 28


def words_of(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)
    return [element.text or "" for element in root.iter() if element.tag.endswith("text")]


def test_letters_that_a_png_can_not_show_are_told_by_number():
    assert drawn("ab") == "ab"
    assert drawn("a中b⏎") == "a U+4E2D b\\n"
    assert drawn("é·…") == "é·…"
    assert "中" in words_of(as_svg(SavedPicture(np.ones((1, 1), np.float32), ["中"], ["中"], "")))


def test_thumbnails_stand_in_rows_of_layers_with_grey_ahead_of_each_query():
    pictures_LHPP = np.full((2, 3, 4, 4), 255, dtype=np.uint8)
    svg = as_svg(SavedThumbnails(pictures_LHPP, "All heads", names_LH=[["mixed"] * 3] * 2))
    found = words_of(svg)
    assert found.count("mixed") == 6 and {"layer 1", "0.0", "1.2"} <= set(found)
    rows = re.findall(rb"base64,([^\"]+)", svg)
    assert len(rows) == 2
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(rows[0]))))
    assert pixels[3, 0].tolist() == [254, 232, 56]
    assert pixels[0, 1].tolist() == [238, 238, 238]


def test_a_line_goes_from_corner_to_corner_and_is_named():
    rising = SavedLine([0.0, 1.0], "layer 0, head 1")
    pale = SavedLine([0.5, float("nan")])
    chart = SavedLines([rising, pale], [0, 1], [(0, "1"), (1, "8")], "Induction", pale="others")
    svg = as_svg(chart).decode()
    ((x0, y0), (x1, y1)) = [
        tuple(map(float, point.split(",")))
        for point in re.findall(r'points="([^"]+)"[^>]*stroke-width="2.2"', svg)[0].split()
    ]
    assert (x1 - x0, y0 - y1) == (520, 240)
    assert {"Induction", "layer 0, head 1", "others", "1", "8", "0.5"} <= set(
        words_of(as_svg(chart))
    )


def test_bars_grow_from_zero_to_both_sides_with_one_scale_in_all_columns():
    """−1 and 3 on a bar's 220 pixels: 55 to the left of 0, 165 to the right."""
    values = np.array([[-1.0], [3.0], [np.nan]] + [[1.0]] * 60, dtype=np.float32)
    labels = [*HOSTILE, *"x" * 59]
    svg = as_svg(SavedBars(labels, values, "Change", unit="nats", told=["a → b"] * 63))
    bars = re.findall(r'width="([\d.]+)" height="10" fill="(#\w+)"', svg.decode())
    assert bars[:3] == [("55", "#0072B2"), ("165", "#D55E00"), ("55", "#D55E00")]
    assert len(bars) == 62
    found = words_of(svg)
    assert '<img onerror="x…' in found and found.count("−1") == found.count("3") == 2


def test_a_page_puts_pictures_beside_and_below_each_other():
    one = SavedPicture(np.ones((2, 2), np.float32), ["a", "b"], ["a", "b"], "One")
    with Image.open(io.BytesIO(as_png(one))) as alone:
        size = alone.size
    with Image.open(io.BytesIO(as_png(SavedPage(((one, one), (one,)))))) as page:
        assert page.size == (2 * size[0], 2 * size[1])
