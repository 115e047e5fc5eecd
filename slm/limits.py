"""What each person of a shared room may take, and how many heavy jobs work at once.

    limits.json   in the workspace: written when a room is opened, changed by its presenter

Where there is no such file, as on one's own computer, one heavy job works at a time and
nothing is limited. `LOCAL_OWNER`, who is the presenter of a room, is never limited.
Jobs ask here before they start, runs before they are made, workers while they work.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import Field

from slm import files
from slm.config import Config
from slm.errors import ConfigError, LimitError, WorkspaceError
from slm.owners import LOCAL_OWNER

FILE = "limits.json"


class Share(Config):
    """What one person may take. None: as much as they like."""

    running: int | None = Field(
        1, ge=1, le=64, description="Heavy jobs of one person that work at once."
    )
    waiting: int | None = Field(
        2, ge=0, le=64, description="Heavy jobs of one person that wait in the line."
    )
    parameters: int | None = Field(
        20_000_000, ge=1_000, description="Parameters of the largest model."
    )
    steps: int | None = Field(5_000, ge=1, description="Training steps of one run.")
    minutes: float | None = Field(
        15.0, ge=0.01, le=10_000, description="Minutes of one turn; what is not done goes on later."
    )
    disk_mb: float | None = Field(
        1_000.0, ge=1, description="Disk space for all that one person makes, in MB."
    )


UNLIMITED = Share(
    running=None, waiting=None, parameters=None, steps=None, minutes=None, disk_mb=None
)


class Limits(Config):
    """How a machine is shared out."""

    slots: int = Field(1, ge=1, le=64, description="Heavy jobs that work at the same time.")
    paused: bool = Field(False, description="Whether no waiting job begins.")
    first: tuple[str, ...] = Field((), description="People whose jobs come before all others.")
    everybody: Share = Field(UNLIMITED, description="What each person may take.")
    people: Mapping[str, Share] = Field({}, description="What single people may take, by id.")

    def of(self, owner: str) -> Share:
        """What this person may take; the presenter has no limits.

        >>> Limits(everybody=Share(steps=9)).of("p-1").steps, Limits().of("p-1").steps
        (9, None)
        """
        return UNLIMITED if owner == LOCAL_OWNER else self.people.get(owner, self.everybody)


def read(root: Path) -> Limits:
    """The limits of the workspace in this folder; none where nobody set any.

    Raises: WorkspaceError when the file is damaged: guessing would lift the limits.
    """
    path = root / FILE
    if not path.exists():
        return Limits()
    try:
        return Limits.from_json(files.read_json(path))
    except ConfigError as error:
        raise WorkspaceError(
            f"{FILE} is damaged: {error} Put it right, or delete it and share the app anew."
        ) from None


def write(root: Path, limits: Limits) -> None:
    """Keep these limits. They hold from now on, for what waits already too."""
    files.write_json(root / FILE, limits.to_json(), checked=True)


def holds_back(root: Path, owner: str) -> bool:
    """Whether the presenter holds the line, so that nothing of this person begins."""
    return owner != LOCAL_OWNER and read(root).paused


def require_place(share: Share, works: int, waits: int) -> None:
    """Let one more heavy job into the line, of somebody of whom so many work and wait.

    Raises: LimitError when that would be more than the person may have.
    """
    if share.running is None or share.waiting is None:
        return
    if works + waits >= share.running + share.waiting:
        raise LimitError(
            f"You have {works} running and {waits} waiting here; each may have {share.running} "
            f"running and {share.waiting} waiting. Take one out of the line, or wait until one "
            "is done."
        )


def require_light_place(share: Share, works: int) -> None:
    """Let one more short piece of work begin beside the line.

    Raises: LimitError when the person has as many as heavy ones are allowed.
    """
    if share.running is not None and share.waiting is not None:
        most = share.running + share.waiting
        if works >= most:
            raise LimitError(
                f"{works} pieces of your work are going on; each may have {most} at once here. "
                "Wait until one is done, or stop one."
            )


def require_training(share: Share, parameters: int, steps: int) -> None:
    """Let a run of this size be made.

    Raises: LimitError that names the size, the limit, and what to do.
    """
    if share.parameters is not None and parameters > share.parameters:
        raise LimitError(
            f"This model has {parameters:,} parameters; in this room a model may have at most "
            f"{share.parameters:,}. Take a smaller one, or ask the presenter."
        )
    if share.steps is not None and steps > share.steps:
        raise LimitError(
            f"This run has {steps:,} steps; in this room a run may have at most "
            f"{share.steps:,}. Take fewer steps, or ask the presenter."
        )


def require_disk(share: Share, used_bytes: int) -> None:
    """Let somebody make more who uses so much already.

    Raises: LimitError when their part of the disk is full.
    """
    if share.disk_mb is not None and used_bytes >= share.disk_mb * 1e6:
        raise LimitError(
            f"What you have made takes {used_bytes / 1e6:,.0f} MB; in this room each may use "
            f"{share.disk_mb:,.0f} MB. Delete something of yours in the Library (take it home "
            "first, if you want to keep it), or ask the presenter."
        )


def folder_bytes(folders: Iterable[Path]) -> int:
    """What these folders take on the disk. A file that goes away meanwhile counts nothing."""
    return sum(_size(path) for folder in folders for path in folder.rglob("*"))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0
