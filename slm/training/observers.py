"""Who looks at the model along the way: snapshots, samples, probes."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from slm.model.transformer import Transformer
from slm.training.config import TrainConfig


class Observer(Protocol):
    """Someone who looks at the model along the way: snapshots, samples, probes."""

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, NDArray[Any]]:
        """Look, and name what was found.

        Single numbers, and arrays of one number a layer, join the step's metrics record. The
        model is in evaluation mode, and random numbers drawn here do not change the training.
        """


@runtime_checkable
class FollowsChanges(Protocol):
    """An observer that wants to know the settings in force, which may change in mid-run."""

    def on_change(self, config: TrainConfig) -> None:
        """Told at the start, and before the first update with other settings."""


def for_the_record(found: Mapping[str, Any], n_layers: int) -> dict[str, Any]:
    """What observers found that is a finite number, or one a layer."""
    kept: dict[str, Any] = {}
    for name, value in found.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            continue
        if array.ndim == 0:
            kept[name] = float(array)
        elif array.shape == (n_layers,):
            kept[name] = [float(number) for number in array]
    return kept
