"""A run's record as the rows of its charts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.training.config import TrainConfig
from ui.view_models import run_curves
from ui.view_models.run_curves import (
    Mark,
    baselines,
    field_rows,
    loss_rows,
    part_rows,
    parts_of,
    rate_rows,
    thinned,
    units_of,
)


def rows_of(rows, kind):
    columns = rows.columns()
    return [
        {name: columns[name][place] for name in columns}
        for place, found in enumerate(columns["kind"])
        if found == kind
    ]


def points(rows, kind, series):
    return [(row["step"], row["value"]) for row in rows_of(rows, kind) if row["series"] == series]


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5_000),
    st.integers(10, 700),
)
def test_thinning_keeps_the_extremes_and_the_last_point(values, most):
    steps = np.arange(len(values), dtype=float)
    few_steps, few = thinned(steps, np.array(values), most)
    assert few.min() == min(values) and few.max() == max(values)
    assert few_steps[-1] == steps[-1] and few[-1] == values[-1]
    assert (np.diff(few_steps) > 0).all()
    assert few.size <= max(most, 2 * math.ceil(len(values) / most) + most)


def test_a_last_point_that_is_no_extreme_stays_where_stretches_come_out_even():
    """2,048 points in 256 stretches of 8, each of which ends between its lowest and highest."""
    few_steps, few = thinned(np.arange(2_048.0), np.array([0.0, 3.0, 1.0, 2.0] * 512))
    assert (few_steps[-1], few[-1]) == (2_047, 2.0)


def test_a_curve_that_grows_keeps_its_older_points():
    """1,100 points in stretches of 4 (at most 600 are wanted): more of them move none."""
    values = np.sin(np.arange(1_200.0))
    before, _ = thinned(np.arange(1_100.0), values[:1_100])
    after, _ = thinned(np.arange(1_200.0), values)
    assert list(before[:400]) == list(after[:400])


def test_losses_are_told_in_the_unit_that_is_asked():
    """ln 8 nats: perplexity 8; with 2 bytes a token 3 bits make 1.5 bits per byte."""
    records = [
        {"step": 0, "val_nats": math.log(8), "val_bytes_per_token": 2.0},
        {"step": 1, "train_nats": math.log(4)},
    ]
    rows = loss_rows(records, (), unit="perplexity")
    assert points(rows, "measured", "validation") == [(0, pytest.approx(8))]
    rows = loss_rows(records, (), unit="bits")
    assert points(rows, "measured", "validation") == [(0, pytest.approx(1.5))]
    assert points(rows, "measured", "training") == [(1, pytest.approx(1.0))]  # a lone point


def test_bits_per_byte_are_offered_where_the_bytes_were_counted():
    assert units_of([{"step": 0, "val_nats": 2.0}]) == ("nats", "perplexity")
    assert "bits" in units_of([{"step": 0, "val_bytes_per_token": 3.5}])


def test_baselines_are_lines_with_their_numbers_in_the_same_unit():
    records = [{"step": 0, "unigram_nats": math.log(100), "bigram_nats": math.log(10)}]
    assert set(baselines(records)) == {"unigram_nats", "bigram_nats"}
    found = rows_of(loss_rows(records, (), unit="perplexity"), "level")
    assert [(row["series"], round(row["value"])) for row in found] == [
        ("unigram_nats", 100),
        ("bigram_nats", 10),
    ]
    assert found[1]["note"].endswith("(bigram): 10.00")


def test_a_run_without_baselines_shows_those_of_its_evaluation():
    found = rows_of(loss_rows([{"step": 1}], (), counted={"bigram_nats": 3.0}), "level")
    assert [row["value"] for row in found] == [3.0]


def test_a_logarithmic_axis_leaves_out_step_zero_and_keeps_marks():
    records = [{"step": 0, "val_nats": 7.0}, {"step": 4, "val_nats": 5.0}]
    rows = loss_rows(records, (Mark(0, "forked"),), log_steps=True)
    assert points(rows, "measured", "validation") == [(4, 5.0)]
    assert rows_of(rows, "mark")[0]["step"] == 1


def test_events_and_findings_stand_on_every_chart():
    marks = (Mark(3, "Learning rate: 0.01 → 0.005"), Mark(5, "The loss stands still", 9, "warning"))
    for rows in (
        loss_rows([], marks),
        field_rows([], "gradient_norm", marks),
        rate_rows([], TrainConfig(), marks),
        part_rows([], "update_ratios", parts_of(1), marks),
    ):
        assert rows_of(rows, "mark")[0]["step"] == 3
        (stretch,) = rows_of(rows, "stretch")
        assert (stretch["step"], stretch["end"], stretch["series"]) == (5, 9, "warning")


def test_rates_are_drawn_as_they_were_and_planned_from_here_on():
    """A line down to 0 over 4 steps: shares 1, 0.75, 0.5, 0.25 of the peak; two steps are done."""
    config = TrainConfig(
        steps=4, schedule="linear", warmup_steps=0, learning_rate=0.4, muon_learning_rate=0.8
    )
    records = [
        {"step": 1, "learning_rate": 0.4, "muon_learning_rate": 0.8},
        {"step": 2, "learning_rate": 0.3, "muon_learning_rate": 0.6},
    ]
    rows = rate_rows(records, config, ())
    assert points(rows, "done", "AdamW") == [(1, 0.4), (2, 0.3)]
    assert points(rows, "planned", "AdamW") == [
        (2, pytest.approx(0.3)),
        (3, pytest.approx(0.2)),
        (4, pytest.approx(0.1)),
    ]
    assert points(rows, "now", "Muon") == [(2, pytest.approx(0.6))]


def test_a_finished_run_plans_nothing():
    rows = rate_rows([{"step": 4, "learning_rate": 0.1}], TrainConfig(steps=4), ())
    assert not rows_of(rows, "planned") and not rows_of(rows, "now")


def test_an_older_record_of_one_rate_gives_both():
    config = TrainConfig(steps=9, learning_rate=0.01, muon_learning_rate=0.02)
    records = [{"step": 1, "learning_rate": 0.005}, {"step": 2, "learning_rate": 0.01}]
    rows = rate_rows(records, config, ())
    assert points(rows, "done", "Muon") == [(1, pytest.approx(0.01)), (2, pytest.approx(0.02))]


def test_parts_come_from_an_object_and_layers_from_a_list():
    records = [
        {"step": 0, "update_ratios": None},
        {"step": 5, "update_ratios": {"token_embedding": 0.01, "blocks.1": 0.002, "output": 0.0}},
        {"step": 6, "attention_share": [0.5, None]},
    ]
    rows = part_rows(records, "update_ratios", parts_of(2), ())
    assert points(rows, "measured", "embedding") == [(5, 0.01)]
    assert points(rows, "measured", "layer 1") == [(5, 0.002)]
    assert points(rows, "measured", "output") == []  # a logarithmic axis has no zero
    rows = part_rows(records, "attention_share", ("blocks.0", "blocks.1"), ())
    assert points(rows, "measured", "layer 0") == [(6, 0.5)]
    assert not points(rows, "measured", "layer 1")


def test_twenty_thousand_records_are_thinned_quickly_enough_to_poll():
    """A count of the rows that are sent, which is what a poll costs; the time is benchmarked."""
    records = [
        {"step": step, "train_nats": 2.0 + step % 7, "val_nats": None} for step in range(20_000)
    ]
    rows = loss_rows(records, ())
    assert len(rows.kind) <= 640
    assert run_curves.has(records, "train_nats")


def test_a_lone_value_is_a_point_since_one_point_makes_no_line():
    rows = part_rows([{"step": 10, "attention_share": [0.5]}], "attention_share", ["blocks.0"], ())
    assert rows.kind == ["measured"] and rows.value == [0.5]


def test_a_fork_of_an_older_record_keeps_the_rates_before_it():
    config = TrainConfig(steps=20, learning_rate=0.01, muon_learning_rate=0.03)
    records = [
        {"step": 1, "learning_rate": 0.002},
        {"step": 2, "learning_rate": 0.004, "muon_learning_rate": 0.012},
    ]
    rows = rate_rows(records, config, ())
    muon = [
        (step, value)
        for kind, series, step, value in zip(
            rows.kind, rows.series, rows.step, rows.value, strict=True
        )
        if (kind, series) == ("done", "Muon")
    ]
    assert muon == [(1, pytest.approx(0.006)), (2, pytest.approx(0.012))]
