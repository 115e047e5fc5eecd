"""Tokens against parameters, worked by hand."""

from math import e

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.model.config import PRESETS, parameter_counts
from slm.training.budget import REPEATS_SCALE, Budget, budget_of, effective_tokens
from slm.training.config import TrainConfig


def budget(parameters=1_000_000, unique=5_000_000, tokens_per_step=10_000, steps=2_000):
    return Budget(parameters, unique, tokens_per_step, steps)


def test_four_epochs_of_a_fifth_are_compute_optimal():
    """1 M parameters, 5 M tokens: 20 M are wanted, which are 4 epochs and 2,000 steps."""
    found = budget()
    assert found.trained_tokens == found.optimal_tokens == 20_000_000
    assert (found.epochs, found.tokens_per_parameter, found.unique_per_parameter) == (4, 20, 5)
    assert (found.optimal_steps, found.optimal_epochs) == (2_000, 4)
    assert (found.missing_tokens, found.fitting_parameters) == (0, 1_000_000)
    assert (found.text_verdict, found.run_verdict) == ("enough", "near")


def test_repeats_lose_their_worth_by_e_for_each_fifteen_and_a_half():
    """After R* repeats the text was worth 1 + R* (1 - 1/e) readings."""
    worth = effective_tokens(1, 1 + REPEATS_SCALE)
    assert worth == pytest.approx(1 + REPEATS_SCALE * (1 - 1 / e))
    assert effective_tokens(100, 100) == effective_tokens(1_000, 100) == 100
    assert effective_tokens(100, 1e9) == pytest.approx(100 * (1 + REPEATS_SCALE))
    assert effective_tokens(100, 400) / 400 == pytest.approx(0.932, abs=1e-3)


@given(unique=st.integers(1, 10**12), more=st.floats(1, 200), still=st.floats(0.01, 50))
def test_more_reading_is_never_worth_less_nor_more_than_fresh_text(unique, more, still):
    first, second = unique * more, unique * (more + still)
    assert effective_tokens(unique, first) <= effective_tokens(unique, second)
    assert effective_tokens(unique, first) <= first * (1 + 1e-12)


@pytest.mark.parametrize(
    ("unique", "verdict"),
    [
        (20_000_000, "plenty"),
        (19_999_999, "enough"),
        (4_999_999, "tight"),
        (1_249_999, "too_little"),
    ],
)
def test_text_is_judged_by_the_epochs_that_twenty_tokens_a_parameter_take(unique, verdict):
    assert budget(unique=unique).text_verdict == verdict


@pytest.mark.parametrize(
    ("unique", "steps", "verdict"),
    [
        (100_000_000, 999, "short"),  # 9.99 tokens a parameter
        (100_000_000, 1_000, "near"),
        (100_000_000, 4_000, "near"),  # 40
        (100_000_000, 4_001, "long"),
        (500_000, 100_000, "short"),  # 1,000 a parameter, but worth 8.2 at most
    ],
)
def test_a_training_is_judged_by_what_its_tokens_are_worth(unique, steps, verdict):
    assert budget(unique=unique, steps=steps).run_verdict == verdict


def test_missing_text_is_counted_in_tokens_of_four_epochs():
    """1 M parameters want 20 M tokens, so 5 M different ones; there are 2 M."""
    found = budget(unique=2_000_000)
    assert found.missing_tokens == 3_000_000
    assert found.fitting_parameters == 400_000


def test_the_report_holds_every_number():
    found = budget().to_json()
    assert found["epochs"] == 4 and found["text_verdict"] == "enough" and found["steps"] == 2_000


def test_a_step_reads_the_places_that_hold_a_token():
    """4 windows of 256 are 1,024 places; three quarters of them hold a token."""
    model, training = PRESETS["nano"], TrainConfig(batch_size=4, steps=10)
    assert model.context_length == 256
    full = budget_of(model, training, 5_000)
    assert (full.tokens_per_step, full.trained_tokens, full.unique_tokens) == (1_024, 10_240, 5_000)
    assert full.parameters == sum(parameter_counts(model).values())
    assert budget_of(model, training, 5_000, filled=0.75).tokens_per_step == 768
    assert budget_of(model, training, 5_000, filled=0.0).tokens_per_step == 1
