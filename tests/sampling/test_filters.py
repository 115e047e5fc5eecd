"""Filters: logits in, one distribution out, the same as everybody else's."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GenerationConfig
from transformers.generation.logits_process import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)

from slm.errors import ConfigError, DataError, DivergedError
from slm.sampling.config import (
    FILTERS,
    SamplingConfig,
    from_generation_config,
    generation_config,
)
from slm.sampling.distribution import Distribution, top_tokens
from slm.sampling.filters import (
    diverged_rows,
    next_token_distribution,
    next_token_distributions,
)

PLAIN = SamplingConfig(temperature=1, top_k=0, top_p=1, min_p=0, repetition_penalty=1)
LOG_WORKED = np.log(np.array([0.5, 0.25, 0.15, 0.1]))


def final(**settings: float | int | None) -> list[float]:
    """Final probabilities of 0.5, 0.25, 0.15, 0.1 under these settings."""
    found = next_token_distribution(LOG_WORKED, PLAIN.replace(**settings))
    return [pytest.approx(float(p), abs=1e-6) for p in found.probabilities_V]


def test_with_every_filter_off_the_model_s_own_distribution_comes_out():
    assert final() == [0.5, 0.25, 0.15, 0.1]


def test_temperature_one_half_squares_the_probabilities():
    """0.25, 0.0625, 0.0225, 0.01 over their sum, 0.345."""
    assert final(temperature=0.5) == [0.25 / 0.345, 0.0625 / 0.345, 0.0225 / 0.345, 0.01 / 0.345]


def test_top_k_two_keeps_two_and_shares_out_the_rest():
    assert final(top_k=2) == [2 / 3, 1 / 3, 0, 0]


def test_top_p_keeps_the_fewest_tokens_that_reach_it():
    """0.5 alone is below 0.7; 0.5 + 0.25 reaches it."""
    assert final(top_p=0.7) == [2 / 3, 1 / 3, 0, 0]
    assert final(top_p=0.5) == [1, 0, 0, 0]


def test_min_p_is_a_share_of_the_likeliest_token():
    """0.25 of 0.5 is 0.125: 0.15 stays, 0.1 goes."""
    assert final(min_p=0.25) == [0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0]


def test_typical_keeps_what_is_about_as_surprising_as_expected():
    """Entropy 1.208: surprises 0.693, 1.386, 1.897, 2.303 differ by 0.515, 0.178, 0.689, 1.094."""
    assert final(typical_p=0.2) == [0, 1, 0, 0]
    assert final(typical_p=0.7) == [2 / 3, 1 / 3, 0, 0]
    assert final(typical_p=0.8) == [0.5 / 0.9, 0.25 / 0.9, 0.15 / 0.9, 0]
    assert final(typical_p=1) == [0.5, 0.25, 0.15, 0.1]


def test_typical_does_not_see_what_was_removed_before_it():
    """Of 2/3 and 1/3 (entropy 0.637) the likelier has the surprise 0.405, the other 1.099."""
    assert final(top_k=2, typical_p=0.5) == [1, 0, 0, 0]
    assert final(top_k=2, typical_p=0.9) == [2 / 3, 1 / 3, 0, 0]


def test_repetition_penalty_divides_positive_logits_and_multiplies_negative_ones():
    """Logits 2, −1, 0.5 with tokens 0 and 1 seen, penalty 2: 1, −2, 0.5."""
    found = next_token_distribution(
        np.array([2.0, -1.0, 0.5]), PLAIN.replace(repetition_penalty=2), [0, 1, 0, 0]
    )
    assert found.stage("repetition_penalty").logits_V.tolist() == [1.0, -2.0, 0.5]


def test_the_filters_stand_in_the_published_order():
    found = next_token_distribution(LOG_WORKED, SamplingConfig())
    names = [stage.name for stage in found.stages]
    assert names == ["model", *FILTERS]
    assert FILTERS == (
        "repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p",
    )  # fmt: skip


def test_temperature_comes_before_top_p():
    """Squared, the likeliest token has 0.25 / 0.345 = 0.72 and reaches 0.7 alone."""
    assert final(temperature=0.5, top_p=0.7) == [1, 0, 0, 0]


def test_another_order_of_the_filters_is_kept_and_matters():
    """Top-p first sees 0.5 + 0.25 reach 0.7; the temperature then squares those two."""
    order = ("top_p", "temperature", "typical_p", "min_p", "top_k", "repetition_penalty")
    config = PLAIN.replace(temperature=0.5, top_p=0.7, order=order)
    found = next_token_distribution(LOG_WORKED, config)
    assert [stage.name for stage in found.stages] == ["model", *order]
    assert found.probabilities_V.tolist() == pytest.approx([0.8, 0.2, 0, 0])
    assert found.mass_cut == pytest.approx(0.25)
    assert SamplingConfig.from_json(config.to_json()) == config


def test_the_share_cut_is_of_what_each_filter_found():
    """Top-k takes a quarter; then min-p takes a third of the rest."""
    found = next_token_distribution(LOG_WORKED, PLAIN.replace(top_k=2, min_p=0.9))
    assert found.mass_cut == pytest.approx(0.25 + 0.75 / 3)
    greedy = next_token_distribution(LOG_WORKED, PLAIN.replace(temperature=0))
    assert greedy.mass_cut == 0.0


def test_stages_say_what_each_filter_changed_and_what_was_cut():
    found = next_token_distribution(LOG_WORKED, PLAIN.replace(top_k=2, min_p=0.9))
    assert [stage.name for stage in found.stages if stage.changed] == ["top_k", "min_p"]
    assert found.stage("top_k").kept_V.tolist() == [True, True, False, False]
    assert found.kept_V.tolist() == [True, False, False, False]
    assert found.mass_cut == pytest.approx(0.5)
    assert found.entropy_after_nats == 0.0


def test_entropy_of_four_equal_tokens_is_ln_four_and_of_two_is_ln_two():
    found = next_token_distribution(np.array([1.0, 1.0, 1.0, -np.inf, 1.0]), PLAIN)
    assert found.entropy_before_nats == pytest.approx(math.log(4))
    worked = next_token_distribution(np.array([0.0, 0.0, -50.0]), PLAIN.replace(top_k=2))
    assert worked.entropy_after_nats == pytest.approx(math.log(2))


@pytest.mark.parametrize("temperature", [0.0, 1e-40, 9e-4])
def test_temperatures_near_zero_are_greedy(temperature: float):
    assert final(temperature=temperature) == [1, 0, 0, 0]


def test_greedy_takes_the_lowest_id_among_equals():
    found = next_token_distribution(np.array([0.0, 3.0, 3.0]), PLAIN.replace(temperature=0))
    assert found.probabilities_V.tolist() == [0, 1, 0]


def test_greedy_sees_the_repetition_penalty():
    config = PLAIN.replace(temperature=0, repetition_penalty=2)
    found = next_token_distribution(np.array([3.0, 2.0]), config, previous_ids=[0])
    assert found.probabilities_V.tolist() == [0, 1]


def test_smallest_and_largest_temperatures_stay_finite():
    logits_V = np.array([3e4, 0.0, -3e38])
    for temperature in (1e-3, 10.0):
        found = next_token_distribution(logits_V, PLAIN.replace(temperature=temperature))
        assert found.probabilities_V.sum() == pytest.approx(1)
        assert found.probabilities_V[0] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": math.nan},
        {"temperature": math.inf},
        {"top_k": -1},
        {"top_p": 1.1},
        {"top_p": math.nan},
        {"min_p": -0.5},
        {"typical_p": 0},
        {"typical_p": math.nan},
        {"typical_p": 1.5},
        {"repetition_penalty": 0},
        {"seed": -1},
        {"order": ()},
        {"order": FILTERS[1:]},
        {"order": (*FILTERS, "top_k")},
        {"order": (*FILTERS[:-1], "top_k")},
        {"order": (*FILTERS[:-1], "beams")},
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        SamplingConfig(**wrong)


def test_top_k_above_the_vocabulary_is_clamped_and_said():
    found = next_token_distribution(LOG_WORKED, PLAIN.replace(top_k=5000))
    assert found.kept_V.all()
    assert found.notes == ("Top-k 5,000 is above the vocabulary of 4: all tokens are kept.",)


def test_top_k_none_is_off_like_zero():
    assert final(top_k=None) == [0.5, 0.25, 0.15, 0.1]


def test_top_p_zero_keeps_the_likeliest_and_says_so():
    found = next_token_distribution(LOG_WORKED, PLAIN.replace(top_p=0))
    assert found.probabilities_V.tolist() == [1, 0, 0, 0]
    assert "likeliest" in found.notes[0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_logits_that_are_not_finite_mean_a_diverged_model(bad: float):
    with pytest.raises(DivergedError, match="Model diverged: 1 of 3"):
        next_token_distribution(np.array([0.0, bad, 1.0]), PLAIN)
    with pytest.raises(DivergedError):
        next_token_distribution(np.full(3, -math.inf), PLAIN)


def test_a_previous_token_outside_the_vocabulary_is_refused():
    with pytest.raises(DataError, match="Token 9 is outside"):
        next_token_distribution(LOG_WORKED, PLAIN.replace(repetition_penalty=1.1), [0, 9])


def test_a_draw_walks_the_probabilities_laid_end_to_end():
    found = next_token_distribution(LOG_WORKED, PLAIN)
    assert [found.draw(u) for u in (0.0, 0.49, 0.51, 0.76, 0.91, 1 - 2**-53)] == [0, 0, 1, 2, 3, 3]


def test_a_draw_never_gives_a_token_that_was_cut():
    found = next_token_distribution(np.array([-5.0, 1.0, -5.0, 1.0, -5.0]), PLAIN.replace(top_k=2))
    assert {found.draw(u) for u in np.linspace(0, 1 - 1e-12, 101)} == {1, 3}


def test_draws_follow_the_probabilities():
    found = next_token_distribution(LOG_WORKED, PLAIN)
    uniforms = np.random.default_rng(0).random(4000)
    shares = np.bincount([found.draw(u) for u in uniforms], minlength=4) / 4000
    assert shares == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.03)


def test_top_tokens_come_best_first_with_ties_by_id():
    found = next_token_distribution(np.log([0.2, 0.3, 0.2, 0.3]), PLAIN)
    assert [i for i, _ in found.top(3)] == [1, 3, 0]
    assert [i for i, _ in found.top(99)] == [1, 3, 0, 2]
    assert top_tokens(found.probabilities_V, 0) == ()


def test_tensors_of_any_float_type_are_read():
    logits_V = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    assert next_token_distribution(logits_V, PLAIN).probabilities_V.dtype == np.float32


def test_rows_with_settings_of_their_own_give_what_each_gives_alone():
    """Every filter on in some rows and off in others, orders too; numbers equal to the bit."""
    rng = np.random.default_rng(3)
    configs = [
        PLAIN,
        SamplingConfig(),
        SamplingConfig(temperature=0, top_p=0.5),
        PLAIN.replace(top_p=0.6),
        PLAIN.replace(min_p=0.1, repetition_penalty=1.3),
        PLAIN.replace(typical_p=0.4, top_k=3, order=FILTERS[::-1]),
        PLAIN.replace(top_p=0.9, top_k=20, temperature=2, order=(*FILTERS[2:], *FILTERS[:2])),
    ]
    for vocab_size in (2, 30, 5000):
        logits_BV = (rng.normal(size=(len(configs), vocab_size)) * 3).astype(np.float32)
        previous = [rng.integers(0, vocab_size, 9).tolist() for _ in configs]
        together = next_token_distributions(logits_BV, configs, previous)
        drawn = together.draw([0.37] * len(configs))
        for row, config in enumerate(configs):
            alone = next_token_distribution(logits_BV[row], config, previous[row])
            ours = together.row(row)
            assert ours.probabilities_V.tolist() == alone.probabilities_V.tolist()
            assert [(s.name, s.changed) for s in ours.stages] == [
                (s.name, s.changed) for s in alone.stages
            ]
            token, probability = drawn[row]
            assert token == alone.draw(0.37)
            assert probability == pytest.approx(float(alone.probabilities_V[token]))
            assert ours.notes == alone.notes


def test_the_rows_that_diverged_are_told_apart():
    nan, inf = math.nan, math.inf
    rows = np.array([[0, 1], [nan, 0], [inf, 0], [-inf, 0], [-inf, -inf]], np.float32)
    assert diverged_rows(rows).tolist() == [False, True, True, False, True]


def test_top_p_keeps_the_lower_ids_of_equals_at_its_edge():
    """A hundred equal tokens among 5,000, more than are sorted at once nowhere: 30 of them."""
    logits_V = np.full(5000, -30.0)
    logits_V[::50] = 0.0
    kept = next_token_distribution(logits_V, PLAIN.replace(top_p=0.295)).kept_V
    assert np.flatnonzero(kept).tolist() == list(range(0, 1500, 50))


def test_settings_go_to_transformers_by_its_names_and_come_back():
    config = SamplingConfig(temperature=0.7, top_k=None, top_p=0.9, min_p=0.05, typical_p=0.95)
    theirs = GenerationConfig(**generation_config(config))
    assert from_generation_config(theirs.to_dict()) == config.replace(top_k=0)
    greedy = SamplingConfig(temperature=0, repetition_penalty=1.2)
    assert generation_config(greedy) == {"do_sample": False, "repetition_penalty": 1.2}
    assert from_generation_config(generation_config(greedy)) == greedy.replace(top_k=0)


def test_a_generation_config_that_says_little_means_what_transformers_does_then():
    assert from_generation_config({"eos_token_id": 0, "temperature": 0.3}).greedy
    sampled = from_generation_config({"do_sample": True, "top_p": None}, seed=4)
    assert sampled == PLAIN.replace(top_k=50, seed=4)
    with pytest.raises(ConfigError, match="temperature is -1"):
        from_generation_config({"do_sample": True, "temperature": -1})


def warped(logits_V: np.ndarray, config: SamplingConfig, previous: list[int]) -> np.ndarray:
    """The peer: transformers' own processors, in the order its `generate` puts them."""
    chain = LogitsProcessorList()
    if config.repetition_penalty != 1:
        chain.append(RepetitionPenaltyLogitsProcessor(penalty=config.repetition_penalty))
    if config.temperature != 1:
        chain.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:
        chain.append(TopKLogitsWarper(config.top_k))
    if config.top_p < 1:
        chain.append(TopPLogitsWarper(config.top_p))
    if config.min_p > 0:
        chain.append(MinPLogitsWarper(config.min_p))
    if config.typical_p < 1:
        chain.append(TypicalLogitsWarper(config.typical_p))
    scores = chain(torch.tensor([previous]), torch.from_numpy(logits_V)[None].clone())
    return scores.softmax(-1)[0].numpy()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    vocab_size=st.sampled_from([2, 7, 100, 6000]),
    temperature=st.floats(0.05, 3),
    top_k=st.integers(0, 200),
    top_p=st.floats(0.05, 1),
    min_p=st.floats(0, 0.5),
    penalty=st.floats(0.5, 2),
)
def test_filters_equal_those_of_transformers_on_random_logits(
    seed: int,
    vocab_size: int,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
    penalty: float,
):
    rng = np.random.default_rng(seed)
    logits_V = (rng.normal(size=vocab_size) * 3).astype(np.float32)
    previous = rng.integers(0, vocab_size, 5).tolist()
    config = SamplingConfig(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=penalty,
    )
    ours: Distribution = next_token_distribution(logits_V, config, previous)
    theirs_V = warped(logits_V, config, previous)
    largest = np.abs(logits_V).max() * max(penalty, 1 / penalty) / temperature
    rounding = np.finfo(np.float32).eps * largest  # of a logit, hence relative of a probability
    np.testing.assert_allclose(ours.probabilities_V, theirs_V, atol=max(2e-6, rounding))


@pytest.mark.parametrize("seed", range(60))
def test_typical_sampling_equals_that_of_transformers_behind_the_other_filters(seed: int):
    """Seeds are fixed: on an edge, rounding may keep a token more in one than in the other."""
    rng = np.random.default_rng(seed)
    vocab_size = int(rng.choice([2, 7, 100, 6000]))
    logits_V = (rng.normal(size=vocab_size) * 3).astype(np.float32)
    config = SamplingConfig(
        temperature=rng.uniform(0.3, 2),
        top_k=int(rng.choice([0, 40])),
        top_p=float(rng.choice([1, 0.8])),
        typical_p=rng.uniform(0.05, 0.99),
    )
    ours_V = next_token_distribution(logits_V, config).probabilities_V
    np.testing.assert_allclose(ours_V, warped(logits_V, config, [0]), atol=2e-6)
