"""A GGUF file holds the model's tensors and settings, as llama.cpp asks for them."""

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from slm.errors import CheckpointError, ConfigError, DiskFullError
from slm.exchange import gguf as writing
from slm.exchange import gguf_check, gguf_model
from slm.exchange.gguf import write_gguf
from slm.exchange.gguf_format import GGUF
from slm.exchange.gguf_reading import metadata, of_weights, read_model
from slm.exchange.outgoing import Outgoing
from slm.exchange.taking_out import TakeOutConfig, take_out
from slm.jobs import silent
from slm.model.config import ModelConfig, RopeScaling
from slm.model.transformer import Transformer
from slm.sampling.methods import WritingConfig
from slm.tokenizer.fast import Tokenizer

TOKENIZER = Tokenizer.train(["the cat sat on the mat, the dog sat on the log"], vocab_size=270)
SHAPE = {"vocab_size": 272, "context_length": 48, "n_layers": 2, "n_heads": 4, "d_model": 64}
GPT2 = {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "qk_norm": False, "bias": "all"}
LLAMA = {"qk_norm": False, "d_ff": 96}
LLAMA3 = RopeScaling(kind="llama3", factor=8.0, original_context_length=16)
MODELS = {
    "gpt2": GPT2,
    "gpt2, untied": {**GPT2, "tie_embeddings": False},
    "llama": LLAMA,
    "llama, fewer keys, untied": {**LLAMA, "n_kv_heads": 2, "tie_embeddings": False},
    "llama, biases": {**LLAMA, "n_kv_heads": 2, "bias": "all"},
    "llama, wide heads": {**LLAMA, "d_head": 32},
    "llama, linear": {**LLAMA, "rope_scaling": RopeScaling(factor=4.0)},
    "llama, llama3": {**LLAMA, "rope_scaling": LLAMA3},
    "qwen2": {**LLAMA, "n_kv_heads": 2, "bias": "qkv"},
    "qwen2, wide heads": {**LLAMA, "bias": "qkv", "d_head": 32},
    "qwen3": {"d_ff": 96},
    "qwen3, fewer keys": {"n_kv_heads": 2, "d_head": 32, "rope_theta": 1e6, "d_ff": 96},
    "phi3": {**LLAMA, "window": 24},
    "phi3, fewer keys": {**LLAMA, "window": 24, "n_kv_heads": 2},
}
EVERY = pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS.keys())


def random_model(settings: dict) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(**{**SHAPE, **settings})).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def written(model: Transformer, folder: Path, number_format: str = "float32") -> Path:
    folder.mkdir(exist_ok=True)
    write_gguf(model, TOKENIZER, folder / writing.FILE, number_format=number_format)
    return folder / writing.FILE


@EVERY
def test_what_is_read_back_computes_the_same_bit_for_bit(settings: dict, tmp_path: Path):
    model = random_model(settings)
    path = written(model, tmp_path)
    ids_BT = torch.arange(40)[None]
    assert torch.equal(read_model(path, model.config)(ids_BT), model(ids_BT))
    assert of_weights(model, path, "float32").passed


def test_the_file_says_what_the_model_is(tmp_path: Path):
    model = random_model({"n_kv_heads": 2, "d_head": 32, "d_ff": 96, "rope_theta": 5e4})
    path = tmp_path / writing.FILE
    write_gguf(model, TOKENIZER, path, name="A <b>fox", licence="mit", template="{{ messages }}")
    told = metadata(path)
    assert told["general.architecture"] == "qwen3"
    assert (told["general.name"], told["general.license"]) == ("A <b>fox", "mit")
    assert told["tokenizer.chat_template"] == "{{ messages }}"
    assert {key.removeprefix("qwen3."): v for key, v in told.items() if key[:6] == "qwen3."} == {
        "context_length": 48,
        "embedding_length": 64,
        "block_count": 2,
        "feed_forward_length": 96,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
        "attention.key_length": 32,
        "attention.value_length": 32,
        "attention.layer_norm_rms_epsilon": pytest.approx(1e-6),
        "rope.dimension_count": 32,
        "rope.freq_base": 50_000,
        "vocab_size": 272,
    }
    assert told["tokenizer.ggml.tokens"][269:] == ["<|endoftext|>", "[unused 270]", "[unused 271]"]
    assert told["tokenizer.ggml.token_type"][268:] == [1, 3, 5, 5]
    assert told["tokenizer.ggml.eos_token_id"] == 269
    assert told["tokenizer.ggml.add_bos_token"] is False


