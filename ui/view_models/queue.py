"""The line of heavy jobs in words."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.queueing import Waiting
from slm.workspace import LOCAL_OWNER
from ui.view_models.jobs import duration

_WHAT = {
    "train": "training",
    "build": "first model",
    "rate": "measuring the speed",
    "find-rate": "learning-rate finder",
    "sweep": "sweep",
    "race": "race",
}


@dataclass(frozen=True)
class QueueRow:
    """One job of the line. `told` holds its name, which is foreign text."""

    id: str
    told: str
    can_move: bool
    can_leave: bool


def queue_rows(line: Sequence[Waiting], starts: Sequence[float | None]) -> tuple[QueueRow, ...]:
    """The line, ready to show; empty while nobody waits."""
    if all(entry.works for entry in line):
        return ()
    return tuple(_row(entry, start) for entry, start in zip(line, starts, strict=True))


def headline(rows: Sequence[QueueRow]) -> str:
    """What the list is."""
    waiting = sum(row.can_leave for row in rows)
    jobs = "1 job waits" if waiting == 1 else f"{waiting} jobs wait"
    return f"One heavy job runs at a time here, so that each has the whole machine. {jobs}:"


def _row(entry: Waiting, start: float | None) -> QueueRow:
    job, status = entry.job, entry.status
    name = f"{job.name} ({_WHAT.get(job.verb, job.verb)}"
    name += ")" if job.owner == LOCAL_OWNER else f", {job.owner})"
    if entry.works:
        left = status.remaining_seconds
        when = "runs now" + (f", about {duration(left)} left" if left else "")
    elif start is None:
        when = "nobody knows when it begins"
    else:
        when = f"begins in about {duration(start)}" if start >= 1 else "begins next"
    place = "▶" if entry.works else f"{entry.ahead}."
    return QueueRow(
        id=job.id,
        told=f"{place} {name} · {'taken out' if status.stopping and not entry.works else when}",
        can_move=not entry.works and entry.ahead > 1 and not status.stopping,
        can_leave=not entry.works and not status.stopping,
    )
