"""A zip of somebody's work, opened at home: checked whole before anything is put on a shelf.

Trusts nothing in it: names that leave their folder, links, lying sizes, files that do not
match their manifests are refused, and then nothing is taken over. Ids are kept, so that what
was made from what is still known; where another artefact has the id already, the arriving one
gets a new one, in its children's manifests too. See `archive.py` for the form.
"""

import hashlib
import json
import re
import secrets
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from slm import files, zips
from slm.errors import DataError, WorkspaceError
from slm.jobs import Reporter, StoppedError, silent
from slm.owners import maker
from slm.workshop.archive import INDEX, SCHEMA, SHELVES
from slm.workspace import SCHEMA as MANIFEST_SCHEMA
from slm.workspace import Artefact, Manifest, Parent, Workspace, clean_name

MOST_FILES = 100_000
MOST_ARTEFACTS = 5_000
_MOST_INDEX_BYTES = 16 * 2**20
_MOST_MANIFEST_BYTES = 64 * 2**20
_MOST_TIMES_LARGER = 200
_SMALL = 16 * 2**20
_BLOCK = 1 << 20
_SPARE_BYTES = 200 * 10**6
_ID = re.compile(r"[a-z0-9][a-z0-9-]{3,63}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ +=@-]{0,199}")
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Opened:
    """What a zip brought: new artefacts, those that were here already, and new ids by old."""

    added: tuple[Artefact, ...] = ()
    here_already: tuple[str, ...] = ()
    renamed: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Arrival:
    kind: str
    id: str
    staged: Path
    manifest: Manifest


def open_archive(
    workspace: Workspace, path: Path, report: Reporter = silent, *, owner: str = "local"
) -> Opened:
    """Take over what a take-home zip holds. It belongs to whoever opens it.

    Raises: DataError for a zip that is damaged, hostile or no such zip, WorkspaceError for a
    full disk. Nothing is taken over then.
    """
    if not files.is_file(path):
        raise DataError(f"There is no file {path.name[:80]!r}.")
    try:
        with _damage(path.name):
            packed = zipfile.ZipFile(path)
        with packed, _staging(workspace) as staging:
            listed = _checked_entries(packed, path)
            files.require_space(
                staging, sum(entry.file_size for entry in packed.infolist()) + _SPARE_BYTES, "This"
            )
            index = _read_index(packed)
            arrivals = []
            for number, (kind, artefact_id) in enumerate(index):
                if report.should_stop():
                    raise StoppedError
                report(number / len(index), f"checking {number + 1} of {len(index)}")
                entries = listed.get((kind, artefact_id), [])
                arrivals.append(_stage(packed, entries, kind, artefact_id, staging))
            if set(listed) - set(index):
                raise DataError(f"{path.name} holds folders that its {INDEX} does not name.")
            return _take_over(workspace, arrivals, maker(workspace.actor, owner))
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise DataError(f"{path.name} holds a file and a folder of the same name.") from None


@contextmanager
def _damage(name: str) -> Iterator[None]:
    with zips.damage_as(
        lambda reason: DataError(f"{name[:80]} is no zip of ours, or it is damaged: {reason}.")
    ):
        yield


