"""Which token? Logits in, a distribution out.

Knows nothing of models, text or tokenizers, and needs no torch, so a slider
moves the distribution without another forward pass. Rows are the general case: every
filter works on all rows of a batch at once, each row with its own settings.

The filters and their usual order are those of `transformers`
(generation/logits_process.py, `LogitsProcessorList`), and give the same probabilities:

    model → repetition penalty → temperature → top-k → top-p → min-p → typical

Legend: B rows of the batch, R the rows a filter changes, V vocabulary, M its sorted head.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from slm.errors import DataError, DivergedError
from slm.sampling.config import FILTERS as FILTERS
from slm.sampling.config import SamplingConfig as SamplingConfig
from slm.sampling.config import from_generation_config as from_generation_config
from slm.sampling.config import generation_config as generation_config
from slm.sampling.distribution import Distribution, Distributions, Floats, Layer, Mask, softmax

Ids = npt.NDArray[np.int64]
_NOTHING: Ids = np.empty(0, dtype=np.int64)
_HEAD = 4096  # of a vocabulary of 50,000 so many are sorted, unless their sum is too small


def next_token_distribution(
    logits_V: Any,
    config: SamplingConfig,
    previous_ids: Iterable[int] = (),
    allowed_V: Mask | None = None,
) -> Distribution:
    """The distribution of the next token after every filter.

    logits_V: one row, an array or a tensor. -inf forbids a token.
    previous_ids: the tokens that the repetition penalty weighs down. allowed_V: all others
    are removed before any filter, which is a stage of its own, "constraint".

    >>> logits_V = np.log([0.5, 0.3, 0.2])
    >>> kept_two = next_token_distribution(logits_V, SamplingConfig(temperature=1, top_k=2))
    >>> [round(float(p), 3) for p in kept_two.probabilities_V], round(kept_two.mass_cut, 3)
    ([0.625, 0.375, 0.0], 0.2)

    Raises: DivergedError for NaN or infinite logits; DataError for a previous id
    outside the vocabulary.
    """
    own_V = _as_floats(logits_V)
    assert own_V.ndim == 1 and own_V.size, f"one row of logits, not shape {own_V.shape}"
    return next_token_distributions(own_V[None], [config], [previous_ids], [allowed_V]).row(0)


def next_token_distributions(
    logits_BV: Any,
    configs: Sequence[SamplingConfig],
    previous: Sequence[Iterable[int]],
    allowed: Sequence[Mask | None] = (),
) -> Distributions:
    """What `next_token_distribution` gives, for many rows at once: the same numbers.

    A configuration and the previous ids for each row; `allowed` too, unless no row has any.

    Raises: as `next_token_distribution`; `diverged_rows` says which rows are to blame.
    """
    now_BV = _as_floats(logits_BV)
    if diverged_rows(now_BV).any():
        bad = int((np.isnan(now_BV) | (now_BV == np.inf)).sum())
        raise DivergedError(
            f"Model diverged: {bad or now_BV.size:,} of {now_BV.size:,} logits are not finite "
            "numbers. Choose an earlier checkpoint, or train again with a lower learning rate."
        )
    n_rows, vocab_size = now_BV.shape
    assert n_rows == len(configs) == len(previous), "settings and ids for each row"
    seen = [
        _NOTHING if config.repetition_penalty == 1.0 else _seen(ids, vocab_size)
        for config, ids in zip(configs, previous, strict=True)
    ]
    layers = [Layer(("model",) * n_rows, now_BV, np.zeros(n_rows, np.bool_))]
    if any(allowed_V is not None for allowed_V in allowed):
        layers.append(_constrained(now_BV, allowed))
        now_BV = layers[-1].logits_BV
    for place in range(len(FILTERS)):
        names = tuple(config.order[place] for config in configs)
        changed_B = np.zeros(n_rows, np.bool_)
        for name in dict.fromkeys(names):
            kind = _FILTERS[name]
            rows = [
                row
                for row in range(n_rows)
                if names[row] == name and kind.acts(configs[row], vocab_size)
            ]
            if name == "repetition_penalty":
                rows = [row for row in rows if seen[row].size]
            if not rows:
                continue
            asked = [configs[row] for row in rows]
            theirs = [seen[row] for row in rows]
            if len(rows) == n_rows:
                now_BV = kind.apply(now_BV, asked, theirs)
            else:
                now_BV = now_BV.copy()
                now_BV[rows] = kind.apply(now_BV[rows], asked, theirs)
            changed_B[rows] = True
        layers.append(Layer(names, now_BV, changed_B))
    notes = tuple(tuple(_notes(config, vocab_size)) for config in configs)
    return Distributions(tuple(layers), notes)


def diverged_rows(logits_BV: Floats) -> Mask:
    """True for the rows that hold NaN or +inf, or nothing but -inf."""
    diverged_B: Mask = ~np.isfinite(logits_BV.max(axis=-1))  # the maximum is NaN if any is
    return diverged_B


def _constrained(logits_BV: Floats, allowed: Sequence[Mask | None]) -> Layer:
    """Minus infinity for what the rows' constraints do not allow."""
    left_BV = logits_BV.copy()
    for left_V, allowed_V in zip(left_BV, allowed, strict=True):
        if allowed_V is not None:
            left_V[~allowed_V] = -np.inf
    changed_B = np.array([allowed_V is not None for allowed_V in allowed], np.bool_)
    return Layer(("constraint",) * len(left_BV), left_BV, changed_B)


