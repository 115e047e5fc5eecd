"""Every weight is the one that `transformers` computes without its fused kernels.

Legend: L layers, H heads, T query and key position.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from slm.attention.maps import attention_maps
from slm.exchange.pretrained import load_model

VOCAB, TOKENS = 300, 40
IDS = torch.randint(VOCAB, (TOKENS,), generator=torch.Generator().manual_seed(1))
ROTARY: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.3,
}
THEIRS: dict[str, transformers.PreTrainedConfig] = {
    "gpt2": transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=48, n_layer=3, n_head=6, initializer_range=0.3
    ),
    "llama, three query heads to a key head": transformers.LlamaConfig(**ROTARY),
    "qwen2": transformers.Qwen2Config(**ROTARY),
    "qwen3, normed queries and keys": transformers.Qwen3Config(**{**ROTARY, "head_dim": 12}),
    "phi3 with a window of 9": transformers.Phi3Config(
        **{**ROTARY, "num_key_value_heads": 6}, sliding_window=9
    ),
    "one layer, one head": transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=16, n_layer=1, n_head=1, initializer_range=0.5
    ),
}


@pytest.mark.parametrize("name", THEIRS)
def test_every_weight_is_the_one_that_transformers_computes(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    theirs = transformers.AutoModelForCausalLM.from_config(
        THEIRS[name], attn_implementation="eager"
    ).eval()
    for parameter in theirs.parameters():
        if parameter.ndim == 1:  # norms and biases begin as ones and zeros
            parameter.data += 0.2 * torch.randn_like(parameter)
    theirs.save_pretrained(tmp_path)
    with torch.no_grad():
        attentions = theirs(IDS[None], output_attentions=True).attentions
    expected_LHTT = torch.stack([layer_BHTT[0] for layer_BHTT in attentions]).numpy()
    assert expected_LHTT[:, :, -1].max() > 4 / TOKENS  # far from even, where anything agrees
    weights_LHTT = attention_maps(load_model(tmp_path), IDS)
    np.testing.assert_allclose(weights_LHTT, expected_LHTT, atol=1e-5, rtol=0)
