"""Everything that exact continuation needs, committed and brought back.

A checkpoint holds the weights, the optimizer's state, the random number generators,
the position in the data (which is the step: batches are a function of seed and step)
and where the run stood. Restored on the same machine with the same number of threads,
a run goes on bit for bit as if nothing had happened.

    ckpt/<step>/model.safetensors       weights
    ckpt/<step>/optimizer.safetensors   <parameter>/<what>
    ckpt/<step>/state.json              progress, settings, generators, surroundings
    ckpt/<step>/manifest.json           written last: sizes and hashes
"""

import base64
import logging
import random
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from slm import files
from slm.errors import CheckpointError, ConfigError
from slm.model import checkpoint
from slm.training import ranks
from slm.training.config import descent_begin
from slm.training.events import (
    EVENTS,
    RESUMED,
    Event,
    latest_config,
    now,
    record_event,
    steps_done,
)
from slm.training.holding import Whole
from slm.training.runs import METRICS, RunSettings

SCHEMA = checkpoint.SCHEMA
KEPT = 3
COMMIT_SHARE = 50  # a commit may take 1/50 of the time between commits
SPARE_BYTES = 200_000_000
_SLOW_DISK = 100e6  # bytes a second: hashed, written and synced
_LOGS = (METRICS, "samples.jsonl")
_logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """Where a run stands. `best_step` is the committed step of the lowest validation loss.

    `windows` counts those read, which is the place in the data. `looking_seconds` is the part
    of the elapsed time that evaluation and observers took. `descent_step` is the committed
    step at which the rates began to fall.
    """

    step: int = 0
    tokens: int = 0
    windows: int = 0
    elapsed_seconds: float = 0.0
    looking_seconds: float = 0.0
    val_nats: float | None = None
    best_step: int | None = None
    best_nats: float | None = None
    commit_seconds: float = 0.0
    descent_step: int | None = None
    energy_joules: float | None = None

    @property
    def train_seconds(self) -> float:
        """Time spent on training itself: batches, updates, records, checkpoints."""
        return self.elapsed_seconds - self.looking_seconds


