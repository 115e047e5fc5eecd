"""The figures of others: perplexity as `transformers` gives it, bits a byte for any tokens."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from slm.evaluation.perplexity import evaluate, token_losses
from slm.exchange.pretrained import load_model
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

VOCAB, TOKENS = 300, 61
ROTARY = {
    "vocab_size": VOCAB,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.1,
}
THEIRS = {
    "gpt2": transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=48, n_layer=2, n_head=6, initializer_range=0.1
    ),
    "llama": transformers.LlamaConfig(**ROTARY),
    "qwen2": transformers.Qwen2Config(**ROTARY),
    "qwen3": transformers.Qwen3Config(**{**ROTARY, "head_dim": 12}),
    "phi3": transformers.Phi3Config(**{**ROTARY, "num_key_value_heads": 6}, sliding_window=9),
}


@pytest.mark.parametrize("name", THEIRS)
def test_perplexity_is_the_one_that_transformers_computes(tmp_path: Path, name: str):
    torch.manual_seed(0)
    theirs = transformers.AutoModelForCausalLM.from_config(THEIRS[name]).eval()
    theirs.save_pretrained(tmp_path)
    ids = torch.randint(VOCAB, (1, TOKENS), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        loss = theirs(ids, labels=ids).loss.item()
        logits = theirs(ids).logits[0, :-1].log_softmax(-1)
    ours = load_model(tmp_path)
    found = evaluate(ours, ids[0])
    assert found.nats_per_token == pytest.approx(loss, abs=1e-5)
    assert found.perplexity == pytest.approx(np.exp(loss), rel=1e-5)
    expected = -logits.gather(-1, ids[0, 1:, None])[:, 0]
    assert token_losses(ours, ids[0])[1:] == pytest.approx(expected.numpy(), abs=1e-5)


def test_bits_a_byte_are_the_same_however_the_bytes_are_cut():
    """Every byte equally likely: 8 bits each, as 256 tokens of one byte or 65,536 of two."""
    text = np.random.default_rng(0).integers(0, 256, 42)
    one, two = text, text[::2] * 256 + text[1::2]
    found = [
        evaluate(ignorant(vocab_size), ids, n_bytes=width * (len(ids) - 1))
        for vocab_size, ids, width in ((256, one, 1), (65_536, two, 2))
    ]
    assert [each.bits_per_byte for each in found] == [pytest.approx(8), pytest.approx(8)]
    assert [each.perplexity for each in found] == [pytest.approx(256), pytest.approx(65_536)]


def ignorant(vocab_size: int) -> Transformer:
    sizes = {"n_layers": 1, "n_heads": 1, "d_model": 4, "d_ff": 4, "context_length": 8}
    model = Transformer(ModelConfig(vocab_size=vocab_size, **sizes))
    with torch.no_grad():
        model.token_embedding.weight.zero_()
    return model.eval()
