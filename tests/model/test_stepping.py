"""One token at a time gives what the whole text gives."""

import pytest
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model import stepping
from slm.model.config import ModelConfig
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer

FAMILIES: dict[str, dict[str, object]] = {
    "ours": {},
    "llama": {"qk_norm": False, "n_kv_heads": 1, "tie_embeddings": False},
    "qwen": {"n_kv_heads": 2, "bias": "qkv", "qk_norm": False},
    "phi": {"window": 5},
    "normed heads of a layernorm": {"norm": "layernorm", "bias": "all"},
    "gpt2": {
        "positions": "learned", "norm": "layernorm", "bias": "all", "mlp": "gelu", "qk_norm": False,
    },
}  # fmt: skip
LENGTH = 14


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest) -> Transformer:
    torch.manual_seed(2)
    config = ModelConfig(
        vocab_size=40, d_model=32, d_ff=48, n_layers=3, n_heads=4, context_length=LENGTH
    )
    model = Transformer(config.replace(**FAMILIES[request.param])).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


@pytest.fixture()
def ids() -> Tensor:
    return torch.arange(2 * LENGTH).reshape(2, LENGTH) % 40


@torch.inference_mode()
def test_steps_give_the_logits_of_one_pass(model: Transformer, ids: Tensor):
    whole, cache = model(ids), model.new_cache(2)
    model(ids[:, :4], cache=cache)
    step = Stepper(model, cache)
    for place in range(4, LENGTH):
        assert torch.allclose(step(ids[:, place]), whole[:, place], atol=1e-5)


@torch.inference_mode()
def test_rows_of_different_length_step_together(model: Transformer, ids: Tensor):
    """Row 1 stands 3 positions behind row 0."""
    whole, cache = model(ids), model.new_cache(2)
    model(ids[:, :7], cache=cache)
    cache.truncate(1, 4)
    step = Stepper(model, cache)
    for place in range(7, LENGTH):
        logits_BV = step(torch.stack([ids[0, place], ids[1, place - 3]]))
        assert torch.allclose(logits_BV[0], whole[0, place], atol=1e-5)
        assert torch.allclose(logits_BV[1], whole[1, place - 3], atol=1e-5)


@torch.inference_mode()
def test_large_matrices_are_not_copied_and_give_the_same(
    model: Transformer, ids: Tensor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stepping, "_SMALL", 0)
    whole, cache = model(ids), model.new_cache(2)
    step = Stepper(model, cache)
    assert torch.allclose(step(ids[:, 0]), whole[:, 0], atol=1e-5)


@torch.inference_mode()
def test_many_rows_and_large_matrices_give_the_same(
    model: Transformer, ids: Tensor, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stepping, "_MANY", 1)
    monkeypatch.setattr(stepping, "_LARGE", 0)
    whole, cache = model(ids), model.new_cache(2)
    assert torch.allclose(Stepper(model, cache)(ids[:, 0]), whole[:, 0], atol=1e-5)


@torch.inference_mode()
def test_a_full_context_takes_no_more(model: Transformer, ids: Tensor):
    cache = model.new_cache(2)
    model(ids, cache=cache)
    with pytest.raises(DataError, match="do not fit the context of 14"):
        Stepper(model, cache)(ids[:, 0])


@torch.inference_mode()
def test_fewer_ids_than_rows_go_to_the_first_rows(model: Transformer, ids: Tensor):
    whole, cache = model(ids), model.new_cache(2)
    model(ids[:, :4], cache=cache)
    kept = cache.keys_LBHSK[:, 1].clone()
    logits_BV = Stepper(model, cache)(ids[:1, 4])
    assert torch.allclose(logits_BV[0], whole[0, 4], atol=1e-5)
    assert cache.lengths_B.tolist() == [5, 4]
    assert torch.equal(cache.keys_LBHSK[:, 1], kept)


@torch.inference_mode()
def test_the_cache_may_be_changed_for_a_larger_one(model: Transformer, ids: Tensor):
    whole, small, large = model(ids), model.new_cache(1, 5), model.new_cache(3)
    step = Stepper(model, small)
    model(ids[:1, :5], cache=small)
    large.take_over(small)
    step.cache = large
    assert torch.allclose(step(ids[:1, 5])[0], whole[0, 5], atol=1e-5)