class Store:
    """The checkpoints of one run, and the trainer's way to them and back."""

    def __init__(
        self,
        run_folder: Path,
        settings: RunSettings,
        held: Whole,
        threads: int,
    ) -> None:
        self.folder = run_folder
        self.settings, self.held, self.model = settings, held, held.model
        self.config = settings.train
        self.committed_step = 0
        self._committed_at = time.monotonic()
        self._surroundings: dict[str, Any] = {
            "torch": torch.__version__,
            "threads": threads,
            "device": self.model.device.type,
            "processes": ranks.world_size(),
        }

    def is_due_at(self, step: int) -> bool:
        """Whether a checkpoint belongs at that step, however long ago the last one was."""
        every = self.config.checkpoint_every
        return bool(every and step % every == 0) or (0 < step == descent_begin(self.config))

    def is_time(self, progress: Progress) -> bool:
        """Whether the last checkpoint is so long ago that the next step should end in one."""
        cost = progress.commit_seconds or self._guessed_seconds()
        patience = max(self.config.checkpoint_seconds, COMMIT_SHARE * cost)
        return time.monotonic() - self._committed_at >= patience

    def improves(self, progress: Progress) -> bool:
        """Whether this validation loss is worth a checkpoint of its own, and time allows one."""
        rested = time.monotonic() - self._committed_at >= COMMIT_SHARE * progress.commit_seconds
        better = progress.best_nats is None or _less(progress.val_nats, progress.best_nats)
        return rested and better and progress.commit_seconds > 0

    def commit(self, progress: Progress) -> None:
        """Put the run's whole state on the disk; then drop checkpoints that are not needed.

        Raises: WorkspaceError when the disk is full or refuses; older checkpoints stay.
        """
        generators = _all_generators(self.model.device)
        if ranks.rank() == 0:
            begin = time.monotonic()
            self._commit(progress, generators)
            progress.commit_seconds = time.monotonic() - begin
        else:
            self.held.help_writing()
        self.committed_step = progress.step
        self._committed_at = time.monotonic()

    def _commit(self, progress: Progress, generators: dict[str, Any]) -> None:
        self._require_space()
        if progress.best_nats is None or _less(progress.val_nats, progress.best_nats):
            progress.best_step, progress.best_nats = progress.step, progress.val_nats
        if progress.step == descent_begin(self.config):
            progress.descent_step = progress.step
        for log in (*_LOGS, EVENTS):
            files.sync_file(self.folder / log)
        state = {
            "schema": SCHEMA,
            "progress": asdict(progress),
            "settings": self.settings.to_json(),
            "surroundings": self._surroundings,
            "generators": generators,
        }
        details = checkpoint.checkpoint_details(self.model, progress.step)
        final = self.folder / "ckpt" / str(progress.step)
        with files.commit_folder(final, {"schema": SCHEMA, "details": details}) as staging:
            files.reach("checkpoint.weights")
            self.held.write_weights(staging)
            files.reach("checkpoint.optimizer")
            self.held.write_averages(staging)
            files.reach("checkpoint.state")
            files.write_json(staging / "state.json", state)
        files.reach("checkpoint.prune")
        self._prune(progress)

    def restore(self) -> Progress:
        """Bring back the newest sound checkpoint and cut the logs to it; a fresh start without.

        Raises: CheckpointError when checkpoints exist and none is sound; ConfigError
        when the run's model settings are not those of its checkpoint; WorkspaceError
        when the disk has no room for the checkpoints to come.
        """
        self._require_space()
        found = self._newest()
        progress = Progress()
        if found is not None:
            progress = self._load(found.folder)
            files.reach("resume.loaded")
        if ranks.rank() == 0:
            self._clear_after(progress.step)
        ranks.wait()
        self.committed_step = progress.step
        self._committed_at = time.monotonic()
        return progress

    def _newest(self) -> checkpoint.CheckpointRef | None:
        if not checkpoint.checkpoints(self.folder):
            return None
        found = checkpoint.newest_sound(self.folder, snapshots_too=False)
        for problem in found.skipped:
            _logger.warning("%s; using %s", problem, found.step)
        return found

    def _load(self, folder: Path) -> Progress:
        state = files.read_json(folder / "state.json")
        try:
            progress = Progress(**state["progress"])
            if "windows" not in state["progress"]:  # written before batches could change
                progress.windows = progress.step * self.settings.train.batch_size
            then = RunSettings.from_json(state["settings"])
            surroundings = dict(state["surroundings"])
            generators = dict(state["generators"])
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"state.json of step {folder.name} is damaged: {error!r}."
            ) from None
        if then.model != self.settings.model:
            raise ConfigError(
                "The model settings of this run changed since its checkpoint of step "
                f"{progress.step}, so its weights do not fit. Start a new run for a new model."
            )
        self.held.load_weights(folder)
        if not state.get("fresh_optimizer"):
            self.held.load_averages(folder)
        if generators:  # a fork from a snapshot keeps the fresh ones
            _restore_generators(generators, self.model.device)
        if ranks.rank() == 0:
            self._note_resumption(progress.step)
            self._note_changes(progress.step, then, surroundings)
        return progress

    def _note_changes(self, step: int, then: RunSettings, surroundings: Mapping[str, Any]) -> None:
        """Write down what is not as it was: settings, and what bitwise equality rests on."""
        old, new = then.train.to_json(), self.settings.train.to_json()
        for name in (name for name in new if new[name] != old[name]):
            record_event(self.folder, Event(step, name, old[name], new[name], now()))
        for name, value in self._surroundings.items():
            if name in surroundings and surroundings[name] != value:
                note = "exactness not guaranteed"
                event = Event(step, name, surroundings.get(name), value, now(), note)
                record_event(self.folder, event)
                _logger.warning(
                    "%s was %s and is %s: exactness not guaranteed",
                    name,
                    surroundings.get(name),
                    value,
                )

    def _note_resumption(self, step: int) -> None:
        """Write down that the run goes on here, and how far it had come; call it before the logs
        are cut. A fork's first stretch goes on with nothing, nor does a run that is over."""
        forked = self.settings.forked_from
        if (forked and int(forked["step"]) == step) or step >= latest_config(self.folder).steps:
            return
        reached = max(step, steps_done(self.folder))
        record_event(self.folder, Event(step, RESUMED, reached, step, now()))

    def _clear_after(self, step: int) -> None:
        """Remove what lies past the committed step, and what killed writers left half-made."""
        for name in _LOGS:
            files.cut_records(
                self.folder / name, lambda record: record["step"] <= step and step > 0
            )
        for place in (self.folder / "ckpt", self.folder / "snapshots"):
            if not place.is_dir():
                continue
            files.remove_staging(place)
            for folder in place.iterdir():
                if folder.name.isdecimal() and (int(folder.name) > step or step == 0):
                    files.remove_folder(folder)
        files.reach("resume.cleared")

    def _prune(self, progress: Progress) -> None:
        """Keep the newest few, the best, and the one from before the rates fell."""
        place = self.folder / "ckpt"
        steps = sorted(int(folder.name) for folder in place.iterdir() if folder.name.isdecimal())
        kept = {*steps[-KEPT:], progress.best_step, progress.descent_step}
        for step in steps:
            if step not in kept:
                files.remove_folder(place / str(step))

    def _bytes(self) -> int:
        """A checkpoint: what is trained, and at most two running averages of each number."""
        trained = (p for p in self.model.parameters() if p.requires_grad)
        return 3 * sum(p.numel() * p.element_size() for p in trained)

    def _guessed_seconds(self) -> float:
        """How long a commit may take where none was measured yet."""
        return self._bytes() / _SLOW_DISK

    def _require_space(self) -> None:
        """Room for two checkpoints."""
        n_bytes = self._bytes()
        files.require_space(self.folder, 2 * n_bytes + SPARE_BYTES, "A checkpoint")