def _as_floats(logits: Any) -> Floats:
    if hasattr(logits, "detach"):  # a tensor: numpy reads neither bfloat16 nor a GPU
        logits = logits.detach().float().cpu().numpy()
    return np.asarray(logits, dtype=np.float32)


def _notes(config: SamplingConfig, vocab_size: int) -> Iterable[str]:
    """What was clamped, in words."""
    if config.greedy and config.temperature > 0:
        yield f"Temperature {config.temperature:g} is as good as 0: greedy."
    if (config.top_k or 0) > vocab_size:
        yield (
            f"Top-k {config.top_k:,} is above the vocabulary of {vocab_size:,}: "
            "all tokens are kept."
        )
    if config.top_p == 0.0:
        yield "Top-p 0 keeps the likeliest token alone."
    if config.min_p == 1.0:
        yield "Min-p 1 keeps only what is as likely as the likeliest token."


def _seen(previous_ids: Iterable[int], vocab_size: int) -> Ids:
    """The previous ids, each once, in order.

    Raises: DataError for one outside the vocabulary.
    """
    seen = np.unique(np.fromiter(previous_ids, dtype=np.int64))
    if seen.size and (seen[0] < 0 or seen[-1] >= vocab_size):
        wrong = seen[0] if seen[0] < 0 else seen[-1]
        raise DataError(
            f"Token {wrong} is outside this model's vocabulary of {vocab_size:,}. "
            "Use the tokenizer that the model was trained with."
        )
    return seen


def _penalised(logits_RV: Floats, configs: Sequence[SamplingConfig], seen: Sequence[Ids]) -> Floats:
    """Divide positive logits of seen tokens by the penalty, multiply negative ones by it.

    A token counts once, however often it was seen.

    Source: Keskar et al. 2019 (CTRL), §4.1, with the sign rule that `transformers` adds:
    the paper divides every logit, which would make negative ones likelier.
    """
    next_RV = logits_RV.copy()
    for next_V, config, ids in zip(next_RV, configs, seen, strict=True):
        penalty, theirs = np.float32(config.repetition_penalty), next_V[ids]
        next_V[ids] = np.where(theirs < 0, theirs * penalty, theirs / penalty)
    return next_RV


def _tempered(logits_RV: Floats, configs: Sequence[SamplingConfig], _: Sequence[Ids]) -> Floats:
    """Logits over temperature; for greedy the likeliest token alone.

    Source: Ackley, Hinton and Sejnowski 1985, eq. 3 (the Boltzmann distribution).
    """
    greedy = [row for row, config in enumerate(configs) if config.greedy]
    best_R = logits_RV[greedy].argmax(axis=-1)
    if len(greedy) < len(configs):
        heat_R1 = _column(1.0 if config.greedy else config.temperature for config in configs)
        with np.errstate(over="ignore"):  # far below the best is -inf: probability 0 anyway
            tempered_RV: Floats = (logits_RV - logits_RV.max(-1, keepdims=True)) / heat_R1
    else:
        tempered_RV = np.empty_like(logits_RV)
    tempered_RV[greedy] = -np.inf
    tempered_RV[greedy, best_R] = logits_RV[greedy, best_R]
    return tempered_RV


def _keep_top_k(logits_RV: Floats, configs: Sequence[SamplingConfig], _: Sequence[Ids]) -> Floats:
    """The k largest logits; a tie at the edge is kept whole.

    Source: Fan, Lewis and Dauphin 2018, §5.4.
    """
    ks = [config.top_k or 0 for config in configs]
    parted_RV = np.partition(logits_RV, sorted({-k for k in ks}), axis=-1)
    edge_R1 = np.stack([row_V[-k] for row_V, k in zip(parted_RV, ks, strict=True)])[:, None]
    return _only(logits_RV, logits_RV >= edge_R1)


