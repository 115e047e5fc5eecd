"""The room: whether this server is shared, the code at its door, what the presenter has set.

One file, `workshop/room.json`, read anew by whoever asks and changed under a lock. The code
is for everybody who sits in the room and stands there as it is; of the presenter's key only
a hash is kept. On one's own computer there is no such file, and nothing is limited
(`slm.limits` says what each may take where there is).

The presenter is whoever works as LOCAL_OWNER: what they made before the class stays theirs.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from slm import files, limits, locks, machine
from slm.config import Config
from slm.errors import ConfigError, RightsError, WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.workspace import Workspace

SCHEMA = 1
CODE_LENGTH = 6
_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that is taken for another: 0 O, 1 I L
_PATIENCE_SECONDS = 5.0


class LookHere(Config):
    """A view that the presenter shows to all: its address within the app, and which call it is."""

    address: str = Field("", max_length=4_000, description="Path and parameters of the page.")
    call: int = Field(0, ge=0, description="Counts the calls, so that each is followed once.")


class Room(Config):
    """What holds for everybody in the room."""

    schema_version: int = Field(SCHEMA, ge=1, description="Version of this file's form.")
    id: str = Field("", description="Names the room; cookies of another room are not valid here.")
    class_id: str = Field("", description="Names the class; of the one before no pass is valid.")
    shared: bool = Field(False, description="Whether others may come in.")
    code: str = Field("", max_length=16, description="What people type to come in.")
    opened: str = Field("", description="When the room was opened.")
    addresses: tuple[str, ...] = Field((), description="Where browsers find the room.")
    hosts: tuple[str, ...] = Field((), description="Names that the server answers to.")
    key_sha256: str = Field("", description="Hash of the presenter's key.")
    ticket_sha256: str = Field("", description="Hash of the presenter's link; empty once used.")
    look: LookHere = Field(LookHere(), description="What the presenter shows to all screens.")

    @property
    def spoken_code(self) -> str:
        """The code in two halves, as one reads it out.

        >>> Room(code="K7M4QX").spoken_code
        'K7M-4QX'
        """
        half = len(self.code) // 2
        return f"{self.code[:half]}-{self.code[half:]}" if self.code else ""

    @property
    def cookie_name(self) -> str:
        """The name of this room's cookie: two rooms on one machine share a host."""
        return f"slm_{self.id}"


def folder(workspace: Workspace) -> Path:
    """Where everything about the room lies."""
    return workspace.root / "workshop"


def read(workspace: Workspace) -> Room:
    """The room as it is now; one that is not shared where there is none.

    Raises: WorkspaceError when its file is damaged or of a later version.
    """
    path = folder(workspace) / "room.json"
    if not path.exists():
        return Room()
    values = files.read_json(path)
    if values.get("schema_version", SCHEMA) > SCHEMA:
        raise WorkspaceError("The room was opened by a later version of this app; update it.")
    try:
        return Room.from_json(values)
    except ConfigError as error:
        raise WorkspaceError(f"room.json is damaged: {error} Open the room anew.") from None


def change(workspace: Workspace, how: Callable[[Room], Room]) -> Room:
    """Let `how` make the new room from the present one, with nobody else in between.

    Raises: RightsError for all but the presenter; WorkspaceError when the disk refuses.
    """
    require_presenter(workspace.actor)
    with only_one(workspace, "room"):
        changed = how(read(workspace))
        files.write_json(folder(workspace) / "room.json", changed.to_json(), checked=True)
    return changed


def change_values(workspace: Workspace, **values: Any) -> Room:
    """The room with these fields set; see `change`."""
    return change(workspace, lambda room: room.replace(**values))


def require_presenter(actor: str) -> None:
    """Let the presenter through, and on one's own computer everybody.

    Raises: RightsError for participants.
    """
    if actor != LOCAL_OWNER:
        raise RightsError("Only the presenter can do this.")


