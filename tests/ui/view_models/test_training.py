"""A run's record in words and points."""

import pytest

from slm.jobs import JobStatus
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.training.runs import RunSettings
from ui.view_models.training import (
    best_losses,
    comparison_rows,
    loss_rows,
    remaining_seconds,
    run_state,
    run_view,
    samples,
    schedule_rows,
    settings_that_differ,
)


def record(step, *, train=None, val=None, seconds=None):
    return {
        "step": step,
        "tokens": 100 * step,
        "elapsed_seconds": float(step if seconds is None else seconds),
        "train_seconds": float(step),
        "train_nats": train,
        "val_nats": val,
        "learning_rate": 0.01,
        "gradient_norm": None,
        "tokens_per_second": 50.0,
    }


@pytest.mark.parametrize(
    ("step", "locked", "job", "state"),
    [
        (5, True, None, "running"),
        (0, False, JobStatus("queued"), "waiting"),
        (5, False, JobStatus("running"), "running"),
        (10, False, None, "done"),
        (5, False, JobStatus("stopped"), "stopped"),
        (5, False, JobStatus("failed"), "failed"),
        (5, False, JobStatus("interrupted"), "interrupted"),
        (5, False, None, "interrupted"),
        (0, False, None, "waiting"),
    ],
)
def test_a_run_is_as_its_record_its_lock_and_its_job_say(step, locked, job, state):
    assert run_state(step, 10, locked, job) == state


def test_a_finished_run_tells_its_losses_and_time():
    """ln 8 = 2.079 nats is a perplexity of 8."""
    records = [record(0, val=3.0), record(10, train=2.0, val=2.0794415, seconds=75)]
    view = run_view(10, records, False, None)
    assert view.headline == "Finished: step 10 of 10"
    assert not view.alive and not view.can_resume and view.fraction == 1
    assert {each.label: each.value for each in view.figures} == {
        "Training loss": "2.000",
        "Validation loss": "2.079",
        "Perplexity": "8.0",
        "Tokens/s": "50",
        "Time taken": "1 min 15 s",
    }


def test_a_run_that_waits_has_no_numbers_yet():
    view = run_view(10, [], False, JobStatus("queued"))
    assert view.alive and view.fraction == 0
    assert {each.value for each in view.figures} == {"…"}


def test_a_run_asked_to_stop_says_so():
    view = run_view(10, [record(3)], True, JobStatus("running", stopping=True))
    assert "stopping" in view.headline


def test_time_left_goes_by_the_newest_rate():
    """A slow start is forgotten: 100 steps to go, 2 s each over the last 50 records."""
    slow = [record(step, seconds=100 * step) for step in range(3)]
    fast = [record(step, seconds=1_000 + 2 * step) for step in range(3, 101)]
    assert remaining_seconds(200, slow + fast) == pytest.approx(200)
    assert remaining_seconds(200, slow[:1]) is None


def test_a_diverged_record_counts_as_no_step():
    broken = {"step": 6, "train_nats": None, "val_nats": None, "diverged": True}
    view = run_view(10, [record(5, train=9.0), broken], False, JobStatus("failed", error="It did"))
    assert view.headline == "Failed: step 5 of 10" and view.can_resume


def test_long_training_curves_are_thinned_but_validation_is_kept():
    records = [record(step, train=1.0, val=2.0) for step in range(6_000)]
    rows = loss_rows(records)
    assert sum(row["split"] == "training" for row in rows) == 600
    assert sum(row["split"] == "validation" for row in rows) == 6_000


def test_runs_are_compared_against_the_axis_that_is_asked():
    runs = [("a", [record(1, val=3.0), record(2)]), ("b", [record(4, val=2.0)])]
    assert comparison_rows(runs, "tokens") == [
        {"x": 100, "run": "a", "nats": 3.0},
        {"x": 400, "run": "b", "nats": 2.0},
    ]
    assert best_losses([*runs, ("c", [])]) == {
        "a": "3.000 at step 1",
        "b": "2.000 at step 4",
        "c": "not measured",
    }


def test_only_settings_that_differ_are_listed_and_ids_are_told_by_name():
    model = ModelConfig()
    first = RunSettings(model, TrainConfig(), "c1", "t", "x", {})
    second = RunSettings(model.replace(n_layers=5), TrainConfig(steps=1_000), "c2", "t", "y", {})
    rows = settings_that_differ([("a", first), ("b", second)], {"c1": "tales", "c2": "docs"})
    assert rows == [
        {"setting": "n_layers", "a": "3", "b": "5"},
        {"setting": "steps", "a": "400", "b": "1,000"},
        {"setting": "corpus", "a": "tales", "b": "docs"},
    ]


def test_samples_come_newest_first():
    records = [{"step": step, "prompt": "A", "text": " cat"} for step in (0, 50, 100)]
    assert [each.step for each in samples(records, limit=2)] == [100, 50]


def test_the_schedule_ends_with_its_last_step():
    rows = schedule_rows(TrainConfig(steps=1_000, learning_rate=0.01))
    assert rows[-1]["step"] == 999 and len(rows) < 400
    assert max(row["value"] for row in rows) == pytest.approx(0.01)
