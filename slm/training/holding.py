"""Where the weights lie while they are trained: all of them in every process, or in shares.

The loop and the checkpoints ask here for whatever depends on it. With shares, every method
is called by all processes together.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from slm.errors import CheckpointError
from slm.model import checkpoint
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.lora import adapt, load_adapter
from slm.model.loss import token_nats
from slm.model.tensor_stream import write_stream
from slm.model.tensors import StoredTensor, require_shapes, stored_tensors, write_tensors
from slm.model.transformer import Transformer
from slm.training import ranks, sharding
from slm.training.compiling import Choice, Loss
from slm.training.config import TrainConfig
from slm.training.gradients import Gradients, number_format
from slm.training.optimizer import Optimizers
from slm.training.validation import unobserved

_AVERAGES = "optimizer"
_logger = logging.getLogger(__name__)


class Whole:
    """Every process has all weights."""

    in_shares = False

    def __init__(self, model: Transformer, optimizers: Optimizers) -> None:
        self.model, self.optimizers = model, optimizers

    def gradients(self, dtype: torch.dtype, chosen: Choice) -> Gradients:
        """What turns micro-batches into gradients of these weights."""
        return Gradients(self.model, dtype, chosen)

    def clip_gradients(self, limit: float) -> Tensor:
        """Scale the gradients to a norm of at most `limit`; the norm before."""
        return nn.utils.clip_grad_norm_(self.model.parameters(), limit)

    def summed_nats(self, ids_BT: Tensor, targets_BT: Tensor, dtype: torch.dtype) -> Tensor:
        """The nats of all targets together, for a validation loss."""
        device = self.model.device
        with number_format(device.type, dtype):
            logits_BTV = self.model(ids_BT.to(device))
        return token_nats(logits_BTV, targets_BT.to(device)).double().sum()

    def looked_at(self) -> AbstractContextManager[None]:
        """Looking at the model in this block changes nothing."""
        return unobserved(self.model, self.model.device.type)

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether no weight is NaN or infinite."""
        trained = (p.detach() for p in self.model.parameters() if p.requires_grad)
        largest = torch.stack([tensor.abs().max() for tensor in trained]).max()
        return bool(torch.isfinite(largest))

    def write_weights(self, folder: Path) -> None:
        """The weights, whole, in a folder that is being staged; by process 0.

        Raises: WorkspaceError when the disk is full or refuses.
        """
        checkpoint.write_weights(self.model, folder)

    def write_averages(self, folder: Path) -> None:
        """What the optimizers remember, likewise; right after the weights."""
        write_tensors(folder, self.optimizers.tensors(), _AVERAGES)

    def help_writing(self) -> None:
        """The part that the other processes have in writing weights and averages."""

    def load_weights(self, folder: Path) -> None:
        """Take the weights from a sound checkpoint.

        Raises: CheckpointError when they do not fit or are not finite.
        """
        stored = checkpoint.load_checkpoint(folder, self.model.device, verify=False)
        self.model.load_state_dict(stored.state_dict())

    def load_averages(self, folder: Path) -> None:
        """Take what the optimizers remember from it.

        Raises: CheckpointError when it belongs to another model.
        """
        stored = stored_tensors(folder, _AVERAGES)
        self.optimizers.load((name, stored[name].read()) for name in stored)


class Adapted(Whole):
    """Every process has all weights, frozen, and the adapters that are trained."""

    def load_weights(self, folder: Path) -> None:
        """Take the adapters; the frozen weights are there already.

        Raises: CheckpointError when they do not fit, are not finite, or belong to another base.
        """
        lora = checkpoint.load_lora(folder)
        mine = self.model.adapter
        if lora is None or mine is None or lora != mine.config:
            raise CheckpointError(
                f"The checkpoint of step {folder.name} has not the adapters of this run's "
                "settings. Restore its settings, or start a new run."
            )
        tensors = checkpoint.read_adapter(folder, self.model.config, lora)
        if not all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values()):
            raise CheckpointError(
                f"Some numbers of the adapter of step {folder.name} are not finite. "
                "The training that wrote it diverged; use an earlier checkpoint."
            )
        load_adapter(self.model, tensors)


