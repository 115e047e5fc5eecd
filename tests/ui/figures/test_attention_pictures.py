"""Pictures that are saved: their colours are those of the values, their words are harmless."""

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from ui.figures.attention_pictures import SavedPicture, as_png, as_svg, colours_of

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
