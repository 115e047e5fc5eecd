"""Nats, and how they are averaged."""

from math import inf, log

import pytest
import torch
import torch.nn.functional as F

from slm.errors import DataError
from slm.model import loss
from slm.model.loss import LossTally, mean_nats, token_nats


def test_perplexity_weights_tokens_not_batches() -> None:
    """Two tokens at ln 2 nats, one at ln 16: the mean is 2 ln 2, so perplexity 4."""
    tally = LossTally()
    tally.add(nats=2 * log(2), tokens=2)
    tally.add(nats=4 * log(2), tokens=1)
    assert tally.perplexity == pytest.approx(4.0)  # averaging batches gives 5.66


def test_bits_per_byte_divides_by_bytes() -> None:
    """6 ln 2 nats are 6 bits; over 3 + 1 bytes that is 1.5."""
    tally = LossTally()
    tally.add(nats=4 * log(2), tokens=2, n_bytes=3)
    tally.add(nats=2 * log(2), tokens=1, n_bytes=1)
    assert tally.bits_per_byte == pytest.approx(1.5)
    assert LossTally(nats=1.0, tokens=1).bits_per_byte is None


def test_an_empty_tally_has_no_mean() -> None:
    with pytest.raises(DataError, match="No token was scored"):
        _ = LossTally().perplexity


def test_a_hopeless_loss_has_infinite_perplexity() -> None:
    assert LossTally(nats=1e6, tokens=1).perplexity == inf


def test_ignored_targets_cost_nothing_and_count_nothing() -> None:
    """Logits ln 3 and 0: p = 3/4 and 1/4. The second position is padding."""
    logits = torch.tensor([[[log(3), 0.0], [9.0, -9.0], [log(3), 0.0]]])
    targets = torch.tensor([[0, -1, 1]])
    assert token_nats(logits, targets)[0].tolist() == pytest.approx([log(4 / 3), 0.0, log(4)])
    assert mean_nats(logits, targets).item() == pytest.approx((log(4 / 3) + log(4)) / 2)


def test_chunks_give_the_same_nats_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 5, 11, dtype=torch.bfloat16, requires_grad=True)
    targets = torch.randint(-1, 11, (3, 5))
    expected = F.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=-1, reduction="sum"
    )
    (whole,) = torch.autograd.grad(expected, logits)
    monkeypatch.setattr(loss, "CHUNK_VALUES", 25)
    nats = token_nats(logits, targets)
    assert nats.dtype == torch.float32
    assert nats.sum().item() == pytest.approx(expected.item(), rel=1e-6)
    (chunked,) = torch.autograd.grad(nats.sum(), logits)
    torch.testing.assert_close(chunked, whole)
