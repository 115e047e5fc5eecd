"""What the charts of the Data and Tokenizer pages plot."""

import numpy as np

from ui.figures import data as figures
from ui.figures.tokenizer import compression


def test_lengths_are_bars_as_wide_as_their_bins():
    figure = figures.lengths((10.0, 20.0, 30.0), (4, 6), "words")
    assert list(figure.data[0].x) == [15.0, 25.0] and list(figure.data[0].y) == [4, 6]
    assert list(figure.data[0].width) == [10.0, 10.0]
    assert figure.layout.xaxis.type == "linear"
    assert figure.layout.xaxis.title.text == "length (words)"


def test_lengths_that_differ_widely_have_a_logarithmic_axis():
    assert figures.lengths((1.0, 10.0, 100.0), (1, 1), "words").layout.xaxis.type == "log"


def test_a_text_without_documents_draws_nothing():
    assert not figures.lengths((), (), "words").data[0].x


def test_the_first_row_of_bars_is_on_top():
    figure = figures.bars([("the", 9.0), ("a", 4.0)], "times")
    assert list(figure.data[0].y) == ["the", "a"]
    assert figure.layout.yaxis.autorange == "reversed"


def test_words_by_rank_fall_on_two_logarithmic_axes():
    figure = figures.rank_frequency([(1, 100), (10, 9)])
    assert list(figure.data[0].y) == [100, 9]
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_the_curve_of_compression_marks_where_it_flattens():
    figure = compression(np.array([1.0, 2.0, 3.0]), marked=1)
    assert list(figure.data[0].y) == [1.0, 2.0, 3.0]
    assert list(figure.data[1].x) == [1] and list(figure.data[1].y) == [2.0]
