"""What is this head for? Scores between 0 and 1, and a plain name.

Knows ids, never text. Reads weights through the probe seam and reduces them there,
layer by layer, so no more than one layer's weights are held at once.

Legend: L layers, H heads, M measures, B batch, T query position, S key position.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

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
POSITION_MEASURES = ("positional",)
STANDARD_MEASURES = REPETITION_MEASURES + POSITION_MEASURES
MEASURES = TEXT_MEASURES + STANDARD_MEASURES
"""Add at the end, never in between: the probes that runs have kept name theirs one by one."""

CLEAR = 0.4
"""A head earns a name when at least this share of its attention fits the name."""
BROAD = 0.8
"""Normalised entropy from which a head is called broad."""
POSITIONAL = 0.5
"""Overlap from which a head is called positional: most of its attention stays where it is. Rows
of weights drawn at random, as even as is not yet broad, overlap by less than 0.4."""
_RANDOM_TOKENS = 64

Measure = Callable[[Tensor], Tensor]
Told = Callable[[float], None]
"""Is called with the share that is done, 0 to 1, layer by layer."""


def nobody(fraction: float) -> None:
    """For work that nobody watches."""


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
    """All MEASURES: those of this text, and those on random tokens that the model has room for.

    Raises: as `text_scores`.
    """
    return text_scores(model, ids_T).joined(standard_scores(model, seed=seed, eos_id=eos_id))


def standard_scores(
    model: Transformer, *, seed: int = 0, eos_id: int | None = None, told: Told = nobody
) -> HeadScores:
    """STANDARD_MEASURES: what random tokens tell of a model, whatever text one looks at.

    Measures that the context or the vocabulary is too small for are left out. `told` may raise
    to end the work.

    Raises: DivergedError.
    """
    shape = (model.config.n_layers, model.config.n_heads, 0)
    found = HeadScores((), np.zeros(shape, dtype=np.float32))
    most, kinds = model.config.context_length, len(_drawable(model, eos_id))
    if most >= 4 and kinds >= 2:
        repeated = repetition_scores(
            model, seed=seed, eos_id=eos_id, told=lambda part: told(0.6 * part)
        )
        found = found.joined(repeated)
    if most >= 2 and kinds >= 2:
        placed = position_scores(
            model, seed=seed, eos_id=eos_id, told=lambda part: told(0.6 + 0.4 * part)
        )
        found = found.joined(placed)
    return found


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
    told: Told = nobody,
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
    vocabulary = _drawable(model, eos_id)
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
    return _measure(model, ids_BT, REPETITION_MEASURES, measure_repetition, told)


def position_scores(
    model: Transformer,
    *,
    batch_size: int = 4,
    seed: int = 0,
    eos_id: int | None = None,
    told: Told = nobody,
) -> HeadScores:
    """POSITION_MEASURES: how alike every head's weights stay when all tokens are others.

    Each sequence has few kinds of tokens of its own, at random places, so that what a head
    looks for by its token stands elsewhere in each. For two sequences a query's overlap is
    Σ min(w, w'), 1 less the total variation distance of its two rows.

    positional  the overlap averaged over pairs and the queries of the second half

    1 is a head that looks at places alone (even attention, too), 0 one that never looks at
    the same place twice. eos_id is kept out, as in `repetition_scores`.

    Raises: DataError for a context or vocabulary of fewer than 2; DivergedError.

    Source: ours. Voita et al. 2019, §5.1, call a head positional when its largest weight
    falls on one relative position for 90% of the queries; this asks for no single position.
    """
    vocabulary = _drawable(model, eos_id)
    length = min(model.config.context_length, _RANDOM_TOKENS)
    if length < 2 or len(vocabulary) < 2:
        raise DataError(
            f"The context holds {length} tokens and the vocabulary {len(vocabulary)}: "
            "to compare where heads look, 2 tokens are the least."
        )
    kinds = min(len(vocabulary), max(2, length // 4))
    rng = np.random.default_rng(seed)
    ids_BT = np.stack(
        [
            rng.choice(rng.choice(vocabulary, kinds, replace=False), length)
            for _ in range(batch_size)
        ]
    )
    drawn_BT = torch.from_numpy(ids_BT.astype(np.int64))
    return _measure(model, drawn_BT, POSITION_MEASURES, measure_position, told)


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


def measure_position(weights_BHTS: Tensor) -> Tensor:
    """POSITION_MEASURES of each head on unlike sequences, two at least, (H, M)."""
    rows_BHTS = weights_BHTS[:, :, weights_BHTS.shape[2] // 2 :].float()
    overlaps_PH = [
        torch.minimum(rows_BHTS[one], rows_BHTS[other]).sum(-1).mean(-1)
        for one, other in combinations(range(len(rows_BHTS)), 2)
    ]
    return torch.stack(overlaps_PH).mean(0).clamp(max=1.0)[:, None]


def label(scores: HeadScores) -> npt.NDArray[np.str_]:
    """A plain name for every head, (L, H).

    The first that fits: induction, duplicate token, previous token, first token (a
    score of CLEAR or more each), broad (entropy_normalised of BROAD or more), positional
    (POSITIONAL or more), else mixed. Induction comes first because such heads rest on the
    first token wherever a text repeats nothing; positional comes last, since what rests on
    the token before, on the first, or on all, is positional too. A name whose measure was
    not taken is not given.
    """
    rules = (
        ("induction", "induction", CLEAR),
        ("duplicate token", "duplicate_token", CLEAR),
        ("previous token", "previous_token", CLEAR),
        ("first token", "first_token", CLEAR),
        ("broad", "entropy_normalised", BROAD),
        ("positional", "positional", POSITIONAL),
    )
    known = [rule for rule in rules if rule[1] in scores.measures]
    if not known:
        return np.full(scores.values_LHM.shape[:2], "mixed")
    fits = [scores[measure] >= least for _, measure, least in known]
    return np.select(fits, [name for name, _, _ in known], default="mixed")


def _drawable(model: Transformer, eos_id: int | None) -> npt.NDArray[np.int64]:
    """The tokens that random sequences are drawn from."""
    every = np.arange(model.config.vocab_size)
    return every if eos_id is None else every[every != eos_id]


def _measure(
    model: Transformer,
    ids_BT: Tensor,
    measures: tuple[str, ...],
    measure: Measure,
    told: Told = nobody,
) -> HeadScores:
    shape = (model.config.n_layers, model.config.n_heads, len(measures))
    probe = _Reduce(measure, np.empty(shape, dtype=np.float32), told)
    with inference(model):
        model(ids_BT.to(model.device), probe=probe, last_only=True)
    if not np.isfinite(probe.values_LHM).all():
        raise diverged("its attention weights are")
    return HeadScores(measures, probe.values_LHM)


class _Reduce:
    """A probe that turns each layer's weights into numbers and lets the weights go."""

    sites = frozenset({"weights"})
    layers = None

    def __init__(self, measure: Measure, values_LHM: Floats, told: Told) -> None:
        self.values_LHM = values_LHM
        self._measure = measure
        self._told = told

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.values_LHM[layer] = self._measure(tensor).cpu().numpy()
        self._told((layer + 1) / len(self.values_LHM))
