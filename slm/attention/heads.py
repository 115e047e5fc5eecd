"""What is this head for? Scores between 0 and 1, and a plain name.

Knows ids, never text. Reads weights through the probe seam and reduces them there,
layer by layer, so no more than one layer's weights are held at once.

Legend: L layers, H heads, M measures, B batch, T query position, S key position.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.errors import DataError
from slm.model.inference import diverged, inference
from slm.model.transformer import Transformer

TEXT_MEASURES = ("previous_token", "first_token", "entropy", "entropy_normalised", "distance")
REPETITION_MEASURES = ("induction", "duplicate_token")
MEASURES = TEXT_MEASURES + REPETITION_MEASURES

CLEAR = 0.4
"""A head earns a name when at least this share of its attention fits the name."""
BROAD = 0.8
"""Normalised entropy from which a head is called broad."""

Measure = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class HeadScores:
    """Every measure of every head. All but `entropy` (nats) and `distance` (tokens) are 0 to 1.

    >>> scores = HeadScores(("induction",), np.array([[[0.9], [0.1]]], dtype=np.float32))
    >>> scores["induction"].shape
    (1, 2)
    """

    measures: tuple[str, ...]
    values_LHM: Floats

    def __getitem__(self, measure: str) -> Floats:
        """scores_LH of one measure."""
        scores_LH: Floats = self.values_LHM[..., self.measures.index(measure)]
        return scores_LH

    def joined(self, other: "HeadScores") -> "HeadScores":
        """The measures of both, for the same heads."""
        values_LHM = np.concatenate([self.values_LHM, other.values_LHM], axis=-1)
        return HeadScores(self.measures + other.measures, values_LHM)


def head_scores(
    model: Transformer, ids_T: Ids, *, seed: int = 0, eos_id: int | None = None
) -> HeadScores:
    """All MEASURES: those of this text, and those on random tokens that repeat.

    Raises: as `text_scores` and `repetition_scores`.
    """
    on_text = text_scores(model, ids_T)
    on_repeats = repetition_scores(model, seed=seed, eos_id=eos_id)
    return on_text.joined(on_repeats)


def text_scores(model: Transformer, ids_T: Ids) -> HeadScores:
    """TEXT_MEASURES of every head on one text, averaged over all queries but the first.

    (The first position can look only at itself, which says nothing about a head.)

    previous_token      attention to the position just before
    first_token         attention to position 0
    entropy             −Σ w ln w in nats: 0 when all attention is on one token
    entropy_normalised  the same over the most it can be, ln(t + 1): 1 is even attention
    distance            how many tokens back attention reaches, Σ w · (t − s)

    Raises: DataError for fewer than two tokens, too many, or unknown ones;
    DivergedError for weights that are not numbers.

    Source: Clark et al. 2019, §3 (relative position, first token, entropy);
    Vig and Belinkov 2019, §4 (distance).
    """
    ids_BT = one_row(ids_T, model.config.vocab_size, model.config.context_length)
    if ids_BT.shape[1] < 2:
        raise DataError("One token has nothing to attend to but itself. Type a longer text.")
    return _measure(model, ids_BT, TEXT_MEASURES, measure_text)


def repetition_scores(
    model: Transformer,
    *,
    length: int | None = None,
    batch_size: int = 4,
    seed: int = 0,
    eos_id: int | None = None,
) -> HeadScores:
    """REPETITION_MEASURES of every head on random tokens that come twice.

    Sequences are R R, where R is `length` different random tokens (as many as fit, at
    most 50, when None). Queries are the second half; a query looks back at

    induction        the token after its earlier occurrence: what came next last time
    duplicate_token  its earlier occurrence itself

    eos_id is kept out of R: it means "a new text begins".

    Raises: DataError for a context of fewer than 4 tokens or fewer than 2 tokens to draw
    from, or a length that does not fit; DivergedError.

    Source: Olsson et al. 2022, "In-context Learning and Induction Heads" (prefix
    matching on repeated random tokens); Wang et al. 2022, §3.1 (duplicate-token heads).
    """
    vocabulary = np.array([i for i in range(model.config.vocab_size) if i != eos_id])
    fits = min(model.config.context_length // 2, len(vocabulary))
    n_random = min(fits, 50) if length is None else length
    if not 2 <= n_random <= fits:
        raise DataError(
            f"Repeated sequences of {n_random} tokens do not fit: the context holds "
            f"{model.config.context_length} and the vocabulary {len(vocabulary)}. "
            "At least 2 different tokens must fit twice."
        )
    rng = np.random.default_rng(seed)
    half_BT = np.stack([rng.choice(vocabulary, n_random, replace=False) for _ in range(batch_size)])
    ids_BT = torch.from_numpy(np.concatenate([half_BT, half_BT], axis=1).astype(np.int64))
    return _measure(model, ids_BT, REPETITION_MEASURES, measure_repetition)


def measure_text(weights_BHTS: Tensor) -> Tensor:
    """TEXT_MEASURES of each head from its weights, (H, M)."""
    weights_BHTS = weights_BHTS.float()
    n_tokens = weights_BHTS.shape[-1]
    positions_T = torch.arange(n_tokens, device=weights_BHTS.device)
    back_TS = (positions_T[:, None] - positions_T[None, :]).clamp(min=0)
    entropy_BHT = torch.special.entr(weights_BHTS).sum(-1)
    most_T = (positions_T + 1).log()
    per_query = (
        weights_BHTS.diagonal(offset=-1, dim1=-2, dim2=-1),
        weights_BHTS[..., 1:, 0],
        entropy_BHT[..., 1:],
        (entropy_BHT[..., 1:] / most_T[1:]).clamp(max=1.0),
        (weights_BHTS * back_TS).sum(-1)[..., 1:],
    )
    return torch.stack([values_BHT.mean(dim=(0, 2)) for values_BHT in per_query], dim=-1)


def measure_repetition(weights_BHTS: Tensor) -> Tensor:
    """REPETITION_MEASURES of each head on sequences whose second half repeats the first, (H, M)."""
    half = weights_BHTS.shape[-1] // 2
    after_BHT = weights_BHTS.float().diagonal(offset=1 - half, dim1=-2, dim2=-1)[..., 1:]
    same_BHT = weights_BHTS.float().diagonal(offset=-half, dim1=-2, dim2=-1)
    return torch.stack([after_BHT.mean(dim=(0, 2)), same_BHT.mean(dim=(0, 2))], dim=-1)


def label(scores: HeadScores) -> npt.NDArray[np.str_]:
    """A plain name for every head, (L, H).

    The first that fits: induction, duplicate token, previous token, first token (a
    score of CLEAR or more each), broad (entropy_normalised of BROAD or more), else
    mixed. Induction comes first because such heads rest on the first token wherever
    a text repeats nothing.
    """
    rules = {
        "induction": scores["induction"] >= CLEAR,
        "duplicate token": scores["duplicate_token"] >= CLEAR,
        "previous token": scores["previous_token"] >= CLEAR,
        "first token": scores["first_token"] >= CLEAR,
        "broad": scores["entropy_normalised"] >= BROAD,
    }
    return np.select(list(rules.values()), list(rules), default="mixed")


def _measure(
    model: Transformer, ids_BT: Tensor, measures: tuple[str, ...], measure: Measure
) -> HeadScores:
    shape = (model.config.n_layers, model.config.n_heads, len(measures))
    probe = _Reduce(measure, np.empty(shape, dtype=np.float32))
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
    if not np.isfinite(probe.values_LHM).all():
        raise diverged("its attention weights are")
    return HeadScores(measures, probe.values_LHM)


class _Reduce:
    """A probe that turns each layer's weights into numbers and lets the weights go."""

    sites = frozenset({"weights"})
    layers = None

    def __init__(self, measure: Measure, values_LHM: Floats) -> None:
        self.values_LHM = values_LHM
        self._measure = measure

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.values_LHM[layer] = self._measure(tensor).cpu().numpy()
