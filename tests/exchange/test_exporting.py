"""A model as a folder of Hugging Face: whole, in its family, and the same model elsewhere."""

import json
from pathlib import Path

import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.errors import ConfigError, DiskFullError
from slm.exchange import exporting
from slm.exchange.exporting import (
    CUT_BY_FAMILY,
    export_pretrained,
    family_for,
    write_pretrained,
)
from slm.exchange.pretrained import load_pretrained
from slm.model.config import ModelConfig, RopeScaling
from slm.model.transformer import Transformer
from slm.tokenizer.characters import CharacterTokenizer
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import ImportedTokenizer

TEXT = "the cat sat on the mat, the dog sat on the log "
TOKENIZER = Tokenizer.train([TEXT * 9], vocab_size=270)
IDS = torch.randint(270, (1, 20), generator=torch.Generator().manual_seed(1))
SHAPE = {"vocab_size": 280, "context_length": 32, "n_layers": 1, "n_heads": 4, "d_model": 32}
LLAMA = ModelConfig(**SHAPE, d_ff=24, qk_norm=False)


def random_model(config: ModelConfig) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(config).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


configs = st.builds(
    lambda rope, **chosen: ModelConfig(
        **SHAPE,
        **chosen,
        d_ff=24,
        rope_scaling=RopeScaling(kind=rope, original_context_length=16)
        if rope and chosen["positions"] == "rotary"
        else None,
    ),
    rope=st.sampled_from([None, "linear", "llama3"]),
    norm=st.sampled_from(["layernorm", "rmsnorm"]),
    positions=st.sampled_from(["learned", "rotary"]),
    mlp=st.sampled_from(["gelu", "swiglu"]),
    qk_norm=st.booleans(),
    bias=st.sampled_from(["none", "qkv", "all"]),
    tie_embeddings=st.booleans(),
    n_kv_heads=st.sampled_from([None, 2]),
    window=st.sampled_from([None, 7]),
    d_head=st.sampled_from([None, 12]),
)


@settings(max_examples=40, deadline=None)
@given(config=configs)
def test_any_model_is_the_same_elsewhere_or_refused_by_the_setting(
    tmp_path_factory: pytest.TempPathFactory, config: ModelConfig
):
    """Whatever can be designed here: logits within 1e-4 in transformers, bitwise here."""
    folder = tmp_path_factory.mktemp("out") / "model"
    model = random_model(config)
    try:
        export_pretrained(model, TOKENIZER, folder)
    except ConfigError as error:
        assert "which needs" in str(error)
        assert not folder.exists()
        return
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder)
    torch.testing.assert_close(theirs(IDS).logits, model(IDS), atol=1e-4, rtol=0)
    back, tokenizer = load_pretrained(folder)
    assert torch.equal(back(IDS), model(IDS))
    assert tokenizer.encode(TEXT) == TOKENIZER.encode(TEXT)


def test_an_imported_model_leaves_in_the_family_it_came_with():
    """Phi-3 without a window computes what a Llama computes."""
    assert family_for(LLAMA).architecture == "LlamaForCausalLM"
    assert family_for(LLAMA, "Phi3ForCausalLM").architecture == "Phi3ForCausalLM"
    assert family_for(LLAMA, "Qwen3ForCausalLM").architecture == "LlamaForCausalLM"
    assert family_for(LLAMA, "NobodysModel").architecture == "LlamaForCausalLM"


def test_a_window_over_stretched_positions_is_refused_by_the_setting():
    """Phi-3, the family with a window and no norm of queries, knows other stretchings alone."""
    both = LLAMA.replace(window=7, rope_scaling=RopeScaling(kind="linear"))
    with pytest.raises(ConfigError, match=r"Phi3ForCausalLM, which needs rope_scaling=None"):
        family_for(both)


def test_dropout_and_how_weights_began_do_not_decide_the_family():
    trained = LLAMA.replace(dropout=0.1, copy_start=0.0, look_back_start=0.0)
    assert family_for(trained, "Phi3ForCausalLM").architecture == "Phi3ForCausalLM"


