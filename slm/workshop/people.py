"""Who is in the room: a file for each person, and when something was last heard of them.

    workshop/people/<id>.json   name, when they came, a hash of the word by which they come back
    workshop/people/<id>.seen   a counter that grows while their browser talks to the server

A person's id is the owner of what they make. Names are foreign text. How long somebody is
silent is told by the reader's own clock, from when the counter last grew, so that a clock
that is set in the middle of the class makes nobody leave. The presenter's id is LOCAL_OWNER.
"""

import hashlib
import hmac
import re
import secrets
import time
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from slm import files
from slm.errors import RightsError, WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.workshop import room
from slm.workspace import Workspace, clean_name

MAX_PERSON_NAME = 40
MAX_PEOPLE = 200
HERE_SECONDS = 20.0
"""Whoever was heard of within this time is here."""
_TOLD_SECONDS = 5.0
_ID = re.compile(r"local|p-[0-9a-f]{10}")
_told: dict[Path, float] = {}
_seen: dict[Path, tuple[int, float | None]] = {}


@dataclass(frozen=True)
class Person:
    """Somebody who came in. `left` says that the presenter took them off the list.

    login_sha256: of the login at an identity provider that their pass is bound to, if any.
    """

    id: str
    name: str
    joined: str
    word_sha256: str = ""
    left: bool = False
    login_sha256: str = ""

    @property
    def presents(self) -> bool:
        """Whether this is the presenter."""
        return self.id == LOCAL_OWNER


def folder(workspace: Workspace) -> Path:
    """Where the people's files lie."""
    return room.folder(workspace) / "people"


def join(workspace: Workspace, name: str) -> Person:
    """A new person of that name.

    Raises: WorkspaceError for a name that is taken or cannot be used, and for a full room.
    """
    name = person_name(name)
    with room.only_one(workspace, "people"):
        here = list_people(workspace)
        if len(here) >= MAX_PEOPLE:
            raise WorkspaceError(f"The room is full: {MAX_PEOPLE} people are in it.")
        if any(_alike(name) == _alike(person.name) for person in here):
            raise WorkspaceError(
                f"There is a {name!r} in the room already. Choose another name; or, if that is "
                "you, come back with your return word or ask the presenter for one."
            )
        person = Person(f"p-{secrets.token_hex(5)}", name, _now())
        _write(workspace, person)
    return person


def let_presenter_in(workspace: Workspace, name: str) -> Person:
    """The presenter under that name; whoever brings the key again is the same one."""
    name = person_name(name)
    with room.only_one(workspace, "people"):
        others = [person for person in list_people(workspace) if not person.presents]
        if any(_alike(name) == _alike(person.name) for person in others):
            raise WorkspaceError(f"There is a {name!r} in the room already. Choose another name.")
        before = find(workspace, LOCAL_OWNER)
        joined = before.joined if before is not None else _now()
        person = Person(LOCAL_OWNER, name, joined)
        _write(workspace, person)
    return person


def find(workspace: Workspace, person_id: str) -> Person | None:
    """The person with that id, also one who was taken off the list; None when there is none."""
    return _read(folder(workspace) / f"{person_id}.json") if _ID.fullmatch(person_id) else None


def list_people(workspace: Workspace, *, also_left: bool = False) -> list[Person]:
    """Who is in the room, in the order in which they came. Damaged files are passed over."""
    place = folder(workspace)
    if not place.is_dir():
        return []
    found = [_read(path) for path in place.glob("*.json") if _ID.fullmatch(path.stem)]
    people = [person for person in found if person is not None and (also_left or not person.left)]
    return sorted(people, key=lambda person: (person.joined, person.id))


def names(workspace: Workspace) -> Mapping[str, str]:
    """The names of all who ever came in, by their ids; foreign text."""
    return {person.id: person.name for person in list_people(workspace, also_left=True)}


def new_return_word(workspace: Workspace, person_id: str) -> str:
    """A word by which this person comes in again from another browser; an older one is void.

    Raises: RightsError for somebody else's; WorkspaceError when there is no such person.
    """
    if workspace.actor not in {LOCAL_OWNER, person_id}:
        raise RightsError("A return word is made by the person themselves, or by the presenter.")
    word = room.new_word(2)
    with room.only_one(workspace, "people"):
        person = find(workspace, person_id)
        if person is None or person.presents:
            raise WorkspaceError("There is no such person in the room.")
        _write(workspace, replace(person, word_sha256=_hash(person.id, word), left=False))
    return word


def come_back(workspace: Workspace, name: str, word: str) -> Person:
    """The person of that name who has that return word.

    Raises: WorkspaceError when the two do not go together, whichever is wrong.
    """
    plain = "".join(char for char in word[:200].upper() if char.isascii() and char.isalnum())
    for person in list_people(workspace):
        if _alike(person.name) == _alike(name[:200]) and hmac.compare_digest(
            _hash(person.id, plain), person.word_sha256
        ):
            return person
    raise WorkspaceError("This name and this return word do not go together. Look at both again.")


