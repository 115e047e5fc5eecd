from ui.figures.evaluation import rivals_chart
from ui.view_models.evaluation import OTHER, Rival

RIVALS = (Rival("uniform", "Uniform", 1024.0, 4.0), Rival("model", "This model", 6.1, 1.2))


def test_each_rival_is_a_bar_with_its_figure():
    figure = rivals_chart(RIVALS, "perplexity")
    assert list(figure.layout.yaxis.ticktext) == ["Uniform", "This model"]
    assert list(figure.data[0].x) == [1024.0, 6.1]
    assert [note.text for note in figure.layout.annotations] == ["1,024", "6.1"]


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


def test_an_interval_is_a_whisker_and_the_figure_stands_behind_it():
    rival = Rival("model", "This model", 10.0, 1.2, {"perplexity": (8.0, 100.0)})
    figure = rivals_chart((rival,), "perplexity")
    assert list(figure.data[0].error_x.array) == [90.0]
    assert list(figure.data[0].error_x.arrayminus) == [2.0]
    assert figure.layout.annotations[0].x == 2.0  # log10 of 100
    assert "95% interval 8 to 100" in figure.data[0].customdata[0]


def test_other_models_may_share_a_name_and_are_escaped():
    others = tuple(Rival(OTHER, "<i>x", each, 1.0) for each in (5.0, 6.0))
    figure = rivals_chart((*RIVALS, *others), "perplexity")
    assert list(figure.layout.yaxis.ticktext)[2:] == ["&lt;i&gt;x"] * 2
    assert len(set(figure.data[0].y)) == 4