def test_llama_has_neighbouring_pairs_where_we_have_halves(tmp_path: Path):
    """Heads of 16: our pair (0, 8) stands in rows 0 and 1 of the file; values stay."""
    model = random_model(LLAMA)
    stored = {each.name: each.data for each in gguf.GGUFReader(written(model, tmp_path)).tensors}
    query = model.state_dict()["blocks.1.attention.query.weight"].numpy()
    value = model.state_dict()["blocks.1.attention.value.weight"].numpy()
    assert np.array_equal(stored["blk.1.attn_q.weight"][:4], query[[0, 8, 1, 9]])
    assert np.array_equal(stored["blk.1.attn_q.weight"][16:18], query[[16, 24]])
    assert np.array_equal(stored["blk.1.attn_v.weight"], value)


def test_llama3_scaling_goes_as_what_each_angle_is_divided_by(tmp_path: Path):
    """Of 8 angles the fastest stay as they are, the slowest are divided by the factor, 8."""
    model = random_model({**LLAMA, "rope_scaling": LLAMA3})
    stored = {each.name: each.data for each in gguf.GGUFReader(written(model, tmp_path)).tensors}
    factors = stored["rope_freqs.weight"]
    assert factors.shape == (8,)
    assert factors[-1] == pytest.approx(8.0)
    assert np.all(np.diff(factors) >= -1e-6)
    assert factors[0] < 8.0


def test_q8_0_holds_whole_numbers_up_to_127_exactly(tmp_path: Path):
    """A block whose largest number is 127 has the factor 1."""
    model = random_model(LLAMA)
    weight = model.state_dict()["blocks.0.mlp.up.weight"]
    weight.copy_(torch.randint(-126, 127, weight.shape).float())
    weight[:, ::32] = 127.0
    path = written(model, tmp_path, "q8_0")
    assert torch.equal(
        read_model(path, model.config).state_dict()["blocks.0.mlp.up.weight"], weight
    )
    kinds = {each.name: each.tensor_type.name for each in gguf.GGUFReader(path).tensors}
    assert kinds["token_embd.weight"] == "Q8_0"
    assert kinds["output_norm.weight"] == "F32"


def test_rows_that_are_no_multiple_of_32_become_float16(tmp_path: Path):
    model = random_model({**LLAMA, "d_ff": 50})
    told = GGUF.write(Outgoing.of(model, TOKENIZER), tmp_path, "q8_0", silent)
    tensors = gguf.GGUFReader(tmp_path / writing.FILE).tensors
    kinds = {each.name: each.tensor_type.name for each in tensors}
    assert kinds["blk.0.ffn_down.weight"] == "F16"
    assert kinds["blk.0.ffn_up.weight"] == "Q8_0"
    assert "stored as float16" in told["notes"][0]


