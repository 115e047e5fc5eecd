"""What is drawn from: a distribution, how the filters came to it, and the draw itself.

Knows nothing of models, text, or which filters there are. No torch.

Legend: V vocabulary.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


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

    stages are always six: model, repetition_penalty, temperature, top_k, top_p, min_p.
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
        """Probability that the tokens removed by top-k, top-p and min-p had before them."""
        p_V = self.stage("temperature").probabilities_V
        return float(p_V[~self.kept_V].sum(dtype=np.float64))

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
        ends_V = np.cumsum(self.probabilities_V, dtype=np.float64)
        found = int(np.searchsorted(ends_V, uniform * ends_V[-1], side="right"))
        return min(found, int(np.flatnonzero(self.probabilities_V)[-1]))

    def top(self, count: int) -> tuple[tuple[int, float], ...]:
        """At most `count` likeliest (id, probability) of the final distribution, best first."""
        return top_tokens(self.probabilities_V, count)


def top_tokens(values_V: Floats, count: int) -> tuple[tuple[int, float], ...]:
    """At most `count` (id, value) with values above 0, largest first, ties by lower id."""
    count = min(count, values_V.size)
    if count < 1:
        return ()
    threshold = np.partition(values_V, -count)[-count]
    ids = np.flatnonzero((values_V >= threshold) & (values_V > 0))
    best = ids[np.argsort(-values_V[ids], kind="stable")[:count]]
    return tuple((int(i), float(values_V[i])) for i in best)


def softmax(logits_V: Floats) -> Floats:
    """Probabilities that sum to 1; -inf becomes exactly 0."""
    weights_V = np.exp(logits_V - logits_V.max())
    probabilities_V: Floats = weights_V / weights_V.sum()
    return probabilities_V
