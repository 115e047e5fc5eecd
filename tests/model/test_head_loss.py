"""The loss taken in chunks beside the loss of all logits at once."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from slm.model.head_loss import logits_to_gradient, summed_nats
from slm.model.loss import IGNORED, token_nats


def test_the_gradient_takes_the_logits_place():
    """Even odds of four: each gets 1/4, the target 1/4 − 1; an ignored row gets nothing."""
    logits = torch.zeros(2, 4)
    nats = logits_to_gradient(logits, torch.tensor([1, IGNORED]))
    assert nats.exp().tolist() == pytest.approx([4.0, 1.0])
    assert logits.tolist() == [[0.25, -0.75, 0.25, 0.25], [0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("positions_at_once", [1, 4, 7])
def test_chunks_give_the_nats_and_gradients_of_the_whole(positions_at_once: int) -> None:
    torch.manual_seed(0)
    vocabulary, width = 11, 5
    targets = torch.randint(vocabulary, (2, 7))
    targets[1, 3] = IGNORED

    def taken(chunked: bool) -> tuple[Tensor, ...]:
        torch.manual_seed(1)
        stream = torch.randn(2, 7, width, requires_grad=True)
        weight = torch.randn(vocabulary, width, requires_grad=True)
        if chunked:
            nats = summed_nats(stream, weight, targets, positions_at_once * vocabulary)
        else:
            nats = token_nats(F.linear(stream, weight), targets).sum()
        return nats, *torch.autograd.grad(nats / 3, (stream, weight))

    for whole, in_chunks in zip(taken(False), taken(True), strict=True):
        torch.testing.assert_close(in_chunks, whole)


def test_in_autocast_only_the_products_are_in_its_format():
    """bfloat16 keeps 8 bits: the sum stays near, and gradients have the weights' format."""
    torch.manual_seed(0)
    stream = torch.randn(40, 16, requires_grad=True)
    weight = torch.randn(30, 16, requires_grad=True)
    targets = torch.randint(30, (40,))
    exact = token_nats(F.linear(stream, weight), targets).sum()
    with torch.autocast("cpu", torch.bfloat16):
        nats = summed_nats(stream, weight, targets, chunk_values=300)
    gradient = torch.autograd.grad(nats, weight)[0]
    assert gradient.dtype == torch.float32
    assert nats.item() == pytest.approx(exact.item(), rel=0.01)
