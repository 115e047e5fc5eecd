"""What each layer adds to the stream, and what counting would predict."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from slm.data.batches import TokenFile
from slm.lab.health import BaselineObserver, HealthObserver, spread
from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.transformer import Block, Transformer
from slm.tokenizer.characters import CharacterTokenizer
from slm.training.config import TrainConfig

MODEL = ModelConfig(vocab_size=20, context_length=16, n_layers=3, n_heads=2, d_model=16, d_ff=32)
IDS_NT = np.arange(32).reshape(2, 16) % 20
CONFIG = TrainConfig(steps=100, evaluate_every=50)


@pytest.fixture()
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(MODEL).eval()


def test_shares_are_root_mean_squares_over_those_of_the_stream(model: Transformer):
    found = HealthObserver(CONFIG, IDS_NT).on_evaluation(50, model)
    seen = Recorder({"resid_pre", "attn_out", "mlp_out"})
    with torch.no_grad():
        model(torch.from_numpy(IDS_NT[:1]), probe=seen)

    def rms(block: torch.Tensor) -> float:
        return math.sqrt((block**2).mean().item())

    for layer in range(3):
        before, attended = seen["resid_pre", layer], seen["attn_out", layer]
        share = rms(attended) / rms(before)
        assert found["attention_share"][layer] == pytest.approx(share, rel=1e-5)
        share = rms(seen["mlp_out", layer]) / rms(before + attended)
        assert found["feed_forward_share"][layer] == pytest.approx(share, rel=1e-5)


def test_a_layer_that_adds_nothing_has_a_share_of_zero(model: Transformer):
    block = model.blocks[1]
    assert isinstance(block, Block)
    torch.nn.init.zeros_(block.mlp.down.weight)
    found = HealthObserver(CONFIG, IDS_NT).on_evaluation(0, model)
    assert found["feed_forward_share"][1] < 1e-9 and found["feed_forward_share"][0] > 1e-3


def test_between_evaluations_nobody_looks(model: Transformer):
    observer = HealthObserver(CONFIG, IDS_NT)
    assert observer.on_evaluation(30, model) == {}
    observer.on_change(CONFIG.replace(evaluate_every=30))
    assert observer.on_evaluation(30, model) != {}


def test_baselines_come_with_step_0_alone(model: Transformer, tmp_path: Path):
    """Tokens alternate: pairs tell the next one for sure nearly always, single counts half."""
    tokenizer = CharacterTokenizer.train(["ab"])
    a, b = tokenizer.encode("ab")
    TokenFile.write(tmp_path / "train.bin", [np.array([a, b] * 500)], tokenizer.vocab_size)
    TokenFile.write(tmp_path / "val.bin", [np.array([a, b] * 50)], tokenizer.vocab_size)
    observer = BaselineObserver(tmp_path, tokenizer.vocab_size, tokenizer)
    found = observer.on_evaluation(0, model)
    assert found["unigram_nats"] == pytest.approx(math.log(2), abs=0.01)
    assert found["bigram_nats"] < 0.01
    assert found["val_bytes_per_token"] == 1.0
    assert observer.on_evaluation(50, model) == {}


def test_without_held_out_text_there_is_nothing_to_judge_on(model: Transformer, tmp_path: Path):
    tokenizer = CharacterTokenizer.train(["ab"])
    assert BaselineObserver(tmp_path, 3, tokenizer).on_evaluation(0, model) == {}


def test_long_texts_are_counted_in_stretches_from_begin_to_end(tmp_path: Path):
    tokens = TokenFile.write(tmp_path / "train.bin", [np.arange(10_000)], 10_000)
    ids = spread(tokens, 1_600)
    assert ids.size == 1_600 and ids[0] == 0 and ids[-1] == 9_999
    assert np.array_equal(spread(tokens, 10_000), np.arange(10_000))
