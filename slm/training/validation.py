"""The loss on held-out text, measured so that the training does not notice.

Shapes: B batch rows, T positions, V vocabulary.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from slm.data.batches import TokenFile
from slm.model.config import ModelConfig
from slm.model.loss import LossTally
from slm.training import ranks

_BATCH_LOGITS = 2**23  # values that one evaluation batch may make
_BATCH_ROWS = 128

SummedNats = Callable[[Tensor, Tensor], Tensor]
"""ids_BT, targets_BT → the nats of all targets together."""


@torch.no_grad()
def validation_nats(
    tokens: TokenFile,
    model: ModelConfig,
    limit: int,
    summed_nats: SummedNats,
    *,
    together: bool = False,
) -> float:
    """Mean nats per validation token, weighted by tokens; processes take batches in turn.

    `together` is for a model that all processes must compute at the same time: one for which
    no batch is left takes another's, and does not count it.
    """
    tally = LossTally()
    batches = evaluation_batches(tokens, model.context_length, limit, model.vocab_size)
    mine, n_processes = ranks.rank(), ranks.world_size()
    while turn := list(islice(batches, n_processes)):
        if mine < len(turn):
            ids_BT, targets_BT = turn[mine]
            nats = summed_nats(ids_BT, targets_BT).item()
            tally.add(nats=nats, tokens=int((targets_BT >= 0).sum()))
        elif together:
            summed_nats(*turn[0])
    nats_sum, n_tokens = ranks.total(tally.nats, tally.tokens)
    return nats_sum / n_tokens


def evaluation_batches(
    tokens: TokenFile, context_length: int, limit: int, vocab_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows for a validation loss: the whole file, or `limit` tokens spread evenly over it."""
    length = min(context_length, len(tokens) - 1)
    rows = max(1, min(_BATCH_ROWS, _BATCH_LOGITS // (length * vocab_size)))
    n_windows = limit // length
    if limit == 0 or n_windows * length >= len(tokens) - 1:
        yield from tokens.windows(length, rows)
        return
    starts = np.linspace(0, len(tokens) - 1 - length, max(1, n_windows)).astype(np.int64)
    for first in range(0, starts.size, rows):
        windows = [tokens.ids(int(s), int(s) + length + 1) for s in starts[first : first + rows]]
        window_BT = torch.from_numpy(np.stack(windows))
        yield window_BT[:, :-1], window_BT[:, 1:]


@contextmanager
def unobserved(model: nn.Module, device: str) -> Iterator[None]:
    """Evaluation mode and random numbers of one's own, so that looking changes nothing."""
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
        try:
            yield
        finally:
            model.train(was_training)
