"""What changed while a run was trained, and asking for a change. No torch.

A change is asked for by a file in the run's `control/`, which the trainer takes up before
its next update, or when the run goes on. From then on it stands in `events.jsonl`:

    step    in force from update number `step` on, which makes step + 1
    field   a field of TrainConfig, one of SURROUNDINGS, or RESUMED
    old, new, time (ISO 8601, UTC), and at times a `note`

A run that goes on from an earlier checkpoint meets its events again, each at its step, so
that it repeats what it did. What is asked for twice is done once.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.training.config import TrainConfig
from slm.training.runs import METRICS, RunSettings

EVENTS = "events.jsonl"
CONTROL = "control"
SCHEMA = 1
CHANGEABLE: frozenset[str] = frozenset(
    {
        "steps",
        "batch_size",
        "grad_accum_steps",
        "learning_rate",
        "muon_learning_rate",
        "muon_momentum",
        "schedule",
        "warmup_steps",
        "decay_fraction",
        "final_fraction",
        "weight_decay",
        "gradient_clip",
        "evaluate_every",
        "sample_every",
        "sample_prompts",
        "sample_tokens",
        "log_every",
        "checkpoint_seconds",
        "checkpoint_every",
    }
)
"""Settings that may change in mid-run. The others decide what the run is: its text, its first
weights, what its losses are measured on, where it is computed."""
SURROUNDINGS = ("threads", "torch", "device", "processes")
"""What bitwise equality rests on, beside the settings."""
RESUMED = "resumed"
"""A run went on from a checkpoint: `old` is the step that it had reached, `new` is `step`."""
_REQUEST = "change-*.json"
_TAIL_BYTES = 64_000


@dataclass(frozen=True)
class Event:
    """One line of `events.jsonl`. `request` is the file that asked for it, where one did."""

    step: int
    field: str
    old: Any
    new: Any
    time: str = ""
    note: str = ""
    request: str = ""

    def to_json(self) -> dict[str, Any]:
        """What stands in the log: empty words are left out."""
        return {name: value for name, value in asdict(self).items() if value != ""}


@dataclass(frozen=True)
class Request:
    """Changes that were asked for and are not in force yet."""

    id: str
    changes: Mapping[str, Any]
    path: Path


def now() -> str:
    """The time of an event or a measurement: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_events(run_folder: Path) -> list[Event]:
    """The run's events by their steps; those of one step as they were written."""
    found = []
    for record in files.read_records(run_folder / EVENTS).records:
        step, field = record.get("step"), record.get("field")
        if isinstance(step, int) and isinstance(field, str):
            words = {name: str(record.get(name, "")) for name in ("time", "note", "request")}
            found.append(Event(step, field, record.get("old"), record.get("new"), **words))
    return sorted(found, key=lambda event: event.step)


def config_at(base: TrainConfig, events: Sequence[Event], step: int) -> TrainConfig:
    """The settings in force for update number `step`, which makes step + 1.

    >>> faster = Event(step=10, field="learning_rate", old=0.01, new=0.02)
    >>> [config_at(TrainConfig(), [faster], step).learning_rate for step in (9, 10)]
    [0.01, 0.02]

    Raises: ConfigError when the log was changed by hand into what is not allowed.
    """
    changes = {
        event.field: event.new
        for event in events
        if event.step <= step and event.field in CHANGEABLE
    }
    return base.replace(**changes) if changes else base


def windows_read(base: TrainConfig, events: Sequence[Event], step: int) -> int:
    """How many windows the updates before number `step` took: the place in the data.

    >>> smaller = Event(step=10, field="batch_size", old=12, new=8)
    >>> windows_read(TrainConfig(batch_size=12), [smaller], 15)
    160
    """
    edges = sorted({0, step, *(event.step for event in events if 0 < event.step < step)})
    return sum(
        (end - begin) * config_at(base, events, begin).batch_size for begin, end in pairwise(edges)
    )


