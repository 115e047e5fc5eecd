"""The line of heavy jobs in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm.limits import Limits
from slm.owners import LOCAL_OWNER, may_change
from slm.queueing import Waiting
from ui.texts import counted, tr
from ui.view_models.jobs import duration

ALONE = Limits()
"""How a machine is shared that is not: one heavy job at a time."""
_WHAT = {
    "train": tr("training"),
    "build": tr("first model"),
    "rate": tr("measuring the speed"),
    "find-rate": tr("learning-rate finder"),
    "sweep": tr("sweep"),
    "race": tr("race"),
}


@dataclass(frozen=True)
class QueueRow:
    """One job of the line. `told` holds names, which are foreign text."""

    id: str
    told: str
    can_move: bool
    can_leave: bool
    works: bool = False
    mine: bool = True


def queue_rows(
    line: Sequence[Waiting],
    starts: Sequence[float | None],
    viewer: str = LOCAL_OWNER,
    names: Mapping[str, str] = MappingProxyType({}),
) -> tuple[QueueRow, ...]:
    """The line, ready to show to `viewer`; empty while nobody waits. `names` are by owner."""
    if all(entry.works for entry in line):
        return ()
    rows = []
    own_before = 0  # of the viewer's own that wait
    for entry, start in zip(line, starts, strict=True):
        mine = entry.job.owner == viewer
        others_before = entry.ahead > 1 if viewer == LOCAL_OWNER else own_before > 0
        rows.append(_row(entry, start, viewer, names, others_before))
        own_before += mine and not entry.works
    return tuple(rows)


def rows_to_show(rows: Sequence[QueueRow], most: int = 8) -> tuple[tuple[QueueRow, ...], int]:
    """What works, the viewer's own, and the first of the others; and how many are left out."""
    shown: list[QueueRow] = []
    for row in rows:
        if row.works or row.mine or len(shown) < most:
            shown.append(row)
    return tuple(shown), len(rows) - len(shown)


def headline(rows: Sequence[QueueRow], now: Limits = ALONE, viewer: str = LOCAL_OWNER) -> str:
    """What the list is."""
    waiting = sum(not row.works for row in rows)
    jobs = counted("{n} job waits", "{n} jobs wait", waiting)
    if now.paused and viewer != LOCAL_OWNER:
        return tr(
            "The presenter holds the work of all back for now. What ran is "
            "saved, and goes on first. {jobs}:"
        ).format(jobs=jobs)
    if now.paused:
        return tr("You hold everybody's work back. {jobs}:").format(jobs=jobs)
    if now.slots == 1:
        return tr(
            "One heavy job runs at a time here, so that each has the whole machine. {jobs}:"
        ).format(jobs=jobs)
    return tr(
        "{slots} heavy jobs run at a time here. The next turn is always "
        "for somebody who has none at work. {jobs}:"
    ).format(slots=now.slots, jobs=jobs)


def _row(
    entry: Waiting,
    start: float | None,
    viewer: str,
    names: Mapping[str, str],
    others_before: bool,
) -> QueueRow:
    job, status = entry.job, entry.status
    name = f"{job.name} ({_WHAT.get(job.verb, job.verb)}"
    whose = tr("yours") if job.owner == viewer else names.get(job.owner, "")
    if viewer == LOCAL_OWNER == job.owner:
        whose = ""
    name += f", {whose})" if whose else ")"
    if entry.works:
        left = status.remaining_seconds
        when = (
            tr("runs now, about {left} left").format(left=duration(left))
            if left
            else tr("runs now")
        )
    elif start is None:
        when = tr("nobody knows when it begins")
    else:
        when = (
            tr("begins in about {start}").format(start=duration(start))
            if start >= 1
            else tr("begins next")
        )
    place = "▶" if entry.works else f"{entry.ahead}."
    may = may_change(viewer, job.owner) and not entry.works and not status.stopping
    return QueueRow(
        id=job.id,
        told=tr("{place} {name} · {when}").format(
            place=place,
            name=name,
            when=tr("taken out") if status.stopping and (not entry.works) else when,
        ),
        can_move=may and others_before,
        can_leave=may,
        works=entry.works,
        mine=job.owner == viewer,
    )
