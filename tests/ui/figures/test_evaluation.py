from ui.figures.evaluation import rivals_chart
from ui.view_models.evaluation import Rival

RIVALS = (Rival("uniform", "Uniform", 1024.0, 4.0), Rival("model", "This model", 6.1, 1.2))


def test_each_rival_is_a_bar_with_its_figure():
    (bars,) = rivals_chart(RIVALS, "perplexity").data
    assert list(bars.y) == ["Uniform", "This model"]
    assert list(bars.x) == [1024.0, 6.1]
    assert [text.strip() for text in bars.text] == ["1,024", "6.1"]


def test_perplexity_begins_at_certainty_on_a_log_axis():
    axis = rivals_chart(RIVALS, "perplexity").layout.xaxis
    assert axis.type == "log" and axis.range[0] == 0  # log10 of 1
    assert list(axis.ticktext) == ["1", "10", "100", "1,000", "10,000"]


def test_bits_per_byte_begin_at_zero():
    figure = rivals_chart(RIVALS, "bits_per_byte")
    assert list(figure.data[0].x) == [4.0, 1.2]
    assert figure.layout.xaxis.type is None and figure.layout.xaxis.rangemode == "tozero"


def test_the_model_has_a_colour_of_its_own():
    (bars,) = rivals_chart(RIVALS, "perplexity").data
    assert len(set(bars.marker.color)) == 2
