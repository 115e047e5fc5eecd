"""The end of a class: all that it made goes into an archive, and the room is empty again.

    archives/<date>-<class>/    one folder for each class
        Ada.zip …               each person's work, as they would have taken it home
        workshop/…              who was there, how far they came, what was begun with them
    as-it-was/<kind>/<id>   what no zip holds as it stands: damaged, or changed while packing
    jobs/<id>               what ran, with its log

First all heavy work of participants is stopped, with a checkpoint. Then everything is written
beside its final name, read back whole, and moved there at once; only then is anything removed,
and that only if it is still as it was packed. Ended in between, nothing is lost: the archive
stands, and the next try takes what is left. What the presenter made stays where it is, with all
that it was made from.
"""

import shutil
import time
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from slm import files, jobs
from slm.errors import DataError, JobError, WorkspaceError
from slm.jobs import Reporter, StoppedError, silent
from slm.owners import LOCAL_OWNER
from slm.workshop import archive, people, room
from slm.workshop import limits as shares
from slm.workspace import Artefact, Workspace

FOLDER = "archives"
PATIENCE_SECONDS = 120.0
_STAYS = frozenset({"room.json"})
_NO_NAME = str.maketrans(dict.fromkeys('<>:"/\\|?*.', "_"))


@dataclass(frozen=True)
class Closed:
    """What became of a class: where it lies, how many zips, and how many artefacts were removed."""

    folder: Path
    zips: tuple[str, ...]
    removed: int


def close_class(workspace: Workspace, report: Reporter = silent) -> Closed:
    """Archive what the participants made, then empty the room for the next class.

    The code changes, and no participant's cookie is valid any more; the presenter stays in, and
    so do the limits of all.

    Raises: RightsError for all but the presenter; JobError when work does not stop; DataError
    when the archive cannot be read back; WorkspaceError for a full disk. Nothing is removed then.
    """
    room.require_presenter(workspace.actor)
    report.plan({"stop": 1, "archive": 6, "empty": 1})
    with room.only_one(workspace, "closing"):
        report(None, "stopping what runs", stage="stop")
        _stop_work(workspace, report)
        place = _place(workspace, room.read(workspace).class_id)
        packed = {a.folder: _state(a.folder) for a in _to_remove(workspace)}
        zips = _archive(workspace, place, report)
        report(0.0, "emptying the room", stage="empty")
        return Closed(place, zips, _empty(workspace, place, packed, report))


def _archive(workspace: Workspace, place: Path, report: Reporter) -> tuple[str, ...]:
    """Everything at `place`, whole, or nothing; gives the names of the zips."""
    files.remove_staging(place.parent)  # of a try whose process was killed
    staged = place.with_name(f"{files.STAGING}{place.name}")
    makers = sorted({a.manifest.owner for a in _of_participants(workspace) if not a.problem})
    try:
        with files.disk_errors(staged):
            files.make_folder(staged)
        zips = tuple(_pack_all(workspace, makers, staged, report))
        _keep_records(workspace, staged)
        files.move_folder(staged, place)
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)
        raise
    return zips


def _of_participants(workspace: Workspace) -> list[Artefact]:
    """All that participants made, children before their parents."""
    shelves = [workspace.extra_shelf(kind) for kind in reversed(archive.SHELVES)]
    listed = [artefact for shelf in shelves for artefact in shelf.list()]
    return [a for a in listed if a.manifest.owner != LOCAL_OWNER and not a.read_only]


def _to_remove(workspace: Workspace) -> list[Artefact]:
    """What participants made, but for what the presenter's own work needs."""
    needed = {artefact.folder for artefact in archive.work_of(workspace, LOCAL_OWNER)}
    return [a for a in _of_participants(workspace) if a.folder not in needed]


