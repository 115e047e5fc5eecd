"""The norm of our own beside PyTorch's, forward and backward."""

import pytest
import torch
import torch.nn.functional as F

from slm.model.layers import RMSNorm


def test_a_normed_vector_worked_by_hand():
    """(3, 4): the root of the mean square is √12.5; gains 1 and 2."""
    norm = RMSNorm(2, eps=0.0)
    norm.weight.data = torch.tensor([1.0, 2.0])
    assert norm(torch.tensor([3.0, 4.0])).tolist() == pytest.approx([3 / 12.5**0.5, 8 / 12.5**0.5])


@pytest.mark.parametrize("shape", [(6,), (2, 5, 6), (2, 3, 4, 6)])
def test_the_fused_norm_gives_pytorchs_values_and_gradients(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    norm = RMSNorm(6, eps=1e-3)
    norm.weight.data.uniform_(0.5, 2.0)
    x = torch.randn(shape).transpose(0, -1).contiguous().transpose(0, -1).requires_grad_()
    upstream = torch.randn(shape)
    ours = norm(x)
    theirs = F.rms_norm(x, (6,), norm.weight, 1e-3)
    torch.testing.assert_close(ours, theirs)
    inputs = (x, norm.weight)
    for mine, other in zip(
        torch.autograd.grad(ours, inputs, upstream),
        torch.autograd.grad(theirs, inputs, upstream),
        strict=True,
    ):
        torch.testing.assert_close(mine, other)


def test_in_bfloat16_the_result_is_bfloat16_too():
    norm = RMSNorm(4, eps=1e-6)
    assert norm(torch.ones(2, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
