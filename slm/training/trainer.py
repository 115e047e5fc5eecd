"""The loop: a batch, a gradient, an update, a record; now and then a look and a commit.

Knows ids, a model and a run folder; no text, no sampler, no head score. Whoever wants
to look at the model along the way is an Observer.

Shapes: B batch rows, T positions, V vocabulary.
"""

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from slm import device as devices
from slm import files, machine
from slm.errors import ConfigError, DivergedError, JobError
from slm.jobs import Reporter, silent
from slm.locks import FileLock
from slm.model.checkpoint import checkpoints
from slm.model.loss import IGNORED
from slm.training import launch, memory, ranks, resume
from slm.training.changes import Changes, require_rows
from slm.training.compiling import Choice, choose_way
from slm.training.config import (
    TrainConfig,
    as_trained,
    is_evaluation_step,
    is_observation_step,
    rate_factor,
)
from slm.training.events import latest_config
from slm.training.holding import hold
from slm.training.inputs import open_tokens
from slm.training.journal import Journal
from slm.training.measures import UpdateRatios, copy_bytes, gradient_norms
from slm.training.observers import FollowsChanges, Observer, for_the_record
from slm.training.peak import EnergyMeter, peak_of
from slm.training.rates import knows_peak, note_machine
from slm.training.runs import RunSettings, base_of_run, tokens_folder
from slm.training.validation import validation_nats