def known_as(workspace: Workspace, person_id: str, login: str, name: str) -> Person:
    """The person, once their pass is bound to this login; called by its name where that is free.

    Raises: RightsError when the pass is bound to another login; WorkspaceError for nobody.
    """
    login_sha256 = hashlib.sha256(login.encode("utf-8", "replace")).hexdigest()
    person = find(workspace, person_id)
    if person is None or person.left:
        raise WorkspaceError("There is no such person in the room.")
    if not person.login_sha256:
        with room.only_one(workspace, "people"):
            person = find(workspace, person_id) or person
            if not person.login_sha256:
                called = _free_name(workspace, person, name)
                person = replace(person, name=called, login_sha256=login_sha256)
                _write(workspace, person)
    if not hmac.compare_digest(person.login_sha256, login_sha256):
        raise RightsError(
            f"This browser came in as {person.name!r}, who logged in as somebody else. Log out, "
            "and come in from a browser of your own."
        )
    return person


def _free_name(workspace: Workspace, person: Person, name: str) -> str:
    """`name` in at most 40 characters, or the person's own where it is taken or cannot be used."""
    others = {_alike(each.name) for each in list_people(workspace) if each.id != person.id}
    try:
        wanted = person_name(name.strip()[:MAX_PERSON_NAME])
    except WorkspaceError:
        return person.name
    return person.name if _alike(wanted) in others else wanted


def take_off(workspace: Workspace, person_id: str) -> None:
    """Take somebody off the list: their browsers are let in no more, their work stays.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    with room.only_one(workspace, "people"):
        person = find(workspace, person_id)
        if person is not None and not person.presents:
            _write(workspace, replace(person, left=True, word_sha256=""))


def forget_participants(workspace: Workspace) -> None:
    """Remove everybody's file but the presenter's, who stays for the next class.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    with room.only_one(workspace, "people"):
        for path in folder(workspace).glob("*"):
            if path.is_file() and path.stem != LOCAL_OWNER:
                path.unlink(missing_ok=True)


def saw(workspace: Workspace, person_id: str) -> None:
    """Note that something was heard of this person; written once in a few seconds."""
    path = folder(workspace) / f"{person_id}.seen"
    now = time.monotonic()
    if not _ID.fullmatch(person_id) or now - _told.get(path, -_TOLD_SECONDS) < _TOLD_SECONDS:
        return
    _told[path] = now
    if path.parent.is_dir():
        with suppress(WorkspaceError):  # on a full disk nobody loses their page for this
            files.write_json(path, {"counter": _counter(path) + 1}, durable=False)


def silent_seconds(workspace: Workspace, person_id: str) -> float | None:
    """How long nothing was heard of this person; None when nothing was since the server began."""
    path = folder(workspace) / f"{person_id}.seen"
    counter = _counter(path)
    now = time.monotonic()
    before, since = _seen.get(path, (counter, None))
    if path in _told:  # this very process hears them
        since = max(_told[path], since or _told[path])
    elif counter != before:
        since = now
    _seen[path] = (counter, since)
    return None if since is None else now - since


def is_here(workspace: Workspace, person_id: str) -> bool:
    """Whether this person's browser talked to the server just now."""
    silent = silent_seconds(workspace, person_id)
    return silent is not None and silent <= HERE_SECONDS


def person_name(name: str) -> str:
    """`name` as it is kept.

    >>> person_name("  Ada ")
    'Ada'

    Raises: WorkspaceError when it is empty, longer than 40 characters, or cannot be seen.
    """
    name = unicodedata.normalize("NFC", name[:100_000].encode("utf-8", "replace").decode()).strip()
    if not 1 <= len(name) <= MAX_PERSON_NAME:
        raise WorkspaceError(
            f"A name needs 1 to {MAX_PERSON_NAME} characters; this one has {len(name):,}."
        )
    return clean_name(name)


def _alike(name: str) -> str:
    """What two names have in common that look the same: width, case and blanks aside."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _write(workspace: Workspace, person: Person) -> None:
    place = folder(workspace)
    with files.disk_errors(place):
        files.make_folder(place)
    values = {
        "schema": room.SCHEMA,
        "id": person.id,
        "name": person.name,
        "joined": person.joined,
        "word_sha256": person.word_sha256,
        "left": person.left,
        "login_sha256": person.login_sha256,
    }
    files.write_json(place / f"{person.id}.json", values, checked=True)


def _read(path: Path) -> Person | None:
    try:
        values = files.read_json(path)
        person = Person(
            id=path.stem,
            name=clean_name(str(values["name"])),
            joined=str(values["joined"]),
            word_sha256=str(values.get("word_sha256", "")),
            left=bool(values.get("left", False)),
            login_sha256=str(values.get("login_sha256", "")),
        )
    except (KeyError, WorkspaceError):
        return None
    return person if values.get("id") == person.id else None


def _counter(path: Path) -> int:
    try:
        counter = files.read_json(path).get("counter")
    except WorkspaceError:
        return 0
    return counter if isinstance(counter, int) else 0


def _hash(person_id: str, word: str) -> str:
    return hashlib.sha256(f"{person_id}:{word}".encode()).hexdigest()
