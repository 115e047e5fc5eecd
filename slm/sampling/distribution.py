"""What is drawn from: a distribution, how the filters came to it, and the draw itself.

Knows nothing of models, text, or which filters there are. No torch.

Legend: B rows of a batch, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_MOVE_MASS = ("repetition_penalty", "temperature")  # and remove none of it


@dataclass(frozen=True)
class Stage:
    """The distribution after one filter.

    logits_V holds -inf for every token that was removed. `changed` is False where
    the settings leave the filter off.
    """

    name: str
    logits_V: Floats
    changed: bool

    @cached_property
    def probabilities_V(self) -> Floats:
        """Sums to 1; exactly 0 for removed tokens."""
        return softmax(self.logits_V)

    @cached_property
    def kept_V(self) -> Mask:
        """True for the tokens that can still be drawn."""
        return self.logits_V > -np.inf

    @cached_property
    def entropy_nats(self) -> float:
        """Uncertainty of a draw: 0 when certain, ln V when all are equally likely.

        Source: Shannon 1948, §6.
        """
        below_best = (self.logits_V - self.logits_V.max())[self.kept_V].astype(np.float64)
        weights = np.exp(below_best)
        total = weights.sum()
        return max(0.0, float(np.log(total) - weights @ below_best / total))


@dataclass(frozen=True)
class Distribution:
    """What the next token is drawn from, and how the filters came to it.

    stages: the model first, then every filter in the order in which it acted.
    notes say in words what was clamped.
    """

    stages: tuple[Stage, ...]
    notes: tuple[str, ...]

    @property
    def probabilities_V(self) -> Floats:
        """The final probabilities; they sum to 1."""
        return self.stages[-1].probabilities_V

    @property
    def kept_V(self) -> Mask:
        """True for the tokens that can be drawn."""
        return self.stages[-1].kept_V

    @property
    def entropy_before_nats(self) -> float:
        """Entropy of the model's own distribution."""
        return self.stages[0].entropy_nats

    @property
    def entropy_after_nats(self) -> float:
        """Entropy of the final distribution."""
        return self.stages[-1].entropy_nats

    @cached_property
    def mass_cut(self) -> float:
        """Share of the probability that top-k, top-p, min-p and typical sampling took away.

        Each took its share of what the filters before it had left. Greedy choice takes no
        share: it is a temperature.
        """
        kept = 1.0
        for before, stage in pairwise(self.stages):
            if stage.changed and stage.name not in _MOVE_MASS:
                kept *= 1.0 - float(before.probabilities_V[~stage.kept_V].sum(dtype=np.float64))
        return 1.0 - kept

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)

    def draw(self, uniform: float) -> int:
        """The token under `uniform` (0 ≤ uniform < 1) when probabilities are laid end to end.

        The same number gives comparable choices under different settings.

        >>> halves = Distribution((Stage("model", np.zeros(2, np.float32), False),), ())
        >>> halves.draw(0.49), halves.draw(0.51)
        (0, 1)
        """
        return self.draws([uniform])[0]

    def draws(self, uniforms: Sequence[float]) -> list[int]:
        """The token under each of these numbers; the probabilities are laid out once."""
        laid = _lay_out(self.stages[-1].logits_V)
        return [_fall(laid, uniform)[0] for uniform in uniforms]

    def top(self, count: int) -> tuple[tuple[int, float], ...]:
        """At most `count` likeliest (id, probability) of the final distribution, best first."""
        return top_tokens(self.probabilities_V, count)


class Layer(NamedTuple):
    """The logits of all rows after one filter each; where orders differ, so do the names."""

    names: tuple[str, ...]
    logits_BV: Floats
    changed_B: Mask


@dataclass(frozen=True)
class Distributions:
    """A Distribution for each row of a batch, worked out together."""

    layers: tuple[Layer, ...]
    notes: tuple[tuple[str, ...], ...]

    @property
    def own_logits_BV(self) -> Floats:
        """The model's own, before any filter."""
        return self.layers[0].logits_BV

    def row(self, row: int) -> Distribution:
        """One row, with all its stages."""
        stages = (
            Stage(layer.names[row], layer.logits_BV[row], bool(layer.changed_B[row]))
            for layer in self.layers
        )
        return Distribution(tuple(stages), self.notes[row])

    def draw(self, uniforms_B: Sequence[float]) -> list[tuple[int, float]]:
        """For each row the token that `Distribution.draw` gives, and its probability."""
        rows = zip(_laid_out(self.layers[-1].logits_BV), uniforms_B, strict=True)
        return [_fall(laid, uniform) for laid, uniform in rows]


class _Laid(NamedTuple):
    """The possible tokens end to end: ids, probabilities, and where each ends."""

    ids: npt.NDArray[np.int64]
    probabilities: Floats
    ends: npt.NDArray[np.float64]


def _lay_out(logits_V: Floats) -> _Laid:
    ids = np.flatnonzero(logits_V > -np.inf)
    probabilities = softmax(logits_V[ids])
    return _Laid(ids, probabilities, np.cumsum(probabilities, dtype=np.float64))


def _laid_out(logits_BV: Floats) -> list[_Laid]:
    """What `_lay_out` gives for each row: where nothing was removed, for all rows at once."""
    n_rows, vocab_size = logits_BV.shape
    if n_rows == 1 or not (logits_BV.min(axis=-1) > -np.inf).all():
        return [_lay_out(logits_V) for logits_V in logits_BV]
    ids, probabilities_BV = np.arange(vocab_size), softmax(logits_BV)
    ends_BV = np.cumsum(probabilities_BV, axis=-1, dtype=np.float64)
    return [_Laid(ids, *row) for row in zip(probabilities_BV, ends_BV, strict=True)]


def _fall(laid: _Laid, uniform: float) -> tuple[int, float]:
    """The token under `uniform`, and its probability."""
    ends = laid.ends
    found = int(np.searchsorted(ends, uniform * ends[-1], side="right"))
    # Past the end by rounding: the last token that can be drawn is the first to reach it.
    place = min(found, int(np.searchsorted(ends, ends[-1])))
    return int(laid.ids[place]), float(laid.probabilities[place])


def top_tokens(values_V: Floats, count: int) -> tuple[tuple[int, float], ...]:
    """At most `count` (id, value) with values above 0, largest first, ties by lower id."""
    count = min(count, values_V.size)
    if count < 1:
        return ()
    threshold = np.partition(values_V, -count)[-count]
    ids = np.flatnonzero((values_V >= threshold) & (values_V > 0))
    best = ids[np.argsort(-values_V[ids], kind="stable")[:count]]
    return tuple((int(i), float(values_V[i])) for i in best)


def softmax(logits: Floats) -> Floats:
    """Probabilities along the last axis, which sum to 1; -inf becomes exactly 0."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    probabilities: Floats = weights
    return probabilities
