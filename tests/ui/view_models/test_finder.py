"""The range test in words."""

import pytest

from slm.model.config import PRESETS
from slm.training.config import TrainConfig, recipe_for
from slm.training.rate_curves import RateCurve, read_off
from ui.figures.finder import range_test
from ui.view_models.finder import changed_text, find_argv, finder_view
from ui.view_models.model import Design


def curve(suggested: float | None, **more) -> RateCurve:
    told = {"learning_rate": 0.01, "muon_learning_rate": 0.015, "batch_size": 12, "rows": 12}
    found = {"steepest_factor": 1.0, "lowest_factor": 5.0, "seconds": 9.6, **told, **more}
    return RateCurve((0.1, 1.0, 10.0), (7.0, 6.0, 9.0), (6.9, 6.1, 8.0), suggested, None, **found)


def test_a_suggestion_far_from_the_present_rate_is_told_with_its_reason():
    view = finder_view(curve(2.31), TrainConfig())
    assert view.headline == "Try learning rate 0.0231 and Muon learning rate 0.0347"
    assert "2.3 times the present rate" in view.reason
    assert "falls fastest (0.01)" in view.reason and "lowest (0.05)" in view.reason
    assert (view.present, view.suggested, view.near) == (0.01, 0.0231, False)


def test_a_recipe_that_took_the_suggestion_over_is_about_right():
    taken = TrainConfig(learning_rate=0.0231, muon_learning_rate=0.0347)
    view = finder_view(curve(2.31), taken)
    assert view.near and view.headline == "The present rates are about right"


def test_without_a_suggestion_it_says_why():
    view = finder_view(curve(None), TrainConfig())
    assert view.suggested is None and view.headline == "No rate stands out"


def test_a_batch_that_was_cut_down_is_said():
    assert "with 3 windows a step" in finder_view(curve(1.0, rows=3), TrainConfig()).notes
    assert "windows a step" not in finder_view(curve(1.0), TrainConfig()).notes


def test_the_command_names_the_same_settings_as_the_training_and_no_name():
    recipe = recipe_for("nano").replace(batch_size=24)
    argv = find_argv(Design("nano", PRESETS["nano"]), recipe, "c", "t")
    assert argv == ["find-rate", "--corpus=c", "--tokenizer=t", "--preset=nano", "--batch-size=24"]


def test_taking_over_changes_the_rates_and_keeps_the_other_settings():
    base = recipe_for("nano")
    told = changed_text(base.replace(steps=800), base, {"learning_rate": 0.02})
    assert told == "steps:800,learning_rate:0.02"


@pytest.mark.parametrize("suggested", [None, 2.0])
def test_the_chart_marks_the_present_and_the_suggested_rate(suggested):
    figure = range_test(finder_view(curve(suggested), TrainConfig()))
    names = [trace.name for trace in figure.data]
    assert "present: 0.01" in names
    assert ("suggested: 0.02" in names) == (suggested is not None)
    assert figure.layout.xaxis.type == "log" and "nats" in figure.layout.yaxis.title.text


def test_the_chart_draws_a_curve_that_was_read_off():
    factors = [10 ** (n / 10 - 2) for n in range(40)]
    nats = [7.0 - 2 * (n / 30) ** 2 if n <= 30 else 5 + (n - 30) for n in range(40)]
    measured = read_off(factors, nats, learning_rate=0.01)
    assert len(range_test(finder_view(measured, TrainConfig())).data[1].x) == 40
