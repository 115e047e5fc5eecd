"""Our Transformer gives the logits that `transformers` gives, in both directions."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor

from slm.errors import CheckpointError, ConfigError, HubError, WorkspaceError
from slm.exchange.hub import download_model
from slm.exchange.pretrained import export_pretrained, load_model, load_pretrained
from slm.model.config import ModelConfig, RopeScaling
from slm.model.probe import Recorder
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate
from slm.tokenizer.fast import Tokenizer

VOCAB = 300
IDS = torch.randint(VOCAB, (2, 30), generator=torch.Generator().manual_seed(1))
ROTARY: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.3,  # far from uniform attention
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
THEIRS: dict[str, transformers.PreTrainedConfig] = {
    "gpt2": transformers.GPT2Config(
        vocab_size=VOCAB, n_positions=64, n_embd=32, n_layer=2, n_head=4, initializer_range=0.3
    ),
    "gpt2 untied, feed-forward of its own width": transformers.GPT2Config(
        vocab_size=VOCAB,
        n_positions=64,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_inner=40,
        tie_word_embeddings=False,
    ),
    "llama grouped-query": transformers.LlamaConfig(**ROTARY),
    "llama with heads wider than width / heads": transformers.LlamaConfig(
        **{**ROTARY, "head_dim": 20}
    ),
    "llama dense, tied, with biases": transformers.LlamaConfig(
        **{**ROTARY, "num_key_value_heads": 4, "tie_word_embeddings": True},
        attention_bias=True,
        mlp_bias=True,
    ),
    "llama 3 rope scaling": transformers.LlamaConfig(**ROTARY, rope_parameters=LLAMA3_ROPE),
    "llama linear rope scaling": transformers.LlamaConfig(
        **ROTARY,
        rope_parameters={"rope_type": "linear", "rope_theta": 10_000.0, "factor": 2.0},
    ),
    "qwen2": transformers.Qwen2Config(**ROTARY),
    "qwen2 with a window": transformers.Qwen2Config(
        **ROTARY, use_sliding_window=True, sliding_window=7, max_window_layers=0
    ),
    "qwen3": transformers.Qwen3Config(**{**ROTARY, "head_dim": 12, "tie_word_embeddings": True}),
    "qwen3 one key-value head": transformers.Qwen3Config(
        **{**ROTARY, "head_dim": 8, "num_key_value_heads": 1}
    ),
    "phi3 dense with a window": transformers.Phi3Config(
        **{**ROTARY, "num_key_value_heads": 4}, sliding_window=7
    ),
    "phi3 grouped-query": transformers.Phi3Config(**ROTARY),
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["the cat sat on the mat, the dog sat on the log " * 20], vocab_size=270)


def their_model(
    config: transformers.PreTrainedConfig, attention: str = "sdpa"
) -> transformers.PreTrainedModel:
    """A random model in which biases and norms are random too."""
    torch.manual_seed(0)
    config = copy.deepcopy(config)  # a model writes its number format into it
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=attention)
    for parameter in model.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return model.eval().requires_grad_(False)


def saved(folder: Path, model: transformers.PreTrainedModel, **options: Any) -> Path:
    model.save_pretrained(folder, safe_serialization=True, **options)
    return folder


def edit_settings(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("name", THEIRS)
def test_a_published_model_gives_the_same_logits_here(tmp_path: Path, name: str) -> None:
    theirs = their_model(THEIRS[name])
    ours = load_model(saved(tmp_path, theirs))
    expected = theirs(IDS).logits
    assert expected.std() > 0.05
    torch.testing.assert_close(ours(IDS), expected, atol=1e-4, rtol=0)
    cache = ours.new_cache(batch_size=2)
    chunks = [ours(chunk, cache=cache) for chunk in IDS.split([9, 1, 20], dim=1)]
    torch.testing.assert_close(torch.cat(chunks, dim=1), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", THEIRS)
def test_a_published_model_writes_the_same_text_here(tmp_path: Path, name: str) -> None:
    """Greedily, past the window where there is one."""
    theirs = their_model(THEIRS[name])
    ours = load_model(saved(tmp_path, theirs))
    prompt = IDS[:1, :5]
    expected = theirs.generate(
        prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=24, do_sample=False
    )
    written = generate(ours, prompt[0].tolist(), SamplingConfig(temperature=0), 24, eos_id=0)
    assert [step.id for step in written] == expected[0, 5:].tolist()


@pytest.mark.parametrize("name", ["llama grouped-query", "phi3 dense with a window", "gpt2"])
def test_half_precision_in_shards_is_opened_as_it_is(tmp_path: Path, name: str) -> None:
    """In bfloat16 the same rounded weights; in float32 those, computed with exactly."""
    saved(tmp_path, their_model(THEIRS[name]).to(torch.bfloat16), max_shard_size="20KB")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    half = load_model(tmp_path, dtype=torch.bfloat16)
    assert {weight.dtype for weight in half.parameters()} == {torch.bfloat16}
    exact = theirs(IDS).logits.detach()
    torch.testing.assert_close(load_model(tmp_path)(IDS), exact, atol=1e-4, rtol=0)
    assert (half(IDS).float() - exact).abs().mean() < 0.05 * exact.std()


@pytest.mark.parametrize("name", THEIRS)
def test_a_published_model_attends_the_same_way_here(tmp_path: Path, name: str) -> None:
    theirs = their_model(THEIRS[name], attention="eager")
    ours = load_model(saved(tmp_path, theirs))
    recorder = Recorder(["weights"])
    ours(IDS, probe=recorder)
    for layer, weights_BHTS in enumerate(theirs(IDS, output_attentions=True).attentions):
        torch.testing.assert_close(recorder["weights", layer], weights_BHTS, atol=1e-5, rtol=0)


def test_model_and_tokenizer_come_together(tmp_path: Path, tokenizer: Tokenizer) -> None:
    saved(tmp_path, their_model(THEIRS["qwen3"]))
    tokenizer.save(tmp_path)
    model, loaded = load_pretrained(str(tmp_path))
    assert model.config.qk_norm
    assert loaded.encode("the cat sat") == tokenizer.encode("the cat sat")


def test_shards_are_put_together(tmp_path: Path) -> None:
    theirs = their_model(THEIRS["llama grouped-query"])
    saved(tmp_path, theirs, max_shard_size="20KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 2
    torch.testing.assert_close(load_model(tmp_path)(IDS), theirs(IDS).logits, atol=1e-4, rtol=0)


def test_names_and_leftovers_of_the_first_published_gpt2_are_understood(tmp_path: Path) -> None:
    """Its file has no `transformer.` in front, and a causal mask in every block."""
    theirs = their_model(THEIRS["gpt2"])
    path = saved(tmp_path, theirs) / "model.safetensors"
    weights = {k.removeprefix("transformer."): v for k, v in load_file(path).items()}
    weights["h.0.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    weights["lm_head.weight"] = weights["wte.weight"].clone()
    save_file(weights, path)
    torch.testing.assert_close(load_model(tmp_path)(IDS), theirs(IDS).logits, atol=1e-4, rtol=0)


def test_the_older_form_of_rope_settings_is_understood(tmp_path: Path) -> None:
    theirs = their_model(THEIRS["llama 3 rope scaling"])
    saved(tmp_path, theirs)
    older = {k: v for k, v in LLAMA3_ROPE.items() if k != "rope_theta"}
    edit_settings(tmp_path, rope_parameters=None, rope_theta=500.0, rope_scaling=older)
    torch.testing.assert_close(load_model(tmp_path)(IDS), theirs(IDS).logits, atol=1e-4, rtol=0)


QWEN3 = ModelConfig(
    vocab_size=VOCAB, context_length=64, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)
PLAIN = QWEN3.replace(qk_norm=False)
OURS: dict[str, tuple[str, ModelConfig]] = {
    "our default": ("Qwen3ForCausalLM", QWEN3),
    "wide heads and a window": ("Qwen3ForCausalLM", QWEN3.replace(d_head=12, window=7)),
    "gpt2": (
        "GPT2LMHeadModel",
        PLAIN.replace(
            n_kv_heads=None, norm="layernorm", positions="learned", mlp="gelu", bias="all"
        ),
    ),
    "llama": ("LlamaForCausalLM", PLAIN.replace(tie_embeddings=False)),
    "llama with biases and stretched positions": (
        "LlamaForCausalLM",
        PLAIN.replace(
            bias="all",
            rope_theta=500.0,
            rope_scaling=RopeScaling(kind="llama3", factor=4, original_context_length=32),
        ),
    ),
    "qwen2": ("Qwen2ForCausalLM", PLAIN.replace(bias="qkv")),
    "phi3": ("Phi3ForCausalLM", PLAIN.replace(window=7, n_kv_heads=None)),
}


def our_model(config: ModelConfig) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * (0.3 if parameter.ndim == 2 else 0.5))
    return model


def their_logits(folder: Path) -> tuple[str, Tensor]:
    theirs, loading = transformers.AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True
    )
    assert not loading["missing_keys"] and not loading["unexpected_keys"], loading
    with torch.no_grad():
        return type(theirs).__name__, theirs(IDS).logits


@pytest.mark.parametrize("name", OURS)
def test_a_model_of_ours_gives_the_same_logits_elsewhere(
    tmp_path: Path, name: str, tokenizer: Tokenizer
) -> None:
    architecture, config = OURS[name]
    model = our_model(config)
    export_pretrained(model, tokenizer, tmp_path / "out")
    theirs, logits = their_logits(tmp_path / "out")
    assert theirs == architecture
    torch.testing.assert_close(logits, model(IDS), atol=1e-4, rtol=0)
    back, _ = load_pretrained(tmp_path / "out")
    assert torch.equal(back(IDS), model(IDS))
    assert (back.config.kv_heads, back.config.head_width) == (config.kv_heads, config.head_width)
    follows = {"n_kv_heads": None, "d_head": config.head_width}
    assert back.config.replace(**follows) == config.replace(**follows)


def test_the_exported_tokenizer_opens_elsewhere(tmp_path: Path, tokenizer: Tokenizer) -> None:
    export_pretrained(our_model(QWEN3), tokenizer, tmp_path / "out", dtype=torch.float16)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    text = "the cat sat on the log — ☃"
    assert theirs.encode(text) == tokenizer.encode(text)
    assert theirs.eos_token_id == tokenizer.eos_id
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}


def test_settings_that_nobody_else_runs_are_named_before_anything_is_written(
    tmp_path: Path, tokenizer: Tokenizer
) -> None:
    odd = PLAIN.replace(norm="layernorm", positions="learned")
    with pytest.raises(ConfigError, match=r"GPT2LMHeadModel, which needs mlp=gelu, bias=all"):
        export_pretrained(Transformer(odd), tokenizer, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_never_overwrites_a_folder_in_use(tmp_path: Path, tokenizer: Tokenizer) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(WorkspaceError, match="choose a new folder"):
        export_pretrained(Transformer(QWEN3), tokenizer, tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, tokenizer: Tokenizer) -> None:
    small = Transformer(QWEN3.replace(vocab_size=100))
    with pytest.raises(CheckpointError, match="has 270 tokens and the model knows 100"):
        export_pretrained(small, tokenizer, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["MambaForCausalLM"]}, "'MambaForCausalLM' is not known here"),
        ({"architectures": ["LlamaForCausalLM", "X"]}, "not known here"),
        ({"hidden_act": "relu"}, "hidden_act = 'relu'; only silu"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "stretches rotary positions by 'yarn'"),
        (
            {"rope_parameters": {"rope_type": "longrope", "short_factor": [1.0]}},
            "stretches rotary positions by 'longrope'",
        ),
        ({"rope_scaling": {"type": "su"}, "rope_parameters": None}, "positions by 'su'"),
        ({"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor = '0.5'"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"hidden_size": "32"}, "hidden_size = '32'; a whole number is needed"),
        ({"num_hidden_layers": 10**12}, "n_layers is 1000000000000"),
        ({"num_attention_heads": 0}, "n_heads is 0"),
        ({"attention_bias": True}, "mlp_bias"),
        ({"hidden_size": 64}, "of another shape"),
        ({"vocab_size": 999_999}, r"embed_tokens.weight \[300, 32\] for \[999999, 32\]"),
        ({"num_hidden_layers": 3}, "missing: model.layers.2"),
        ({"num_hidden_layers": 1}, "not part of this model: model.layers.1"),
    ],
)
def test_settings_that_cannot_be_followed_are_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    saved(tmp_path, their_model(THEIRS["llama grouped-query"]))
    edit_settings(tmp_path, **changes)
    with pytest.raises(CheckpointError, match=message):
        load_model(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, '{"architectures": 7}'])
def test_a_config_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CheckpointError):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "hub_id",
    ["..", "../x", "a/../b", "/etc/passwd", "https://hub/x", "a", "a/b/c", "a\\b", "C:/x", "-a/b"],
)
def test_what_is_no_hub_name_never_reaches_the_network(hub_id: str) -> None:
    with pytest.raises(HubError, match="write owner/name"):
        download_model(hub_id)


def test_a_hub_out_of_reach_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubError, match="Check the network and try again"):
        download_model("nobody-here/no-such-model")
    with pytest.raises(CheckpointError, match="is no folder, and no model on the Hub"):
        load_pretrained(str(tmp_path / "missing"))