FAMILIES = {
    "GPT2LMHeadModel": LLAMA.replace(
        norm="layernorm", positions="learned", mlp="gelu", bias="all", tie_embeddings=True
    ),
    "LlamaForCausalLM": LLAMA,
    "Qwen2ForCausalLM": LLAMA.replace(bias="qkv"),
    "Qwen3ForCausalLM": LLAMA.replace(qk_norm=True),
    "Phi3ForCausalLM": LLAMA.replace(window=7),
}


@pytest.mark.parametrize("architecture", FAMILIES)
@pytest.mark.parametrize("kind", ["gpt2", "gpt4", "characters"])
def test_text_is_cut_the_same_in_every_family(tmp_path: Path, architecture: str, kind: str):
    """Where AutoTokenizer has a mind of its own, the tokenizer is loaded as the card says."""
    tokenizer = (
        CharacterTokenizer.train([TEXT])
        if kind == "characters"
        else Tokenizer.train([TEXT * 9], vocab_size=265, pattern=kind)
    )
    export_pretrained(random_model(FAMILIES[architecture]), tokenizer, tmp_path / "out")
    loader = (
        transformers.PreTrainedTokenizerFast
        if architecture in CUT_BY_FAMILY
        else transformers.AutoTokenizer
    )
    text = "the Cat's 1234 mats —\n\n  sat on ☃, e\u0301\tit"
    assert loader.from_pretrained(tmp_path / "out").encode(text) == tokenizer.encode(text)


@pytest.mark.parametrize(
    "tokenizer",
    [Tokenizer.from_learned([]), CharacterTokenizer.train([TEXT])],
    ids=["bytes", "characters"],
)
def test_the_smallest_tokenizers_leave_too(tmp_path: Path, tokenizer):
    """A character that was never seen is the unknown one there too."""
    export_pretrained(random_model(LLAMA), tokenizer, tmp_path / "out")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    text = "the cat — ☃\nsat"
    ids = tokenizer.encode(text)
    assert theirs.encode(text) == ids
    assert theirs.decode(ids) == tokenizer.decode(ids)
    assert theirs.eos_token_id == tokenizer.eos_id


def test_the_token_that_begins_texts_is_told(tmp_path: Path):
    """A published tokenizer that says `<s>` begins and `</s>` ends."""
    plain = Tokenizer.train([TEXT * 9], vocab_size=270, special_tokens=("<s>", "</s>"))
    plain.save(tmp_path / "tokenizer")
    definition = (tmp_path / "tokenizer" / "tokenizer.json").read_text()
    published = ImportedTokenizer(definition, {"bos_token": "<s>", "eos_token": "</s>"})
    export_pretrained(random_model(LLAMA), published, tmp_path / "out")
    for name in ("config.json", "generation_config.json"):
        told = json.loads((tmp_path / "out" / name).read_text())
        ids = plain.special_tokens["<s>"], plain.special_tokens["</s>"]
        assert (told["bos_token_id"], told["eos_token_id"]) == ids


def test_large_models_leave_in_shards(tmp_path: Path):
    model = random_model(LLAMA.replace(n_layers=3, tie_embeddings=False))
    write_pretrained(model, TOKENIZER, tmp_path, shard_bytes=30_000)
    shards = sorted(tmp_path.glob("model-*.safetensors"))
    assert len(shards) > 2
    assert all(path.stat().st_size < 40_000 for path in shards)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    torch.testing.assert_close(theirs(IDS).logits, model(IDS), atol=1e-4, rtol=0)


def test_numbers_are_rounded_once(tmp_path: Path):
    """What comes back is each weight as torch rounds it, in the format that was asked for."""
    model = random_model(LLAMA)
    export_pretrained(model, TOKENIZER, tmp_path / "out", dtype=torch.bfloat16)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"] == "bfloat16"
    back, _ = load_pretrained(tmp_path / "out")
    for name, weight in back.state_dict().items():
        assert torch.equal(weight, model.state_dict()[name].bfloat16().float())


def test_nothing_is_left_of_an_export_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The disk fills up while the last file is written."""

    def full(*_: object) -> None:
        raise DiskFullError("config.json was not saved: the disk is full.")

    monkeypatch.setattr(exporting.files, "write_json", full)
    with pytest.raises(DiskFullError):
        export_pretrained(random_model(LLAMA), TOKENIZER, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
