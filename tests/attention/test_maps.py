"""Attention maps: every weight, in its place."""

import math

import numpy as np
import pytest
import torch

from slm.attention.maps import attention_maps
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.self_attention import score
from slm.model.transformer import Transformer

SIZES = {"vocab_size": 16, "d_model": 16, "d_ff": 32, "context_length": 12}
IDS = [3, 1, 4, 1, 5, 9]


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(n_layers=2, n_heads=4, n_kv_heads=2, **SIZES))
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


def test_rows_sum_to_one_and_nothing_looks_ahead(model):
    weights_LHTT = attention_maps(model, IDS)
    assert weights_LHTT.shape == (2, 4, 6, 6)
    assert weights_LHTT.dtype == np.float32
    np.testing.assert_allclose(weights_LHTT.sum(-1), 1, atol=1e-6)
    assert (weights_LHTT[..., np.triu_indices(6, k=1)[0], np.triu_indices(6, k=1)[1]] == 0).all()


def test_weights_are_the_softmax_of_what_queries_and_keys_say(model):
    recorder = Recorder(["q", "k"], layers=[1])
    with torch.inference_mode():
        model(torch.tensor([IDS]), probe=recorder)
    keys_BHSK = recorder["k", 1].repeat_interleave(2, dim=1)  # 2 key heads serve 4 query heads
    scores_HTS = score(recorder["q", 1], keys_BHSK)[0]
    ahead_TS = torch.ones(6, 6).triu(1).bool()
    expected_HTS = scores_HTS.masked_fill(ahead_TS, -math.inf).softmax(-1)
    np.testing.assert_allclose(attention_maps(model, IDS)[1], expected_HTS.numpy(), atol=1e-6)


def test_layers_and_heads_come_in_the_order_asked_for(model):
    everything = attention_maps(model, IDS)
    some = attention_maps(model, IDS, layers=[1, 0], heads=[3, 1])
    np.testing.assert_array_equal(some, everything[[1, 0]][:, [3, 1]])
    assert attention_maps(model, IDS, layers=[], heads=[0]).shape == (0, 1, 6, 6)


def test_without_queries_attention_is_even_over_all_that_is_visible():
    model = Transformer(ModelConfig(n_layers=1, n_heads=1, n_kv_heads=1, **SIZES))
    with torch.no_grad():
        model.blocks[0].attention.query.weight.zero_()
    expected_TT = np.tril(np.ones((4, 4))) / np.arange(1, 5)[:, None]
    np.testing.assert_allclose(attention_maps(model, [1, 2, 3, 4])[0, 0], expected_TT, atol=1e-6)


def test_a_window_hides_what_lies_further_back():
    model = Transformer(ModelConfig(n_layers=1, n_heads=1, n_kv_heads=1, window=2, **SIZES))
    weights_TT = attention_maps(model, IDS)[0, 0]
    np.testing.assert_allclose(weights_TT.sum(-1), 1, atol=1e-6)
    assert (np.tril(weights_TT, k=-2) == 0).all()


def test_one_token_looks_at_itself(model):
    assert attention_maps(model, [7]).tolist() == [[[[1.0]]] * 4] * 2


def test_tensors_and_arrays_are_read_like_lists(model):
    expected = attention_maps(model, IDS)
    np.testing.assert_array_equal(attention_maps(model, torch.tensor(IDS)), expected)
    np.testing.assert_array_equal(attention_maps(model, np.array(IDS, dtype=np.uint16)), expected)


def test_texts_that_do_not_fit_say_by_how_much(model):
    with pytest.raises(DataError, match="empty"):
        attention_maps(model, [])
    with pytest.raises(DataError, match=r"15 tokens .* holds 12. Shorten it by 3 tokens"):
        attention_maps(model, [1] * 15)
    with pytest.raises(DataError, match="Token 16 is outside"):
        attention_maps(model, [1, 16])


def test_a_layer_or_head_that_is_not_there_is_refused(model):
    with pytest.raises(DataError, match="no layer 2: this model has 0 to 1"):
        attention_maps(model, IDS, layers=[0, 2])
    with pytest.raises(DataError, match="no head -1"):
        attention_maps(model, IDS, heads=[-1])


def test_weights_that_are_not_numbers_mean_a_diverged_model():
    broken = Transformer(ModelConfig(n_layers=1, n_heads=1, n_kv_heads=1, **SIZES))
    with torch.no_grad():
        broken.blocks[0].attention.key.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        attention_maps(broken, IDS)
