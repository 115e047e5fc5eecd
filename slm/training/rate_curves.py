"""The loss against the learning rate, as a range test found it, and the rate it speaks for.

No torch here: pages read what was kept, `finder.py` measures it.

    rates/finder-<key>.json     the curve of that model, recipe and text

Source: Smith 2017 ("Cyclical Learning Rates for Training Neural Networks"), section 3.3: raise
the rate from batch to batch, and see where the loss begins to fall, and where to rise.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.model.config import ModelConfig
from slm.training.config import TrainConfig
from slm.training.rates import FOLDER
from slm.workspace import Workspace

SCHEMA = 1
SMOOTHING = 0.3
"""Width of the smoothing, in powers of ten of the rate; a third of that doubled the error of the
suggestion (benchmarks/README.md, "Learning-rate finder")."""
FURTHEST = 30.0
"""The lowest point counts up to so many times the steepest: with some designs the loss goes on
falling at rates with which no long run would fare well."""
LEAST_POINTS = 20
LEAST_FALL = 0.1
"""Nats by which the smoothed loss must fall, for there to be anything to suggest."""
_DECIDING = (
    "batch_size",
    "windows",
    "optimizer",
    "muon_momentum",
    "weight_decay",
    "gradient_clip",
)


@dataclass(frozen=True)
class RateCurve:
    """The loss at each rate of a short training in which the rates rise from step to step.

    factors            rate over the recipe's, ascending; Muon's and AdamW's rise together
    nats, smoothed     training loss at each, in nats per token
    suggested_factor   None where the loss did not fall enough to tell
    diverged_at        the factor at which the loss left its range; None where it never did
    rows               windows of each step: the recipe's batch, or fewer where that took too long
    """

    factors: tuple[float, ...]
    nats: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggested_factor: float | None
    diverged_at: float | None
    steepest_factor: float | None = None
    lowest_factor: float | None = None
    learning_rate: float = 0.0
    muon_learning_rate: float | None = None
    batch_size: int = 0
    rows: int = 0
    seconds: float = 0.0
    measured: str = ""

    def rates(self, factor: float) -> dict[str, float]:
        """Fields of TrainConfig for that factor, to three digits, within their bounds."""
        found = {"learning_rate": _rounded(self.learning_rate * factor)}
        if self.muon_learning_rate is not None:
            found["muon_learning_rate"] = _rounded(self.muon_learning_rate * factor)
        return found

    @property
    def suggested(self) -> dict[str, float] | None:
        """The rates that the curve speaks for; None where it speaks for none."""
        return None if self.suggested_factor is None else self.rates(self.suggested_factor)

    def factor_of(self, training: TrainConfig) -> float:
        """Where a recipe stands on this curve."""
        return training.learning_rate / self.learning_rate


def read_off(
    factors: Sequence[float],
    nats: Sequence[float],
    *,
    diverged_at: float | None = None,
    **told: Any,
) -> RateCurve:
    """The curve with what it suggests: midway between the steepest and the lowest point.

    Midway on the logarithmic axis. At the steepest point the model learns fastest for the
    moment, which favours rates that are too low for a whole run; at the lowest the rise has
    begun. `told` are further fields of RateCurve.
    """
    tens = np.log10(np.asarray(factors, dtype=np.float64))
    values = np.asarray(nats, dtype=np.float64)
    weights = np.exp(-0.5 * ((tens[:, None] - tens) / SMOOTHING) ** 2)
    smoothed = weights @ values / weights.sum(axis=1)
    kept = (tuple(map(float, factors)), tuple(map(float, nats)), tuple(map(float, smoothed)))
    if len(values) < LEAST_POINTS:
        return RateCurve(*kept, None, diverged_at, **told)
    lowest = int(smoothed.argmin())
    steepest = int(np.gradient(smoothed, tens)[: lowest + 1].argmin())
    if smoothed[0] - smoothed[lowest] < LEAST_FALL:
        return RateCurve(*kept, None, diverged_at, **told)
    far = min(tens[lowest], tens[steepest] + np.log10(FURTHEST))
    return RateCurve(
        *kept,
        float(10 ** ((tens[steepest] + far) / 2)),
        diverged_at,
        float(factors[steepest]),
        float(factors[lowest]),
        **told,
    )


def key_of(model: ModelConfig, training: TrainConfig, train_file: str) -> str:
    """One word for what decides the curve; `train_file` is the SHA-256 of the token file.

    Of the rates their proportion alone, since the curve goes through all of them: a recipe
    that takes over what was suggested finds the same curve again.
    """
    deciding: dict[str, Any] = {
        "model": model.to_json(),
        "train": {name: getattr(training, name) for name in _DECIDING},
        "text": train_file,
    }
    if training.optimizer == "muon":
        share = training.muon_learning_rate / training.learning_rate
        deciding["proportion"] = f"{share:.1e}"
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()[:16]


def keep_curve(workspace: Workspace, key: str, curve: RateCurve) -> None:
    """Keep a curve for the next time that the same settings are looked at.

    Raises: WorkspaceError when the disk is full.
    """
    place = workspace.root / FOLDER
    place.mkdir(parents=True, exist_ok=True)
    files.write_json(
        place / f"finder-{key}.json", {"schema": SCHEMA, **asdict(curve)}, checked=True
    )


def kept_curve(workspace: Workspace, key: str) -> RateCurve | None:
    """The curve that was kept under that key; None where there is none, or it is damaged."""
    try:
        told = files.read_json(workspace.root / FOLDER / f"finder-{key}.json")
        if told.pop("schema") > SCHEMA:
            return None
        for name in ("factors", "nats", "smoothed"):
            told[name] = tuple(float(value) for value in told[name])
        curve = RateCurve(**told)
        sound = len(curve.factors) == len(curve.nats) == len(curve.smoothed) > 0
        return curve if sound and curve.learning_rate > 0 else None
    except (WorkspaceError, ConfigError, KeyError, TypeError, ValueError):
        return None


def _rounded(rate: float) -> float:
    return min(1.0, float(f"{rate:.3g}"))
