"""How well is a text foreseen, with parts of the model changed or without?

Sees ids, never text. B batch, T position, D width, P positions that are looked at, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from slm.attention.interventions import Change, Edit, Interventions
from slm.attention.maps import Floats, Ids, one_row
from slm.attention.means import Means, mean_outputs
from slm.errors import DataError
from slm.model.inference import diverged, inference
from slm.model.loss import token_nats
from slm.model.transformer import Transformer

_LOGITS_AT_ONCE = 8_000_000  # numbers: 32 MB in float32


@dataclass(frozen=True)
class Reading:
    """How well a text was foreseen, and what is said to follow some of its positions.

    nats_T is the surprise at each token but the first, so it is one shorter than the text;
    logs_PV are log-probabilities of what follows `positions`.
    """

    nats_T: Floats
    positions: tuple[int, ...]
    logs_PV: Floats

    def divergence_P(self, other: "Reading") -> Floats:
        """How far `other` is from this one at each position, in nats: KL(this ‖ other)."""
        gap_PV = self.logs_PV - other.logs_PV
        far_P: Floats = np.maximum(0, (np.exp(self.logs_PV) * gap_PV).sum(axis=-1))
        return far_P

    @property
    def mean_nats(self) -> float:
        """Nats per token; NaN for a text of one token, of which none is foreseen."""
        return float(self.nats_T.mean()) if len(self.nats_T) else math.nan


def reading(
    model: Transformer,
    ids_T: Ids,
    edits: Sequence[Change] = (),
    *,
    positions: Sequence[int] | None = None,
    means: Means | None = None,
) -> Reading:
    """Read a text, with these edits. `positions` None: the last one.

    "mean" without `means` is the mean over this same text, unedited.

    Raises: DataError for a text that cannot be read whole, positions that it lacks, and edits
    as `Interventions`; DivergedError for logits that are not numbers.
    """
    config = model.config
    ids_BT = one_row(ids_T, config.vocab_size, config.context_length).to(model.device)
    n_tokens = ids_BT.shape[1]
    wanted = (n_tokens - 1,) if positions is None else tuple(positions)
    for position in wanted:
        if not 0 <= position < n_tokens:
            raise DataError(f"There is no position {position}: the text has 0 to {n_tokens - 1}.")
    if means is None and any(isinstance(edit, Edit) and edit.act == "mean" for edit in edits):
        means = mean_outputs(model, ids_T)
    probe = Interventions(config, edits, means) if edits else None
    with inference(model):
        stream_BTD, turns, visible_TS = model.enter(ids_BT)
        for layer, block in enumerate(model.blocks):
            stream_BTD = block(stream_BTD, turns, visible_TS, layer, probe=probe)
        nats_T = nats_of(model, stream_BTD, ids_BT[0])[0].cpu().numpy()
        logits_PV = model.read_out(stream_BTD[:, list(wanted)])[0].float()
        logs_PV = logits_PV.log_softmax(dim=-1).cpu().numpy()
    if not (np.isfinite(nats_T).all() and np.isfinite(logs_PV).all()):
        raise diverged("its logits are")
    return Reading(nats_T, wanted, logs_PV)


def nats_of(model: Transformer, stream_BTD: Tensor, ids_T: Tensor) -> Tensor:
    """nats_BT of every token but the first, from what the last block leaves; T is one less.

    Logits are made for some positions at a time.
    """
    n_rows, n_scored = len(stream_BTD), len(ids_T) - 1
    size = max(1, _LOGITS_AT_ONCE // (n_rows * model.config.vocab_size))
    parts = [
        token_nats(
            model.read_out(stream_BTD[:, first : min(first + size, n_scored)]),
            ids_T[1 + first : 1 + min(first + size, n_scored)].expand(n_rows, -1),
        )
        for first in range(0, n_scored, size)
    ]
    return torch.cat(parts, dim=1) if parts else stream_BTD.new_zeros(n_rows, 0)
