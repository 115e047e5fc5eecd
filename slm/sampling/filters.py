"""Which token? Logits in, a distribution out.

Knows nothing of models, text or tokenizers, and needs no torch, so a slider
moves the distribution without another forward pass.

The stages and their order are those of `transformers` (generation/logits_process.py,
`LogitsProcessorList`), and give the same probabilities:

    model → repetition penalty → temperature → top-k → top-p → min-p

Legend: V vocabulary.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from slm.config import Config
from slm.errors import DataError, DivergedError
from slm.sampling.distribution import Distribution, Floats, Mask, Stage, softmax

GREEDY_BELOW = 1e-3  # dividing logits by 1e-40 gives NaN; long before that the draw is certain


class SamplingConfig(Config):
    """How the next token is chosen from the model's logits.

    >>> SamplingConfig(temperature=-1)
    Traceback (most recent call last):
    slm.errors.ConfigError: temperature is -1; it must be greater than or equal to 0.
    """

    temperature: float = Field(
        0.8,
        ge=0.0,
        le=10.0,
        allow_inf_nan=False,
        description="Divides the logits: below 1 bolder, above 1 wilder. 0 always takes the "
        "likeliest token.",
        json_schema_extra={"ui": {"step": 0.05, "max": 2.0}},
    )
    top_k: int | None = Field(
        50,
        ge=0,
        description="Keep only this many of the likeliest tokens. 0 keeps all.",
        json_schema_extra={"ui": {"step": 1, "max": 200}},
    )
    top_p: float = Field(
        1.0,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Keep the fewest likeliest tokens whose probabilities reach this sum. "
        "1 keeps all.",
        json_schema_extra={"ui": {"step": 0.01}},
    )
    min_p: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        allow_inf_nan=False,
        description="Drop tokens less likely than this share of the likeliest one. 0 keeps all.",
        json_schema_extra={"ui": {"step": 0.01}},
    )
    repetition_penalty: float = Field(
        1.0,
        gt=0.0,
        le=10.0,
        allow_inf_nan=False,
        description="Above 1, tokens that were already written become less likely. 1 is off.",
        json_schema_extra={"ui": {"step": 0.05, "min": 1.0, "max": 2.0}},
    )
    seed: int = Field(
        0,
        ge=0,
        le=2**31 - 1,
        description="The same seed gives the same text.",
        json_schema_extra={"ui": {"step": 1}},
    )

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is always taken."""
        return self.temperature < GREEDY_BELOW


def next_token_distribution(
    logits_V: Any, config: SamplingConfig, previous_ids: Iterable[int] = ()
) -> Distribution:
    """The distribution of the next token after every filter.

    logits_V: one row, an array or a tensor. -inf forbids a token.
    previous_ids: the tokens that the repetition penalty weighs down.

    >>> logits_V = np.log([0.5, 0.3, 0.2])
    >>> kept_two = next_token_distribution(logits_V, SamplingConfig(temperature=1, top_k=2))
    >>> [round(float(p), 3) for p in kept_two.probabilities_V], round(kept_two.mass_cut, 3)
    ([0.625, 0.375, 0.0], 0.2)

    Raises: DivergedError for NaN or infinite logits; DataError for a previous id
    outside the vocabulary.
    """
    now_V = _checked(logits_V)
    notes: list[str] = []
    stages = [Stage("model", now_V, changed=False)]

    def then(name: str, next_V: Floats) -> None:
        nonlocal now_V
        stages.append(Stage(name, next_V, changed=next_V is not now_V))
        now_V = next_V

    then("repetition_penalty", _penalised(now_V, config.repetition_penalty, previous_ids))
    then("temperature", _tempered(now_V, config, notes))
    then("top_k", _keep_top_k(now_V, config.top_k or 0, notes))
    then("top_p", _keep_top_p(now_V, config.top_p, notes))
    then("min_p", _keep_min_p(now_V, config.min_p, notes))
    return Distribution(tuple(stages), tuple(notes))


def _checked(logits_V: Any) -> Floats:
    if hasattr(logits_V, "detach"):  # a tensor: numpy reads neither bfloat16 nor a GPU
        logits_V = logits_V.detach().float().cpu().numpy()
    now_V: Floats = np.asarray(logits_V, dtype=np.float32)
    assert now_V.ndim == 1 and now_V.size, f"one row of logits, not shape {now_V.shape}"
    bad = int((np.isnan(now_V) | (now_V == np.inf)).sum())
    if bad or not np.isfinite(now_V).any():
        raise DivergedError(
            f"Model diverged: {bad or now_V.size:,} of {now_V.size:,} logits are not finite "
            "numbers. Choose an earlier checkpoint, or train again with a lower learning rate."
        )
    return now_V


