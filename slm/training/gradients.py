"""A micro-batch's gradient, added to the parameters', in the way that `compiling` names.

Recorded, a micro-batch is one call for the processor instead of a thousand: CUDA replays
the kernels with the addresses that they were recorded with. Hence ids and targets are copied
to where they were at the recording, gradients stay where they were, and each size of a
micro-batch has its own record.

Source: CUDA graphs as in PyTorch's notes on them, "whole-network capture".
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.parallel import DistributedDataParallel

from slm.model.transformer import Transformer
from slm.training import ranks
from slm.training.compiling import Choice, Loss

_WARM_UPS = 2
_FASTEST_ATTENTION = (
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
)


@dataclass
class _Record:
    """One size of micro-batch: its kernels, and where they read and write."""

    graph: torch.cuda.CUDAGraph
    ids_BT: Tensor
    targets_BT: Tensor
    nats: Tensor


class Gradients:
    """Turns micro-batches into gradients of the model's parameters."""

    def __init__(
        self,
        model: Transformer,
        dtype: torch.dtype,
        chosen: Choice,
        in_shares: Loss | None = None,
    ) -> None:
        """`in_shares` is the model's loss where processes exchange gradients in it already."""
        self.model, self.dtype = model, dtype
        self._kind = model.device.type
        self._loss: nn.Module = in_shares or Loss(model, chosen.way)
        if in_shares is None and ranks.world_size() > 1:
            self._loss = DistributedDataParallel(self._loss)
        self._chosen = chosen
        self._records: dict[tuple[torch.Size, bool], _Record] = {}
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        self._gradients: list[Tensor] = []
        self._share = torch.ones((), device=model.device)

    def add(
        self, ids_BT: Tensor, targets_BT: Tensor, share: float, *, first: bool, last: bool
    ) -> Tensor:
        """The nats of a micro-batch, summed; `share` times their gradient joins the parameters'.

        The first micro-batch of a step finds no gradients; with the last one, the processes
        that train together exchange theirs.
        """
        if self._chosen.records:
            return self._replay(ids_BT, targets_BT, share, first)
        device = self.model.device
        ids_BT = ids_BT.to(device, non_blocking=True)
        targets_BT = targets_BT.to(device, non_blocking=True)
        with self._alone_unless(last):
            nats = self._nats(ids_BT, targets_BT)
            torch.autograd.backward(nats * share)
        return nats.detach()

    def _nats(self, ids_BT: Tensor, targets_BT: Tensor) -> Tensor:
        self.model.train()
        with number_format(self._kind, self.dtype), _fast_attention(self._kind):
            nats: Tensor = self._loss(ids_BT, targets_BT)
        return nats

    def _alone_unless(self, last: bool) -> AbstractContextManager[None]:
        """Processes exchange gradients once a step: with its last micro-batch."""
        if isinstance(self._loss, DistributedDataParallel) and not last:
            alone: AbstractContextManager[None] = self._loss.no_sync()
            return alone
        return nullcontext()

    def _replay(self, ids_BT: Tensor, targets_BT: Tensor, share: float, first: bool) -> Tensor:
        size = (ids_BT.shape, first)
        if size not in self._records:
            self._records[size] = self._record(ids_BT, targets_BT, first)
        record = self._records[size]
        record.ids_BT.copy_(ids_BT.pin_memory(), non_blocking=True)
        record.targets_BT.copy_(targets_BT.pin_memory(), non_blocking=True)
        self._share.fill_(share)
        record.graph.replay()
        if first:
            for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
                parameter.grad = gradient
        return record.nats.clone()

    def _record(self, ids_BT: Tensor, targets_BT: Tensor, first: bool) -> _Record:
        """Compute it a few times, so that all is loaded and compiled; then record it.

        Neither the random numbers nor the gradients so far are changed by that.
        """
        device = self.model.device
        ids, targets = ids_BT.to(device), targets_BT.to(device)
        generator = torch.cuda.get_rng_state(device)
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(_WARM_UPS):
                self._gradient_of(ids, targets)
        torch.cuda.current_stream().wait_stream(beside)
        torch.cuda.set_rng_state(generator, device)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            nats, gradients = self._gradient_of(ids, targets)
            if not self._gradients:  # where these are is where all gradients will be
                self._gradients = gradients
            elif first:
                torch._foreach_copy_(self._gradients, gradients)
            else:
                torch._foreach_add_(self._gradients, gradients)
        return _Record(graph, ids, targets, nats)

    def _gradient_of(self, ids_BT: Tensor, targets_BT: Tensor) -> tuple[Tensor, list[Tensor]]:
        nats = self._nats(ids_BT, targets_BT)
        gradients = torch.autograd.grad(nats * self._share, self._parameters)
        pairs = zip(self._parameters, gradients, strict=True)
        return nats.detach(), [_laid_out_as(parameter, gradient) for parameter, gradient in pairs]


def number_format(device: str, dtype: torch.dtype) -> AbstractContextManager[None]:
    """Matrix products inside are computed in that number format; weights stay float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device, dtype)


def _laid_out_as(parameter: Tensor, gradient: Tensor) -> Tensor:
    """The gradient with its numbers in the parameter's order, as fused optimizers want it."""
    same = gradient.stride() == parameter.stride()
    return gradient if same else torch.empty_like(parameter).copy_(gradient)


def _fast_attention(device: str) -> AbstractContextManager[None]:
    """On a GPU, the library's kernels in the order of their speed on recent ones."""
    if device != "cuda":
        return nullcontext()
    chosen: AbstractContextManager[None] = sdpa_kernel(list(_FASTEST_ATTENTION), set_priority=True)
    return chosen
