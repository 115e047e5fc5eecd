"""Perplexity: every token but the first, once, weighted by tokens."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError, DivergedError
from slm.evaluation.perplexity import Perplexity, cut_windows, evaluate, losses, token_losses
from slm.jobs import silent
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

SIZES = {"vocab_size": 16, "n_layers": 1, "n_heads": 2, "n_kv_heads": 1, "d_model": 16, "d_ff": 32}
CONFIG = ModelConfig(context_length=8, **SIZES)


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(CONFIG)
    with torch.no_grad():
        model.token_embedding.weight.mul_(20)
    return model.eval()


@pytest.fixture(scope="module")
def ids() -> list[int]:
    return np.random.default_rng(0).integers(0, 16, 37).tolist()


def one_by_one(model: Transformer, ids: list[int], starts: list[int]) -> list[float]:
    """The slow way: token n predicted from ids[starts[n − 1]:n], a pass for each."""
    nats = []
    with torch.inference_mode():
        for n, start in enumerate(starts, start=1):
            logits_V = model(torch.tensor([ids[start:n]]))[0, -1]
            nats.append(float(-F.log_softmax(logits_V, dim=-1)[ids[n]]))
    return nats


def test_a_model_that_knows_nothing_is_as_unsure_as_the_vocabulary_is_large():
    blank = Transformer(CONFIG)
    with torch.no_grad():
        blank.token_embedding.weight.zero_()
    found = evaluate(blank, [1, 2, 3, 4, 5], n_bytes=8)
    assert found.perplexity == pytest.approx(16)
    assert found.nats_per_token == pytest.approx(math.log(16))
    assert found.tokens == 4
    assert found.bits_per_byte == pytest.approx(4 * 4 / 8)  # 4 tokens of 4 bits over 8 bytes


def test_windows_side_by_side_predict_each_token_from_its_own_window(model, ids):
    starts = [(n - 1) // 8 * 8 for n in range(1, 37)]
    expected = one_by_one(model, ids, starts)
    assert token_losses(model, ids)[1:] == pytest.approx(expected, abs=1e-5)
    found = evaluate(model, ids, batch_size=2)
    assert found.nats_per_token == pytest.approx(np.mean(expected), abs=1e-6)
    assert found.tokens == 36


def test_a_stride_gives_each_token_more_to_read_and_counts_it_once(model, ids):
    """Context 8, stride 3: the first 8 from the start, then 3 new ones each time."""
    starts = [0] * 8 + [3 * (1 + (n - 9) // 3) for n in range(9, 37)]
    expected = one_by_one(model, ids, starts)
    assert token_losses(model, ids, stride=3)[1:] == pytest.approx(expected, abs=1e-5)
    found = evaluate(model, ids, stride=3, batch_size=4)
    assert found.nats_per_token == pytest.approx(np.mean(expected), abs=1e-6)


@given(n_ids=st.integers(2, 60), context_length=st.integers(1, 20), share=st.floats(0.01, 1))
def test_every_token_but_the_first_is_counted_exactly_once(
    n_ids: int, context_length: int, share: float
):
    stride = max(1, int(context_length * share))
    windows = cut_windows(n_ids, context_length, stride)
    counted = [target for w in windows for target in range(w.new + 1, w.stop + 1)]
    assert counted == list(range(1, n_ids))
    assert all(w.stop - w.start <= context_length and w.start <= w.new for w in windows)


def test_perplexity_weights_tokens_not_batches(model, ids):
    """9 ids in windows of 8: a batch of eight tokens and one of a single token."""
    nats = token_losses(model, ids[:10])
    found = evaluate(model, ids[:10], batch_size=1)
    assert found.nats_per_token == pytest.approx(nats[1:].mean(), abs=1e-6)


def test_batches_of_any_size_arrays_tensors_and_lists_agree(model, ids):
    expected = evaluate(model, ids, batch_size=1).nats_per_token
    for given_ids in (ids, np.array(ids, dtype=np.uint16), torch.tensor(ids)):
        assert evaluate(model, given_ids, batch_size=5).nats_per_token == pytest.approx(expected)


def test_the_first_token_has_no_loss_because_nothing_predicts_it(model, ids):
    nats = token_losses(model, ids)
    assert len(nats) == len(ids)
    assert np.isnan(nats[0]) and np.isfinite(nats[1:]).all()


def test_bits_per_byte_are_those_of_the_text_however_it_is_cut():
    """To whom all bytes are equally likely, each costs 8 bits: alone, or as a pair of 16.

    The first token of each cutting is not predicted, and so its bytes are not counted.
    """
    text = b"Ben saw the otter."
    pairs = [256 * first + second for first, second in zip(text[::2], text[1::2], strict=True)]
    for ids, vocab_size, token_bytes in ((list(text), 256, 1), (pairs, 65_536, 2)):
        blank = Transformer(CONFIG.replace(vocab_size=vocab_size))
        with torch.no_grad():
            blank.token_embedding.weight.zero_()
        found = evaluate(blank, ids, n_bytes=len(text) - token_bytes)
        assert found.perplexity == pytest.approx(vocab_size, rel=1e-4)
        assert found.bits_per_byte == pytest.approx(8)


def test_bits_per_byte_divide_bits_by_bytes():
    """3 tokens of 2 bits each over 2 bytes: 3 bits a byte."""
    found = Perplexity.of(nats=6 * math.log(2), tokens=3, n_bytes=2)
    assert found.bits_per_byte == pytest.approx(3)
    assert found.perplexity == pytest.approx(4)
    assert Perplexity.of(nats=1.0, tokens=1).bits_per_byte is None


@pytest.mark.parametrize("too_few", [[], [3]])
def test_fewer_than_two_tokens_are_refused(model, too_few):
    with pytest.raises(DataError, match="nothing to predict"):
        evaluate(model, too_few)


def test_wrong_windows_and_unknown_tokens_are_refused(model, ids):
    with pytest.raises(DataError, match="window of 9"):
        evaluate(model, ids, context_length=9)
    with pytest.raises(DataError, match="stride of 5"):
        evaluate(model, ids, context_length=4, stride=5)
    with pytest.raises(DataError, match="Token 16 is outside"):
        evaluate(model, [1, 2, 16])


def test_a_diverged_model_says_so(ids):
    broken = Transformer(CONFIG)
    with torch.no_grad():
        broken.final_norm.weight.fill_(math.nan)
    with pytest.raises(DivergedError, match="Model diverged"):
        evaluate(broken, ids)


class StopAfterTwo:
    """A reporter that asks to stop at its second report."""

    def __init__(self) -> None:
        self.fractions: list[float | None] = []

    def __call__(self, fraction: float | None, message: str = "", **facts: object) -> None:
        self.fractions.append(fraction)

    def should_stop(self) -> bool:
        return len(self.fractions) >= 2


def test_asked_to_stop_it_gives_what_it_has_and_no_bytes_that_it_cannot_know(model, ids):
    report = StopAfterTwo()
    found = evaluate(model, ids, batch_size=1, n_bytes=100, report=report)
    assert found.tokens == 16
    assert found.bits_per_byte is None
    assert report.fractions == pytest.approx([8 / 36, 16 / 36])
    assert not silent.should_stop()


def test_evaluating_leaves_a_model_in_training_as_it_was(ids):
    torch.manual_seed(0)
    model = Transformer(ModelConfig(context_length=8, dropout=0.5, **SIZES)).train()
    assert evaluate(model, ids) == evaluate(model, ids)
    assert model.training


def test_logits_beyond_what_float32_can_exponentiate_give_the_same_loss(model, ids):
    """Logits of hundreds: e^88 is the most that float32 holds."""
    sharp = Transformer(CONFIG).eval()
    sharp.load_state_dict(model.state_dict())
    with torch.no_grad():
        sharp.final_norm.weight.mul_(300)
    with torch.inference_mode():
        assert sharp(torch.tensor([ids[:8]])).abs().max() > 100
    expected = one_by_one(sharp, ids, [(n - 1) // 8 * 8 for n in range(1, 37)])
    assert token_losses(sharp, ids)[1:] == pytest.approx(expected, rel=1e-5, abs=1e-3)


def test_losses_say_what_each_token_was_predicted_from(model, ids):
    """Windows of 8, 3 new tokens each: from the second on, 6, 7 and 8 tokens stand before."""
    parts = list(losses(model, ids, stride=3, batch_size=2))
    seen = np.concatenate([part.seen_N for part in parts])
    assert seen[:14].tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 6, 7, 8, 6, 7, 8]
    assert [part.first for part in parts][:2] == [1, 12]
    assert sum(len(part.nats_N) for part in parts) == 36
