import pytest

from ui.figures.sampling import axis_top, choice_chart, choice_rows
from ui.view_models.sampling import Bar

BARS = (Bar("·the", 0.31, 0.55, None), Bar("·a", 0.2, 0.0, "top-k"))


def test_rows_hold_both_probabilities_and_the_tokens_fate():
    kept, cut = choice_rows(BARS)
    assert kept == {
        "token": "·the",
        "model": 0.31,
        "final": 0.55,
        "kept": True,
        "fate": "can be drawn",
    }
    assert (cut["kept"], cut["fate"]) == (False, "cut by top-k")


@pytest.mark.parametrize(("highest", "top"), [(0.05, 0.1), (0.31, 0.4), (0.55, 0.6), (1.0, 1.0)])
def test_the_axis_ends_at_one_of_a_few_places(highest, top):
    assert axis_top([Bar("x", highest, 0.0, None)]) == top


def test_the_chart_draws_the_model_behind_the_draw_and_crosses_what_is_cut():
    model, final, crosses = choice_chart(BARS)["layer"]
    assert model["encoding"]["y"]["field"] == "model"
    assert final["encoding"]["y"]["field"] == "final"
    assert final["mark"]["width"]["band"] < model["mark"]["width"]["band"]
    assert crosses["transform"] == [{"filter": "!datum.kept"}]
    assert model["encoding"]["y"]["scale"]["domain"] == [0, 0.6]