_COPY_SHARE = 0.25  # of the free memory that a copy of the weights may take for a moment
_logger = logging.getLogger(__name__)


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
    When the reporter asks to stop, or a file that `launch` names does, a checkpoint is
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
    launch.forget_asked(run_folder)
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
        self.shape = as_trained(settings.model, settings.train)
        self.observers, self.report = observers, report
        self.device, self.dtype = place(settings.train)
        self.train_tokens, self.val_tokens = open_tokens(
            settings, tokens or tokens_folder(run_folder, settings)
        )
        require_rows(self.config)
        in_shares = self._fits_in_shares(latest_config(run_folder))
        cores = max(1, machine.own_cores() // ranks.world_size())
        threads = devices.set_threads(self.config.threads or cores)
        devices.seed_everything(self.config.seed)
        if in_shares:
            chosen = Choice("plain", False, "weights lie in shares")
        else:
            chosen = choose_way(self.config, self.shape, self.device, ranks.world_size())
        _logger.info("computing steps: %s (%s)", chosen.way, chosen.reason)
        self.held = hold(
            settings.model,
            self.config,
            self.device,
            self.dtype,
            chosen,
            in_shares=in_shares,
            base=base_of_run(run_folder) if settings.finetuned_from else None,
            fresh=not checkpoints(run_folder),
        )
        self.model, self.optimizers = self.held.model, self.held.optimizers
        if in_shares and self.observers:
            _logger.info("weights lie in shares: no snapshots, samples and probes are made")
            self.observers = ()
        torch.manual_seed(self.config.seed + ranks.rank())  # dropout differs between processes
        self.store = resume.Store(run_folder, settings, self.held, threads)
        self.progress = self.store.restore()
        self.threads, self.machine_noted = threads, False
        self.changes = Changes(run_folder, settings.train)
        self._adopt(self.changes.at(self.progress.step))
        self.energy = EnergyMeter(self.device)
        self.energy_before = self.progress.energy_joules or 0.0
        self.gradients = self.held.gradients(self.dtype, chosen)
        self.resumed = time.monotonic() - self.progress.elapsed_seconds
        self.train_nats: float | None = None
        self.gradient_norm = 0.0
        self.journal = Journal(run_folder, self.shape, self.progress, report)

    def _fits_in_shares(self, config: TrainConfig) -> bool:
        """Whether processes are to have shares of the weights; all of them decide alike.

        Raises: NoMemoryError for a training that does not fit either way.
        """
        where = (self.settings.model, config, self.device, self.dtype)
        wanted = memory.wants_shares(*where, processes=ranks.world_size())
        (n_wanting,) = ranks.total(float(wanted))
        memory.require(*where, processes=ranks.world_size(), in_shares=n_wanting > 0)
        return n_wanting > 0

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
            self._note_machine()
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
        ending = self.report.should_stop() or launch.end_asked(self.run_folder)
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
            config.seed, progress.windows, config.batch_size, self.shape.context_length
        )
        n_targets = int((targets_BT != IGNORED).sum())  # padding is none
        step = progress.step + 1
        measured = is_evaluation_step(config, step)
        nats = self._gradients(ids_BT, targets_BT, n_targets)
        parts = self._measure_gradients() if measured else {}
        limit = config.gradient_clip or math.inf
        gradient_norm = self.held.clip_gradients(limit)
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
        if ranks.rank() > 0 and not self.held.in_shares:
            return {}
        with self._looking():
            return {"gradient_norms": gradient_norms(self.model)}

    def _update(self, factor: float, measured: bool) -> dict[str, Any]:
        """Move the weights; how far, where that is to be measured and a copy of them fits."""
        if not (measured and self._may_copy()):
            self.optimizers.step(factor)
            return {}
        with self._looking():
            before = UpdateRatios(self.model)
        self.optimizers.step(factor)
        with self._looking():
            return {"update_ratios": before.ratios()}

    def _may_copy(self) -> bool:
        """Whether this process may copy what it has of the weights, to see how far they move.

        An adapter's own length says nothing, since half of it begins at zero: it is not asked.
        """
        if self.model.adapter is not None:
            return False
        room = _COPY_SHARE * memory.available(self.device) >= copy_bytes(self.model)
        if self.held.in_shares:
            return ranks.total(float(room)) == [ranks.world_size()]
        return room and ranks.rank() == 0

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

    def _note_machine(self) -> None:
        """Measure once what this machine can do; after the first step, which people wait for."""
        if self.machine_noted or ranks.rank() > 0:
            return
        self.machine_noted = True
        place = {
            "device": self.device,
            "processes": ranks.world_size(),
            "dtype": str(self.dtype).removeprefix("torch."),
            "threads": self.threads,
        }
        if not knows_peak(self.run_folder, place):
            with self._looking():
                peak = peak_of(self.device, self.dtype, self.threads)
            note_machine(self.run_folder, place, peak.flops * ranks.world_size(), peak.source)

    def _look_and_record(self, record: dict[str, Any]) -> bool:
        """Evaluate, show the model to the observers, append the record. True when evaluated."""
        progress, step = self.progress, self.progress.step
        evaluate = is_evaluation_step(self.config, step)
        found: dict[str, Any] = {}
        if evaluate or is_observation_step(self.config, step):
            with self._looking(), self.held.looked_at():
                if evaluate:
                    progress.val_nats = self._validation_nats()
                    self._require_finite(step, progress.val_nats or 0.0)
                for observer in self.observers if ranks.rank() == 0 else ():
                    found |= observer.on_evaluation(step, self.model)
        progress.elapsed_seconds = time.monotonic() - self.resumed
        if record or evaluate:
            taken = self.energy.joules()
            progress.energy_joules = None if taken is None else self.energy_before + taken
            record = {**record, **for_the_record(found, self.settings.model.n_layers)}
            val_nats = progress.val_nats if evaluate else None
            self.journal.append(progress, self.config, record, val_nats)
        self.journal.tell(progress, self.config.steps, self.train_nats)
        return evaluate and progress.val_nats is not None

    def _validation_nats(self) -> float | None:
        """Mean nats per validation token; None without validation text."""
        if self.val_tokens is None:
            return None
        model, limit = self.shape, self.config.evaluation_tokens
        summed = partial(self.held.summed_nats, dtype=self.dtype)
        together = self.held.in_shares
        return validation_nats(self.val_tokens, model, limit, summed, together=together)

    def _commit(self) -> None:
        """Commit the state, unless the last update left weights that are not finite."""
        self._require_finite(self.progress.step, 0.0 if self.held.is_finite() else math.nan)
        self.progress.elapsed_seconds = time.monotonic() - self.resumed
        self.store.commit(self.progress)

    def _require_finite(self, step: int, *numbers: float) -> None:
        if all(math.isfinite(number) for number in numbers):
            return
        self.journal.flag_divergence(step)
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
