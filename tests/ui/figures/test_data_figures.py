"""What the charts of the Data and Tokenizer pages plot."""

import numpy as np

from ui.figures import data as figures
from ui.figures.tokenizer import compression
from ui.view_models.explore_pictures import Bar, Bin


def test_lengths_are_bars_as_wide_as_their_bins():
    bins = [Bin(10, 20, 4, "only=words:10-19"), Bin(20, 30, 6, "only=words:20-29")]
    figure = figures.histogram(bins, "length (words)", "documents")
    assert list(figure.data[0].x) == [15.0, 25.0] and list(figure.data[0].y) == [4, 6]
    assert list(figure.data[0].width) == [10.0, 10.0]
    assert figure.layout.xaxis.type == "linear"
    assert figure.layout.xaxis.title.text == "length (words)"
    assert figure.data[0].customdata[1][-1] == "only=words:20-29"


def test_lengths_that_differ_widely_have_a_logarithmic_axis():
    wide = [Bin(0, 1, 3, ""), Bin(1, 10, 1, ""), Bin(10, 100, 1, "")]
    figure = figures.histogram(wide, "length (words)", "documents")
    assert figure.layout.xaxis.type == "log" and min(figure.data[0].x) > 0


def test_a_text_without_documents_draws_nothing():
    assert not figures.histogram([], "length (words)", "documents").data[0].x


def test_the_first_row_of_bars_is_on_top_and_carries_its_click():
    figure = figures.bars([Bar("the", 9.0, "find=the"), Bar("a", 4.0, "find=a")], "times")
    assert list(figure.layout.yaxis.ticktext) == ["the", "a"]
    assert list(figure.layout.yaxis.range) == [7.5, -0.5]
    assert [row[-1] for row in figure.data[0].customdata] == ["find=the", "find=a"]


def test_two_bars_of_one_name_stay_two():
    """Names are labels, not places: "é" written in two ways looks the same."""
    figure = figures.bars([Bar("é", 2.0, "a"), Bar("é", 1.0, "b")], "times")
    assert list(figure.data[0].y) == [0, 1]


def test_words_by_rank_fall_on_two_logarithmic_axes_with_their_line():
    figure = figures.rank_frequency([(1, 100, "the"), (10, 9, "cat")], [(1, 90), (10, 9)])
    assert list(figure.data[0].y) == [100, 9] and list(figure.data[1].y) == [90, 9]
    assert figure.data[0].customdata[1][-1] == "find=cat"
    assert figure.layout.xaxis.type == figure.layout.yaxis.type == "log"


def test_growth_leads_to_the_document_that_stands_there():
    figure = figures.growth([(1, 1, "document=1"), (50, 30, "document=7")])
    assert figure.data[0].customdata[1][-1] == "document=7" and len(figure.data) == 1


def test_shared_stretches_are_shares_of_all():
    figure = figures.shared_stretches([(3, 0.9), (13, 0.2)])
    assert list(figure.data[0].x) == [3, 13] and list(figure.data[0].y) == [0.9, 0.2]


def test_the_curve_of_compression_marks_where_it_flattens():
    figure = compression(np.array([1.0, 2.0, 3.0]), marked=1)
    assert list(figure.data[0].y) == [1.0, 2.0, 3.0]
    assert list(figure.data[1].x) == [1] and list(figure.data[1].y) == [2.0]
