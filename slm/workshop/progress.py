"""How far each person is in the tour: `workshop/progress/<person>.json`.

Knows ids of steps, not what they ask. A step once done stays done, also when the model with
which it was done is deleted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import RightsError, WorkspaceError
from slm.workshop import kept, people, room
from slm.workspace import Workspace

FOLDER = "progress"
SCHEMA = 1
_PERSON = re.compile(r"local|p-[0-9a-f]{10}")
_STEP = re.compile(r"[a-z]+(-[a-z]+)*")


@dataclass(frozen=True)
class Progress:
    """What one person has done: the time of each step by its id. `at` is the step they look at;
    `open` whether it goes with them through the app."""

    person: str
    done: Mapping[str, str] = field(default_factory=dict)
    at: str = ""
    open: bool = False

    def has_done(self, step_id: str) -> bool:
        """Whether that step was done."""
        return step_id in self.done


@dataclass(frozen=True)
class StepCount:
    """Who of the room has done a step, and who looks at it now; names, foreign text."""

    step: str
    done: tuple[str, ...]
    now: tuple[str, ...]


def read_progress(workspace: Workspace, person: str = "") -> Progress:
    """How far that person is, by default whoever works here; at the beginning without a file.

    A damaged file is a beginning too: what was done can be checked again.
    """
    person = person or workspace.actor
    if not _PERSON.fullmatch(person):
        return Progress(person)
    return _read(_path(workspace, person))


def all_progress(workspace: Workspace) -> list[Progress]:
    """Everybody who has begun the tour."""
    place = room.folder(workspace) / FOLDER
    found = sorted(place.glob("*.json")) if place.is_dir() else []
    return [_read(path) for path in found if _PERSON.fullmatch(path.stem)]


def mark_done(workspace: Workspace, step_id: str) -> Progress:
    """Write down that whoever works here has done the step; the first time stays.

    Raises: as `kept.change_part`.
    """
    return _change(
        workspace,
        lambda before: {**before, "done": {step_id: kept.now(), **before.get("done", {})}},
    )


def go_to_step(workspace: Workspace, step_id: str, *, is_open: bool = True) -> Progress:
    """Look at a step; `is_open` lets it go along through the pages."""
    return _change(workspace, lambda before: {**before, "at": step_id, "open": is_open})


def begin_again(workspace: Workspace) -> Progress:
    """Forget what whoever works here has done in the tour; what they made stays."""
    return _change(workspace, lambda before: {})


def count_room(workspace: Workspace, step_ids: Sequence[str]) -> tuple[StepCount, ...]:
    """For each step who has done it and who looks at it: where the room is."""
    names = people.names(workspace)
    everybody = all_progress(workspace)

    def named(chosen: Sequence[Progress]) -> tuple[str, ...]:
        return tuple(sorted(names.get(one.person, "you") for one in chosen))

    return tuple(
        StepCount(
            step,
            named([one for one in everybody if one.has_done(step)]),
            named([one for one in everybody if one.at == step and not one.has_done(step)]),
        )
        for step in step_ids
    )


def _change(workspace: Workspace, how: Any) -> Progress:
    person = workspace.actor
    if not _PERSON.fullmatch(person):
        raise RightsError("The room does not know you any more. Come in again at the door.")
    path = _path(workspace, person)
    with room.only_one(workspace, f"{FOLDER}-{person}"):
        with files.disk_errors(path):
            files.make_folder(path.parent)
        changed = how(_plain(path))
        files.write_json(path, {"schema": SCHEMA, **changed}, checked=True)
    return _read(path)


def _path(workspace: Workspace, person: str) -> Path:
    return room.folder(workspace) / FOLDER / f"{person}.json"


def _plain(path: Path) -> dict[str, Any]:
    """The file's fields as far as they are sound."""
    try:
        values = files.read_json(path) if path.exists() else {}
    except WorkspaceError:
        return {}
    done = values.get("done")
    done = done if isinstance(done, dict) else {}
    at = values.get("at")
    return {
        "done": {key: str(when) for key, when in done.items() if _STEP.fullmatch(key)},
        "at": at if isinstance(at, str) and _STEP.fullmatch(at) else "",
        "open": values.get("open") is True,
    }


def _read(path: Path) -> Progress:
    held = _plain(path)
    return Progress(path.stem, held.get("done", {}), held.get("at", ""), held.get("open", False))
