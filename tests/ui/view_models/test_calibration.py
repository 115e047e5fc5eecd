"""What is said of a model's certainty."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from slm.evaluation.binning import Cells, Reliability
from slm.evaluation.calibration import Calibration, EntropyBin
from slm.evaluation.tempering import TEMPERATURES, AtTemperature, Tempering
from slm.lab.calibration import as_json, from_json
from slm.workspace import Artefact, Manifest
from ui.figures.calibration import entropy_chart, reliability_chart
from ui.view_models.calibration import (
    calibration_code,
    calibration_view,
    reliability_of,
)


def reliability(said: float, came: float, count: int = 1_000) -> Reliability:
    cells = Cells(10)
    cells.add(np.full(count, said), np.arange(count) < came * count)
    return cells.equal_width(10)


def calibration(said: float, came: float, best: float = 1.0, at_an_end: bool = False):
    shown = reliability(said, came)
    at = tuple(
        AtTemperature(each, 2.0, reliability(min(1, said / each), came)) for each in TEMPERATURES
    )
    return Calibration(
        tokens=1_000,
        nats_per_token=2.0,
        entropy=1.5,
        top={1: came, 5: 0.9, 10: 0.95},
        confidence=said,
        width=shown,
        mass=shown,
        guesses=reliability(0.1, 0.1),
        by_entropy=(EntropyBin(0.0, 0.5, 1_000, 0.2, came, said),),
        tempered=Tempering(1_000, at, best, at_an_end, 1.9),
    )


def view(
    found: Calibration, kind: str = "width", temperature: float = 1.0, total: int | None = 1_001
):
    return calibration_view(found, kind, temperature, total, "the held-out text")


@pytest.mark.parametrize(
    ("said", "came", "told"),
    [
        (0.5, 0.5, "It knows what it knows"),
        (0.9, 0.5, "It is much too certain."),
        (0.55, 0.5, "It is somewhat too certain."),
        (0.5, 0.56, "It is somewhat less certain than it could be."),
    ],
)
def test_the_headline_says_in_which_direction_it_errs(said, came, told):
    assert view(calibration(said, came)).headline.startswith(told)


def test_gaps_that_cancel_are_told_as_such():
    cells = Cells(10)
    cells.add(np.full(1_000, 0.85), np.arange(1_000) < 700)
    cells.add(np.full(1_000, 0.25), np.arange(1_000) < 400)
    found = replace(calibration(0.5, 0.5), width=cells.equal_width(10))
    assert view(found).headline.startswith("Sometimes too certain")


def test_the_figures_and_what_they_rest_on():
    told = view(calibration(0.9, 0.5), total=5_000)
    figures = {label: value for label, value, _ in told.figures}
    assert figures["Right at once"] == "50.0%" and figures["ECE"] == "40.0 points"
    assert told.partial and told.measured.startswith("Measured on the first 1,000 of 5,000")
    assert not view(calibration(0.9, 0.5)).partial
    unknown = view(calibration(0.9, 0.5), total=None)
    assert unknown.measured == "Measured on the first 1,000 tokens of the held-out text."
    assert told.marks[0].said == pytest.approx(0.9) and told.marks[0].share == 1.0


def test_the_best_temperature_in_words():
    assert "Temperature 1 is best already" in view(calibration(0.5, 0.5, 1.01)).temperature
    better = view(calibration(0.9, 0.5, 1.43)).temperature
    assert "1.43" in better and "from 2.000 to 1.900 nats" in better
    assert "2 or more" in view(calibration(0.9, 0.5, 2.0, at_an_end=True)).temperature
    assert "0.5 or less" in view(calibration(0.9, 0.5, 0.5, at_an_end=True)).temperature


def test_another_temperature_shows_its_own_bins():
    found = calibration(0.8, 0.4)
    assert reliability_of(found, "guesses", 2.0).ece == pytest.approx(0.0)
    assert view(found, temperature=2.0).reading.startswith("At temperature 2 it gives")
    assert reliability_of(found, "width", 9.9) == found.width


def test_what_is_saved_is_read_again_whole():
    import json

    found = calibration(0.8, 0.4, 1.3)
    assert from_json(json.loads(json.dumps(as_json(found)))) == found


def test_charts_draw_what_was_measured():
    told = view(calibration(0.9, 0.5))
    bars = reliability_chart(told.marks).data[1]
    assert (bars.x[0], bars.y[0], bars.width[0]) == (pytest.approx(0.85), 0.5, pytest.approx(0.1))
    assert entropy_chart(told.entropy).data[0].y[0] == 0.5


def test_the_code_is_python():
    run = Artefact(Path("workspace/runs/a"), Manifest("a", "a", "runs"))
    compile(calibration_code(run, "val", "c'o", 100), "code", "exec")
