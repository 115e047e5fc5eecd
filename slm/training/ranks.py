"""One process or many: who I am among them, and sums over all of them.

Every function is right, and costs nothing, in a single process too. Whoever starts
the processes has called `torch.distributed.init_process_group`, with a backend for the
CPU in any case: what is exchanged here are a few numbers, and they stay off the GPU.
"""

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """This process's number; 0 writes files and reports."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def total(*numbers: float) -> list[float]:
    """Each number summed over all processes, in float64."""
    if world_size() == 1:
        return list(numbers)
    sums = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(sums)
    return [float(value) for value in sums.tolist()]


def from_first(*flags: bool) -> list[bool]:
    """The flags as process 0 sees them, so that all decide alike."""
    if world_size() == 1:
        return list(flags)
    shared = torch.tensor(flags, dtype=torch.uint8)
    dist.broadcast(shared, src=0)
    return [bool(value) for value in shared.tolist()]


def text_from_first(text: str) -> str:
    """The text of process 0, for all."""
    if world_size() == 1:
        return text
    block = torch.tensor(list(text.encode()), dtype=torch.uint8)
    length = torch.tensor([block.numel()])
    dist.broadcast(length, src=0)
    if rank() > 0:
        block = torch.empty(int(length.item()), dtype=torch.uint8)
    dist.broadcast(block, src=0)
    return bytes(block.tolist()).decode()


def gathered(block: Tensor) -> list[Tensor]:
    """The same-sized block of every process, in the order of their numbers."""
    if world_size() == 1:
        return [block]
    parts = [torch.empty_like(block) for _ in range(world_size())]
    dist.all_gather(parts, block)
    return parts


def wait() -> None:
    """Return when every process has come here."""
    if world_size() > 1:
        dist.barrier()


def share_of_rows(n_rows: int, micro_batches: int) -> list[slice]:
    """The rows of a global batch that this process takes, one slice a micro-batch.

    Processes stand side by side; none goes empty when there are rows enough.
    """
    parts = world_size() * micro_batches
    edges = [n_rows * part // parts for part in range(parts + 1)]
    mine = range(rank() * micro_batches, (rank() + 1) * micro_batches)
    return [slice(edges[part], edges[part + 1]) for part in mine]
