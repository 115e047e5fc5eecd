"""What the bars of the Model page plot."""

from slm.model.config import PRESETS, parameter_counts
from ui.figures.model import parts, stacked
from ui.view_models.model import model_view

VIEW = model_view(PRESETS["nano"], 12, 10**9)


def test_the_bar_adds_up_to_all_parameters():
    figure = parts(VIEW.parameter_pieces)
    whole = sum(parameter_counts(PRESETS["nano"]).values())
    assert sum(bar.x[0] for bar in figure.data) == whole
    assert figure.layout.xaxis.range == (0, whole)
    assert figure.data[0].name == "token embedding"
    assert figure.data[0].text == "524.3 k · 54%"


def test_a_part_has_one_colour_and_one_legend_entry_in_both_bars():
    rows = {"training": VIEW.train_pieces, "generating": VIEW.generate_pieces}
    bars = [bar for bar in stacked(rows, unit="bytes").data if bar.name == "weights"]
    assert len({bar.marker.color for bar in bars}) == 1
    assert [bar.showlegend for bar in bars] == [True, False]
