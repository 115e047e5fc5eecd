"""Steps of fixed shapes give what steps of growing shapes give; here without a graph."""

import pytest
import torch
from torch import Tensor

from slm.errors import DataError
from slm.model import graph_stepping
from slm.model.config import ModelConfig
from slm.model.graph_stepping import GraphStepper, stepper_for
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer

FAMILIES: dict[str, dict[str, object]] = {
    "ours": {},
    "window": {"window": 5},
    "gpt2": {
        "positions": "learned", "norm": "layernorm", "bias": "all", "mlp": "gelu", "qk_norm": False,
    },
}  # fmt: skip
LENGTH = 14


@pytest.fixture(params=FAMILIES)
def model(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Transformer:
    """Places in steps of 4, 8 and 14, so that a text of 14 ids goes through all of them."""
    monkeypatch.setattr(graph_stepping, "_FEWEST", 4)
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
def test_steps_of_fixed_shapes_give_the_logits_of_one_pass(model: Transformer, ids: Tensor):
    whole, cache = model(ids), model.new_cache(2)
    model(ids[:, :2], cache=cache)
    step = GraphStepper(model, cache)
    for place in range(2, LENGTH):
        assert torch.allclose(step(ids[:, place]), whole[:, place], atol=1e-5)
    assert cache.lengths_B.tolist() == [LENGTH, LENGTH]
    assert sorted(step._recorded) == [4, 8, LENGTH]


@torch.inference_mode()
def test_rows_without_an_id_keep_what_they_hold(model: Transformer, ids: Tensor):
    """Row 1 is read in slices (7 ids) while row 0 steps from 3 to 6, looking at 8 places."""
    whole, cache = model(ids), model.new_cache(2)
    model(ids[:1, :3], cache=cache.row(0))
    model(ids[1:, :7], cache=cache.row(1))
    step = GraphStepper(model, cache)
    for place in range(3, 6):
        assert torch.allclose(step(ids[:1, place]), whole[:1, place], atol=1e-5)
    assert cache.lengths_B.tolist() == [6, 7]
    model(ids[1:, 7:9], cache=cache.row(1))
    assert torch.allclose(step(torch.stack([ids[0, 6], ids[1, 9]]))[1], whole[1, 9], atol=1e-5)


@torch.inference_mode()
def test_another_cache_is_recorded_anew(model: Transformer, ids: Tensor):
    whole, small, large = model(ids), model.new_cache(1, 5), model.new_cache(3)
    step = GraphStepper(model, small)
    model(ids[:1, :3], cache=small)
    step(ids[:1, 3])
    large.take_over(small)
    step.cache = large
    assert torch.allclose(step(ids[:1, 4])[0], whole[0, 4], atol=1e-5)


@torch.inference_mode()
def test_a_full_context_takes_no_more(model: Transformer, ids: Tensor):
    cache = model.new_cache(2)
    model(ids, cache=cache)
    with pytest.raises(DataError, match="do not fit the context of 14"):
        GraphStepper(model, cache)(ids[:, 0])


def test_a_processor_steps_by_growing_shapes(model: Transformer):
    assert type(stepper_for(model, model.new_cache())) is Stepper
