"""The loop: a batch, a gradient, an update, a record; now and then a look and a commit.

Knows ids, a model and a run folder; no text, no sampler, no head score. Whoever wants
to look at the model along the way is an Observer.

Shapes: B batch rows, T positions, V vocabulary.
"""

import logging
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from slm import device as devices
from slm import files
from slm.data.batches import TokenFile
from slm.errors import ConfigError, DataError, DivergedError, JobError
from slm.jobs import Reporter, silent
from slm.locks import FileLock
from slm.model.config import flops_per_token
from slm.model.loss import IGNORED, LossTally, token_nats
from slm.model.transformer import Transformer
from slm.training import launch, memory, ranks, resume
from slm.training.changes import Changes, require_rows
from slm.training.compiling import choose_way
from slm.training.config import (
    TrainConfig,
    is_evaluation_step,
    is_observation_step,
    rate_factor,
)
from slm.training.events import latest_config
from slm.training.gradients import Gradients, number_format
from slm.training.measures import UpdateRatios, copy_bytes, gradient_norms
from slm.training.optimizer import Optimizers
from slm.training.peak import EnergyMeter, peak_of
from slm.training.rates import knows_peak, note_machine
from slm.training.runs import METRICS, RunSettings, tokens_folder

_EVALUATION_LOGITS = 2**23  # values that one evaluation batch may make
_EVALUATION_ROWS = 128
_REPORT_SECONDS = 0.2
_COPY_SHARE = 0.25  # of the free memory that a copy of the weights may take for a moment
_logger = logging.getLogger(__name__)


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
    When the reporter asks to stop, or the file `launch.stop_file` names does, a checkpoint is
    committed and the state is "stopped".
    Changes that `events.request_change` asks for are in force from the next update on.

    Raises: JobError when another process trains this run; DivergedError when loss or
    gradient are not finite any more; DataError when a token file changed or is missing;
    CheckpointError when there are checkpoints, but none is sound; NoMemoryError when the
    memory is too small, before or during the training; WorkspaceError when the disk is
    full, or the run is of a later version.
    """
    settings = RunSettings.read(run_folder)
    settings.require_known()
    with _sole_trainer(run_folder), memory.told_in_words(run_folder):
        return _Training(run_folder, settings, tokens, observers, report).run()


@contextmanager
def _sole_trainer(run_folder: Path) -> Iterator[None]:
    if ranks.rank() > 0:
        yield
        return
    lock = FileLock(run_folder / "run.lock")
    if not lock.acquire():
        raise JobError("This run is already running in another process; stop that one first.")
    launch.stop_file(run_folder).unlink(missing_ok=True)  # of an earlier stretch
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
        require_rows(self.config)
        memory.require(settings.model, latest_config(run_folder), self.device, self.dtype)
        cores = max(1, (os.cpu_count() or 1) // ranks.world_size())
        threads = devices.set_threads(self.config.threads or cores)
        devices.seed_everything(self.config.seed)
        self.model = Transformer(settings.model).to(self.device)
        chosen = choose_way(self.config, settings.model, self.device, ranks.world_size())
        _logger.info("computing steps: %s (%s)", chosen.way, chosen.reason)
        self.optimizers = Optimizers(self.model, self.config, record=chosen.records)
        torch.manual_seed(self.config.seed + ranks.rank())  # dropout differs between processes
        self.store = resume.Store(run_folder, settings, self.model, self.optimizers, threads)
        self.progress = self.store.restore()
        if ranks.rank() == 0:
            self._note_machine(threads)
        self.changes = Changes(run_folder, settings.train)
        self._adopt(self.changes.at(self.progress.step))
        self.energy = EnergyMeter(self.device)
        self.energy_before = self.progress.energy_joules or 0.0
        self.gradients = Gradients(self.model, self.dtype, chosen)
        self.resumed = time.monotonic() - self.progress.elapsed_seconds
        self.last_report = -math.inf
        self.train_nats: float | None = None
        self.gradient_norm = 0.0
        self.seconds_logged = self.progress.train_seconds
        self.tokens_logged, self.windows_logged = self.progress.tokens, self.progress.windows

    def run(self) -> Outcome:
        progress = self.progress
        if progress.step == 0:
            self._look_and_record({})
        while not self._ends():
            (timely,) = ranks.from_first(self.store.is_time(progress))
            save = timely or self.store.is_due_at(progress.step + 1)
            files.reach("train.step")
            record = self._step(save)
            if self._look_and_record(record):
                save = save or any(ranks.from_first(self.store.improves(progress)))
            if save or progress.step >= self.config.steps:
                self._commit()
        if self.store.committed_step != progress.step and progress.step > 0:
            self._commit()
        state: Literal["done", "stopped"]
        state = "done" if progress.step >= self.config.steps else "stopped"
        return Outcome(
            state, progress.step, self.train_nats, progress.val_nats, progress.elapsed_seconds
        )

    def _ends(self) -> bool:
        """Whether the run is over, or is to stop, before its next update; takes up changes."""
        step = self.progress.step
        ending = self.report.should_stop() or launch.stop_file(self.run_folder).exists()
        stop, asked = ranks.from_first(ending, self.changes.asked())
        if asked:
            self.changes.take(step)
        if asked or self.changes.begin_at(step):
            self._adopt(self.changes.at(step))
        return stop or step >= self.config.steps

    def _adopt(self, config: TrainConfig) -> None:
        """Let these settings be in force from the next update on."""
        require_rows(config)
        self.config = self.store.config = config
        self.rows = ranks.share_of_rows(config.batch_size, config.grad_accum_steps)
        self.optimizers.adopt(config)
        for observer in self.observers:
            if isinstance(observer, FollowsChanges):
                observer.on_change(config)

    def _step(self, save: bool) -> dict[str, Any]:
        """One update. Its record, empty when this step is not to be logged."""
        progress, config = self.progress, self.config
        factor = rate_factor(config, progress.step)
        ids_BT, targets_BT = self.train_tokens.batch_from(
            config.seed, progress.windows, config.batch_size, self.settings.model.context_length
        )
        n_targets = int((targets_BT != IGNORED).sum())  # padding is none
        step = progress.step + 1
        measured = is_evaluation_step(config, step)
        nats = self._gradients(ids_BT, targets_BT, n_targets)
        parts = self._measure_gradients() if measured else {}
        limit = config.gradient_clip or math.inf
        gradient_norm = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        logged = step % config.log_every == 0 or measured
        record: dict[str, Any] = {}
        if logged or save:
            (mean_nats,) = ranks.total(nats.item() / n_targets)
            norm = gradient_norm.item()
            self.train_nats, self.gradient_norm = mean_nats, norm
            self._require_finite(step, mean_nats, norm)
            record = {"train_nats": mean_nats, "gradient_norm": norm, **parts} if logged else {}
        record |= self._update(factor, measured)
        progress.step = step
        progress.tokens += n_targets
        progress.windows += config.batch_size
        return record

    def _measure_gradients(self) -> dict[str, Any]:
        """The norm of each part's gradient, in time that counts as looking."""
        if ranks.rank() > 0:
            return {}
        with self._looking():
            return {"gradient_norms": gradient_norms(self.model)}

    def _update(self, factor: float, measured: bool) -> dict[str, Any]:
        """Move the weights; how far, where that is to be measured and a copy of them fits."""
        spare = memory.available(self.device) if measured and ranks.rank() == 0 else 0
        if _COPY_SHARE * spare < copy_bytes(self.model):
            self.optimizers.step(factor)
            return {}
        with self._looking():
            before = UpdateRatios(self.model)
        self.optimizers.step(factor)
        with self._looking():
            return {"update_ratios": before.ratios()}

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Time in this block is not training's."""
        begin = time.monotonic()
        try:
            yield
        finally:
            self.progress.looking_seconds += time.monotonic() - begin

    def _gradients(self, ids_BT: Tensor, targets_BT: Tensor, n_targets: int) -> Tensor:
        """Fill the gradients; this process's summed nats."""
        share = ranks.world_size() / n_targets  # processes' gradients are averaged
        nats = torch.zeros((), device=self.device)
        for number, rows in enumerate(self.rows):
            last = number == len(self.rows) - 1
            nats += self.gradients.add(
                ids_BT[rows], targets_BT[rows], share, first=number == 0, last=last
            )
        return nats

    def _note_machine(self, threads: int) -> None:
        place = {
            "device": self.device,
            "processes": ranks.world_size(),
            "dtype": str(self.dtype).removeprefix("torch."),
            "threads": threads,
        }
        if not knows_peak(self.run_folder, place):
            peak = peak_of(self.device, self.dtype, threads)
            note_machine(self.run_folder, place, peak.flops * ranks.world_size(), peak.source)

    def _look_and_record(self, record: dict[str, Any]) -> bool:
        """Evaluate, show the model to the observers, append the record. True when evaluated."""
        progress, step = self.progress, self.progress.step
        evaluate = is_evaluation_step(self.config, step)
        found: dict[str, Any] = {}
        if evaluate or is_observation_step(self.config, step):
            with self._looking(), _unobserved(self.model, self.device):
                if evaluate:
                    progress.val_nats = self._validation_nats()
                    self._require_finite(step, progress.val_nats or 0.0)
                for observer in self.observers if ranks.rank() == 0 else ():
                    found |= observer.on_evaluation(step, self.model)
        progress.elapsed_seconds = time.monotonic() - self.resumed
        if record or evaluate:
            taken = self.energy.joules()
            progress.energy_joules = None if taken is None else self.energy_before + taken
            self._append(record, progress.val_nats if evaluate else None, found)
        self._tell()
        return evaluate and progress.val_nats is not None

    def _append(
        self, record: dict[str, Any], val_nats: float | None, found: dict[str, Any]
    ) -> None:
        progress, config, model = self.progress, self.config, self.settings.model
        seconds = progress.train_seconds - self.seconds_logged
        new_tokens = progress.tokens - self.tokens_logged
        new_places = (progress.windows - self.windows_logged) * model.context_length
        self.seconds_logged, self.tokens_logged = progress.train_seconds, progress.tokens
        self.windows_logged = progress.windows
        factor = rate_factor(config, max(0, progress.step - 1))
        with_muon = config.optimizer == "muon"
        whole = {
            "step": progress.step,
            "tokens": progress.tokens,
            "elapsed_seconds": round(progress.elapsed_seconds, 4),
            "train_seconds": round(progress.train_seconds, 4),
            "train_nats": None,
            "val_nats": val_nats,
            "learning_rate": config.learning_rate * factor,
            "muon_learning_rate": config.muon_learning_rate * factor if with_muon else None,
            "batch_size": config.batch_size if progress.step else None,
            "gradient_norm": None,
            "tokens_per_second": None,
            "flops_per_second": None,
            **record,
            **_for_the_record(found, model.n_layers),
        }
        if seconds > 0 and new_places:
            whole["tokens_per_second"] = round(new_tokens / seconds, 1)
            whole["flops_per_second"] = round(3 * flops_per_token(model) * new_places / seconds)
        if progress.energy_joules is not None:
            whole["energy_joules"] = round(progress.energy_joules, 3)
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


def _for_the_record(found: Mapping[str, Any], n_layers: int) -> dict[str, Any]:
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
