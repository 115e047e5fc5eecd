"""A learning-rate range test: a short training whose rates rise from far too low to far too high.

It has a model of its own, on the run's design and text, and leaves nothing behind but the
curve that it gives; no run is touched. What the curve says, `rate_curves.py` reads off it.
"""

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from slm import device as devices
from slm.data.batches import TokenFile
from slm.errors import ConfigError
from slm.jobs import Reporter, StageOf, silent
from slm.model.config import ModelConfig
from slm.model.loss import IGNORED
from slm.model.transformer import Transformer
from slm.training.compiling import Loss
from slm.training.config import TrainConfig
from slm.training.events import now
from slm.training.gradients import number_format
from slm.training.optimizer import Optimizers
from slm.training.rate_curves import RateCurve, read_off
from slm.training.speed import measure_speed
from slm.training.trainer import place

LOWEST, HIGHEST = 0.01, 100.0
"""Factors of the recipe's rates, from first step to last."""
STEPS = 100
"""With 60 steps the suggestion was twice as far off, with 150 no nearer."""
SECONDS = 15.0
LONGEST_SECONDS = 120.0
LEAST_SHARE = 0.5
"""Share of the recipe's batch that is kept where the test takes up to PATIENCE times as long for
it: with a tenth of the batch the suggestion came out at half of the rate."""
PATIENCE = 3.0
LEFT_RANGE = 3.0
"""A loss so many nats above the first has left its range, and the test ends."""
_MEASURING_SECONDS = 1.5


def find_rate(
    model_config: ModelConfig,
    train_config: TrainConfig,
    tokens: TokenFile,
    report: Reporter = silent,
    *,
    seconds: float = SECONDS,
) -> RateCurve | None:
    """The loss at 100 rates from 1/100 to 100 times those of the recipe, in about `seconds`.

    A batch that would take longer is cut down to fewer windows, on a slow machine to half of it
    at first, for up to three times as long. Asked to stop, it gives None.

    Raises: ConfigError when the model does not fit into memory, or is so large here that
    even batches of one window would take minutes, or other work keeps the machine busy;
    DataError for a text shorter than a window.
    """
    report.plan({"speed": _MEASURING_SECONDS, "rates": seconds})
    measured = measure_speed(
        model_config, train_config, StageOf(report, "speed"), seconds=_MEASURING_SECONDS
    )
    if measured is None:
        return None
    context = model_config.context_length
    rows = _rows_in_time(measured.tokens_per_second, train_config, context, seconds)
    begun = time.monotonic()
    trial = _Trial(model_config, train_config, tokens, rows, measured.rows)
    factors: list[float] = []
    nats: list[float] = []
    diverged_at = None
    for step, factor in enumerate(np.geomspace(LOWEST, HIGHEST, STEPS)):
        if report.should_stop():
            return None
        found = trial.step(step, float(factor))
        if not math.isfinite(found):
            diverged_at = float(factor)
            break
        factors.append(float(factor))
        nats.append(found)
        if found > nats[0] + LEFT_RANGE:
            diverged_at = float(factor)
            break
        words = f"rates × {factor:.2g}, loss {found:.2f}"
        report((step + 1) / STEPS, words, stage="rates", factor=float(factor), nats=found)
        if time.monotonic() - begun > max(LONGEST_SECONDS, 2 * PATIENCE * seconds):
            raise ConfigError(
                f"Only {step + 1} of {STEPS} rates were tried in {LONGEST_SECONDS:.0f} seconds, "
                "too few to read a rate off. Other work may keep the machine busy: try again later."
            )
    muon = train_config.muon_learning_rate if train_config.optimizer == "muon" else None
    return read_off(
        factors,
        nats,
        diverged_at=diverged_at,
        learning_rate=train_config.learning_rate,
        muon_learning_rate=muon,
        batch_size=train_config.batch_size,
        rows=rows,
        seconds=round(time.monotonic() - begun, 2),
        measured=now(),
    )


def _rows_in_time(
    tokens_per_second: float, training: TrainConfig, context_length: int, seconds: float
) -> int:
    """Windows per step with which all steps take about `seconds`.

    Raises: ConfigError when one window a step would take far longer.
    """
    one = STEPS * context_length / tokens_per_second
    if one > LONGEST_SECONDS:
        raise ConfigError(
            f"Here this model reads {tokens_per_second:,.0f} tokens per second, so that trying "
            f"{STEPS} rates would take {one / 60:.0f} minutes even with one window a step. Find "
            "the rates on a smaller model or a shorter context, or on a faster machine."
        )
    kept = math.ceil(LEAST_SHARE * training.batch_size)
    patient = min(kept, int(PATIENCE * seconds / one))
    return min(training.batch_size, max(1, int(seconds / one), patient))


class _Trial:
    """A fresh model that takes one step after another, each at a rate of its own."""

    def __init__(
        self,
        model_config: ModelConfig,
        train_config: TrainConfig,
        tokens: TokenFile,
        rows: int,
        rows_at_once: int,
    ) -> None:
        self.config, self.tokens = train_config, tokens
        self.rows, self.rows_at_once = rows, rows_at_once
        self.context_length = model_config.context_length
        self.device, self.dtype = place(train_config)
        devices.set_threads(train_config.threads)
        devices.seed_everything(train_config.seed)
        self.model = Transformer(model_config).to(self.device).train()
        self.summed_nats = Loss(self.model, "plain")
        self.optimizers = Optimizers(self.model, train_config)

    def step(self, step: int, factor: float) -> float:
        """The loss of the next batch, in nats per token; the model is then updated with it."""
        ids_BT, targets_BT = self.tokens.batch(
            self.config.seed, step, self.rows, self.context_length
        )
        n_targets = int((targets_BT != IGNORED).sum())
        nats = 0.0
        for first in range(0, self.rows, self.rows_at_once):
            part = slice(first, first + self.rows_at_once)
            nats += self._add_gradient(ids_BT[part], targets_BT[part], n_targets)
        limit = self.config.gradient_clip or math.inf
        nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        self.optimizers.step(factor)
        return nats / n_targets

    def _add_gradient(self, ids_BT: Tensor, targets_BT: Tensor, n_targets: int) -> float:
        with number_format(self.device, self.dtype):
            nats: Tensor = self.summed_nats(ids_BT.to(self.device), targets_BT.to(self.device))
        torch.autograd.backward(nats / n_targets)
        return nats.item()
