"""A model that no single device can hold: each process keeps a share of every tensor.

Weights, gradients and the optimizer's averages lie in shares, row by row, over the processes
(PyTorch's FSDP2). A block's weights are gathered right before it computes and dropped right
after; what the step needs beside the shares is one block. Weights stay float32; gathered, they
are in the number format of the products.

Whole tensors exist here only one at a time: on the way to a checkpoint, back from one, and
when Muon orthogonalizes a matrix. Every function but `is_sharded` and `share_of` is called
by all processes together. Knows no data and no files.

Source: Zhao et al. 2023, "PyTorch FSDP"; Rajbhandari et al. 2020 (ZeRO, stage 3).
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from slm.model.config import ModelConfig
from slm.model.layers import rotary_tables
from slm.model.transformer import Transformer
from slm.training import ranks
from slm.training.compiling import Choice, Loss
from slm.training.optimizer import Muon, orthogonalized

Whole = Callable[[str], Tensor]


def sharded_loss(
    config: ModelConfig, device: torch.device, dtype: torch.dtype, chosen: Choice, whole: Whole
) -> Loss:
    """The model in its loss, every process with its share of the weights that `whole` names.

    `whole` is asked in process 0 alone, for one tensor after another.
    """
    with torch.device("meta"):
        loss = Loss(Transformer(config), chosen.way)
    mesh = init_device_mesh(device.type, (ranks.world_size(),))
    products = None if dtype == torch.float32 else dtype
    policy = MixedPrecisionPolicy(param_dtype=products, reduce_dtype=torch.float32)
    for block in loss.model.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(loss, mesh=mesh, mp_policy=policy)
    loss.to_empty(device=device)
    take(dict(loss.model.named_parameters()), whole)
    _refill_buffers(loss.model, config, device)
    return loss


def is_sharded(tensor: Tensor) -> bool:
    """Whether this process holds a share of the tensor only."""
    return isinstance(tensor, DTensor)


def share_of(tensor: Tensor) -> Tensor:
    """What this process has of the tensor; a whole one is its own share."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def give_back(loss: Loss) -> None:
    """Keep shares only: those weights go that a pass without a way back left gathered."""
    if isinstance(loss, FSDPModule):
        loss.reshard()


@torch.no_grad()
def take(shares: Mapping[str, Tensor], whole: Whole) -> None:
    """Fill every share from the whole tensor of its name, which process 0 has."""
    for name, share in shares.items():
        if not isinstance(share, DTensor):
            share.copy_(_from_first(whole, name, share))
            continue
        given = _on_first(whole, name, share)
        share.copy_(distribute_tensor(given, share.device_mesh, share.placements))


@torch.no_grad()
def gathered(shares: Iterable[tuple[str, Tensor]]) -> Iterator[tuple[str, Tensor]]:
    """The whole tensors one after another, on the CPU; in the other processes empty ones."""
    for name, share in shares:
        whole = share.full_tensor() if isinstance(share, DTensor) else share
        yield name, whole.detach().cpu() if ranks.rank() == 0 else torch.empty(0)


def clip_gradients(parameters: Iterable[nn.Parameter], limit: float) -> Tensor:
    """Scale the gradients to a norm of at most `limit`; the norm before, over all processes."""
    norm = nn.utils.clip_grad_norm_(parameters, limit)
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


class ShardedMuon(Muon):
    """Muon for matrices in shares: each process orthogonalizes some of them, whole.

    As many matrices as there are processes are gathered at a time, so that each has one to
    work on; its update goes back in shares.
    """

    def _move(self, matrices: list[nn.Parameter], group: Mapping[str, Any]) -> None:
        n_owners = ranks.world_size()
        for first in range(0, len(matrices), n_owners):
            self._move_some(matrices[first : first + n_owners], group)

    def _move_some(self, matrices: list[nn.Parameter], group: Mapping[str, Any]) -> None:
        mine: Tensor | None = None
        for owner, matrix in enumerate(matrices):
            whole_RC = self._direction(matrix, group["momentum"]).full_tensor()
            if owner == ranks.rank():
                mine = _orthogonal(whole_RC, int(group["newton_schulz_steps"]))
            del whole_RC
        for owner, matrix in enumerate(matrices):
            share = matrix.data
            assert isinstance(share, DTensor)
            update = (
                mine if owner == ranks.rank() else torch.empty(share.shape, device=share.device)
            )
            assert update is not None
            pieces = distribute_tensor(
                update, share.device_mesh, share.placements, src_data_rank=owner
            )
            height, width = share.shape
            if group["weight_decay"]:
                share.mul_(1 - group["lr"] * group["weight_decay"])
            share.add_(pieces, alpha=-group["lr"] * math.sqrt(max(1.0, height / width)))

    def _direction(self, matrix: nn.Parameter, momentum: float) -> DTensor:
        assert matrix.grad is not None
        average = self._average(matrix)
        average.lerp_(matrix.grad, 1 - momentum)
        direction = matrix.grad.lerp(average, momentum)  # Nesterov
        assert isinstance(direction, DTensor)
        return direction


def _orthogonal(matrix: Tensor, steps: int) -> Tensor:
    """The direction of one matrix's update, in its own number format."""
    tall = matrix.shape[0] > matrix.shape[1]
    wide_1RC = (matrix.mT if tall else matrix)[None]
    if wide_1RC.is_cuda:
        wide_1RC = wide_1RC.bfloat16()
    update_RC = orthogonalized(wide_1RC, steps)[0].to(matrix.dtype)
    return (update_RC.mT if tall else update_RC).contiguous()


def _on_first(whole: Whole, name: str, like: Tensor) -> Tensor:
    if ranks.rank() == 0:
        return whole(name).to(device=like.device, dtype=like.dtype)
    return torch.empty(like.shape, device=like.device, dtype=like.dtype)


def _from_first(whole: Whole, name: str, like: Tensor) -> Tensor:
    given = _on_first(whole, name, like).contiguous()
    dist.broadcast(given, src=0)
    return given


def _refill_buffers(model: Transformer, config: ModelConfig, device: torch.device) -> None:
    """The tables that are computed, not learned: they were made without numbers."""
    if config.positions == "rotary":
        cosine, sine = rotary_tables(config)
        model.cosine, model.sine = cosine.to(device), sine.to(device)
