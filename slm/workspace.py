"""What has been made, on disk: the contract between processes.

    corpora/<id>  tokenizers/<id>  tokens/<id>  runs/<id>  models/<id>  jobs/<id>

Each is a folder with a `manifest.json`: who made it, from what, which files. Ids
are generated and name folders; names are data and are shown as typed. This file
knows folders and manifests, not what stands in the other files.
"""

import hashlib
import io
import json
import re
import secrets
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from slm import files, locks
from slm.errors import WorkspaceError
from slm.owners import LOCAL_OWNER as LOCAL_OWNER
from slm.owners import maker as owner_of_what_is_made
from slm.owners import require_right

SCHEMA = 1
KINDS = ("corpora", "tokenizers", "tokens", "runs", "models", "jobs")
_MAKING = ".making-"
MAX_NAME = 80
_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,63}")
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class Parent:
    """What an artefact was made from: its id, and its digest at that time."""

    id: str
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What stands in `manifest.json`. `details` holds what is special to the kind."""

    id: str
    name: str
    kind: str
    owner: str = LOCAL_OWNER
    created: str = ""
    parents: Mapping[str, Parent] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def digest(self) -> str:
        """One hash over the files' hashes; a new name does not change it."""
        entries = {name: entry["sha256"] for name, entry in self.files.items()}
        return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        parents = {role: {"id": p.id, "sha256": p.sha256} for role, p in self.parents.items()}
        return {
            "schema": self.schema,
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "owner": self.owner,
            "created": self.created,
            "parents": parents,
            "details": dict(self.details),
            "files": dict(self.files),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises: WorkspaceError for a manifest that lacks a field or holds the wrong type."""
        try:
            return cls(
                **{
                    name: _text(values[name]) for name in ("id", "name", "kind", "owner", "created")
                },
                parents={
                    role: Parent(str(parent["id"]), str(parent["sha256"]))
                    for role, parent in values["parents"].items()
                },
                details=dict(values["details"]),
                files={
                    name: {**entry, "sha256": str(entry["sha256"])}
                    for name, entry in values["files"].items()
                },
                schema=_version(values["schema"]),
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise WorkspaceError(f"{files.MANIFEST} is damaged: {error!r}.") from None


@dataclass(frozen=True)
class Artefact:
    """One folder of the workspace. `problem` says in words what is wrong with it, if anything."""

    folder: Path
    manifest: Manifest
    read_only: bool = False
    problem: str | None = None

    @property
    def id(self) -> str:
        """The generated id, which names the folder."""
        return self.manifest.id

    @property
    def name(self) -> str:
        """The name that a person gave; foreign text."""
        return self.manifest.name

    @property
    def details(self) -> Mapping[str, Any]:
        """What is special to the kind."""
        return self.manifest.details

    @property
    def imported(self) -> bool:
        """Whether this is a model that was trained elsewhere: it has no metrics, no snapshots."""
        return self.manifest.kind == "models"

    def as_parent(self) -> Parent:
        """This artefact as it is now, for the manifest of what is made from it."""
        return Parent(self.id, self.manifest.digest)


@dataclass
class Draft:
    """An artefact in the making: fill `folder` and `details`; the shelf commits both."""

    id: str
    folder: Path
    details: dict[str, Any]


class Shelf:
    """All artefacts of one kind, those of the read-only workspaces included.

    `actor` is who works with it: what others own can be read by everybody, and changed by
    its owner and by LOCAL_OWNER alone.
    """

    def __init__(
        self, kind: str, root: Path, read_only: Sequence[Path] = (), actor: str = LOCAL_OWNER
    ) -> None:
        self.kind = kind
        self.actor = actor
        self.folder = root / kind
        self._read_only = [folder / kind for folder in read_only]

    def list(self) -> list[Artefact]:
        """Own artefacts, newest first, then the read-only ones. Damaged ones say so."""
        own = [_read(folder, self.kind, False) for folder in _folders(self.folder)]
        shared = [
            _read(folder, self.kind, True)
            for place in self._read_only
            for folder in _folders(place)
        ]
        return [*_newest_first(own), *_newest_first(shared)]

    def get(self, id_or_name: str) -> Artefact:
        """The artefact with that id, else the newest with that name.

        Raises: WorkspaceError when there is none, or when it is damaged.
        """
        artefact = self.find(id_or_name)
        if artefact is None:
            known = ", ".join(repr(other.name) for other in self.list()[:8]) or "none yet"
            raise WorkspaceError(f"There is no {id_or_name!r} in {self.kind}; there are: {known}.")
        if artefact.problem:
            raise WorkspaceError(f"{artefact.name!r} cannot be used: {artefact.problem}")
        return artefact

    def find(self, id_or_name: str) -> Artefact | None:
        """As `get`, but None when there is none, and damaged ones are given too.

        A name may be written in other letters of case, where it stands for nothing else.
        """
        if _ID.fullmatch(id_or_name):
            for place, shared in [(self.folder, False), *((p, True) for p in self._read_only)]:
                if (place / id_or_name / files.MANIFEST).exists():
                    return _read(place / id_or_name, self.kind, shared)
        name = unicodedata.normalize("NFC", id_or_name)
        listed = self.list()
        alike = [each for each in listed if each.name.casefold() == name.casefold()]
        return next((each for each in alike if each.name == name), alike[0] if alike else None)

    @contextmanager
    def create(
        self,
        name: str,
        *,
        owner: str = LOCAL_OWNER,
        parents: Mapping[str, Artefact] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Iterator[Draft]:
        """A draft whose folder is committed whole when the block ends without an error.

        Raises: WorkspaceError for a name that cannot be used, or a full disk.
        """
        owner = owner_of_what_is_made(self.actor, owner)
        manifest = self._new_manifest(name, owner, parents or {}, details or {})
        draft_details = dict(manifest.details)

        def fields(staging: Path) -> Mapping[str, Any]:
            del staging
            return replace(manifest, details=draft_details).to_json()

        maker = locks.FileLock(self.folder / f"{_MAKING}{manifest.id}.lock")
        with files.disk_errors(self.folder):
            files.make_folder(self.folder)
            maker.acquire()
        try:
            with files.commit_folder(self.folder / manifest.id, fields) as staging:
                yield Draft(manifest.id, staging, draft_details)
        finally:
            maker.release()
            with suppress(PermissionError):  # Windows: somebody looks at it just now
                maker.path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what killed processes left half-made or half-deleted; what is being made stays."""
        for lock in self.folder.glob(f"{_MAKING}*.lock"):
            if not locks.is_held(lock):
                made = lock.name.removeprefix(_MAKING).removesuffix(".lock")
                for staging in self.folder.glob(f"{files.STAGING}{made}-*"):
                    shutil.rmtree(staging, ignore_errors=True)
                with suppress(PermissionError):
                    lock.unlink(missing_ok=True)
        for trash in self.folder.glob(f"{files.TRASH}*"):
            shutil.rmtree(trash, ignore_errors=True)

    def open_folder(
        self,
        name: str,
        contents: Mapping[str, Mapping[str, Any]],
        *,
        owner: str = LOCAL_OWNER,
        parents: Mapping[str, Artefact] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Artefact:
        """A folder that grows after it is seen (a run, a job), begun with some JSON files."""
        with self.create(name, owner=owner, parents=parents, details=details) as draft:
            for file_name, value in contents.items():
                files.write_json(draft.folder / file_name, value, checked=True)
        return self.get(draft.id)

    def rename(self, artefact_id: str, name: str) -> Artefact:
        """The same artefact under a new name; its id and its files stay.

        Raises: WorkspaceError for the demo, or a name that cannot be used; RightsError for
        what belongs to somebody else.
        """
        artefact = self.changeable(artefact_id)
        renamed = replace(artefact.manifest, name=clean_name(name))
        files.write_json(artefact.folder / files.MANIFEST, renamed.to_json(), checked=True)
        return replace(artefact, manifest=renamed)

    def delete(self, artefact_id: str) -> None:
        """Remove the folder, unless a process is working in it or it is read-only.

        Raises: WorkspaceError with the remedy; RightsError for what belongs to somebody else.
        """
        artefact = self.changeable(artefact_id)
        for lock in artefact.folder.glob("*.lock"):
            if locks.is_held(lock):
                raise WorkspaceError(f"{artefact.name!r} is being worked on; stop it first.")
        files.remove_folder(artefact.folder)

    def changeable(self, artefact_id: str) -> Artefact:
        """The artefact, once it is clear that whoever works here may change it.

        Raises: WorkspaceError for what is gone or ships with the app; RightsError for what
        belongs to somebody else.
        """
        artefact = self.find(artefact_id)
        if artefact is None:
            raise WorkspaceError(f"There is no {artefact_id!r} in {self.kind} any more.")
        if artefact.read_only:
            raise WorkspaceError(f"{artefact.name!r} ships with the app and cannot be changed.")
        require_right(self.actor, artefact.manifest.owner, artefact.name)
        return artefact

    def _new_manifest(
        self,
        name: str,
        owner: str,
        parents: Mapping[str, Artefact],
        details: Mapping[str, Any],
    ) -> Manifest:
        now = datetime.now(UTC)
        return Manifest(
            id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
            name=clean_name(name),
            kind=self.kind,
            owner=owner,
            created=now.isoformat(timespec="milliseconds"),
            parents={role: parent.as_parent() for role, parent in parents.items()},
            details=dict(details),
        )


class Workspace:
    """The folder that holds everything, and read-only ones (the demo) shown beside it.

    `actor` is the owner of what is made through it, and whose things it may change: all of
    them where it is LOCAL_OWNER, as on one's own computer.
    """

    def __init__(
        self, root: Path, read_only: Sequence[Path] = (), actor: str = LOCAL_OWNER
    ) -> None:
        self.root = root.absolute()
        self.read_only = tuple(folder.absolute() for folder in read_only)
        self.actor = actor
        self.corpora = self.extra_shelf("corpora")
        self.tokenizers = self.extra_shelf("tokenizers")
        self.tokens = self.extra_shelf("tokens")
        self.runs = self.extra_shelf("runs")
        self.models = self.extra_shelf("models")
        self.jobs = Shelf("jobs", self.root, actor=actor)

    def acting_as(self, actor: str) -> "Workspace":
        """The same folders, worked with by somebody else."""
        return Workspace(self.root, self.read_only, actor)

    def extra_shelf(self, kind: str) -> Shelf:
        """A shelf of any kind in these folders, those that only one part of the app knows too."""
        return Shelf(kind, self.root, self.read_only, self.actor)

    def all_models(self) -> list[Artefact]:
        """Runs and imported models, newest first, those that ship with the app last."""
        found = [*self.runs.list(), *self.models.list()]
        own = [artefact for artefact in found if not artefact.read_only]
        return [*_newest_first(own), *(artefact for artefact in found if artefact.read_only)]

    def find_model(self, id_or_name: str) -> Artefact | None:
        """The run with that id or name, else the imported model; None when there is neither."""
        return self.runs.find(id_or_name) or self.models.find(id_or_name)

    def get_model(self, id_or_name: str) -> Artefact:
        """As `find_model`, of what can be used.

        Raises: WorkspaceError when there is none, or when it is damaged.
        """
        found = self.find_model(id_or_name)
        if found is not None:
            return self.shelf(found.manifest.kind).get(found.id)
        known = ", ".join(repr(other.name) for other in self.all_models()[:8]) or "none yet"
        raise WorkspaceError(f"There is no model {id_or_name!r}; there are: {known}.")

    def shelf(self, kind: str) -> Shelf:
        """The shelf of that kind, one of KINDS."""
        assert kind in KINDS, kind
        shelf = getattr(self, kind)
        assert isinstance(shelf, Shelf)
        return shelf

    def sweep(self) -> None:
        """Remove what killed processes left half-made on any shelf."""
        for kind in KINDS:
            self.shelf(kind).sweep()


def archive(artefact: Artefact) -> bytes:
    """All files of an artefact as a ZIP, under a folder named by its id.

    A run in training goes on meanwhile. A checkpoint that it drops before it is packed is
    left out whole, never in part.
    """
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for unit in committed_together(artefact.folder):
            with ExitStack() as opened:
                try:  # an open file stays readable when its folder is dropped
                    streams = [(path, opened.enter_context(path.open("rb"))) for path in unit]
                except FileNotFoundError:
                    continue
                for path, content in streams:
                    name = Path(artefact.id) / path.relative_to(artefact.folder)
                    with packed.open(name.as_posix(), "w", force_zip64=True) as target:
                        shutil.copyfileobj(content, target)
    return stream.getvalue()


def committed_together(folder: Path) -> Iterator[list[Path]]:
    """The files of an artefact to pack, those that are committed together in one list."""
    committed = [path.parent for path in sorted(folder.glob(f"*/*/{files.MANIFEST}"))]
    for place in committed:
        yield [path for path in sorted(place.rglob("*")) if path.is_file()]
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        inside = any(place in path.parents for place in committed)
        if not hidden and not inside and path.suffix != ".lock" and path.is_file():
            yield [path]


def folder_bytes(artefact: Artefact) -> int:
    """Bytes on disk of all files of an artefact."""
    return sum(path.stat().st_size for path in artefact.folder.rglob("*") if path.is_file())


def clean_name(name: str) -> str:
    """`name` in NFC without the blanks around it.

    >>> clean_name("  my first model ")
    'my first model'

    Raises: WorkspaceError when it is empty, over 80 characters, or holds
    characters that cannot be seen (control characters, text-direction marks).
    """
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise WorkspaceError(f"A name needs 1 to {MAX_NAME} characters; this one has {len(name)}.")
    hidden = [char for char in name if not char.isprintable() or char in _BIDI]
    if hidden:
        raise WorkspaceError(
            f"A name cannot hold the invisible character U+{ord(hidden[0]):04X}; leave it out."
        )
    return name


def _text(value: Any) -> str:
    """Raises: TypeError for what is no text."""
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} in place of a text")
    return value


def _version(value: Any) -> int:
    """Raises: ValueError for what is no number of a version."""
    if type(value) is not int or not 1 <= value < 2**31:
        raise ValueError("its schema is no version")
    return value


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return [folder for folder in place.iterdir() if _ID.fullmatch(folder.name) and folder.is_dir()]


def _newest_first(artefacts: list[Artefact]) -> list[Artefact]:
    return sorted(artefacts, key=lambda artefact: artefact.manifest.created, reverse=True)


def _read(folder: Path, kind: str, read_only: bool) -> Artefact:
    """The artefact in `folder`; what is wrong with it is told, not raised."""
    try:
        manifest = Manifest.from_json(files.read_json(folder / files.MANIFEST))
    except WorkspaceError as error:
        unknown = Manifest(id=folder.name, name=folder.name, kind=kind)
        return Artefact(folder, unknown, read_only, problem=str(error))
    problem = None
    if manifest.schema > SCHEMA:
        problem = f"It was written by a later version (schema {manifest.schema}); update this app."
    if manifest.id != folder.name:
        problem = f"Its manifest is for {manifest.id!r}, not for this folder."
    return Artefact(folder, manifest, read_only, problem)
