"""The signed cookie by which a browser is known again: a person's id, until when, a signature.

The key lies in the workspace (`workshop/cookie.key`, readable by its owner alone), so that a
server which was ended and started again still knows everybody. The cookie says nothing that
is secret and nothing that the browser could change: the signature would not fit any more.
"""

import hashlib
import hmac
import os
import re
import secrets
import time
from pathlib import Path

from slm import files
from slm.owners import LOCAL_OWNER
from slm.workshop import people, room
from slm.workshop.people import Person
from slm.workshop.room import Room
from slm.workspace import Workspace

VALID_SECONDS = 30 * 24 * 3600
"""How long a cookie is good, by the server's clock."""
_KEY_BYTES = 32
_FORM = re.compile(r"1\.([a-z0-9-]{1,32})\.([0-9]{1,12})\.([0-9a-f]{64})")
_keys: dict[Path, bytes] = {}


def issue(workspace: Workspace, here: Room, person: Person, now: float | None = None) -> str:
    """The cookie's value for this person in this room."""
    until = int((time.time() if now is None else now) + VALID_SECONDS)
    return f"1.{person.id}.{until}.{_sign(workspace, here, person.id, until)}"


def holder(
    workspace: Workspace, here: Room, cookie: str | None, now: float | None = None
) -> Person | None:
    """Who holds that cookie; None for one that is forged, old, of another room or taken off."""
    found = _FORM.fullmatch(cookie or "")
    if found is None or not here.id:
        return None
    person_id, until, signature = found[1], int(found[2]), found[3]
    if not hmac.compare_digest(_sign(workspace, here, person_id, until), signature):
        return None
    if (time.time() if now is None else now) > until:
        return None
    person = people.find(workspace, person_id)
    return None if person is None or person.left else person


def _sign(workspace: Workspace, here: Room, person_id: str, until: int) -> str:
    of = here.id if person_id == LOCAL_OWNER else f"{here.id}.{here.class_id}"  # who presents stays
    text = f"{of}.{person_id}.{until}".encode()
    return hmac.new(_key(workspace), text, hashlib.sha256).hexdigest()


def _key(workspace: Workspace) -> bytes:
    """The key, made when it is first needed; another file than ours is not taken for it."""
    path = room.folder(workspace) / "cookie.key"
    key = _keys.get(path)
    if key is None or not path.exists():
        with room.only_one(workspace, "cookie"):
            key = path.read_bytes() if path.exists() else b""
            if len(key) != _KEY_BYTES:
                key = secrets.token_bytes(_KEY_BYTES)
                _write_secret(path, key)
        _keys[path] = key
    return key


def _write_secret(path: Path, key: bytes) -> None:
    """Put the key where nobody else on this computer reads it, not for a moment either."""
    staged = path.with_name(f"{files.STAGING}{secrets.token_hex(4)}-{path.name}")
    with files.disk_errors(path):
        descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
        staged.replace(path)
