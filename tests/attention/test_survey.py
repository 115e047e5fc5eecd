"""All heads in one pass: the same numbers as one by one, and never all weights at once."""

import math

import numpy as np
import pytest
import torch

from slm.attention import survey as module
from slm.attention.heads import text_scores
from slm.attention.maps import attention_maps
from slm.attention.survey import head_weights, shrink, survey
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

IDS = [3, 1, 4, 1, 5, 9, 2, 6]


def made(**settings: object) -> Transformer:
    torch.manual_seed(0)
    sizes = {"vocab_size": 16, "d_model": 16, "d_ff": 32, "context_length": 12, "n_heads": 4}
    model = Transformer(ModelConfig(**{**sizes, "n_layers": 3, "n_kv_heads": 2, **settings}))
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


@pytest.mark.parametrize("settings", [{}, {"window": 3}, {"positions": "learned", "bias": "all"}])
def test_a_survey_agrees_with_maps_and_scores(settings):
    model = made(**settings)
    found = survey(model, IDS)
    weights_LHTT = attention_maps(model, IDS)
    scores = text_scores(model, IDS)
    np.testing.assert_allclose(found.scores.values_LHM, scores.values_LHM, atol=1e-5)
    for layer in range(3):
        expected_HPP = shrink(weights_LHTT[layer]).astype(int)
        assert np.abs(found.pictures_LHPP[layer] - expected_HPP).max() <= 1  # rounded
        for head in range(4):
            weights_TT = head_weights(model, found, layer, head)
            np.testing.assert_allclose(weights_TT, weights_LHTT[layer, head], atol=1e-6)


def test_without_kept_streams_a_head_comes_from_a_whole_pass(monkeypatch):
    monkeypatch.setattr(module, "_ALL_STREAMS", 0)
    model = made()
    found = survey(model, IDS)
    assert found.streams_LBTD is None
    expected = attention_maps(model, IDS)[2, 1]
    np.testing.assert_allclose(head_weights(model, found, 2, 1), expected, atol=1e-6)


def test_nothing_as_large_as_all_weights_is_kept():
    model = made(context_length=128, n_layers=4)
    found = survey(model, np.arange(128) % 16)
    assert found.streams_LBTD is not None
    kept = found.pictures_LHPP.nbytes + found.streams_LBTD.nbytes
    assert kept < attention_maps(model, np.arange(128) % 16).nbytes / 8


def test_a_layer_or_head_that_is_not_there_is_refused():
    model = made()
    found = survey(model, IDS)
    with pytest.raises(DataError, match="There is no layer 3"):
        head_weights(model, found, 3, 0)
    with pytest.raises(DataError, match="There is no head 4"):
        head_weights(model, found, 0, 4)
    with pytest.raises(DataError, match="longer text"):
        survey(model, [1])


def test_weights_that_are_not_numbers_mean_a_diverged_model():
    model = made()
    with torch.no_grad():
        model.blocks[1].attention.key.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        survey(model, IDS)


def test_a_short_text_keeps_every_weight_in_its_picture():
    """The square root of 0.25 is a half: 127.5, rounded to the even 128."""
    weights_HTS = np.array([[[1.0, 0.0], [0.25, 0.75]]], dtype=np.float32)
    assert shrink(weights_HTS).tolist() == [[[255, 0], [128, 221]]]


def test_a_long_text_keeps_the_largest_weight_of_each_block():
    """5 tokens on at most 3 pixels a side: blocks of 2, the last one padded."""
    weights_HTS = np.zeros((1, 5, 5), dtype=np.float32)
    weights_HTS[0, 1, 0] = 1.0
    weights_HTS[0, 4, 2] = 0.25
    weights_HTS[0, 4, 3] = np.nan
    assert shrink(weights_HTS, side=3)[0].tolist() == [[255, 0, 0], [0, 0, 0], [0, 128, 0]]
