"""What the room holds beside its people: small JSON files, and each person's part in them.

    workshop/<what>/<id>.json            what the presenter began: a challenge, a game, a question
    workshop/<what>/<id>/<person>.json   what one person did in it

Everybody writes their own part alone, so thirty people who answer at once do not wait for each
other. Files are read anew by whoever asks; damaged ones are passed over in lists.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import RightsError, WorkspaceError
from slm.workshop import room
from slm.workspace import Workspace

SCHEMA = 1
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6,12}")
_PERSON = re.compile(r"local|p-[0-9a-f]{10}")


def new_id() -> str:
    """An id that sorts by the time at which it was made, to the microsecond."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}{secrets.token_hex(3)}"


def now() -> str:
    """The time, for people to read: nothing is decided by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def ids(workspace: Workspace, what: str) -> list[str]:
    """All of that kind, the newest first."""
    place = room.folder(workspace) / what
    found = place.glob("*.json") if place.is_dir() else ()
    return sorted((path.stem for path in found if _ID.fullmatch(path.stem)), reverse=True)


def write(workspace: Workspace, what: str, item_id: str, values: Mapping[str, Any]) -> None:
    """Put one down, in place of what stood there.

    Raises: RightsError for all but the presenter; WorkspaceError when the disk refuses.
    """
    room.require_presenter(workspace.actor)
    path = _path(workspace, what, item_id)
    with files.disk_errors(path):
        files.make_folder(path.parent)
    files.write_json(path, {"schema": SCHEMA, "id": item_id, **values}, checked=True)


def read(workspace: Workspace, what: str, item_id: str) -> dict[str, Any]:
    """One of them.

    Raises: WorkspaceError when there is none, when it is damaged or of a later version.
    """
    path = _path(workspace, what, item_id)
    if not path.exists():
        raise WorkspaceError("This is gone: the presenter has removed it, or opened a new class.")
    values = files.read_json(path)
    if values.get("id") != item_id or not isinstance(values.get("schema"), int):
        raise WorkspaceError(f"{path.name} is damaged; the presenter can begin it anew.")
    if values["schema"] > SCHEMA:
        raise WorkspaceError("This was begun by a later version of this app; update it.")
    return values


def change(
    workspace: Workspace, what: str, item_id: str, how: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Let `how` make the new one from the present one, with nobody else in between.

    Raises: as `read` and `write`.
    """
    with room.only_one(workspace, f"{what}-{item_id}"):
        changed = how(read(workspace, what, item_id))
        write(workspace, what, item_id, changed)
    return changed


def remove(workspace: Workspace, what: str, item_id: str) -> None:
    """Take one away, with everybody's part in it.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    path = _path(workspace, what, item_id)
    with files.disk_errors(path):
        path.unlink(missing_ok=True)
    files.remove_folder(path.with_suffix(""))


def part_of(workspace: Workspace, what: str, item_id: str, person: str) -> dict[str, Any]:
    """What that person did; nothing where they did nothing yet, or where it is damaged."""
    path = _part(workspace, what, item_id, person)
    return _sound(path) if path.exists() else {}


def parts(workspace: Workspace, what: str, item_id: str) -> dict[str, dict[str, Any]]:
    """What each did, by their ids."""
    place = _path(workspace, what, item_id).with_suffix("")
    found = sorted(place.glob("*.json")) if place.is_dir() else []
    read_parts = {path.stem: _sound(path) for path in found if _PERSON.fullmatch(path.stem)}
    return {person: values for person, values in read_parts.items() if values}


def change_part(
    workspace: Workspace,
    what: str,
    item_id: str,
    how: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    person: str = "",
) -> dict[str, Any]:
    """Let `how` make one's own new part from the present one; three tabs of a person take turns.

    `person` is somebody else, for what the server does in their name.

    Raises: RightsError for a visitor whom the room does not know; WorkspaceError when the disk
    refuses.
    """
    person = person or workspace.actor
    path = _part(workspace, what, item_id, person)
    with room.only_one(workspace, f"{what}-{item_id}-{person}"):
        with files.disk_errors(path):
            files.make_folder(path.parent)
        changed = how(_sound(path) if path.exists() else {})
        files.write_json(path, changed, durable=False, checked=True)
    return changed


def _path(workspace: Workspace, what: str, item_id: str) -> Path:
    if not _ID.fullmatch(item_id):
        raise WorkspaceError("There is no such thing in this room.")
    return room.folder(workspace) / what / f"{item_id}.json"


def _part(workspace: Workspace, what: str, item_id: str, person: str) -> Path:
    if not _PERSON.fullmatch(person):
        raise RightsError("The room does not know you any more. Come in again at the door.")
    return _path(workspace, what, item_id).with_suffix("") / f"{person}.json"


def _sound(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path)
    except WorkspaceError:
        return {}