def _state(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Name, bytes and time of change of each file, by which a later change is seen."""
    found = set()
    for path in folder.rglob("*"):
        if path.suffix != ".lock" and path.is_file():
            told = path.stat()
            found.add((str(path), told.st_size, told.st_mtime_ns))
    return frozenset(found)


def _stop_work(workspace: Workspace, report: Reporter) -> None:
    """End all jobs of participants; each saves what is sound first."""
    alive = [job for job in jobs.list_jobs(workspace) if job.owner != LOCAL_OWNER]
    alive = [job for job in alive if job.status().alive]
    for job in alive:
        job.stop()
    until = time.monotonic() + PATIENCE_SECONDS
    while any(job.is_alive() for job in alive):
        if report.should_stop():
            raise StoppedError
        if time.monotonic() > until:
            slow = next(job for job in alive if job.is_alive())
            raise JobError(
                f"{slow.name!r} does not stop. End it by its own button, then try again."
            )
        time.sleep(0.2)


def _place(workspace: Workspace, class_id: str) -> Path:
    day = f"{datetime.now(UTC):%Y-%m-%d-%H%M%S}-{class_id or 'class'}"
    place = workspace.root / FOLDER / day
    if place.exists():
        raise WorkspaceError(f"There is an archive {day!r} already; wait a second and try again.")
    return place


def _pack_all(
    workspace: Workspace, makers: list[str], staged: Path, report: Reporter
) -> Iterator[str]:
    """A zip for each, read back whole; gives their names."""
    known = people.names(workspace)
    needed = sum(archive.work_bytes(archive.work_of(workspace, owner)) for owner in makers)
    files.require_space(staged, needed, "The archive")
    for number, owner in enumerate(makers):
        name = f"{known.get(owner, owner).translate(_NO_NAME).strip() or owner}-{owner}.zip"
        report(number / len(makers), known.get(owner, owner), stage="archive")
        target = staged / name
        with files.disk_errors(target), target.open("xb") as sink:
            for block in archive.pack_work(workspace, owner):
                if report.should_stop():
                    raise StoppedError
                sink.write(block)
        _require_whole(target)
        yield name


def _require_whole(path: Path) -> None:
    """Read a zip again, every byte of it against its checksum."""
    try:
        with zipfile.ZipFile(path) as packed:
            broken = packed.testzip()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise DataError(
            f"{path.name} could not be read back: {error}. Nothing was removed."
        ) from None
    if broken is not None:
        raise DataError(f"{broken} in {path.name} could not be read back. Nothing was removed.")


def _keep_records(workspace: Workspace, staged: Path) -> None:
    """What the room remembers: people, progress, challenges, games, questions; no secrets."""
    place = room.folder(workspace)
    with files.disk_errors(staged):
        for path in sorted(place.rglob("*.json")):
            within = path.relative_to(place)
            if str(within) not in _STAYS and not within.name.startswith((".", files.STAGING)):
                target = staged / "workshop" / within
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def _empty(
    workspace: Workspace,
    place: Path,
    packed: Mapping[Path, frozenset[tuple[str, int, int]]],
    report: Reporter,
) -> int:
    """Remove what was archived as it stands; move to `place` what was not. Gives their number."""
    room.new_class(workspace)  # nobody of this class begins anything any more
    _stop_work(workspace, report)
    made = _to_remove(workspace)
    for artefact in made:
        kind = artefact.folder.parent.name
        if artefact.problem or packed.get(artefact.folder) != _state(artefact.folder):
            _move(artefact.folder, place / "as-it-was" / kind)
        else:
            workspace.extra_shelf(kind).delete(artefact.id)
    for job in jobs.list_jobs(workspace):
        if job.owner != LOCAL_OWNER:
            _move(job.folder, place / "jobs")
    people.forget_participants(workspace)
    for path in room.folder(workspace).iterdir():
        if path.is_dir() and path != people.folder(workspace):
            files.remove_folder(path)
    shares.change(workspace, lambda now: now.replace(people={}, first=(), paused=False))
    return len(made)


def _move(folder: Path, into: Path) -> None:
    with files.disk_errors(into):
        files.make_folder(into)
        folder.rename(into / folder.name)
