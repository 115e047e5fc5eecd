"""What the presenter sets: limits of all and of single people, who comes first, a pause.

`slm.limits` says what the limits are, and every process reads them there. Here they are
changed, by the presenter alone, one change after the other. What somebody has taken so far
is counted from what lies in the workspace.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slm import jobs, limits, machine, queueing
from slm.errors import ConfigError, WorkspaceError
from slm.limits import Limits, Share
from slm.owners import LOCAL_OWNER
from slm.workshop import people, room
from slm.workspace import Workspace


@dataclass(frozen=True)
class Standing:
    """What one person may take, and what they have taken and asked for."""

    share: Share
    disk_bytes: int
    works: int
    waits: int

    @property
    def disk_left(self) -> int | None:
        """Bytes that may still be put on the disk; None where that is not limited."""
        if self.share.disk_mb is None:
            return None
        return max(0, int(self.share.disk_mb * 1e6) - self.disk_bytes)

    @property
    def places_left(self) -> int | None:
        """Heavy jobs that may still be asked for now; None where that is not limited."""
        if self.share.running is None or self.share.waiting is None:
            return None
        return max(0, self.share.running + self.share.waiting - self.works - self.waits)


def standing(workspace: Workspace, owner: str) -> Standing | None:
    """How somebody stands with the limits; None for whoever has none.

    Looks at every file of theirs, so a page asks once in a while.
    """
    share = limits.read(workspace.root).of(owner)
    if share == limits.UNLIMITED:
        return None
    mine = [entry for entry in queueing.line(workspace) if entry.job.owner == owner]
    works = sum(entry.works for entry in mine)
    return Standing(share, jobs.used_bytes(workspace, owner), works, len(mine) - works)


def change(workspace: Workspace, how: Callable[[Limits], Limits]) -> Limits:
    """Let `how` make the new limits from the present ones, with nobody else in between.

    They hold at once, for what waits already too.

    Raises: RightsError for all but the presenter; ConfigError for a value out of bounds.
    """
    room.require_presenter(workspace.actor)
    with room.only_one(workspace, "limits"):
        changed = how(limits.read(workspace.root))
        limits.write(workspace.root, changed)
    return changed


def set_for_all(workspace: Workspace, **values: Any) -> Limits:
    """Set limits of everybody, by the names of `Share`; None lifts one.

    What was set for single people alone stays as it is.

    Raises: as `change`.
    """
    return change(workspace, lambda now: now.replace(everybody=_with(now.everybody, values)))


def set_for_one(workspace: Workspace, person_id: str, **values: Any) -> Limits:
    """Set limits of one person; what is not named is as it was for them.

    Raises: as `change`, and WorkspaceError for somebody who has no limits or is not there.
    """
    _require_participant(workspace, person_id)
    return change(
        workspace,
        lambda now: now.replace(people={**now.people, person_id: _with(now.of(person_id), values)}),
    )


def as_all(workspace: Workspace, person_id: str) -> Limits:
    """Let the limits of everybody hold for this person again.

    Raises: as `change`.
    """

    def without(now: Limits) -> Limits:
        return now.replace(people={one: of for one, of in now.people.items() if one != person_id})

    return change(workspace, without)


def set_slots(workspace: Workspace, slots: int | None = None) -> Limits:
    """How many heavy jobs work at once; None is what this machine carries.

    Jobs that work go on; with fewer slots fewer begin after them.

    Raises: as `change`.
    """
    number = machine.slots_for_many() if slots is None else slots
    return change(workspace, lambda now: now.replace(slots=number))


def set_first(workspace: Workspace, person_id: str, first: bool) -> Limits:
    """Let what this person waits for come before that of all others, or no longer.

    Raises: as `set_for_one`.
    """
    _require_participant(workspace, person_id)

    def changed(now: Limits) -> Limits:
        others = tuple(one for one in now.first if one != person_id)
        return now.replace(first=(*others, person_id) if first else others)

    return change(workspace, changed)


def hold_all(workspace: Workspace) -> int:
    """Hold everybody's heavy work: what runs saves where it is and waits; nothing begins.

    The presenter's own goes on. Gives how many jobs were at work.

    Raises: as `change`.
    """
    change(workspace, lambda now: now.replace(paused=True))
    running = [entry.job for entry in queueing.line(workspace) if entry.works]
    held = [job for job in running if job.owner != LOCAL_OWNER]
    for job in held:
        job.hold()
    return len(held)


def go_on(workspace: Workspace) -> Limits:
    """Let work begin again; what was held comes first, from where it was.

    Raises: as `change`.
    """
    return change(workspace, lambda now: now.replace(paused=False))


def _with(share: Share, values: dict[str, Any]) -> Share:
    unknown = sorted(set(values) - set(Share.model_fields))
    if unknown:
        known = ", ".join(Share.model_fields)
        raise ConfigError(f"There is no limit {unknown[0]!r}; there are: {known}.")
    return share.replace(**values)


def _require_participant(workspace: Workspace, person_id: str) -> None:
    room.require_presenter(workspace.actor)
    if person_id == LOCAL_OWNER or people.find(workspace, person_id) is None:
        raise WorkspaceError("There is nobody with limits of that id in the room.")
