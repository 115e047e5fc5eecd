"""A short measurement of how fast a model trains here: a few micro-batches of random ids.

Nothing is learned or kept but the rate. What a step costs beside micro-batches and the
update (reading the batch, a line of metrics, a checkpoint now and then) is not in it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from slm import device as devices
from slm.errors import ConfigError
from slm.jobs import Reporter, silent
from slm.model.config import ModelConfig, flops_per_token, largest_count
from slm.model.transformer import Transformer
from slm.training.compiling import Loss
from slm.training.config import TrainConfig
from slm.training.gradients import number_format
from slm.training.memory import available, needed_bytes
from slm.training.optimizer import Optimizers
from slm.training.trainer import place

_LEAST, _MOST = 3, 200  # measurements of each part
_LONGEST_ROW_SECONDS = 120.0
_FAST_CPU = 2e11  # FLOP/s that no laptop exceeds by much; a first guard only
_PYTORCH_BYTES = 500_000_000


@dataclass(frozen=True)
class Speed:
    """Tokens per second of training, and the windows that were taken at a time to find it."""

    tokens_per_second: float
    rows: int


def measure_speed(
    model_config: ModelConfig,
    train_config: TrainConfig,
    report: Reporter = silent,
    *,
    seconds: float = 5.0,
) -> Speed | None:
    """Train on random ids for about `seconds`. Asked to stop, it gives None.

    A micro-batch that would take longer than that is measured with fewer rows, which is a
    little slower a token than all rows would be.

    Raises: ConfigError when the model does not fit into memory, or one window alone would take
    minutes.
    """
    device, dtype = place(train_config)
    rows = train_config.batch_size // train_config.grad_accum_steps
    _require_possible(model_config, train_config, device, dtype)
    devices.set_threads(train_config.threads)
    devices.seed_everything(train_config.seed)
    room = available(device) - _PYTORCH_BYTES
    report(0.0, "Making the model")
    model = Transformer(model_config).to(device).train()
    optimizers = Optimizers(model, train_config)
    summed_nats = Loss(model, "plain")

    def micro_batch(n_rows: int) -> None:
        shape = (n_rows, model_config.context_length)
        ids = torch.randint(model_config.vocab_size, shape, device=device)
        with number_format(device, dtype):
            nats = summed_nats(ids, ids.roll(-1, dims=1))
        torch.autograd.backward(nats / ids.numel())

    def update() -> None:
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizers.step(0.0)

    report(0.05, "One window, to warm up")
    warm_seconds: list[float] = []
    for _ in range(2):  # a window of a large model may take a minute: ask after each
        warm_seconds.append(_timed(lambda: micro_batch(1), device))
        if report.should_stop():
            return None
    once = min(warm_seconds)
    fitting = _rows_that_fit(model_config, train_config, rows, room, dtype)
    rows = max(1, min(fitting, int(seconds / 2 / once)))
    _timed(update, device)  # makes the optimizer's state
    micro_seconds: list[float] = []
    update_seconds: list[float] = []
    begun = time.monotonic()
    while len(micro_seconds) < _MOST:
        spent = time.monotonic() - begun
        if spent >= seconds and len(micro_seconds) >= _LEAST:
            break
        if report.should_stop():
            return None
        report(min(1.0, spent / seconds), f"Measuring, {rows} windows at a time")
        micro_seconds.append(_timed(lambda: micro_batch(rows), device))
        update_seconds.append(_timed(update, device))
    step_rows = train_config.batch_size
    step_seconds = step_rows / rows * median(micro_seconds) + median(update_seconds)
    return Speed(step_rows * model_config.context_length / step_seconds, rows)


def _timed(work: Callable[[], None], device: str) -> float:
    """Seconds that the work takes, until the device is done with it."""
    _settle(device)
    begun = time.perf_counter()
    work()
    _settle(device)
    return time.perf_counter() - begun


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def _rows_that_fit(
    model: ModelConfig, config: TrainConfig, rows: int, room: int, dtype: torch.dtype
) -> int:
    """At most `rows` windows at a time whose training takes no more than `room` bytes."""
    return largest_count(rows, lambda n: _needed(model, config, n, dtype) <= room)


def _needed(model: ModelConfig, config: TrainConfig, rows: int, dtype: torch.dtype) -> int:
    return needed_bytes(model, config.replace(batch_size=rows, grad_accum_steps=1), dtype)


def _require_possible(
    model: ModelConfig, config: TrainConfig, device: str, dtype: torch.dtype
) -> None:
    needed = _needed(model, config, 1, dtype) + _PYTORCH_BYTES
    free = available(device)
    if needed > free:
        raise ConfigError(
            f"Training this model needs at least {needed / 1e9:.1f} GB of memory, and "
            f"{free / 1e9:.1f} GB are free here. Choose a smaller model or a shorter context."
        )
    least = 3 * flops_per_token(model) * model.context_length / _FAST_CPU
    if device == "cpu" and least > _LONGEST_ROW_SECONDS:
        raise ConfigError(
            f"One window of {model.context_length:,} tokens would take this processor more than "
            f"{least / 60:.0f} minutes, so there is nothing to measure in a few seconds. Choose a "
            "smaller model or a shorter context."
        )