@pytest.mark.parametrize("number_format", ["float16", "bfloat16", "q8_0"])
def test_blocks_of_rows_give_the_bytes_of_the_whole(
    number_format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model = random_model(MODELS["phi3"])
    whole = written(model, tmp_path / "whole", number_format).read_bytes()
    monkeypatch.setattr(writing, "_NUMBERS_AT_ONCE", 200)  # three rows of 64
    path = written(model, tmp_path / "blocks", number_format)
    assert path.read_bytes() == whole
    assert of_weights(model, path, number_format).passed


def test_a_number_that_float16_cannot_hold_is_refused_by_its_tensors_name(tmp_path: Path):
    model = random_model(LLAMA)
    model.state_dict()["blocks.1.mlp.down.weight"][3, 3] = 70_000.0
    with pytest.raises(CheckpointError, match=r"blk\.1\.ffn_down\.weight .*beyond 65,504"):
        written(model, tmp_path, "float16")
    assert of_weights(model, written(model, tmp_path, "bfloat16"), "bfloat16").passed


def test_a_window_becomes_the_context_and_the_file_says_why(tmp_path: Path):
    """Up to the window's length every position sees all before it, as without a window."""
    model = random_model(MODELS["phi3"])
    told = GGUF.write(Outgoing.of(model, TOKENIZER), tmp_path, "float32", silent)
    assert told["architecture"] == "phi3"
    assert metadata(tmp_path / writing.FILE)["phi3.context_length"] == 24
    assert "24 tokens as its context" in told["notes"][0]
    assert told["notes"][0] in (tmp_path / "README.md").read_text()


def test_settings_that_llama_cpp_has_not_are_refused_before_any_weight_is_read():
    assert GGUF.require is not None
    with pytest.raises(ConfigError, match="llama3 rule"):
        GGUF.require(ModelConfig(**SHAPE, rope_scaling=LLAMA3))
    with pytest.raises(ConfigError, match="qk_norm=False"):
        GGUF.require(ModelConfig(**SHAPE, norm="layernorm"))


def test_how_it_should_write_goes_with_it(tmp_path: Path):
    greedy = Outgoing.of(random_model(LLAMA), TOKENIZER, writing=WritingConfig(method="greedy"))
    GGUF.write(greedy, tmp_path, "float32", silent)
    assert metadata(tmp_path / writing.FILE)["general.sampling.temp"] == 0.0
    lines = (tmp_path / "Modelfile").read_text().splitlines()
    assert "PARAMETER temperature 0.0" in lines
    assert "PARAMETER num_ctx 48" in lines
    assert "PARAMETER num_predict 24" in lines
    assert "TEMPLATE {{ .Prompt }}" in lines


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "_append", full)
    with pytest.raises(DiskFullError, match="the disk is full"):
        take_out(
            Outgoing.of(random_model(LLAMA), TOKENIZER),
            TakeOutConfig(format="gguf"),
            tmp_path / "out",
        )
    assert list(tmp_path.iterdir()) == []


def test_one_changed_byte_is_noticed(tmp_path: Path):
    model = random_model(LLAMA)
    path = written(model, tmp_path)
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    finding = of_weights(model, path, "float32")
    assert (finding.passed, finding.value[:20]) == (False, "1 tensors differ, bl")


def test_without_llama_cpp_the_file_is_read_back_and_the_proof_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(gguf_check, "find_spec", lambda _: None)
    model = random_model(LLAMA)
    written(model, tmp_path)
    told = gguf_check.prove(Outgoing.of(model, TOKENIZER), tmp_path, "float32")
    assert told.findings[0].passed
    assert not told.passed
    assert "pip install llama-cpp-python" in str(told.missing)


def test_turned_rows_go_back():
    rows = torch.arange(48).reshape(24, 2)
    turned = gguf_model.neighbouring_pairs(rows, 3)
    assert not torch.equal(turned, rows)
    assert torch.equal(gguf_model.halves_apart(turned, 3), rows)


@pytest.mark.slow
@EVERY
def test_llama_cpp_says_the_same(settings: dict, tmp_path: Path):
    """Logits, the likeliest continuation, and ids; where llama-cpp-python is installed."""
    pytest.importorskip("llama_cpp", reason=f"llama.cpp is not installed: {gguf_check.INSTALL}")
    model = random_model(settings)
    written(model, tmp_path)
    told = gguf_check.prove(Outgoing.of(model, TOKENIZER), tmp_path, "float32")
    assert told.passed, told


@pytest.mark.slow
@pytest.mark.parametrize("number_format", ["float16", "bfloat16", "q8_0"])
def test_llama_cpp_says_the_same_of_rounded_numbers(number_format: str, tmp_path: Path):
    pytest.importorskip("llama_cpp", reason=f"llama.cpp is not installed: {gguf_check.INSTALL}")
    model = random_model(MODELS["llama, fewer keys, untied"])
    written(model, tmp_path, number_format)
    told = gguf_check.prove(Outgoing.of(model, TOKENIZER), tmp_path, number_format)
    assert told.passed, told


@pytest.mark.slow
def test_a_file_in_the_wrong_order_does_not_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Queries and keys left as they are: the same numbers, and another model."""
    pytest.importorskip("llama_cpp", reason=f"llama.cpp is not installed: {gguf_check.INSTALL}")
    monkeypatch.setattr(gguf_model, "_turned_heads", lambda *_: 0)
    model = random_model(LLAMA)
    written(model, tmp_path)
    told = gguf_check.prove(Outgoing.of(model, TOKENIZER), tmp_path, "float32")
    found = {each.what: each.passed for each in told.findings}
    assert found["Weights in the file"]
    assert not found["Largest difference of a logit"]