def open_room(
    workspace: Workspace, addresses: tuple[str, ...] = (), hosts: tuple[str, ...] = ()
) -> tuple[Room, str, str]:
    """Share the server: the room, the presenter's key, and the ticket of a link used once.

    A room that is there already goes on with its code, its people and its settings, so that
    a server which was ended in the middle of the class comes back as it was.
    """
    key, ticket = new_word(4), secrets.token_urlsafe(24)

    def opened(before: Room) -> Room:
        return before.replace(
            id=before.id or secrets.token_hex(4),
            class_id=before.class_id or secrets.token_hex(4),
            shared=True,
            code=before.code or new_code(),
            opened=before.opened or datetime.now(UTC).isoformat(timespec="seconds"),
            addresses=addresses,
            hosts=hosts,
            key_sha256=_hash(key),
            ticket_sha256=_hash(ticket),
        )

    room = change(workspace, opened)
    if not (workspace.root / limits.FILE).exists():
        told = limits.Limits(slots=machine.slots_for_many(), everybody=limits.Share())
        limits.write(workspace.root, told)
    return room, key, ticket


def new_class(workspace: Workspace) -> Room:
    """The room for the next class: another code, and nobody's pass is valid but the presenter's."""
    return change(
        workspace,
        lambda room: Room(
            id=room.id,
            class_id=secrets.token_hex(4),
            shared=room.shared,
            code=new_code(),
            opened=datetime.now(UTC).isoformat(timespec="seconds"),
            addresses=room.addresses,
            hosts=room.hosts,
            key_sha256=room.key_sha256,
        ),
    )


def renew_code(workspace: Workspace) -> Room:
    """The room under a new code. Whoever is in stays in; the old code opens nothing any more."""
    return change_values(workspace, code=new_code())


def new_ticket(workspace: Workspace) -> str:
    """The ticket of another link by which a presenter comes in, used once; an older one is void.

    Raises: RightsError for all but the presenter.
    """
    ticket = secrets.token_urlsafe(24)
    change_values(workspace, ticket_sha256=_hash(ticket))
    return ticket


def is_code(room: Room, typed: str) -> bool:
    """Whether that is the room's code, however it was typed: small letters, blanks, dashes.

    >>> is_code(Room(code="K7M4QX"), " k7m-4qx ")
    True
    """
    return bool(room.code) and hmac.compare_digest(_plain(typed), room.code)


def is_presenter_key(room: Room, typed: str) -> bool:
    """Whether that is the key that the terminal showed."""
    return bool(room.key_sha256) and hmac.compare_digest(_hash(_plain(typed)), room.key_sha256)


def use_ticket(workspace: Workspace, ticket: str) -> bool:
    """Whether that is the ticket of the presenter's link; it is used up by this."""
    if not ticket.isascii():
        return False
    with only_one(workspace, "room"):
        room = read(workspace)
        known = room.ticket_sha256
        if not known or not hmac.compare_digest(_hash(ticket), known):
            return False
        used = room.replace(ticket_sha256="")
        files.write_json(folder(workspace) / "room.json", used.to_json(), checked=True)
    return True


def new_code() -> str:
    """A code for the door: easy to read from a screen and to type on a phone."""
    return "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))


def new_word(groups: int) -> str:
    """A secret of `groups` times four letters, 20 bits each, without dashes."""
    return "".join(secrets.choice(_LETTERS) for _ in range(4 * groups))


def in_groups(word: str) -> str:
    """A secret as it is shown.

    >>> in_groups("K7M4QXAB")
    'K7M4-QXAB'
    """
    return "-".join(word[start : start + 4] for start in range(0, len(word), 4))


@contextmanager
def only_one(workspace: Workspace, what: str) -> Iterator[None]:
    """Hold the lock of one of the room's files for the length of the block.

    Raises: WorkspaceError when somebody else holds it for too long.
    """
    place = folder(workspace)
    with files.disk_errors(place):
        files.make_folder(place)
    lock = locks.FileLock(place / f"{what}.lock")
    if not lock.acquire(patience_seconds=_PATIENCE_SECONDS):
        raise WorkspaceError("Many are doing this at once; wait a moment and try again.")
    try:
        yield
    finally:
        lock.release()


def _plain(typed: str) -> str:
    letters = (char for char in typed[:200].upper() if char.isascii() and char.isalnum())
    return "".join(letters)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
