"""An ONNX graph computes what the model does, for any number of texts of any length."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from slm.errors import ConfigError
from slm.exchange import onnx_format, onnx_graph
from slm.exchange.onnx_format import ONNX
from slm.exchange.onnx_graph import FILE, in_float32, write_onnx
from slm.exchange.outgoing import Outgoing
from slm.jobs import silent
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer

TOKENIZER = Tokenizer.train(["the cat sat on the mat, the dog sat on the log"], vocab_size=270)
SHAPE = {
    "vocab_size": 272,
    "context_length": 24,
    "n_layers": 1,
    "n_heads": 4,
    "d_model": 32,
    "d_ff": 48,
}
GPT2 = {"norm": "layernorm", "positions": "learned", "mlp": "gelu", "qk_norm": False, "bias": "all"}
MODELS = {
    "qwen3, fewer keys, untied": {"n_kv_heads": 2, "tie_embeddings": False},
    "gpt2": GPT2,
    "a window": {"qk_norm": False, "window": 5},
    "no published family": {"norm": "layernorm", "positions": "learned", "mlp": "swiglu"},
    "one position": {"context_length": 1},
}


def random_model(settings: dict) -> Transformer:
    torch.manual_seed(0)
    model = Transformer(ModelConfig(**{**SHAPE, **settings})).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


def test_the_module_that_is_written_down_is_the_model():
    """The same parts, with nothing that depends on the length of a text."""
    model = random_model(MODELS["a window"])
    ids_BT = torch.arange(20).reshape(2, 10)
    apart = onnx_graph._Reading(model)(ids_BT) - model(ids_BT)
    assert apart.abs().max() < 1e-5


def test_bfloat16_becomes_float32_with_the_same_numbers():
    model = random_model({}).to(torch.bfloat16)
    plain = in_float32(model)
    assert plain.dtype == torch.float32
    assert torch.equal(plain.token_embedding.weight, model.token_embedding.weight.float())
    assert in_float32(plain) is plain


def test_what_is_missing_is_said_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(onnx_graph, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match="pip install onnx onnxscript onnxruntime"):
        ONNX.write(Outgoing.of(random_model({}), TOKENIZER), tmp_path, "float32", silent)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(onnx_format, "find_spec", lambda _: None)
    assert ONNX.prove is not None
    told = ONNX.prove(Outgoing.of(random_model({}), TOKENIZER), tmp_path, "float32", silent)
    assert "pip install onnxruntime" in str(told.missing)


@pytest.mark.slow
@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS.keys())
def test_onnx_runtime_says_the_same_for_any_batch_and_length(settings: dict, tmp_path: Path):
    runtime = pytest.importorskip("onnxruntime")
    model = random_model(settings)
    write_onnx(model, tmp_path / FILE)
    session = runtime.InferenceSession(tmp_path / FILE, providers=["CPUExecutionProvider"])
    longest = model.config.context_length
    for shape in ((1, 1), (1, longest), (3, max(1, longest // 2))):
        ids_BT = torch.randint(270, shape)
        (logits_BTV,) = session.run(None, {"input_ids": ids_BT.numpy()})
        assert np.abs(logits_BTV - model(ids_BT).numpy()).max() < 1e-4
    assert str(Path(onnx_graph.__file__).parent).encode() not in (tmp_path / FILE).read_bytes()


@pytest.mark.slow
def test_the_proof_passes_and_the_lines_of_the_readme_run(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    model = random_model({})
    outgoing = Outgoing.of(model, TOKENIZER, name="A <b>fox")
    assert ONNX.write(outgoing, tmp_path, "float32", silent)["opset"] >= 18
    assert ONNX.prove is not None
    told = ONNX.prove(outgoing, tmp_path, "float32", silent)
    assert told.passed, told
    assert {each.what: each.passed for each in told.findings}["Token ids"]
    lines = (tmp_path / "README.md").read_text().split("```")[1].removeprefix("python\n")
    ran = subprocess.run(
        [sys.executable, "-c", lines], cwd=tmp_path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Once upon a time")


@pytest.mark.slow
def test_the_graph_of_another_model_does_not_pass(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    model = random_model({})
    ONNX.write(Outgoing.of(model, TOKENIZER), tmp_path, "float32", silent)
    model.state_dict()["blocks.0.mlp.down.weight"][0] += 0.5
    assert ONNX.prove is not None
    told = ONNX.prove(Outgoing.of(model, TOKENIZER), tmp_path, "float32", silent)
    assert {each.what: each.passed for each in told.findings}[
        "Largest difference of a logit"
    ] is False
