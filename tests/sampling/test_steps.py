"""What a step tells of the choice it was, on four tokens whose numbers are worked out by hand."""

import math

import numpy as np
import pytest

from slm.sampling.filters import SamplingConfig, next_token_distributions
from slm.sampling.steps import steps_of


def told(shares: list[float], **settings: object):
    config = SamplingConfig(**{"temperature": 1, "top_k": 0, **settings})
    with np.errstate(divide="ignore"):
        logits_BV = np.log(np.array([shares], dtype=np.float32))
    distributions = next_token_distributions(logits_BV, [config], [()])
    (step,) = steps_of(distributions, distributions.draw([0.0]), [4])
    return step


def test_a_step_tells_the_models_own_entropy_whatever_the_filters_did():
    """Four equal tokens: ln 4 nats, though only one was left."""
    step = told([0.25, 0.25, 0.25, 0.25], temperature=0)
    assert step.entropy_nats == pytest.approx(math.log(4)) and step.n_kept == 1


def test_a_step_names_the_likely_tokens_that_could_not_be_drawn():
    step = told([0.5, 0.3, 0.15, 0.05], top_k=2)
    assert (step.n_kept, step.removed) == (2, (2, 3))
    assert [round(share, 2) for _, share in step.top] == [0.5, 0.3, 0.15, 0.05]


def test_a_forbidden_token_adds_nothing_to_the_entropy():
    """Half and half, and one that cannot be: ln 2 nats."""
    step = told([0.5, 0.5, 0.0])
    assert step.entropy_nats == pytest.approx(math.log(2)) and step.n_kept == 2