def _less(nats: float | None, than: float | None) -> bool:
    return nats is not None and (than is None or nats < than)


def _all_generators(device: torch.device) -> dict[str, Any]:
    """The random number generators: PyTorch's of every process, Python's and NumPy's of this."""
    state: dict[str, Any] = {
        "torch": [_packed(part) for part in ranks.gathered(torch.get_rng_state())]
    }
    if device.type == "cuda":
        mine = torch.cuda.get_rng_state(device)
        state["cuda"] = [_packed(part) for part in ranks.gathered(mine)]
    version, words, gauss = random.getstate()
    state["python"] = [version, _packed(np.array(words, dtype=np.uint32)), gauss]
    numpy_state: dict[str, Any] = np.random.get_state(legacy=False)
    state["numpy"] = {
        "key": _packed(numpy_state["state"]["key"]),
        "pos": int(numpy_state["state"]["pos"]),
        "has_gauss": int(numpy_state["has_gauss"]),
        "gauss": float(numpy_state["gauss"]),
    }
    return state


def _restore_generators(state: Mapping[str, Any], device: torch.device) -> None:
    """Put the generators back; a process that was not there before keeps its fresh seed."""
    me = ranks.rank()
    if me < len(state["torch"]):
        torch.set_rng_state(_unpacked(state["torch"][me]))
    if device.type == "cuda" and me < len(state.get("cuda", ())):
        torch.cuda.set_rng_state(_unpacked(state["cuda"][me]), device)
    version, words, gauss = state["python"]
    unpacked_words = _unpacked(words).numpy().view(np.uint32)
    random.setstate((version, tuple(int(word) for word in unpacked_words), gauss))
    saved = state["numpy"]
    np.random.set_state(
        {
            "bit_generator": "MT19937",
            "state": {"key": _unpacked(saved["key"]).numpy().view(np.uint32), "pos": saved["pos"]},
            "has_gauss": saved["has_gauss"],
            "gauss": saved["gauss"],
        }
    )


def _packed(block: Tensor | np.ndarray[Any, Any]) -> str:
    array = block.numpy() if isinstance(block, Tensor) else block
    return base64.b64encode(array.tobytes()).decode()


def _unpacked(text: str) -> Tensor:
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), dtype=np.uint8).copy())