class InShares(Whole):
    """Every process has its share of each tensor, as `sharding` cuts them."""

    in_shares = True

    def __init__(self, loss: Loss, optimizers: Optimizers) -> None:
        super().__init__(loss.model, optimizers)
        self._loss = loss

    def gradients(self, dtype: torch.dtype, chosen: Choice) -> Gradients:
        """As of whole weights; processes exchange them with each micro-batch."""
        return Gradients(self.model, dtype, chosen, self._loss)

    def clip_gradients(self, limit: float) -> Tensor:
        """As of whole weights, the norm over all processes."""
        return sharding.clip_gradients(self.model.parameters(), limit)

    def summed_nats(self, ids_BT: Tensor, targets_BT: Tensor, dtype: torch.dtype) -> Tensor:
        """As with whole weights; all processes compute at the same time."""
        device = self.model.device
        with number_format(device.type, dtype):
            nats: Tensor = self._loss(ids_BT.to(device), targets_BT.to(device))
        return nats

    @contextmanager
    def looked_at(self) -> Iterator[None]:
        """As of whole weights; what was gathered for a look is given back."""
        with super().looked_at():
            try:
                yield
            finally:
                sharding.give_back(self._loss)

    @torch.no_grad()
    def is_finite(self) -> bool:
        """Whether no weight is NaN or infinite, in any process."""
        mine = (sharding.share_of(parameter) for parameter in self.model.parameters())
        (n_broken,) = ranks.total(float(not all(bool(s.isfinite().all()) for s in mine)))
        return n_broken == 0

    def write_weights(self, folder: Path) -> None:
        """As with whole weights; they are gathered one tensor after another."""
        weights = dict(self.model.named_parameters())
        write_stream(folder, weights, sharding.gathered(weights.items()))

    def write_averages(self, folder: Path) -> None:
        """As with whole weights, one tensor after another."""
        averages = dict(self.optimizers.state())
        write_stream(folder, averages, sharding.gathered(averages.items()), _AVERAGES)

    def help_writing(self) -> None:
        """Give the shares to process 0, in the order in which it writes."""
        for _ in sharding.gathered(self.model.named_parameters()):
            pass
        for _ in sharding.gathered(self.optimizers.state()):
            pass

    def load_weights(self, folder: Path) -> None:
        """As with whole weights; process 0 reads, one tensor after another."""
        stored = stored_tensors(folder)
        what = f"The checkpoint {folder.name}"
        require_shapes(stored, tensor_shapes(self.model.config), what)
        sharding.take(dict(self.model.named_parameters()), lambda name: stored[name].read())
        if not self.is_finite():
            raise CheckpointError(
                f"Some weights of {folder.name} are not finite numbers. "
                "The training that wrote them diverged; use an earlier checkpoint."
            )

    def load_averages(self, folder: Path) -> None:
        """As with whole weights; process 0 reads, one tensor after another."""
        self.optimizers.load(self._averages_in(stored_tensors(folder, _AVERAGES)))

    def _averages_in(self, stored: Mapping[str, StoredTensor]) -> Iterator[tuple[str, Tensor]]:
        parameters = dict(self.model.named_parameters())
        for name, entry in stored.items():
            parameter = parameters.get(name.rpartition("/")[0])
            if parameter is None or entry.shape != tuple(parameter.shape):
                yield name, entry.read()  # a counter; or one that is refused
                continue
            share = torch.zeros_like(parameter.detach())
            sharding.take({name: share}, lambda name: stored[name].read())
            yield name, share


def hold(
    model: ModelConfig,
    config: TrainConfig,
    device: str,
    dtype: torch.dtype,
    chosen: Choice,
    *,
    in_shares: bool,
    fresh: bool,
    base: Path | None = None,
) -> Whole:
    """The model and its optimizers, with the weights that torch's generator draws.

    Or with those of `base`, the model that is fine-tuned. Without `fresh` a checkpoint will
    bring them: they need not be right yet, but for the frozen ones beside adapters.

    Raises: CheckpointError when the base is missing or damaged.
    """
    if config.lora is not None:
        assert base is not None, "adapters belong to a model that exists"
        return _adapted(base, config, device, chosen)
    if base is not None and fresh and not in_shares:
        begun = checkpoint.load_checkpoint(base, device).train()
        return Whole(begun, Optimizers(begun, config, record=chosen.records))
    if not in_shares:
        whole = Transformer(model).to(device)
        return Whole(whole, Optimizers(whole, config, record=chosen.records))
    drawn: Mapping[str, Tensor] = {}
    if fresh and ranks.rank() == 0:  # all at once in the memory of the processor
        begun_with = Transformer(model) if base is None else checkpoint.load_checkpoint(base)
        drawn = begun_with.state_dict()
    shapes = tensor_shapes(model)

    def of_name(name: str) -> Tensor:
        return drawn[name] if drawn else torch.zeros(shapes[name])

    loss = sharding.sharded_loss(model, torch.device(device), dtype, chosen, of_name)
    _logger.info("weights, gradients and averages lie in shares, one in each process")
    return InShares(loss, Optimizers(loss.model, config, muon=sharding.ShardedMuon))


def _adapted(base: Path, config: TrainConfig, device: str, chosen: Choice) -> Adapted:
    """The base, frozen, with fresh adapters."""
    assert config.lora is not None
    model = checkpoint.load_frozen(base, device)
    adapt(model, config.lora, checkpoint.base_digest(base))
    return Adapted(model, Optimizers(model, config, record=chosen.records))
