"""A draw from the likeliest tokens alone is the draw from all of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slm.sampling.config import FILTERS, SamplingConfig
from slm.sampling.generate import Writing, draw, fit_prompt
from slm.sampling.heads import HeadFinder
from slm.sampling.steps import Step

VOCABULARY = 3000


def writing(config: SamplingConfig) -> Writing:
    return Writing(fit_prompt([1, 2], VOCABULARY, 16), config)


def logits(seed: int, n_rows: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(n_rows, VOCABULARY, generator=generator)


def drawn(
    logits_BV: torch.Tensor, configs: list[SamplingConfig], finder: HeadFinder | None
) -> list[Step]:
    return draw(logits_BV, [writing(config) for config in configs], finder)


def assert_same(one: Step, other: Step) -> None:
    assert (one.id, one.rank, one.n_kept, one.removed) == (
        other.id, other.rank, other.n_kept, other.removed
    )  # fmt: skip
    assert [token for token, _ in one.top] == [token for token, _ in other.top]
    for name in ("logprob", "probability", "entropy_nats"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-5), name
    assert dict(one.top) == pytest.approx(dict(other.top), rel=1e-5)


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    st.sampled_from([1, 5, 50]),
    st.sampled_from([1.0, 0.7]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([1.0, 0.6]),
)
def test_the_head_gives_the_token_the_figures_and_the_alternatives_of_all_logits(
    seed: int, temperature: float, top_k: int, top_p: float, min_p: float, typical_p: float
) -> None:
    config = SamplingConfig(
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        min_p=min_p,
        typical_p=typical_p,
        seed=seed,
    )
    finder = HeadFinder()
    assert finder.find(logits(seed), [config], [5]) is not None
    assert_same(drawn(logits(seed), [config], finder)[0], drawn(logits(seed), [config], None)[0])


def test_rows_with_other_settings_are_drawn_together() -> None:
    configs = [SamplingConfig(temperature=0), SamplingConfig(top_k=3), SamplingConfig(top_k=90)]
    pairs = zip(
        drawn(logits(7, 3), configs, HeadFinder()), drawn(logits(7, 3), configs, None), strict=True
    )
    for one, other in pairs:
        assert_same(one, other)


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(top_k=0),
        SamplingConfig(top_k=50, repetition_penalty=1.2),
        SamplingConfig(top_p=0.9, order=("top_p", *(name for name in FILTERS if name != "top_p"))),
        SamplingConfig(
            temperature=0,
            typical_p=0.5,
            order=("typical_p", *(n for n in FILTERS if n != "typical_p")),
        ),
        SamplingConfig(top_k=2000),
    ],
)
def test_settings_that_weigh_all_tokens_are_not_answered_from_the_head(
    config: SamplingConfig,
) -> None:
    assert HeadFinder().find(logits(1), [config], [5]) is None


def test_equals_that_reach_out_of_the_head_are_all_kept() -> None:
    logits_BV = torch.zeros(1, VOCABULARY)  # all are the likeliest, and top-k keeps ties
    step = drawn(logits_BV, [SamplingConfig(top_k=10)], HeadFinder())[0]
    assert step.n_kept == VOCABULARY


def test_logits_that_are_not_numbers_are_left_to_who_can_tell_of_them() -> None:
    for wrong in (np.nan, np.inf):
        logits_BV = logits(2)
        logits_BV[0, 11] = wrong
        assert HeadFinder().find(logits_BV, [SamplingConfig()], [5]) is None


def test_tokens_that_the_model_forbids_count_for_nothing() -> None:
    logits_BV = logits(3)
    logits_BV[0, 100:] = -torch.inf
    head = HeadFinder().find(logits_BV, [SamplingConfig(top_k=5)], [5])
    assert head is not None
    p_V = torch.softmax(logits_BV[0, :100].double(), 0)
    assert head.entropies_B[0] == pytest.approx(float(-(p_V * p_V.log()).sum()), rel=1e-5)
    assert drawn(logits_BV, [SamplingConfig(top_k=5)], HeadFinder())[0].n_kept == 5
