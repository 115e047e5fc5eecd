"""A run's record in words and points."""

import pytest

from slm.jobs import JobStatus
from ui.view_models.training import (
    Costs,
    costs_of,
    counted_in,
    loss_rows,
    prompts_of,
    remaining_seconds,
    run_state,
    run_view,
    sample_steps,
    samples_at,
    samples_of,
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
        (5, False, JobStatus("paused"), "paused"),
        (5, False, JobStatus("failed"), "failed"),
        (5, False, JobStatus("interrupted"), "interrupted"),
        (5, False, None, "interrupted"),
        (0, False, None, "waiting"),
    ],
)
def test_a_run_is_as_its_record_its_lock_and_its_job_say(step, locked, job, state):
    assert run_state(step, 10, locked, job) == state


def test_a_run_that_was_asked_to_stop_was_not_interrupted():
    assert run_state(5, 10, False, None, stop_asked=True) == "stopped"
    assert run_state(5, 10, True, None, stop_asked=True) == "running"


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


def sample(step, prompt="A"):
    return {"step": step, "prompt": prompt, "text": f" cat {step}"}


def test_samples_come_newest_first_and_go_back_from_a_step():
    records = [sample(0), sample(50), sample(50, "B"), sample(100)]
    assert prompts_of(records) == ("A", "B")
    assert sample_steps(records, "A") == (100, 50, 0)
    assert [each.step for each in samples_of(records, "A", limit=2)] == [100, 50]
    assert [each.step for each in samples_of(records, "A", up_to=50)] == [50, 0]


def test_two_steps_are_shown_side_by_side():
    records = [sample(0), sample(50), sample(100)]
    assert [each.text for each in samples_at(records, "A", (100, 0))] == [" cat 100", " cat 0"]
    assert samples_at(records, "A", (7,)) == ()


def test_figures_follow_the_unit():
    """ln 8 nats at 2 bytes a token: perplexity 8, 1.5 bits per byte."""
    first = {**record(0, val=2.0794415), "val_bytes_per_token": 2.0}
    records = [first, record(10, train=2.0794415, val=2.0794415)]

    def told(unit):
        view = run_view(10, records, False, None, unit=unit)
        return {each.label: each.value for each in view.figures}

    assert told("perplexity")["Validation loss"] == "8.0"
    assert told("bits")["Validation loss"] == "1.500"
    assert "Perplexity" not in told("bits")


def test_speed_is_told_as_a_share_of_the_peak_and_how_that_is_known():
    records = [record(0), {**record(5), "flops_per_second": 2e10}]
    figures = run_view(10, records, False, None, Costs(peak_flops=1e11, peak_source="measured"))
    share = next(each for each in figures.figures if each.label == "Share of peak")
    assert share.value == "20%" and "0.1 TFLOP/s, measured here" in share.more
    assert not any(
        each.label == "Share of peak" for each in run_view(10, records, False, None).figures
    )


def test_energy_and_epochs_are_told_where_they_are_known():
    """7,200 J in 10 s are 2 Wh, at 720 W; 1,000 tokens of a text of 500 are 2 epochs."""
    records = [record(0), {**record(10), "energy_joules": 7200.0}]
    figures = run_view(10, records, False, None, Costs(train_tokens=500)).figures
    told = {each.label: each for each in figures}
    assert told["Energy"].value == "2.0 Wh" and "720 W" in told["Energy"].more
    assert told["Epochs read"].value == "2.00"


def test_costs_come_from_machine_and_tokens_as_far_as_they_say():
    machine = {"peak_flops": 1e12, "peak_source": "datasheet"}
    assert costs_of(machine, None, 7) == Costs(None, 7, 1e12, "datasheet")
    assert costs_of({}, None, 7) == Costs(None, 7, None, "")


def test_baselines_of_an_evaluation_are_found():
    report = {"evaluation": {"bigram": {"nats_per_token": 2.5}, "unigram": {}}}
    assert counted_in(report) == {"bigram_nats": 2.5}
    assert counted_in({}) == {}
