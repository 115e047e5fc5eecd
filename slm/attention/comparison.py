"""What differs between two models that read the same text: attention, head scores, losses.

Two checkpoints of a run have the same heads; two runs do not: which head takes up which habit
is chance, so a head of one is best set beside the head of the other that looks most alike.
NumPy alone; knows neither models nor text.

Shapes: L layers, H heads, M measures, T query and key positions.
"""

from dataclasses import dataclass

import numpy as np

from slm.attention.heads import HeadScores
from slm.attention.history import Halves
from slm.attention.maps import Floats
from slm.errors import DataError

Maps = Floats | Halves


@dataclass(frozen=True)
class Alike:
    """A head, and how far its attention is from that of another: 0 the same, 1 nothing shared."""

    layer: int
    head: int
    distance: float


def map_distance(a_TT: Maps, b_TT: Maps) -> float:
    """How far two maps of one text are apart: 0 the same, 1 no weight in common.

    Half of Σ|a − b| of each row (the total variation distance of two distributions: the share
    of attention that would have to move), averaged over all queries but the first, which can
    look only at itself.

    >>> even, own = np.array([[1, 0], [0.5, 0.5]]), np.array([[1, 0], [0, 1]])
    >>> map_distance(even, own)
    0.5

    Raises: DataError for maps of different texts, or of fewer than two tokens.
    """
    if a_TT.shape != b_TT.shape or a_TT.shape[-1] < 2:
        raise DataError(
            f"Maps of {a_TT.shape[-1]} and {b_TT.shape[-1]} tokens cannot be compared: "
            "both models must read the same text of at least two tokens."
        )
    return float(_distances(a_TT, b_TT))


def map_distances(a_LHTT: Maps, b_LHTT: Maps) -> Floats:
    """`map_distance` of every head of two models of one shape, LH.

    Raises: DataError for different shapes.
    """
    if a_LHTT.shape != b_LHTT.shape:
        raise DataError(
            f"Models of {a_LHTT.shape[0]} × {a_LHTT.shape[1]} and "
            f"{b_LHTT.shape[0]} × {b_LHTT.shape[1]} heads have no heads of the same place."
        )
    return np.stack([_distances(a, b) for a, b in zip(a_LHTT, b_LHTT, strict=True)])


def most_alike(a_TT: Maps, b_LHTT: Maps) -> Alike:
    """The head of another model whose attention on the same text is nearest to this map.

    Raises: as `map_distance`.
    """
    map_distance(a_TT, b_LHTT[0, 0])
    distances_LH = np.stack([_distances(a_TT[None], b_HTT) for b_HTT in b_LHTT])
    layer, head = (int(i) for i in np.unravel_index(distances_LH.argmin(), distances_LH.shape))
    return Alike(layer, head, float(distances_LH[layer, head]))


def partners(a_LHTT: Maps, b_LHTT: Maps) -> list[list[Alike]]:
    """`most_alike` of every head of A among the heads of B, LH; one of B may serve several.

    Raises: as `map_distance`.
    """
    return [[most_alike(a_TT, b_LHTT) for a_TT in a_HTT] for a_HTT in a_LHTT]


def score_changes(a: HeadScores, b: HeadScores) -> HeadScores:
    """B less A, for the measures that both have.

    Raises: DataError where the models have not the same layers and heads.
    """
    if a.values_LHM.shape[:2] != b.values_LHM.shape[:2]:
        raise DataError("The two models have different layers or heads: scores have no partners.")
    shared = tuple(measure for measure in a.measures if measure in b.measures)
    changes_LHM = np.stack([b[measure] - a[measure] for measure in shared], axis=-1)
    return HeadScores(shared, changes_LHM)


def _distances(a: Maps, b: Maps) -> Floats:
    """Mean total variation distance over the queries but the first; leading axes stay."""
    apart: Floats = np.abs(np.subtract(a[..., 1:, :], b[..., 1:, :], dtype=np.float32)).sum(-1) / 2
    means: Floats = apart.mean(axis=-1)
    return means
