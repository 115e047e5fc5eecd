"""Measured speeds: whose they are, which of them fit, and that a probe measures training."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from slm import files
from slm.errors import ConfigError
from slm.jobs import Reporter
from slm.model.config import PRESETS, flops_per_token
from slm.training import rates
from slm.training.config import TrainConfig
from slm.training.rates import (
    MACHINE,
    Rate,
    estimated_rate,
    keep_probe,
    known_rates,
    measured_rate,
)
from slm.training.runs import METRICS
from slm.training.speed import measure_speed
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, MakeRun


def test_a_run_tells_how_fast_this_machine_trained_it(make_run: MakeRun, workspace: Workspace):
    run = make_run(steps=12)
    train(run)
    (found,) = known_rates(workspace)
    records = files.read_records(run / METRICS).records
    told = sorted(record["tokens_per_second"] for record in records if record["step"] > 3)
    assert found.tokens_per_second == pytest.approx(told[4], rel=0.5)  # of nine, the middle one
    assert (found.source, found.name) == ("run", "run")
    assert measured_rate([found], SMALL_MODEL, SHORT) == found
    assert measured_rate([found], SMALL_MODEL.replace(rope_theta=500.0), SHORT) == found
    assert measured_rate([found], SMALL_MODEL.replace(d_ff=64), SHORT) is None
    assert measured_rate([found], SMALL_MODEL, SHORT.replace(batch_size=16)) is None


@pytest.mark.parametrize(
    "changed", [{"machine": "another processor, 64 cores"}, {"processes": 2}, {"machine": None}]
)
def test_what_another_machine_or_several_processes_did_does_not_count(
    make_run: MakeRun, workspace: Workspace, changed: dict[str, object]
):
    run = make_run(steps=12)
    train(run)
    told = files.read_json(run / MACHINE)
    files.write_json(run / MACHINE, {**told, **changed})
    assert known_rates(workspace) == []


def test_a_run_that_says_nothing_or_did_little_does_not_count(
    make_run: MakeRun, workspace: Workspace
):
    train(make_run(steps=4))
    silent = make_run(steps=12)
    train(silent)
    (silent / MACHINE).unlink()
    assert known_rates(workspace) == []


def test_a_probe_is_kept_for_its_model_and_recipe_on_this_machine(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    keep_probe(workspace, SMALL_MODEL, SHORT, 1_000.0, rows=8)
    kept = keep_probe(workspace, SMALL_MODEL, SHORT, 1_200.0, rows=8)
    assert known_rates(workspace) == [kept]
    assert measured_rate(known_rates(workspace), SMALL_MODEL, SHORT) == kept
    (path,) = (workspace.root / rates.FOLDER).iterdir()
    monkeypatch.setattr(rates, "this_machine", lambda: "another one")
    assert known_rates(workspace) == []
    monkeypatch.undo()
    path.write_text("{torn")
    assert known_rates(workspace) == []


def test_the_newest_measurement_counts():
    def rate(speed: float, measured: str) -> Rate:
        return Rate(speed, "probe", SMALL_MODEL, SHORT, measured=measured)

    found = [rate(1, "2026-01-01T00:00:00"), rate(2, "2026-03-01T00:00:00"), rate(3, "")]
    best = measured_rate(found, SMALL_MODEL, SHORT)
    assert best is not None and best.tokens_per_second == 2
    assert measured_rate([], SMALL_MODEL, SHORT) is None


def test_an_estimate_scales_the_nearest_measurement_by_flops():
    nano, mini = PRESETS["nano"], PRESETS["mini"]
    known = [
        Rate(10_000, "run", nano, TrainConfig()),
        Rate(1_000, "run", mini, TrainConfig()),
    ]
    small = PRESETS["small"]
    expected = 1_000 * flops_per_token(mini) / flops_per_token(small)
    assert estimated_rate(known, small) == pytest.approx(expected)
    assert estimated_rate([], small) is None


def test_a_probe_measures_about_what_training_does(make_run: MakeRun, workspace: Workspace):
    """A tiny model: most of its step is neither batch nor log, though the machine may be busy."""
    run = make_run(steps=60, evaluate_every=60)
    train(run)
    speed = measure_speed(SMALL_MODEL, SHORT, seconds=0.3)
    assert speed is not None and speed.rows == 8
    (trained,) = known_rates(workspace)
    assert trained.tokens_per_second / 4 < speed.tokens_per_second < 4 * trained.tokens_per_second


def test_a_model_beyond_this_machine_is_refused_before_anything_is_made():
    large = PRESETS["phi-3-mini"].replace(n_layers=256, d_ff=200_000)
    with pytest.raises(ConfigError, match="GB of memory"):
        measure_speed(large, TrainConfig(device="cpu"))
    slow = SMALL_MODEL.replace(context_length=262_144, d_model=256, n_layers=64)
    with pytest.raises(ConfigError, match=r"GB of memory|more than \d+ minutes"):
        measure_speed(slow, TrainConfig(device="cpu"))


def test_a_measurement_stops_after_the_window_that_it_works_on():
    """A window of a large model may take a minute: nobody waits for the second."""

    report = Mock(spec=Reporter)
    report.should_stop.return_value = True
    assert measure_speed(SMALL_MODEL, SHORT, report) is None
    assert report.should_stop.call_count == 1
    assert [call.args[1] for call in report.call_args_list][-1].startswith("One window")


def test_metrics_are_read_from_their_end(tmp_path: Path):
    log = tmp_path / METRICS
    for step in range(1, 1_500):
        files.append_record(log, {"step": step, "tokens_per_second": float(step)})
    assert log.stat().st_size > 64_000
    found = rates._latest_rates(log)
    assert found == [float(step) for step in range(1_450, 1_500)]
