"""The loop: a batch, a gradient, an update, a record; now and then a look and a commit.

Knows ids, a model and a run folder; no text, no sampler, no head score. Whoever wants
to look at the model along the way is an Observer.

Shapes: B batch rows, T positions, V vocabulary.
"""

import logging
import math
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from slm import device as devices
from slm import files
from slm.data.batches import TokenFile
from slm.errors import ConfigError, DataError, DivergedError, JobError
from slm.jobs import Reporter, silent
from slm.locks import FileLock
from slm.model.loss import IGNORED, LossTally, token_nats
from slm.model.transformer import Transformer
from slm.training import ranks, resume
from slm.training.config import (
    TrainConfig,
    is_evaluation_step,
    is_observation_step,
    rate_factor,
)
from slm.training.optimizer import Optimizers
from slm.training.rates import note_machine
from slm.training.runs import METRICS, RunSettings, tokens_folder

_EVALUATION_LOGITS = 2**23  # values that one evaluation batch may make
_EVALUATION_ROWS = 128
_REPORT_SECONDS = 0.2
_logger = logging.getLogger(__name__)


class Observer(Protocol):
    """Someone who looks at the model along the way: snapshots, samples, probes."""

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, NDArray[Any]]:
        """Look, and name what was found; single numbers join the step's metrics record.

        The model is in evaluation mode, and random numbers drawn here do not
        change the training.
        """


@dataclass(frozen=True)
class Outcome:
    """How a call of `train` ended, and the last losses, in nats per token."""

    state: Literal["done", "stopped"]
    step: int
    train_nats: float | None
    val_nats: float | None
    elapsed_seconds: float


def train(
    run_folder: Path,
    *,
    observers: Sequence[Observer] = (),
    report: Reporter = silent,
    tokens: Path | None = None,
) -> Outcome:
    """Train the run to its last step, from its newest sound checkpoint if it has one.

    `tokens` is the folder of its token files where it is not the one beside the runs.
    When the reporter asks to stop, a checkpoint is committed and the state is "stopped".

    Raises: JobError when another process trains this run; DivergedError when loss or
    gradient are not finite any more; DataError when a token file changed or is missing;
    CheckpointError when there are checkpoints, but none is sound; WorkspaceError when
    the disk is full.
    """
    settings = RunSettings.read(run_folder)
    with _sole_trainer(run_folder):
        return _Training(run_folder, settings, tokens, observers, report).run()


@contextmanager
def _sole_trainer(run_folder: Path) -> Iterator[None]:
    if ranks.rank() > 0:
        yield
        return
    lock = FileLock(run_folder / "run.lock")
    if not lock.acquire():
        raise JobError("This run is already running in another process; stop that one first.")
    try:
        yield
    finally:
        lock.release()