def latest_config(run_folder: Path) -> TrainConfig:
    """The settings with which the run will go on: all its events, and what is asked for.

    Raises: as `RunSettings.read`; ConfigError for a log that was changed by hand.
    """
    events = read_events(run_folder)
    last = max((event.step for event in events), default=0)
    config = config_at(RunSettings.read(run_folder).train, events, last)
    for request in pending_requests(run_folder):
        try:
            config = config.replace(**request.changes)
        except ConfigError:
            continue  # the trainer refuses it too, and says so in the log
    return config


def request_change(run_folder: Path, changes: Mapping[str, Any]) -> None:
    """Ask the run's trainer for other settings from its next update on.

    A run that is stopped takes them up when it goes on. What is in force already is left out.

    Raises: ConfigError for a field that cannot change in mid-run, a value that is not
    allowed, or fewer steps than are done; WorkspaceError when the disk is full, or
    the run is of a later version.
    """
    fixed = sorted(set(changes) - CHANGEABLE)
    if fixed:
        raise ConfigError(
            f"{', '.join(fixed)} cannot change in mid-run; what can: "
            f"{', '.join(sorted(CHANGEABLE))}. Make a fork or a new run for other changes."
        )
    RunSettings.read(run_folder).require_known()
    now_in_force = latest_config(run_folder)
    wanted = now_in_force.replace(**changes).to_json()
    before = now_in_force.to_json()
    differing = {name: wanted[name] for name in changes if wanted[name] != before[name]}
    if not differing:
        return
    _require_possible(run_folder, wanted)
    control = run_folder / CONTROL
    control.mkdir(exist_ok=True)
    request = f"change-{time.time_ns():020d}-{secrets.token_hex(3)}"
    told = {"schema": SCHEMA, "changes": differing}
    files.write_json(control / f"{request}.json", told)


def pending_requests(run_folder: Path) -> list[Request]:
    """What was asked for and is not in force yet, oldest first. Damaged files are left out."""
    found = []
    for path in sorted((run_folder / CONTROL).glob(_REQUEST)):
        try:
            changes = files.read_json(path)["changes"]
        except (WorkspaceError, KeyError):
            continue
        if isinstance(changes, dict):
            found.append(Request(path.stem, changes, path))
    return found


def drop_damaged(run_folder: Path) -> None:
    """Remove requests that nobody can read. Call it as the run's trainer."""
    readable = {request.path for request in pending_requests(run_folder)}
    for path in (run_folder / CONTROL).glob(_REQUEST):
        if path not in readable:
            path.unlink(missing_ok=True)


def record_event(run_folder: Path, event: Event) -> None:
    """Append an event to the log.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    files.append_record(run_folder / EVENTS, event.to_json())
    files.sync_file(run_folder / EVENTS)


def _require_possible(run_folder: Path, wanted: Mapping[str, Any]) -> None:
    done = steps_done(run_folder)
    if wanted["steps"] < done:
        raise ConfigError(
            f"steps is {wanted['steps']:,}, but {done:,} are done; choose more, or stop the run."
        )
    processes = _processes(run_folder)
    if wanted["batch_size"] < processes * wanted["grad_accum_steps"]:
        raise ConfigError(
            f"batch_size ({wanted['batch_size']}) must be at least grad_accum_steps × processes "
            f"({wanted['grad_accum_steps']} × {processes})."
        )


def steps_done(run_folder: Path) -> int:
    """The last step that the run logged."""
    metrics = run_folder / METRICS
    if not metrics.exists():
        return 0
    tail = files.read_records(metrics, max(0, metrics.stat().st_size - _TAIL_BYTES)).records
    return max(
        (record["step"] for record in tail if isinstance(record.get("step"), int)), default=0
    )


def _processes(run_folder: Path) -> int:
    try:
        told = files.read_json(run_folder / "machine.json").get("processes", 1)
    except WorkspaceError:
        return 1
    return told if isinstance(told, int) else 1