def _penalised(logits_V: Floats, penalty: float, previous_ids: Iterable[int]) -> Floats:
    """Divide positive logits of seen tokens by the penalty, multiply negative ones by it.

    A token counts once, however often it was seen.

    Source: Keskar et al. 2019 (CTRL), §4.1, with the sign rule that `transformers` adds:
    the paper divides every logit, which would make negative ones likelier.
    """
    if penalty == 1.0:
        return logits_V
    seen = np.unique(np.fromiter(previous_ids, dtype=np.int64))
    if not seen.size:
        return logits_V
    if seen[0] < 0 or seen[-1] >= logits_V.size:
        wrong = seen[0] if seen[0] < 0 else seen[-1]
        raise DataError(
            f"Token {wrong} is outside this model's vocabulary of {logits_V.size:,}. "
            "Use the tokenizer that the model was trained with."
        )
    next_V = logits_V.copy()
    next_V[seen] = np.where(next_V[seen] < 0, next_V[seen] * penalty, next_V[seen] / penalty)
    return next_V


def _tempered(logits_V: Floats, config: SamplingConfig, notes: list[str]) -> Floats:
    """Logits over temperature; for greedy the likeliest token alone.

    Source: Ackley, Hinton and Sejnowski 1985, eq. 3 (the Boltzmann distribution).
    """
    if config.greedy:
        if config.temperature > 0:
            notes.append(f"Temperature {config.temperature:g} is as good as 0: greedy.")
        return _only(logits_V, np.arange(logits_V.size) == logits_V.argmax())
    if config.temperature == 1.0:
        return logits_V
    with np.errstate(over="ignore"):  # far below the best is -inf: probability 0 anyway
        tempered_V: Floats = (logits_V - logits_V.max()) / np.float32(config.temperature)
    return tempered_V


def _keep_top_k(logits_V: Floats, k: int, notes: list[str]) -> Floats:
    """The k largest logits; a tie at the edge is kept whole.

    Source: Fan, Lewis and Dauphin 2018, §5.4.
    """
    if k > logits_V.size:
        notes.append(
            f"Top-k {k:,} is above the vocabulary of {logits_V.size:,}: all tokens are kept."
        )
    if k == 0 or k >= logits_V.size:
        return logits_V
    return _only(logits_V, logits_V >= np.partition(logits_V, -k)[-k])


def _keep_top_p(logits_V: Floats, p: float, notes: list[str]) -> Floats:
    """The fewest likeliest tokens whose probabilities sum to at least p.

    Source: Holtzman et al. 2020, §3.1 (nucleus sampling).
    """
    if p == 1.0:
        return logits_V
    if p == 0.0:
        notes.append("Top-p 0 keeps the likeliest token alone.")
    probabilities_V = softmax(logits_V)
    ids = _likeliest_that_reach(p, probabilities_V)
    ids = ids[np.argsort(-probabilities_V[ids], kind="stable")]
    falling = probabilities_V[ids].astype(np.float64)
    mass_before = np.cumsum(falling) - falling
    # "The mass before it is below p", asked from the other end, where float32 is finer.
    mass_from = (probabilities_V.sum(dtype=np.float64) - mass_before).astype(np.float32)
    kept_V = np.zeros(logits_V.size, dtype=np.bool_)
    kept_V[ids[mass_from > np.float32(1 - p)]] = True
    kept_V[ids[0]] = True
    return _only(logits_V, kept_V)


def _likeliest_that_reach(
    p: float, probabilities_V: Floats, enough: int = 4096
) -> npt.NDArray[np.intp]:
    """Ids to sort: a few thousand if their sum reaches p, else every possible token.

    Sorting a vocabulary of 50,000 takes longer than all the other filters together.
    """
    if probabilities_V.size > enough:
        head_V = probabilities_V >= np.partition(probabilities_V, -enough)[-enough]
        if probabilities_V[head_V].sum(dtype=np.float64) > p:
            return np.flatnonzero(head_V)
    return np.flatnonzero(probabilities_V > 0)


def _keep_min_p(logits_V: Floats, min_p: float, notes: list[str]) -> Floats:
    """Tokens at least min_p times as likely as the likeliest one.

    Source: Nguyen et al. 2024 (min-p), §3, eq. 1–2.
    """
    if min_p == 0.0:
        return logits_V
    if min_p == 1.0:
        notes.append("Min-p 1 keeps only what is as likely as the likeliest token.")
    probabilities_V = softmax(logits_V)
    return _only(logits_V, probabilities_V >= np.float32(min_p) * probabilities_V.max())


def _only(logits_V: Floats, kept_V: Mask) -> Floats:
    if bool(kept_V.all()):
        return logits_V
    filtered_V: Floats = np.where(kept_V, logits_V, np.float32(-np.inf))
    return filtered_V
