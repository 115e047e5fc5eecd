"""The schedule worked by hand, and which settings are refused."""

import subprocess
import sys

import pytest

from slm.errors import ConfigError
from slm.model.config import PRESETS
from slm.training.config import (
    TRAIN_PRESETS,
    TrainConfig,
    is_evaluation_step,
    is_observation_step,
    rate_factor,
    recipe_for,
    snapshot_steps,
)


def test_warmup_rises_to_the_peak_then_stays_then_falls_on_a_line():
    """10 steps, 2 of warm-up, the last half falls: 1/2, 1, 1, 1, 1 and then 5/5 to 1/5."""
    config = TrainConfig(steps=10, warmup_steps=2, decay_fraction=0.5)
    factors = [rate_factor(config, step) for step in range(10)]
    assert factors == pytest.approx([0.5, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])


def test_cosine_is_at_half_its_way_in_the_middle():
    config = TrainConfig(steps=102, warmup_steps=2, schedule="cosine", final_fraction=0.1)
    assert rate_factor(config, 2) == 1.0
    assert rate_factor(config, 52) == pytest.approx(0.55)
    assert rate_factor(config, 101) == pytest.approx(0.1, abs=1e-3)


def test_linear_falls_from_the_end_of_the_warmup():
    config = TrainConfig(steps=100, warmup_steps=0, schedule="linear")
    assert [rate_factor(config, step) for step in (0, 25, 75)] == [1.0, 0.75, 0.25]


def test_a_warmup_longer_than_the_run_takes_half_of_it():
    config = TrainConfig(steps=4, warmup_steps=100)
    assert [rate_factor(config, step) for step in range(4)] == [0.5, 1.0, 1.0, 0.5]


def test_steps_past_the_end_keep_the_final_rate():
    assert rate_factor(TrainConfig(steps=10, final_fraction=0.2), 50) == pytest.approx(0.2)


def test_snapshots_stand_close_together_first_and_include_both_ends():
    assert snapshot_steps(steps=400, count=8) == (0, 1, 5, 12, 30, 71, 169, 400)
    assert snapshot_steps(steps=3, count=24) == (0, 1, 2, 3)
    assert snapshot_steps(steps=400, count=0) == ()


def test_both_ends_are_evaluated_and_snapshots_and_samples_are_observed():
    config = TrainConfig(steps=25, evaluate_every=10, sample_every=4, snapshots=3)
    assert [step for step in range(26) if is_evaluation_step(config, step)] == [0, 10, 20, 25]
    observed = [step for step in range(26) if is_observation_step(config, step)]
    assert observed == [0, 4, 8, 10, 12, 16, 20, 24, 25]  # the snapshots are 0, 4 and 25


def test_settings_that_do_not_fit_are_told_in_words():
    with pytest.raises(ConfigError, match=r"batch_size \(10\) must be a multiple of grad_accum"):
        TrainConfig(batch_size=10, grad_accum_steps=4)
    with pytest.raises(ConfigError, match="learning_rate is -1"):
        TrainConfig(learning_rate=-1)


def test_settings_survive_json():
    config = TrainConfig(steps=7, sample_prompts=("Once", "<b>"), threads=2)
    assert TrainConfig.from_json(config.to_json()) == config


def test_every_setting_is_described():
    assert all(field.description for field in TrainConfig.model_fields.values())


def test_every_model_preset_has_a_recipe():
    assert set(TRAIN_PRESETS) == set(PRESETS)
    assert recipe_for("of my own") == TrainConfig()


def test_reading_a_run_needs_no_torch():
    script = "import sys, slm.training.runs, slm.training.launch; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
