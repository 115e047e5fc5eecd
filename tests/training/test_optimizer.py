"""Muon beside its definition and beside PyTorch's, and state that goes out and comes back."""

import pytest
import torch
from torch import nn

from slm.errors import CheckpointError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.training.optimizer import Muon, Optimizers, hidden_matrices, orthogonalized
from tests.training.small_runs import SHORT, SMALL_MODEL


def test_orthogonalizing_keeps_directions_and_evens_out_their_lengths():
    """Singular values 3 and 1 of known directions: both end near 1, the directions stay."""
    rotation = torch.tensor([[0.6, -0.8], [0.8, 0.6]])
    matrix = rotation @ torch.diag(torch.tensor([3.0, 1.0]))
    result = orthogonalized(matrix[None], steps=5)[0]
    along_rotation = rotation.T @ result
    assert torch.allclose(along_rotation, torch.diag(along_rotation.diagonal()), atol=1e-5)
    assert ((along_rotation.diagonal() > 0.6) & (along_rotation.diagonal() < 1.3)).all()


def test_a_batch_of_matrices_moves_as_each_alone_with_pytorchs_muon():
    torch.manual_seed(0)
    shapes = [(8, 8), (8, 8), (12, 8), (8, 12)]
    ours = [nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [nn.Parameter(matrix.detach().clone()) for matrix in ours]
    batched = Muon(ours, lr=0.1, momentum=0.9, weight_decay=0.1, newton_schulz_steps=5)
    alone = torch.optim.Muon(theirs, lr=0.1, momentum=0.9, weight_decay=0.1, ns_steps=5)
    for _ in range(3):
        for mine, other in zip(ours, theirs, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        batched.step()
        alone.step()
    for mine, other in zip(ours, theirs, strict=True):
        assert (mine - other).abs().max() < 0.02  # theirs computes in bfloat16, ours in float32


def test_muon_gets_the_matrices_of_the_blocks_and_nothing_else():
    model = Transformer(SMALL_MODEL)
    hidden = {id(matrix) for matrix in hidden_matrices(model)}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in hidden}
    assert len(names) == 2 * 7  # query, key, value, output; gate, up, down
    assert all(name.startswith("blocks.") and "norm" not in name for name in names)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_every_parameter_is_moved_once(optimizer: str):
    model = Transformer(ModelConfig(**{**SMALL_MODEL.to_json(), "tie_embeddings": False}))
    optimizers = Optimizers(model, SHORT.replace(optimizer=optimizer))
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    model(torch.arange(12).view(2, 6)).square().sum().backward()
    optimizers.step(factor=1.0)
    moved = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert moved == list(before)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_state_that_went_out_and_came_back_makes_the_same_step(optimizer: str):
    def step(model: Transformer, optimizers: Optimizers, number: int) -> None:
        ids = torch.arange(number, number + 12).view(2, 6) % SMALL_MODEL.vocab_size
        model(ids).square().sum().backward()
        optimizers.step(factor=0.5)

    first = Transformer(SMALL_MODEL)
    first_optimizers = Optimizers(first, SHORT.replace(optimizer=optimizer))
    step(first, first_optimizers, 0)
    second = Transformer(SMALL_MODEL)
    second.load_state_dict(first.state_dict())
    second_optimizers = Optimizers(second, SHORT.replace(optimizer=optimizer))
    second_optimizers.load(first_optimizers.tensors().items())
    for number in (1, 2):
        step(first, first_optimizers, number)
        step(second, second_optimizers, number)
    weights = zip(first.parameters(), second.parameters(), strict=True)
    assert all(torch.equal(mine, other) for mine, other in weights)


def test_state_of_another_model_is_refused_by_name():
    optimizers = Optimizers(Transformer(SMALL_MODEL), SHORT)
    with pytest.raises(CheckpointError, match=r"'other.weight/momentum' of shape \(2, 2\)"):
        optimizers.load([("other.weight/momentum", torch.zeros(2, 2))])
