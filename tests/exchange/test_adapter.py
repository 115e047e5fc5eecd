"""Adapters leave in PEFT's form: by the published names, beside the model they belong to."""

from pathlib import Path

import pytest
import torch

from slm import files
from slm.exchange.adapter import Thin, adapter_settings, thin_matrices
from slm.exchange.exporting import export_pretrained
from slm.model.checkpoint import assemble
from slm.model.config import ModelConfig
from slm.model.families import GPT2, LLAMA, PHI3, Family
from slm.model.lora import merged_with
from slm.model.lora_settings import LoraConfig, Parts, adapter_shapes
from slm.model.tensors import write_tensors
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer

SMALL = ModelConfig(
    vocab_size=258, context_length=32, n_layers=2, n_heads=4, d_model=16, d_ff=24, qk_norm=False
)
SHAPES = {
    "llama": (LLAMA, SMALL.replace(n_kv_heads=2)),
    "gpt2": (
        GPT2,
        SMALL.replace(norm="layernorm", positions="learned", mlp="gelu", bias="all", d_ff=64),
    ),
    "phi3": (PHI3, SMALL.replace(window=8, tie_embeddings=False)),
}
each_family = pytest.mark.parametrize(("family", "shape"), SHAPES.values(), ids=SHAPES)


def random_adapter(shape: ModelConfig, lora: LoraConfig) -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    shapes = adapter_shapes(shape, lora).items()
    return {name: 0.3 * torch.randn(size) for name, size in shapes}


def merged(base: Transformer, adapter: dict[str, torch.Tensor], lora: LoraConfig) -> Transformer:
    weights = merged_with(base.state_dict().items(), adapter, base.config, lora)
    return assemble(base.config, weights)


@each_family
@pytest.mark.parametrize("parts", ["all", "qkv", "mlp"])
def test_added_by_pefts_rule_they_give_the_merged_matrices(
    family: Family, shape: ModelConfig, parts: Parts
):
    """Also where one published matrix holds queries, keys and values (GPT-2, Phi-3)."""
    lora = LoraConfig(rank=2, alpha=6.0, parts=parts)
    base, adapter = Transformer(shape), random_adapter(shape, lora)
    thin = {each.module: each for each in thin_matrices(shape, lora, adapter, family)}
    settings = adapter_settings(list(thin.values()), lora, "base")
    expected, before = merged(base, adapter, lora).state_dict(), base.state_dict()
    for one in family.tensors(shape):
        module = one.name.removesuffix(".weight")
        mine = one.join(before)
        if module in thin:
            mine = mine + added(thin[module], settings)
        assert torch.allclose(mine, one.join(expected), atol=1e-5), one.name
    assert sorted(settings["target_modules"]) == sorted(thin)


def added(thin: Thin, settings: dict) -> torch.Tensor:
    wide = {name.replace("\\", ""): value for name, value in settings["rank_pattern"].items()}
    alphas = {name.replace("\\", ""): value for name, value in settings["alpha_pattern"].items()}
    assert wide.get(thin.module, settings["r"]) == len(thin.a_RI)
    alpha = alphas.get(thin.module, settings["lora_alpha"])
    product = alpha / len(thin.a_RI) * thin.b_OR @ thin.a_RI
    return product.T if settings["fan_in_fan_out"] else product


@pytest.mark.slow
@each_family
def test_peft_computes_what_the_merged_model_computes(
    family: Family, shape: ModelConfig, tmp_path: Path
):
    peft = pytest.importorskip("peft")
    import transformers

    lora = LoraConfig(rank=2, alpha=6.0)
    base, adapter = Transformer(shape).eval(), random_adapter(shape, lora)
    export_pretrained(base, Tokenizer.from_learned([], ()), tmp_path / "base")
    thin = thin_matrices(shape, lora, adapter, family)
    weights = {f"base_model.model.{t.module}.lora_A.weight": t.a_RI for t in thin}
    weights |= {f"base_model.model.{t.module}.lora_B.weight": t.b_OR for t in thin}
    write_tensors(tmp_path, weights, "adapter_model")
    files.write_json(
        tmp_path / "adapter_config.json",
        adapter_settings(thin, lora, str(tmp_path / "base")),
    )
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    theirs = peft.PeftModel.from_pretrained(theirs, str(tmp_path)).eval()
    ids_BT = torch.randint(256, (2, 16))
    with torch.no_grad():
        expected = merged(base, adapter, lora)(ids_BT)
        torch.testing.assert_close(theirs(ids_BT).logits, expected, atol=1e-4, rtol=0)
