"""How one text was read at every snapshot of a training: maps, head scores, lens, losses.

`timeline.py` tells what fixed texts showed while the run trained; this reads a text of one's
own with the weights that were kept, one snapshot at a time. Knows ids, never text.

Shapes: S snapshots, L layers, H heads, M measures, C chosen heads, N depths, T tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from slm.attention.heads import HeadScores, head_scores
from slm.attention.lens import LensConfig, logit_lens
from slm.attention.maps import Floats, Ids, attention_maps, one_row
from slm.errors import DataError
from slm.model.inference import diverged, inference
from slm.model.loss import token_nats
from slm.model.transformer import Transformer

Halves = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Reading:
    """What one snapshot makes of a text. Shared: read the arrays only.

    maps_LHTT are in half precision (weights to 3 digits); where only one head was asked for, L
    and H are 1. nats_T1 are the losses of the tokens after the first. top_ids_NT and
    top_shares_NT: the likeliest next token by depth, as `lens.logit_lens` reads it, for `stops`.
    """

    scores: HeadScores
    maps_LHTT: Halves
    nats_T1: Floats
    stops: tuple[str, ...]
    top_ids_NT: npt.NDArray[np.int64]
    top_shares_NT: Floats


@dataclass(frozen=True)
class Rise:
    """The largest growth of one head's score from a snapshot to the next.

    `place` is the snapshot after the growth, counted from 0; before and after are the scores.
    """

    layer: int
    head: int
    place: int
    before: float
    after: float


def read_text(
    model: Transformer,
    ids_T: Ids,
    *,
    head: tuple[int, int] | None = None,
    eos_id: int | None = None,
) -> Reading:
    """Read a text with one snapshot; `head` (layer, head): keep only its map, None: all maps.

    Raises: DataError for fewer than two tokens, too many, unknown ones, or a head that is not
    there; DivergedError for numbers that are not finite.
    """
    chosen = (None, None) if head is None else ([head[0]], [head[1]])
    nats_T1 = losses(model, ids_T)
    lens = logit_lens(model, ids_T, LensConfig(top=1))
    return Reading(
        scores=head_scores(model, ids_T, eos_id=eos_id),
        maps_LHTT=attention_maps(model, ids_T, *chosen).astype(np.float16),
        nats_T1=nats_T1,
        stops=lens.stops,
        top_ids_NT=lens.top_ids_NTK[..., 0],
        top_shares_NT=lens.top_shares_NTK[..., 0],
    )


def losses(model: Transformer, ids_T: Ids) -> Floats:
    """nats_T1: how much each token after the first surprised the model, in nats.

    Raises: as `read_text`.
    """
    ids_BT = one_row(ids_T, model.config.vocab_size, model.config.context_length)
    if ids_BT.shape[1] < 2:
        raise DataError("One token has nothing before it to be expected from. Type a longer text.")
    ids_BT = ids_BT.to(model.device)
    with inference(model):
        nats_T1: Floats = token_nats(model(ids_BT[:, :-1]), ids_BT[:, 1:])[0].cpu().numpy()
    if not np.isfinite(nats_T1).all():
        raise diverged("its logits are")
    return nats_T1


def steepest_rise(scores_SLH: Floats) -> Rise | None:
    """Of all heads the one whose score grew most between two snapshots that follow each other.

    Snapshots stand evenly on a logarithmic axis of steps, so this is where the lines of such a
    chart are steepest. None for fewer than two snapshots, or where no score ever grew.

    Source: Olsson et al. 2022, "In-context Learning and Induction Heads", argument 1: induction
    heads form in a short stretch of training, seen in their prefix-matching score.
    """
    if len(scores_SLH) < 2 or not scores_SLH[0].size:
        return None
    growth_SLH = np.diff(scores_SLH, axis=0)
    place, layer, head = (int(i) for i in np.unravel_index(growth_SLH.argmax(), growth_SLH.shape))
    if growth_SLH[place, layer, head] <= 0:
        return None
    before, after = (float(scores_SLH[at, layer, head]) for at in (place, place + 1))
    return Rise(layer, head, place + 1, before, after)


def first_reaching(scores_S: Sequence[float] | Floats, least: float) -> int | None:
    """The first snapshot from which on a score stays at `least` or more; None: it does not.

    >>> first_reaching([0.1, 0.5, 0.3, 0.6, 0.7], 0.4)
    3
    """
    below = np.flatnonzero(~(np.asarray(scores_S) >= least))
    first = int(below[-1]) + 1 if below.size else 0
    return first if first < len(scores_S) else None


def together(readings: Sequence[Reading]) -> dict[str, npt.NDArray[np.generic]]:
    """The readings of all snapshots as arrays by name, for a file; the first axis is S."""
    return {
        "scores_SLHM": np.stack([each.scores.values_LHM for each in readings]),
        "measures": np.array(readings[-1].scores.measures),
        "weights_SLHTT": np.stack([each.maps_LHTT for each in readings]),
        "nats_ST1": np.stack([each.nats_T1 for each in readings]),
        "stops": np.array(readings[-1].stops),
        "top_ids_SNT": np.stack([each.top_ids_NT for each in readings]),
        "top_shares_SNT": np.stack([each.top_shares_NT for each in readings]),
    }
