"""The lens: what each depth says, by hand and beside the model itself; who wrote a logit."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.attention import lens as lens_module
from slm.attention.attribution import attribute_logit
from slm.attention.lens import LensConfig, logit_lens, most_entropy
from slm.errors import DataError, DivergedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

FAMILIES = {
    "ours": {},
    "gpt2": {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "bias": "all"},
    "llama": {"qk_norm": False, "n_kv_heads": 2, "tie_embeddings": False},
    "one": {"n_layers": 1, "n_heads": 1},
}
IDS = [3, 1, 4, 1, 5, 9, 2, 6]


def random_model(**changed: object) -> Transformer:
    torch.manual_seed(1)
    config = ModelConfig(
        vocab_size=40, d_model=16, d_ff=24, n_layers=3, n_heads=4, context_length=12
    )
    model = Transformer(config.replace(**changed)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def logits_TV(model: Transformer) -> torch.Tensor:
    with torch.inference_mode():
        return model(torch.tensor([IDS]))[0]


@pytest.fixture()
def still() -> Transformer:
    """A model whose blocks add nothing: every depth reads the token that stands there."""
    config = ModelConfig(vocab_size=4, d_model=4, d_ff=4, n_layers=2, n_heads=1, context_length=8)
    model = Transformer(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" not in name:
                parameter.zero_()
        model.token_embedding.weight.copy_(torch.eye(4))
    return model


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_depth_is_the_output_exactly(family):
    model = random_model(**FAMILIES[family])
    found = logit_lens(model, IDS, LensConfig(top=40))
    shares_TV = logits_TV(model).log_softmax(-1).exp()
    best = shares_TV.sort(dim=-1, descending=True)
    assert found.stops[-1] == "output" and (found.kl_NT[-1] == 0).all()
    np.testing.assert_array_equal(found.top_ids_NTK[-1], best.indices)
    np.testing.assert_array_equal(found.top_shares_NTK[-1], best.values)


def test_each_depth_is_what_the_model_says_with_the_later_blocks_taken_away():
    model = random_model()
    found = logit_lens(model, IDS, LensConfig(top=1))
    assert found.stops == ("embedding", "block 0", "block 1", "output")
    for n_blocks in range(3):
        shorter = random_model()
        shorter.blocks = shorter.blocks[:n_blocks]
        best = logits_TV(shorter).softmax(-1).max(dim=-1)
        np.testing.assert_array_equal(found.top_ids_NTK[n_blocks, :, 0], best.indices)
        np.testing.assert_allclose(found.top_shares_NTK[n_blocks, :, 0], best.values, rtol=1e-5)


def test_a_model_that_adds_nothing_says_at_every_depth_what_it_reads(still: Transformer):
    """RMSNorm makes (1, 0, 0, 0) twice as long: logits 2 0 0 0, so e² / (e² + 3) for itself."""
    found = logit_lens(still, [2, 0, 0, 1], LensConfig(top=1))
    here = math.exp(2) / (math.exp(2) + 3)
    other = 1 / (math.exp(2) + 3)
    assert found.top_ids_NTK[:, :, 0].tolist() == [[2, 0, 0, 1]] * 3
    np.testing.assert_allclose(found.top_shares_NTK, here, rtol=1e-5)
    np.testing.assert_allclose(found.next_share_NT, [[other, here, other, np.nan]] * 3, rtol=1e-5)
    assert found.next_rank_NT.tolist() == [[2, 1, 2, 0]] * 3  # three tokens share rank 2
    entropy = -here * math.log(here) - 3 * other * math.log(other)
    np.testing.assert_allclose(found.entropy_NT, entropy, rtol=1e-5)
    np.testing.assert_allclose(found.kl_NT, 0, atol=1e-6)


def test_without_the_final_norm_the_logits_are_plain_products(still: Transformer):
    """(1, 0, 0, 0) read as it is: logits 1 0 0 0."""
    found = logit_lens(still, [2, 0], LensConfig(top=1, normed=False))
    np.testing.assert_allclose(found.top_shares_NTK, math.e / (math.e + 3), rtol=1e-5)
    assert (found.kl_NT[-1] > 0.01).all()  # the model does have the norm


def test_knowing_nothing_has_the_most_entropy(still: Transformer):
    with torch.no_grad():
        still.final_norm.weight.zero_()
    found = logit_lens(still, [2, 0])
    np.testing.assert_allclose(found.entropy_NT, most_entropy(4), rtol=1e-6)
    assert most_entropy(4) == pytest.approx(math.log(4))


def test_between_the_parts_stands_the_stream_after_attention():
    model = random_model()
    found = logit_lens(model, IDS, LensConfig(between=True))
    assert found.stops[1:3] == ("attention 0", "block 0") and len(found.stops) == 7
    quiet = random_model()
    with torch.no_grad():
        quiet.blocks[2].mlp.down.weight.zero_()
    last = logits_TV(quiet).argmax(-1)
    np.testing.assert_array_equal(found.top_ids_NTK[5, :, 0], last)


def test_reading_a_few_positions_at_a_time_changes_nothing(monkeypatch):
    model = random_model()
    whole = logit_lens(model, IDS)
    monkeypatch.setattr(lens_module, "_CHUNK_NUMBERS", 3 * 40)
    parts = logit_lens(model, IDS)
    for name, values in whole.arrays().items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(parts.arrays()[name], values, atol=1e-6)
        else:
            np.testing.assert_array_equal(parts.arrays()[name], values)


@pytest.mark.parametrize("family", FAMILIES)
@given(position=st.integers(0, 7), token=st.integers(0, 39))
@settings(max_examples=10, deadline=None)
def test_the_parts_of_a_logit_add_up_to_it(family, position, token):
    model = random_model(**FAMILIES[family])
    logits_V = logits_TV(model)[position].double()
    plain = attribute_logit(model, IDS, position, token)
    assert plain.total == pytest.approx(float(logits_V[token]), abs=2e-4)
    lead = attribute_logit(model, IDS, position, token, against=7)
    assert lead.total == pytest.approx(float(logits_V[token] - logits_V[7]), abs=2e-4)
    above = attribute_logit(model, IDS, position, token, against="mean")
    assert above.total == pytest.approx(float(logits_V[token] - logits_V.mean()), abs=2e-4)
    assert plain.heads_LH.shape == (model.config.n_layers, model.config.n_heads)


def test_a_head_that_writes_nothing_has_no_part(still: Transformer):
    """Only the embedding writes: (0, 1, 0, 0), twice as long after the norm, so the logit is 2."""
    found = attribute_logit(still, [0, 1], position=1, token=1)
    assert found.embedding == pytest.approx(2, rel=1e-4) == found.total
    assert not found.heads_LH.any() and not found.feed_forward_L.any() and found.rest == 0


def test_what_cannot_be_read_is_said(still: Transformer):
    with pytest.raises(DataError, match="empty"):
        logit_lens(still, [])
    with pytest.raises(DataError, match="Shorten it by 1"):
        logit_lens(still, [0] * 9)
    with pytest.raises(DataError, match="outside this model's vocabulary"):
        logit_lens(still, [4])
    with pytest.raises(DataError, match="no position 2"):
        attribute_logit(still, [0, 1], position=2, token=0)
    with pytest.raises(DataError, match="no token 4"):
        attribute_logit(still, [0, 1], position=0, token=4)
    with torch.no_grad():
        still.blocks[0].mlp.down.weight.fill_(torch.nan)
    with pytest.raises(DivergedError):
        logit_lens(still, [0, 1])
    with pytest.raises(DivergedError):
        attribute_logit(still, [0, 1], position=0, token=0)


def test_one_token_has_depths_but_nothing_that_follows(still: Transformer):
    found = logit_lens(still, [3])
    assert np.isnan(found.next_share_NT).all() and not found.next_rank_NT.any()
    assert found.top_ids_NTK.shape == (3, 1, 4)  # no more tokens than there are