class _Training:
    """One stretch of one run, from where it stands to its end or to a stop."""

    def __init__(
        self,
        run_folder: Path,
        settings: RunSettings,
        tokens: Path | None,
        observers: Sequence[Observer],
        report: Reporter,
    ) -> None:
        self.run_folder, self.settings, self.config = run_folder, settings, settings.train
        self.observers, self.report = observers, report
        self.device, self.dtype = place(settings.train)
        self.train_tokens, self.val_tokens = _open_tokens(
            settings, tokens or tokens_folder(run_folder, settings)
        )
        self.rows = ranks.share_of_rows(self.config.batch_size, self.config.grad_accum_steps)
        if any(rows.start == rows.stop for rows in self.rows):
            raise ConfigError(
                f"batch_size ({self.config.batch_size}) must be at least grad_accum_steps × "
                f"processes ({self.config.grad_accum_steps} × {ranks.world_size()})."
            )
        cores = max(1, (os.cpu_count() or 1) // ranks.world_size())
        threads = devices.set_threads(self.config.threads or cores)
        devices.seed_everything(self.config.seed)
        self.model = Transformer(settings.model).to(self.device)
        self.optimizers = Optimizers(self.model, self.config)
        torch.manual_seed(self.config.seed + ranks.rank())  # dropout differs between processes
        self.store = resume.Store(run_folder, settings, self.model, self.optimizers, threads)
        self.progress = self.store.restore()
        if ranks.rank() == 0:
            note_machine(run_folder, self.device, ranks.world_size())
        self.replica: nn.Module = self.model
        if ranks.world_size() > 1:
            self.replica = DistributedDataParallel(self.model)
        self.resumed = time.monotonic() - self.progress.elapsed_seconds
        self.last_report = -math.inf
        self.train_nats: float | None = None
        self.gradient_norm = 0.0
        self.seconds_logged = self.progress.train_seconds
        self.tokens_logged = self.progress.tokens

    def run(self) -> Outcome:
        progress, config = self.progress, self.config
        if progress.step == 0:
            self._look_and_record({})
        while progress.step < config.steps:
            stop, save = ranks.from_first(self.report.should_stop(), self.store.is_due(progress))
            if stop:
                break
            files.reach("train.step")
            record = self._step(save)
            if self._look_and_record(record):
                save = save or any(ranks.from_first(self.store.improves(progress)))
            if save or progress.step == config.steps:
                self._commit()
        if self.store.committed_step != progress.step and progress.step > 0:
            self._commit()
        state: Literal["done", "stopped"] = "done" if progress.step >= config.steps else "stopped"
        return Outcome(
            state, progress.step, self.train_nats, progress.val_nats, progress.elapsed_seconds
        )

    def _step(self, save: bool) -> dict[str, Any]:
        """One update. Its record, empty when this step is not to be logged."""
        progress, config = self.progress, self.config
        factor = rate_factor(config, progress.step)
        ids_BT, targets_BT = self.train_tokens.batch(
            config.seed, progress.step, config.batch_size, self.settings.model.context_length
        )
        n_targets = int((targets_BT != IGNORED).sum())  # padding is none
        nats, gradient_norm = self._gradients(ids_BT, targets_BT, n_targets)
        step = progress.step + 1
        logged = step % config.log_every == 0 or is_evaluation_step(config, step)
        record: dict[str, Any] = {}
        if logged or save:
            (mean_nats,) = ranks.total(nats.item() / n_targets)
            norm = gradient_norm.item()
            self.train_nats, self.gradient_norm = mean_nats, norm
            self._require_finite(step, mean_nats, norm)
            record = {"train_nats": mean_nats, "gradient_norm": norm} if logged else {}
        self.optimizers.step(factor)
        progress.step = step
        progress.tokens += n_targets
        return record

    def _gradients(
        self, ids_BT: Tensor, targets_BT: Tensor, n_targets: int
    ) -> tuple[Tensor, Tensor]:
        """Fill the gradients; this process's summed nats, and the norm before clipping."""
        share = ranks.world_size() / n_targets  # processes' gradients are averaged
        nats = torch.zeros((), device=self.device)
        self.replica.train()
        for number, rows in enumerate(self.rows):
            last = number == len(self.rows) - 1
            ids = ids_BT[rows].to(self.device, non_blocking=True)
            targets = targets_BT[rows].to(self.device, non_blocking=True)
            with self._alone_unless(last):
                with number_format(self.device, self.dtype):
                    logits_BTV = self.replica(ids)
                micro_nats = token_nats(logits_BTV, targets).sum()
                torch.autograd.backward(micro_nats * share)
            nats += micro_nats.detach()
        limit = self.config.gradient_clip or math.inf
        return nats, nn.utils.clip_grad_norm_(self.model.parameters(), limit)

    def _look_and_record(self, record: dict[str, Any]) -> bool:
        """Evaluate, show the model to the observers, append the record. True when evaluated."""
        progress, step = self.progress, self.progress.step
        evaluate = is_evaluation_step(self.config, step)
        found: dict[str, Any] = {}
        begin = time.monotonic()
        if evaluate or is_observation_step(self.config, step):
            with _unobserved(self.model, self.device):
                if evaluate:
                    progress.val_nats = self._validation_nats()
                    self._require_finite(step, progress.val_nats or 0.0)
                for observer in self.observers if ranks.rank() == 0 else ():
                    found |= observer.on_evaluation(step, self.model)
            progress.looking_seconds += time.monotonic() - begin
        progress.elapsed_seconds = time.monotonic() - self.resumed
        if record or evaluate:
            self._append(record, progress.val_nats if evaluate else None, found)
        self._tell()
        return evaluate and progress.val_nats is not None

    def _append(
        self, record: dict[str, Any], val_nats: float | None, found: dict[str, Any]
    ) -> None:
        progress = self.progress
        seconds = progress.train_seconds - self.seconds_logged
        new_tokens = progress.tokens - self.tokens_logged
        self.seconds_logged, self.tokens_logged = progress.train_seconds, progress.tokens
        factor = rate_factor(self.config, max(0, progress.step - 1))
        whole = {
            "step": progress.step,
            "tokens": progress.tokens,
            "elapsed_seconds": round(progress.elapsed_seconds, 4),
            "train_seconds": round(progress.train_seconds, 4),
            "train_nats": None,
            "val_nats": val_nats,
            "learning_rate": self.config.learning_rate * factor,
            "gradient_norm": None,
            "tokens_per_second": round(new_tokens / seconds, 1) if seconds > 0 else None,
            **record,
            **{name: float(x) for name, x in found.items() if np.ndim(x) == 0 and np.isfinite(x)},
        }
        if ranks.rank() == 0:
            files.append_record(self.run_folder / METRICS, whole)

    @torch.no_grad()
    def _validation_nats(self) -> float | None:
        """Mean nats per validation token, weighted by tokens; None without validation text."""
        if self.val_tokens is None:
            return None
        tally = LossTally()
        batches = evaluation_batches(
            self.val_tokens,
            self.settings.model.context_length,
            self.config.evaluation_tokens,
            self.settings.model.vocab_size,
        )
        for number, (ids_BT, targets_BT) in enumerate(batches):
            if number % ranks.world_size() == ranks.rank():
                with number_format(self.device, self.dtype):
                    logits_BTV = self.model(ids_BT.to(self.device))
                nats = token_nats(logits_BTV, targets_BT.to(self.device)).double().sum()
                tally.add(nats=nats.item(), tokens=int((targets_BT >= 0).sum()))
        nats_sum, tokens = ranks.total(tally.nats, tally.tokens)
        return nats_sum / tokens

    def _commit(self) -> None:
        """Commit the state, unless the last update left weights that are not finite."""
        largest = torch.stack([p.detach().abs().max() for p in self.model.parameters()]).max()
        self._require_finite(self.progress.step, largest.item())
        self.progress.elapsed_seconds = time.monotonic() - self.resumed
        self.store.commit(self.progress)

    def _require_finite(self, step: int, *numbers: float) -> None:
        if all(math.isfinite(number) for number in numbers):
            return
        if ranks.rank() == 0:
            flagged = {"step": step, "train_nats": None, "val_nats": None, "diverged": True}
            files.append_record(self.run_folder / METRICS, flagged)
        rate = self.config.learning_rate * rate_factor(self.config, max(0, step - 1))
        kept = self.store.committed_step
        raise DivergedError(
            f"Training diverged at step {step}: loss {self.train_nats}, learning rate {rate:.3g}, "
            f"gradient norm {self.gradient_norm:.4g}. "
            + (
                f"The checkpoint of step {kept} is kept. "
                if kept
                else "No checkpoint was due yet. "
            )
            + "Lower the learning rates, lengthen the warm-up, or set gradient_clip to 1."
        )

    def _tell(self) -> None:
        """Report, at most a few times a second."""
        now, step, last = time.monotonic(), self.progress.step, self.config.steps
        if now - self.last_report < _REPORT_SECONDS and step < last:
            return
        self.last_report = now
        loss = "" if self.train_nats is None else f", loss {self.train_nats:.3f}"
        self.report(
            step / last,
            f"step {step:,} of {last:,}{loss}",
            step=step,
            steps=last,
            train_nats=self.train_nats,
            val_nats=self.progress.val_nats,
        )

    def _alone_unless(self, last: bool) -> AbstractContextManager[Any]:
        """Only the last micro-batch of a step exchanges gradients with the other processes."""
        if isinstance(self.replica, DistributedDataParallel) and not last:
            return self.replica.no_sync()
        return nullcontext()


def number_format(device: str, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Matrix products inside are computed in that number format; weights stay float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device, dtype)


def evaluation_batches(
    tokens: TokenFile, context_length: int, limit: int, vocab_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Windows for a validation loss: the whole file, or `limit` tokens spread evenly over it."""
    length = min(context_length, len(tokens) - 1)
    rows = max(1, min(_EVALUATION_ROWS, _EVALUATION_LOGITS // (length * vocab_size)))
    n_windows = limit // length
    if limit == 0 or n_windows * length >= len(tokens) - 1:
        yield from tokens.windows(length, rows)
        return
    starts = np.linspace(0, len(tokens) - 1 - length, max(1, n_windows)).astype(np.int64)
    for first in range(0, starts.size, rows):
        windows = [tokens.ids(int(s), int(s) + length + 1) for s in starts[first : first + rows]]
        window_BT = torch.from_numpy(np.stack(windows))
        yield window_BT[:, :-1], window_BT[:, 1:]


@contextmanager
def _unobserved(model: nn.Module, device: str) -> Iterator[None]:
    """Evaluation mode and random numbers of one's own, so that looking changes nothing."""
    was_training = model.training
    model.eval()
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if device == "cuda" else []):
        try:
            yield
        finally:
            model.train(was_training)


def place(config: TrainConfig) -> tuple[str, torch.dtype]:
    """The device and the number format that the settings come to here.

    Raises: ConfigError for a device that this machine does not have.
    """
    device = devices.best_device() if config.device == "auto" else config.device
    available = {"cpu": True, "cuda": torch.cuda.is_available()}
    available["mps"] = torch.backends.mps.is_available()
    if not available[device]:
        raise ConfigError(f"device is {device!r}, which this machine does not have; choose auto.")
    if config.dtype == "auto":
        return device, devices.default_dtype(device)
    return device, torch.bfloat16 if config.dtype == "bfloat16" else torch.float32


def _open_tokens(settings: RunSettings, folder: Path) -> tuple[TokenFile, TokenFile | None]:
    """The run's token files, proven to be those that it was made for.

    Raises: DataError that names the file that is missing or changed.
    """
    for name, expected in settings.token_files.items():
        path = folder / name
        if not path.exists():
            raise DataError(
                f"The token file {name} of this run is gone ({folder.name}). "
                "Restore it, or start a new run."
            )
        if files.sha256_of(path) != expected:
            raise DataError(
                f"The token file {name} ({folder.name}) changed since this run was made, so the "
                "run cannot go on as it began. Restore the file, or start a new run."
            )
    train_tokens = TokenFile(folder / "train.bin", settings.document_end, settings.train.windows)
    has_val = "val.bin" in settings.token_files
    val_tokens = TokenFile(folder / "val.bin") if has_val else None
    return train_tokens, val_tokens if val_tokens is not None and len(val_tokens) > 1 else None
