"""Weights of 8 bits: what rounding may cost, and life without the kernel."""

import pytest
import torch

from slm.model import int8, stepping
from slm.model.config import ModelConfig
from slm.model.int8 import Int8Matrix
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate

needs_kernel = pytest.mark.skipif(not int8.available(), reason="this PyTorch has no such kernel")


@needs_kernel
def test_whole_steps_of_a_row_come_out_exactly():
    """Rows with 127 and 254 as their largest numbers have the steps 1 and 2."""
    weight_IJ = torch.zeros(32, 32)
    weight_IJ[0, :3] = torch.tensor([127.0, -5, 1])
    weight_IJ[1, :3] = torch.tensor([-254.0, 6, 2])
    x_BJ = torch.zeros(1, 32)
    x_BJ[0, 1:3] = torch.tensor([1.0, 2.0])
    product_BI = Int8Matrix(weight_IJ, bias=torch.full((32,), 0.5))(x_BJ)
    assert product_BI[0, :3].tolist() == [-2.5, 10.5, 0.5]
    assert product_BI.dtype == torch.float32


@needs_kernel
@pytest.mark.parametrize("n_rows", [1, 5])
def test_products_are_those_of_the_full_matrix_within_half_a_step_and_bfloat16(n_rows: int):
    torch.manual_seed(0)
    weight_IJ, x_BJ = torch.randn(96, 64), torch.randn(n_rows, 64)
    exact_BI = x_BJ @ weight_IJ.T
    steps_1I = weight_IJ.abs().amax(dim=1)[None] / 127
    allowed_BI = x_BJ.abs().sum(dim=1, keepdim=True) * steps_1I / 2
    allowed_BI += (x_BJ.abs() @ weight_IJ.abs().T + exact_BI.abs()) / 128
    assert ((Int8Matrix(weight_IJ)(x_BJ) - exact_BI).abs() <= allowed_BI).all()


def small_model() -> Transformer:
    torch.manual_seed(1)
    config = ModelConfig(vocab_size=64, d_model=64, d_ff=128, n_layers=2, n_heads=2, n_kv_heads=1)
    return Transformer(config.replace(context_length=32)).eval()


@needs_kernel
@torch.inference_mode()
def test_stepping_with_8_bits_is_near_stepping_with_all():
    model = small_model()
    full, rounded = (
        stepping.Stepper(model, model.new_cache(), int8=asked) for asked in (False, True)
    )
    for token in range(20):
        exact_V, near_V = full(torch.tensor([token]))[0], rounded(torch.tensor([token]))[0]
        assert not torch.equal(exact_V, near_V)
        distance = torch.nn.functional.kl_div(
            near_V.log_softmax(-1), exact_V.log_softmax(-1), log_target=True, reduction="sum"
        )
        assert distance < 1e-3


@torch.inference_mode()
def test_many_rows_are_multiplied_in_full(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(int8, "_FEW", 2)
    model = small_model()
    full, rounded = (
        stepping.Stepper(model, model.new_cache(3), int8=asked) for asked in (False, True)
    )
    ids_B = torch.tensor([1, 2, 3])
    assert torch.equal(full(ids_B), rounded(ids_B))


def test_without_the_kernel_the_full_weights_are_used(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(torch, int8._KERNEL, raising=False)
    int8.available.cache_clear()
    try:
        assert not int8.available()
        model, config = small_model(), SamplingConfig(seed=3)
        plain = [step.id for step in generate(model, [1], config, 10)]
        assert [step.id for step in generate(model, [1], config, 10, int8=True)] == plain
    finally:
        int8.available.cache_clear()
