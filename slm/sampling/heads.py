"""The likeliest tokens alone, chosen on the device where the logits are.

Of 50,000 logits a greedy choice, or one among the likeliest k, needs a few dozen. To carry all
of them from a GPU, sort and sum them takes longer there than the model's step. So the device
finds the head and sums the rest; the filters, which are the same ones, then see the head.

Legend: B rows of a batch, V vocabulary, M tokens of the head.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.model.graph_stepping import record
from slm.sampling.config import SamplingConfig
from slm.sampling.distribution import Floats

_LEAST = 128  # tokens of a head; then 256, 512, …
_SPARE = 32  # of them behind the last one wanted: equals at the edge are kept whole
_WORTH = 8  # times the head: the least vocabulary that is worth the detour
_MOST_RECORDED = 16

Doubles = npt.NDArray[np.float64]


class Head(NamedTuple):
    """The likeliest tokens of each row, by rising id, and what sums need of all the others.

    log_sums_B: ln of the sum of e to (logit - largest), over the whole vocabulary.
    entropies_B: in nats, of the whole distribution.
    """

    ids_BM: npt.NDArray[np.int64]
    logits_BM: Floats
    log_sums_B: Doubles
    entropies_B: Doubles


class HeadFinder:
    """Finds heads; what it asks of a GPU is recorded once for each number of rows and tokens.

    A dozen small kernels take five times longer to launch than to run.
    """

    def __init__(self) -> None:
        self._recorded: dict[tuple[int, ...], _Recorded] = {}

    def find(
        self, logits_BV: Tensor, configs: Sequence[SamplingConfig], n_top: Sequence[int]
    ) -> Head | None:
        """The head from which each row can be drawn exactly as from all its logits.

        None where the settings need the whole vocabulary, where it is too small for the
        detour, where as many tokens are equal as would reach out of the head, and for logits
        that are not finite numbers.

        >>> logits_BV = torch.arange(2000.0)[None]
        >>> HeadFinder().find(logits_BV, [SamplingConfig(temperature=0)], [5]).ids_BM[0, -1]
        np.int64(1999)
        """
        wanted = [_wanted(config) for config in configs]
        if not all(wanted):
            return None
        edge = max(wanted)
        n_head = _LEAST
        while n_head < max(edge, *n_top) + _SPARE:
            n_head *= 2
        if logits_BV.shape[1] < _WORTH * n_head:
            return None
        carried_BC: Doubles = self._measure(logits_BV, n_head).cpu().numpy()
        values_BM = carried_BC[:, n_head : 2 * n_head]
        reaches_out = values_BM[:, -1] >= values_BM[:, edge - 1]
        if not np.isfinite(carried_BC[:, [n_head, -1]]).all() or reaches_out.any():
            return None
        ids_BM = carried_BC[:, :n_head].astype(np.int64)
        by_id_BM = ids_BM.argsort(axis=-1)
        return Head(
            np.take_along_axis(ids_BM, by_id_BM, -1),
            np.take_along_axis(values_BM, by_id_BM, -1).astype(np.float32),
            carried_BC[:, -2],
            carried_BC[:, -1],
        )

    def _measure(self, logits_BV: Tensor, n_head: int) -> Tensor:
        if logits_BV.device.type != "cuda":
            return _measured(logits_BV, n_head)
        key = (*logits_BV.shape, n_head)
        if key not in self._recorded:
            if len(self._recorded) >= _MOST_RECORDED:
                self._recorded.clear()
            own_BV = logits_BV.clone()
            replay, carried_BC = record(lambda: _measured(own_BV, n_head), own_BV.device)
            self._recorded[key] = _Recorded(own_BV, carried_BC, replay)
        recorded = self._recorded[key]
        recorded.logits_BV.copy_(logits_BV)
        recorded.replay()
        return recorded.carried_BC


def finder_for(device: torch.device) -> HeadFinder | None:
    """One for a GPU. A processor has the logits at hand, and sorts all as fast."""
    return None if device.type == "cpu" else HeadFinder()


class _Recorded(NamedTuple):
    """A measurement's input, its output, and what runs it anew."""

    logits_BV: Tensor
    carried_BC: Tensor
    replay: Callable[[], object]


def _measured(logits_BV: Tensor, n_head: int) -> Tensor:
    """Ids, logits, ln of the sum and entropy of each row, side by side.

    As doubles, which hold ids and logits exactly: one way from the device instead of four.
    """
    own_BV = logits_BV.float()
    found = own_BV.topk(n_head, dim=-1)
    below_BV = (own_BV - found.values[:, :1]).clamp_(min=-1e4)  # 0 times -inf is no number
    weights_BV = below_BV.exp()
    sums_B1 = weights_BV.sum(-1, keepdim=True, dtype=torch.float64)
    means_B1 = (weights_BV * below_BV).sum(-1, keepdim=True, dtype=torch.float64) / sums_B1
    log_sums_B1 = sums_B1.log()
    return torch.cat([found.indices, found.values, log_sums_B1, log_sums_B1 - means_B1], dim=-1)


def _wanted(config: SamplingConfig) -> int:
    """How many of the likeliest tokens a draw can come from; 0 where any can."""
    if config.repetition_penalty != 1.0:  # lifts tokens from anywhere, or lets them sink
        return 0
    chooses = config.order.index("temperature" if config.greedy else "top_k")
    needs_all = {"top_p": config.top_p != 1.0, "typical_p": config.typical_p != 1.0}
    if any(needs and config.order.index(name) < chooses for name, needs in needs_all.items()):
        return 0
    return 1 if config.greedy else config.top_k or 0
