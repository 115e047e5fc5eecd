"""What the curves of the Training page plot."""

import json

import pytest

from ui.figures.training import curve, depth_colors, loss, schedules


def layers_of(spec, kind):
    return [
        layer
        for layer in spec["layer"]
        if f"datum.kind === '{kind}'" in json.dumps(layer.get("transform", []))
    ]


def test_the_loss_spans_the_whole_run_from_its_first_step():
    (line,) = layers_of(loss(400, "nats per token"), "planned")
    assert line["encoding"]["x"]["scale"]["domain"] == [0, 400]


def test_a_logarithmic_axis_of_steps_begins_at_one():
    (line,) = layers_of(loss(400, "nats per token", log_x=True), "planned")
    assert line["encoding"]["x"]["scale"] == {"type": "log", "domain": [1, 400]}


@pytest.mark.parametrize("spec", [loss(9, "nats per token"), curve("gradient norm", 9)])
def test_every_chart_of_a_run_has_room_for_events_and_findings(spec):
    assert len(layers_of(spec, "mark")) == 2 and len(layers_of(spec, "stretch")) == 3


def test_events_lie_above_what_the_pointer_finds():
    """Else the nearest point of the curve would always answer in their place."""
    kinds = json.dumps(loss(9, "nats per token")["layer"])
    assert kinds.index('"hover"') < kinds.index("datum.kind === 'mark'")


def test_a_specification_does_not_change_while_a_run_goes_on():
    """Points come as data; another specification would redraw the chart at every poll."""
    assert loss(400, "nats per token") == loss(400, "nats per token")
    assert "values" not in json.dumps(curve("tokens per second", 400))


def test_the_usual_band_is_drawn_at_the_back():
    spec = curve("update over weights", 9, band=(1e-4, 1e-2))
    assert spec["layer"][0]["encoding"]["y2"]["datum"] == 1e-2


def test_layers_are_coloured_by_depth():
    colors = depth_colors(5)
    assert len(set(colors)) == 5 and depth_colors(1) == colors[:1]


def test_the_chosen_schedule_is_drawn_strongly():
    spec = schedules(9, ("cosine", "linear"), "linear")
    condition = spec["encoding"]["strokeWidth"]["condition"]
    assert condition == {"test": "datum.schedule === 'linear'", "value": 3}
