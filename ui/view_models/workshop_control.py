"""The presenter's control in words: load, people, and what holds for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from slm.limits import Limits
from slm.machine import Load
from slm.owners import LOCAL_OWNER
from slm.queueing import Waiting
from ui.texts import counted, tr
from ui.view_models.jobs import duration, size

LABELS = {
    "running": tr("Jobs at work, each"),
    "waiting": tr("Jobs waiting, each"),
    "parameters": tr("Parameters of a model"),
    "steps": tr("Steps of a run"),
    "minutes": tr("Minutes of a turn"),
    "disk_mb": tr("Disk, each (MB)"),
}
"""The limits as the form calls them."""
NO_LIMIT = tr("no limit")
CLOSE_TOLD = tr(
    "Everything that the participants made goes into an archive in this workspace's folder "
    "`archives`: a zip for each, as they would have taken it home. It is read back whole before "
    "anything is removed. Work that runs is stopped first. Everybody comes in anew, with another "
    "code. What you made yourself stays, with what it was made from."
)
HOLD_HELP = tr(
    "What participants have running saves where it is and waits; nothing new begins. Your own work "
    "goes on."
)
SECOND_HELP = tr(
    "Works once, and makes older links void. Both of you may do everything here, and stand in the "
    "list as one, under the name of whoever came in last."
)


@dataclass(frozen=True)
class WorkRow:
    """A job that works or waits. `told` holds names, which are foreign text."""

    id: str
    told: str
    works: bool


def load_figures(load: Load, line: Sequence[Waiting], now: Limits) -> Mapping[str, str]:
    """Titles and values of the row of figures.

    >>> told = load_figures(Load(37.4, 3 * 10**9, 8 * 10**9, 10**10), [], Limits(slots=2))
    >>> told["At work"], told["Processor"]
    ('0 of 2', '37%')
    """
    works = sum(entry.works for entry in line)
    return {
        tr("At work"): tr("{works} of {slots}").format(works=works, slots=now.slots),
        tr("Waiting"): str(len(line) - works),
        tr("Processor"): f"{load.processor:.0f}%",
        tr("Memory"): tr("{memory_used} of {memory}").format(
            memory_used=size(load.memory_used), memory=size(load.memory)
        ),
        tr("Disk free"): size(load.disk_free),
    }


def work_rows(line: Sequence[Waiting], names: Mapping[str, str]) -> tuple[WorkRow, ...]:
    """What works and what waits, with whose it is."""
    return tuple(_row(entry, names) for entry in line)


def _row(entry: Waiting, names: Mapping[str, str]) -> WorkRow:
    job, status = entry.job, entry.status
    who = tr("yours") if job.owner == LOCAL_OWNER else names.get(job.owner, tr("somebody who left"))
    if status.stopping:
        how = tr("is ending")
    elif not entry.works:
        how = tr("waits, number {ahead}").format(ahead=entry.ahead)
    else:
        left = status.remaining_seconds
        how = f"{status.fraction:.0%}"
        if left:
            how = tr("{share}, about {left} left").format(share=how, left=duration(left))
    return WorkRow(job.id, f"{job.name} ({who}) · {how}", entry.works)


def limits_of_one(now: Limits, person_id: str) -> str:
    """What is different for one person; empty where nothing is.

    >>> from slm.limits import Share
    >>> limits_of_one(Limits(everybody=Share(), people={"p-1": Share(steps=9)}), "p-1")
    'steps of a run: 9'
    """
    if person_id not in now.people:
        return ""
    own = now.people[person_id]
    return " · ".join(
        f"{LABELS[name].lower()}: {NO_LIMIT if value is None else f'{value:,g}'}"
        for name, value in own.to_json().items()
        if value != getattr(now.everybody, name)
    )


def view_named(address: str) -> str:
    """The page and the view of an address, as the app calls them; foreign text.

    >>> view_named("/workshop?view=Class+game&x=1"), view_named("/")
    ('Workshop, Class game', 'Home')
    """
    parts = urlsplit(address[:4_000])
    page = tr((parts.path.strip("/") or "home").capitalize()[:40])
    view = parse_qs(parts.query).get("view", [""])[0][:60]
    return tr("{page}, {view}").format(page=page, view=view) if view else page


def closed_told(result: Mapping[str, Any], code: str) -> str:
    """What became of the class that ended, and how the next one comes in.

    >>> closed_told({"folder": "archives/2030-01-01", "zips": ["Ada.zip"]}, "K7M-4QX")
    'The class has ended. 1 zip of work lies in archives/2030-01-01. You stay in the room; \
the next class comes in with the code K7M-4QX.'
    """
    zips = counted("{n} zip of work lies", "{n} zips of work lie", len(result.get("zips", ())))
    return tr(
        "The class has ended. {zips} in {folder}. You stay in the room; the next class comes in "
        "with the code {code}."
    ).format(zips=zips, folder=result.get("folder", ""), code=code)
