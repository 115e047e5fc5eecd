"""A text read at one snapshot after another."""

import math

import numpy as np
import pytest
import torch

from slm.attention.heads import MEASURES
from slm.attention.history import first_reaching, losses, read_text, steepest_rise, together
from slm.attention.maps import attention_maps
from slm.errors import DataError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

CONFIG = ModelConfig(vocab_size=16, context_length=8, n_layers=2, n_heads=2, d_model=8, d_ff=16)
IDS = [1, 2, 3, 1, 2]


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(CONFIG).eval()


def test_a_reading_holds_maps_scores_lens_and_losses(model: Transformer):
    reading = read_text(model, IDS)
    assert reading.maps_LHTT.shape == (2, 2, 5, 5)
    np.testing.assert_allclose(reading.maps_LHTT, attention_maps(model, IDS), atol=1e-3)
    assert reading.scores.measures == MEASURES
    assert reading.stops == ("embedding", "block 0", "output")
    likeliest = model(torch.tensor([IDS])).softmax(-1)[0].max(-1)
    np.testing.assert_array_equal(reading.top_ids_NT[-1], likeliest.indices)
    np.testing.assert_allclose(reading.top_shares_NT[-1], likeliest.values.detach(), rtol=1e-5)


def test_one_head_alone_can_be_kept(model: Transformer):
    reading = read_text(model, IDS, head=(1, 0))
    assert reading.maps_LHTT.shape == (1, 1, 5, 5)
    np.testing.assert_array_equal(reading.maps_LHTT[0, 0], read_text(model, IDS).maps_LHTT[1, 0])
    with pytest.raises(DataError, match="no head 2"):
        read_text(model, IDS, head=(0, 2))


def test_a_model_that_knows_nothing_is_surprised_by_ln_v(model: Transformer):
    with torch.no_grad():
        blank = Transformer(CONFIG).eval()
        blank.unembedding_weight.zero_()
    np.testing.assert_allclose(losses(blank, IDS), [math.log(16)] * 4, rtol=1e-5)
    with pytest.raises(DataError, match="longer text"):
        losses(model, [1])


def test_the_steepest_rise_is_between_neighbours():
    """Head 1 grows by 0.3 + 0.3, head 0 by 0.5 at once, so head 0 rises more steeply."""
    scores_SLH = np.array([[[0.1, 0.0]], [[0.1, 0.3]], [[0.6, 0.6]]], dtype=np.float32)
    rise = steepest_rise(scores_SLH)
    assert rise is not None
    assert (rise.layer, rise.head, rise.place) == (0, 0, 2)
    assert (rise.before, rise.after) == pytest.approx((0.1, 0.6))


def test_without_growth_there_is_no_rise():
    falling_SLH = np.array([[[0.5]], [[0.4]]], dtype=np.float32)
    assert steepest_rise(falling_SLH) is None
    assert steepest_rise(falling_SLH[:1]) is None
    assert steepest_rise(np.zeros((3, 0, 0), dtype=np.float32)) is None


def test_a_score_that_falls_back_has_not_reached():
    assert first_reaching([0.5, 0.1], 0.4) is None
    assert first_reaching([0.5, 0.5], 0.4) == 0
    assert first_reaching([math.nan, 0.5], 0.4) == 1


def test_readings_go_into_one_file(model: Transformer):
    arrays = together([read_text(model, IDS)] * 3)
    assert arrays["weights_SLHTT"].shape == (3, 2, 2, 5, 5)
    assert arrays["nats_ST1"].shape == (3, 4)
    assert arrays["scores_SLHM"].shape == (3, 2, 2, len(MEASURES))