@contextmanager
def _staging(workspace: Workspace) -> Iterator[Path]:
    place = workspace.root / "workshop" / f"{files.STAGING}opening-{secrets.token_hex(4)}"
    with files.disk_errors(place):
        files.make_folder(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _checked_entries(
    packed: zipfile.ZipFile, path: Path
) -> dict[tuple[str, str], list[zipfile.ZipInfo]]:
    """The entries by artefact, once none of them could leave its folder or fill the disk."""
    entries = packed.infolist()
    if len(entries) > MOST_FILES:
        raise DataError(f"{path.name} holds {len(entries):,} files; at most {MOST_FILES:,} may be.")
    with _damage(path.name):
        zips.require_inside(entries)
    seen: set[str] = set()
    listed: dict[tuple[str, str], list[zipfile.ZipInfo]] = {}
    for entry in entries:
        name = entry.filename
        if name.casefold() in seen:
            raise DataError(f"{path.name} holds {name[:80]!r} twice.")
        seen.add(name.casefold())
        if name == INDEX:
            continue
        parts = PurePosixPath(name).parts
        sound = (
            name == "/".join(parts)
            and len(parts) in range(3, 9)
            and parts[0] in SHELVES
            and _ID.fullmatch(parts[1])
            and all(_is_plain(part) for part in parts[2:])
        )
        kind_of_file = stat.S_IFMT(entry.external_attr >> 16)
        if not sound or kind_of_file not in {0, stat.S_IFREG} or entry.flag_bits & 1:
            raise DataError(f"{path.name} holds {name[:80]!r}, which no work of ours is named.")
        if entry.file_size > _MOST_TIMES_LARGER * entry.compress_size + _SMALL:
            raise DataError(
                f"{name[:80]!r} would be {entry.file_size / 1e6:,.0f} MB large, from "
                f"{entry.compress_size / 1e6:,.1f} MB in {path.name}; that is refused."
            )
        listed.setdefault((parts[0], parts[1]), []).append(entry)
    return listed


def _is_plain(part: str) -> bool:
    """Whether this is a name that every system takes for a file here, and for nothing else."""
    return bool(
        _PART.fullmatch(part) and not part.endswith((" ", ".")) and not _DEVICES.fullmatch(part)
    )


def _read_index(packed: zipfile.ZipFile) -> list[tuple[str, str]]:
    try:
        info = packed.getinfo(INDEX)
    except KeyError:
        raise DataError(
            f"This zip holds no {INDEX}: it was not made by taking work home."
        ) from None
    values = _json(_small(packed, info, _MOST_INDEX_BYTES), INDEX)
    if not isinstance(values.get("schema"), int) or values["schema"] > SCHEMA:
        raise DataError("This zip was packed by a later version of the app; update this one.")
    told = values.get("artefacts")
    if not isinstance(told, list) or not 1 <= len(told) <= MOST_ARTEFACTS:
        raise DataError(f"{INDEX} names no artefacts.")
    named = [
        (str(each.get("kind")), str(each.get("id"))) for each in told if isinstance(each, dict)
    ]
    ids = {artefact_id for _, artefact_id in named}
    if len(named) != len(told) or len(ids) != len(told) or not all(k in SHELVES for k, _ in named):
        raise DataError(f"{INDEX} is damaged.")
    return named


def _stage(
    packed: zipfile.ZipFile,
    entries: list[zipfile.ZipInfo],
    kind: str,
    artefact_id: str,
    staging: Path,
) -> _Arrival:
    """One artefact in the staging folder, each file as its manifests say."""
    place = staging / kind / artefact_id
    start = f"{kind}/{artefact_id}/"
    hashes = {}
    for entry in entries:
        inside = entry.filename.removeprefix(start)
        target = place / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        hashes[inside] = _copy(packed, entry, target)
    if files.MANIFEST not in hashes:
        raise DataError(f"{artefact_id} has no {files.MANIFEST} in this zip.")
    manifest = _manifest(place / files.MANIFEST)
    if (manifest.kind, manifest.id) != (kind, artefact_id):
        raise DataError(f"The manifest of {artefact_id} is for something else.")
    clean_name(manifest.name)
    _check(manifest.files, hashes, "", artefact_id)
    for inside in hashes:
        if inside.endswith(f"/{files.MANIFEST}"):
            folder = inside.removesuffix(files.MANIFEST)
            told = files.read_json(place / inside).get("files", {})
            _check(told, hashes, folder, artefact_id)
    return _Arrival(kind, artefact_id, place, manifest)


def _check(told: Any, hashes: Mapping[str, str], folder: str, artefact_id: str) -> None:
    """Raises: DataError when a file that a manifest names is missing or another one."""
    if not isinstance(told, Mapping):
        raise DataError(f"A manifest of {artefact_id} is damaged.")
    for name, entry in told.items():
        expected = entry.get("sha256") if isinstance(entry, Mapping) else None
        if expected is None or hashes.get(f"{folder}{name}") != expected:
            raise DataError(
                f"{folder}{name} of {artefact_id} is missing or damaged; pack your work again."
            )


def _take_over(workspace: Workspace, arrivals: list[_Arrival], owner: str) -> Opened:
    """Put what was checked on its shelves, ancestors first, under ids that are free."""
    new_ids: dict[str, str] = {}
    here_already = []
    coming = []
    for arrival in arrivals:
        present = workspace.extra_shelf(arrival.kind).find(arrival.id)
        if present is not None and present.id == arrival.id:
            if _same_content(present.folder, arrival.staged):
                here_already.append(arrival.id)
                continue
            new_ids[arrival.id] = f"{arrival.id[:56]}-{secrets.token_hex(3)}"
        coming.append(arrival)
    added = []
    for arrival in coming:
        shelf = workspace.extra_shelf(arrival.kind)
        manifest = _with_ids(replace(arrival.manifest, owner=owner), new_ids)
        files.write_json(arrival.staged / files.MANIFEST, manifest.to_json(), checked=True)
        files.move_folder(arrival.staged, shelf.folder / manifest.id)
        added.append(shelf.get(manifest.id))
    return Opened(tuple(added), tuple(here_already), new_ids)


def _same_content(present: Path, arriving: Path) -> bool:
    """Whether both folders hold the same, apart from who owns it and by which name."""

    def told(folder: Path) -> dict[str, Any]:
        found = files.file_entries(folder)
        return {name: entry for name, entry in found.items() if not name.endswith(".lock")}

    return told(present) == told(arriving)


def _with_ids(manifest: Manifest, new_ids: Mapping[str, str]) -> Manifest:
    parents = {
        role: Parent(new_ids.get(parent.id, parent.id), parent.sha256)
        for role, parent in manifest.parents.items()
    }
    details = {key: _renamed(value, new_ids) for key, value in manifest.details.items()}
    return replace(
        manifest, id=new_ids.get(manifest.id, manifest.id), parents=parents, details=details
    )


def _renamed(value: Any, new_ids: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return new_ids.get(value, value)
    if isinstance(value, list):
        return [_renamed(each, new_ids) for each in value]
    if isinstance(value, dict):
        return {key: _renamed(each, new_ids) for key, each in value.items()}
    return value


def _copy(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> str:
    """Unpack one file by blocks, at most as long as it says it is; gives its SHA-256."""
    digest = hashlib.sha256()
    length = 0
    with (
        _damage(entry.filename),
        files.disk_errors(target),
        packed.open(entry) as source,
        target.open("xb") as sink,
    ):
        while block := source.read(_BLOCK):
            length += len(block)
            if length > entry.file_size:
                raise DataError(f"{entry.filename[:80]!r} is longer than the zip says.")
            digest.update(block)
            sink.write(block)
    return digest.hexdigest()


def _small(packed: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    with _damage(info.filename), packed.open(info) as source:
        block = source.read(most + 1)
    if len(block) > most:
        raise DataError(f"{info.filename} is larger than {most / 2**20:.0f} MB.")
    return block


def _manifest(path: Path) -> Manifest:
    if path.stat().st_size > _MOST_MANIFEST_BYTES:
        raise DataError(f"A manifest is larger than {_MOST_MANIFEST_BYTES / 2**20:.0f} MB.")
    try:
        manifest = Manifest.from_json(files.read_json(path))
    except WorkspaceError as error:
        raise DataError(f"This zip is damaged: {error}") from None
    if manifest.schema > MANIFEST_SCHEMA:
        raise DataError("This work was made with a later version of the app; update this one.")
    return manifest


def _json(data: bytes, name: str) -> dict[str, Any]:
    try:
        values = json.loads(data)
    except (ValueError, RecursionError):
        raise DataError(f"{name} in this zip is damaged.") from None
    if not isinstance(values, dict):
        raise DataError(f"{name} in this zip is damaged.")
    return values