def _keep_top_p(logits_RV: Floats, configs: Sequence[SamplingConfig], _: Sequence[Ids]) -> Floats:
    """The fewest likeliest tokens whose probabilities sum to at least p; of equals, lower ids.

    Source: Holtzman et al. 2020, §3.1 (nucleus sampling).
    """
    p_R1 = _column(config.top_p for config in configs)
    probabilities_RV = softmax(logits_RV)
    falling_RM = _falling_head(probabilities_RV, p_R1).astype(np.float64)
    mass_before_RM = np.cumsum(falling_RM, axis=-1) - falling_RM
    whole_R1 = probabilities_RV.sum(axis=-1, dtype=np.float64, keepdims=True)
    # "The mass before it is below p", asked from the other end, where float32 is finer.
    mass_from_RM = (whole_R1 - mass_before_RM).astype(np.float32)
    wanted_RM = (mass_from_RM > np.float32(1) - p_R1) & (falling_RM > 0)
    wanted_R = np.maximum(1, wanted_RM.sum(axis=-1))
    edge_R1 = np.take_along_axis(falling_RM, wanted_R[:, None] - 1, axis=-1).astype(np.float32)
    kept_RV = probabilities_RV >= edge_R1
    for row in np.flatnonzero(kept_RV.sum(axis=-1) > wanted_R):  # equals at the edge
        equal = np.flatnonzero(probabilities_RV[row] == edge_R1[row])
        kept_RV[row, equal[wanted_R[row] - int(kept_RV[row].sum()) :]] = False
    return _only(logits_RV, kept_RV)


def _falling_head(probabilities_RV: Floats, p_R1: Floats) -> Floats:
    """Probabilities sorted from the top: a few thousand if their sum reaches p, else all.

    Sorting a vocabulary of 50,000 takes longer than all the other filters together.
    """
    if probabilities_RV.shape[-1] > _HEAD:
        head_RM = np.partition(probabilities_RV, -_HEAD, axis=-1)[:, -_HEAD:]
        if (head_RM.sum(axis=-1, dtype=np.float64, keepdims=True) > p_R1).all():
            return np.sort(head_RM, axis=-1)[:, ::-1]
    return np.sort(probabilities_RV, axis=-1)[:, ::-1]


def _keep_min_p(logits_RV: Floats, configs: Sequence[SamplingConfig], _: Sequence[Ids]) -> Floats:
    """Tokens at least min_p times as likely as the likeliest one.

    Source: Nguyen et al. 2024 (min-p), §3, eq. 1–2.
    """
    probabilities_RV = softmax(logits_RV)
    share_R1 = _column(config.min_p for config in configs)
    return _only(
        logits_RV, probabilities_RV >= share_R1 * probabilities_RV.max(axis=-1, keepdims=True)
    )


def _keep_typical(logits_RV: Floats, configs: Sequence[SamplingConfig], _: Sequence[Ids]) -> Floats:
    """The tokens whose surprise is nearest to the entropy, until they sum to at least p.

    Surprise is -ln of a token's probability, entropy its mean; equals at the edge are kept.

    Source: Meister et al. 2023 (locally typical sampling), eq. 10 and 11.
    """
    probabilities_RV = softmax(logits_RV)
    above_RV = logits_RV - logits_RV.max(axis=-1, keepdims=True)
    surprise_RV = np.log(np.exp(above_RV).sum(axis=-1, keepdims=True)) - above_RV
    possible_RV = probabilities_RV > 0
    weighed_RV = np.where(possible_RV, surprise_RV, 0.0) * probabilities_RV
    far_RV = np.abs(surprise_RV - weighed_RV.sum(axis=-1, keepdims=True))
    nearest_RV = np.argsort(far_RV, axis=-1, kind="stable")
    sums_RV = np.cumsum(
        np.take_along_axis(probabilities_RV, nearest_RV, axis=-1), axis=-1, dtype=np.float64
    ).astype(np.float32)
    p_R1 = _column(config.typical_p for config in configs)
    last_R1 = np.minimum(
        (sums_RV < p_R1).sum(axis=-1, keepdims=True), possible_RV.sum(axis=-1, keepdims=True) - 1
    )
    edge_R1 = np.take_along_axis(far_RV, np.take_along_axis(nearest_RV, last_R1, -1), -1)
    return _only(logits_RV, far_RV <= edge_R1)


class _Filter(NamedTuple):
    """When a filter acts, and what it does with the rows in which it does."""

    acts: Callable[[SamplingConfig, int], bool]
    apply: Callable[[Floats, Sequence[SamplingConfig], Sequence[Ids]], Floats]


_FILTERS = {
    "repetition_penalty": _Filter(lambda c, _: c.repetition_penalty != 1.0, _penalised),
    "temperature": _Filter(lambda c, _: c.temperature != 1.0, _tempered),
    "top_k": _Filter(lambda c, size: 0 < (c.top_k or 0) < size, _keep_top_k),
    "top_p": _Filter(lambda c, _: c.top_p != 1.0, _keep_top_p),
    "min_p": _Filter(lambda c, _: c.min_p != 0.0, _keep_min_p),
    "typical_p": _Filter(lambda c, _: c.typical_p != 1.0, _keep_typical),
}


def _column(values: Iterable[float]) -> Floats:
    return np.array([[value] for value in values], dtype=np.float32)


def _only(logits_RV: Floats, kept_RV: Mask) -> Floats:
    return np.where(kept_RV, logits_RV, np.float32(-np.inf))
