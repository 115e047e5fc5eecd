"""A run's record read robustly: medians of windows, noise, slopes. Judges nothing.

A training loss jumps from batch to batch by tenths of a nat, so nothing here trusts a
single value: medians of windows stand for the curve, and the jumps from value to value
say how much of a difference is chance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.training.config import TrainConfig, rate_factor

Records = Sequence[Mapping[str, Any]]
Floats = NDArray[np.float64]

NORMAL_MAD = 0.6745
"""The median distance from the median, in standard deviations of a normal distribution."""
MEDIAN_SPREAD = 1.2533
"""The standard deviation of a median over that of a mean, sqrt(π / 2), for normal noise."""
_RATES_SAMPLED = 1_000
_LEAST_WINDOW = 5  # values
_MOST_WINDOWS = 60


@dataclass(frozen=True)
class Curve:
    """Finite values at ascending steps."""

    steps: Floats
    values: Floats

    def __len__(self) -> int:
        return len(self.steps)

    def between(self, first: float, last: float) -> "Curve":
        """The part from step `first` to step `last`, both included."""
        kept = (self.steps >= first) & (self.steps <= last)
        return Curve(self.steps[kept], self.values[kept])

    def at(self, step: float) -> float:
        """The value at that step, on the line between its neighbours."""
        return float(np.interp(step, self.steps, self.values))

    @property
    def noise(self) -> float:
        """Standard deviation of the jitter from value to value; slow change does not count.

        From the second differences, whose deviation is sqrt(6) times that of the values.
        """
        if len(self) < 3:
            return 0.0
        bends = np.diff(self.values, n=2)
        return float(np.median(np.abs(bends)) / NORMAL_MAD / math.sqrt(6))

    @property
    def medians(self) -> "Curve":
        """Medians of windows of equally many values, at most 60 of them; a rest joins the last."""
        size = max(_LEAST_WINDOW, math.ceil(len(self) / _MOST_WINDOWS))
        count = len(self) // size
        if count == 0:
            return Curve(self.steps[:0], self.values[:0])
        edges = [*range(0, count * size, size), len(self)]
        places = [slice(a, b) for a, b in pairwise(edges)]
        return Curve(
            np.array([np.median(self.steps[place]) for place in places]),
            np.array([np.median(self.values[place]) for place in places]),
        )


@dataclass(frozen=True)
class Look:
    """What an evaluation step recorded of the parts of the model."""

    step: int
    rate_share: float
    """Learning rate as a share of its peak."""
    update_ratios: Mapping[str, float]
    gradient_norms: Mapping[str, float]
    attention_share: Sequence[float]
    feed_forward_share: Sequence[float]

    def of_blocks(self, values: Mapping[str, float]) -> dict[int, float]:
        """Those of the blocks, by layer."""
        return {
            int(part.removeprefix("blocks.")): value
            for part, value in values.items()
            if part.startswith("blocks.")
        }

    @property
    def block_ratio(self) -> float | None:
        """Median update ratio of the blocks at the peak rate; None where it was not measured."""
        ratios = list(self.of_blocks(self.update_ratios).values())
        if not ratios or self.rate_share <= 0:
            return None
        return float(np.median(ratios)) / self.rate_share

    @property
    def largest_share(self) -> float:
        """What the loudest part adds to the stream, against what it is added to."""
        return max((*self.attention_share, *self.feed_forward_share), default=0.0)


@dataclass(frozen=True)
class History:
    """A run's record, with the settings that are in force at its end.

    since   the step of the last change of a rate or of the batch, also by forking
    """

    config: TrainConfig
    step: int
    since: int
    tokens: int
    diverged_at: int | None
    train: Curve
    val: Curve
    gradient_norm: Curve
    looks: tuple[Look, ...]
    baselines: Mapping[str, float]
    evaluations: int

    @property
    def finished(self) -> bool:
        """Whether every step was done."""
        return self.step >= self.config.steps

    @property
    def descent(self) -> int:
        """The step at which the rates begin to fall from their peak."""
        config = self.config
        warm = min(config.warmup_steps, config.steps // 2)
        if config.schedule != "warmup-stable-decay":
            return warm
        return max(warm, config.steps - round(config.steps * config.decay_fraction))

    @property
    def warm(self) -> int:
        """The step from which the rates are at their peak, after the warm-up or a change."""
        return max(self.since, min(self.config.warmup_steps, self.config.steps // 2))

    @property
    def mean_rate_share(self) -> float:
        """Mean learning rate of the whole plan, as a share of the peak."""
        steps = self.config.steps
        every = max(1, steps // _RATES_SAMPLED)
        shares = [rate_factor(self.config, step) for step in range(0, steps, every)]
        return sum(shares) / len(shares)


def read_history(config: TrainConfig, records: Records, since: int = 0) -> History:
    """The curves of a record; values that are missing or not finite are left out."""
    diverged = [int(record["step"]) for record in records if record.get("diverged")]
    sound = [record for record in records if not record.get("diverged")]
    first = sound[0] if sound else {}
    baselines = {
        name: float(first[f"{name}_nats"])
        for name in ("unigram", "bigram")
        if _is_number(first.get(f"{name}_nats"))
    }
    val = curve(sound, "val_nats")
    return History(
        config=config,
        step=int(sound[-1]["step"]) if sound else 0,
        since=since,
        tokens=int(sound[-1].get("tokens") or 0) if sound else 0,
        diverged_at=diverged[-1] if diverged else None,
        train=curve(sound, "train_nats"),
        val=val,
        gradient_norm=curve(sound, "gradient_norm"),
        looks=tuple(
            _look(record, config)
            for record in sound
            if record.get("update_ratios") or record.get("attention_share")
        ),
        baselines=baselines,
        evaluations=len(val),
    )


def curve(records: Records, field: str) -> Curve:
    """The finite values of one field.

    >>> curve([{"step": 1, "x": 2.0}, {"step": 2, "x": None}], "x")
    Curve(steps=array([1.]), values=array([2.]))
    """
    points = [
        (record["step"], record[field]) for record in records if _is_number(record.get(field))
    ]
    steps = np.array([step for step, _ in points], dtype=np.float64)
    return Curve(steps, np.array([value for _, value in points], dtype=np.float64))


def _look(record: Mapping[str, Any], config: TrainConfig) -> Look:
    rate = record.get("learning_rate")
    return Look(
        step=int(record["step"]),
        rate_share=float(rate) / config.learning_rate if _is_number(rate) else 0.0,  # type: ignore[arg-type]
        update_ratios=_numbers(record.get("update_ratios")),
        gradient_norms=_numbers(record.get("gradient_norms")),
        attention_share=_list(record.get("attention_share")),
        feed_forward_share=_list(record.get("feed_forward_share")),
    )


def _numbers(found: Any) -> dict[str, float]:
    known = found.items() if isinstance(found, Mapping) else ()
    return {str(name): float(value) for name, value in known if _is_number(value)}


def _list(found: Any) -> tuple[float, ...]:
    if not isinstance(found, Sequence) or not all(map(_is_number, found)):
        return ()
    return tuple(float(value) for value in found)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
