"""What the scripts call that `notebook.py` writes: files found by their hash, results compared.

Knows files and figures, not how a script comes about.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import CheckpointError, DataError
from slm.training.events import Event, now, record_event
from slm.training.runs import METRICS


def given_file(path: Path, sha256: str) -> Path:
    """The file, when it is there and is the one that was read then.

    Raises: DataError that names the file and its SHA-256.
    """
    if not path.is_file():
        raise DataError(
            f"{path.name} is not at {path}. Put the file with the SHA-256 {sha256} there, or "
            "write where it is."
        )
    found = files.sha256_of(path)
    if found != sha256:
        raise DataError(
            f"{path.name} is another file than the one that was read then: its SHA-256 is {found}, "
            f"and it was {sha256}."
        )
    return path


def given_folder(folder: Path, contents: Mapping[str, tuple[Path, str]]) -> Path:
    """`folder`, filled with the files that were in it: by name, where each lies and its SHA-256.

    Raises: DataError as `given_file`, and for a name that leads out of the folder.
    """
    for name, (path, sha256) in contents.items():
        target = folder / name
        if not target.resolve().is_relative_to(folder.resolve()):
            raise DataError(f"{name!r} leads out of the folder {folder.name!r}; rename the file.")
        given_file(path, sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return folder


def plan_changes(run_folder: Path, changes: list[tuple[int, str, Any, Any]]) -> None:
    """Let settings change in mid-run, as they did then: (step, field, old value, new value).

    The run meets each of them at its step, as if somebody had asked for it there.
    """
    for step, field, old, new in changes:
        record_event(run_folder, Event(step, field, old, new, now(), "repeated"))


def end_at(run_folder: Path, step: int, of_steps: int) -> None:
    """Let a run end at that step, with a checkpoint there. Its learning rates up to there are
    those of the longer plan."""
    plan_changes(run_folder, [(step, "steps", of_steps, step)])


def drop_checkpoint(run_folder: Path, step: int) -> None:
    """Leave only the snapshot of that step, for a fork that began from one.

    Raises: CheckpointError when there is no snapshot of it.
    """
    if not (run_folder / "snapshots" / str(step)).is_dir():
        raise CheckpointError(f"No snapshot was kept of step {step:,} this time.")
    files.remove_folder(run_folder / "ckpt" / str(step))


def last_losses(run_folder: Path) -> dict[str, float]:
    """The last losses of a run's record: train_nats and val_nats, as far as there are any."""
    found: dict[str, float] = {}
    for record in files.read_records(run_folder / METRICS).records:
        for name in ("train_nats", "val_nats"):
            if isinstance(record.get(name), float):
                found[name] = record[name]
    return found


def told(what: str, now: Any, then: Any) -> str:
    """Whether something came out as it did then, in a line.

    >>> told("Training documents", 107, 107)
    'Training documents: 107, the same as then'
    >>> told("Validation loss", 2.5, 2.25)
    'Validation loss: 2.5, and it was 2.25 then (11% more)'
    """
    shown = _shown(now)
    if now == then:
        return f"{what}: {shown}, the same as then"
    line = f"{what}: {shown}, and it was {_shown(then)} then"
    numbers = isinstance(now, int | float) and isinstance(then, int | float)
    if not numbers or not then:
        return line
    share = now / then - 1
    size = f"{abs(share):.0%}" if abs(share) >= 0.01 else f"{abs(share):.1e} of it"
    return f"{line} ({size} {'more' if share > 0 else 'less'})"


def _shown(value: Any) -> str:
    if isinstance(value, str) and len(value) == 64:
        return value[:12] + "…"
    return str(value)
