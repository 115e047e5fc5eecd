"""The verbs of a shared room: open it, take one's work home, open such a zip."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from slm.errors import WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.verbs.common import Context, Result, parse


@dataclass(frozen=True)
class Room:
    """Where the room is found."""

    port: Annotated[int, tyro.conf.arg(help="Port of the server, 1 to 65,535.")] = 8501
    address: str = "0.0.0.0"
    """Interface on which the server listens; 0.0.0.0 is all of them."""
    public_name: str = ""
    """Name or address by which people reach it, where a proxy stands before it."""


def open_room(arguments: Sequence[str], context: Context) -> Result:
    """Share this workspace with a room: addresses, the code at the door, the presenter's key."""
    from slm.workshop import addresses, room

    asked = parse(Room, open_room, arguments)
    urls = addresses.room_urls(asked.port, asked.address, asked.public_name)
    hosts = addresses.host_names(urls)
    opened, key, ticket = room.open_room(context.workspace, urls, hosts)
    return {
        "addresses": list(urls),
        "hosts": list(hosts),
        "code": opened.spoken_code,
        "presenter_key": room.in_groups(key),
        "presenter_link": addresses.presenter_link(f"http://localhost:{asked.port}", ticket),
        "qr": addresses.qr_lines(addresses.join_link(urls[0], opened.code)),
    }


@dataclass(frozen=True)
class Taken:
    """Whose work, and where the zip goes."""

    to: Path
    """The zip to write."""
    of: str = ""
    """Id or name of the person; default: whoever this computer belongs to."""
    overwrite: bool = False
    """Whether a file of that name is replaced."""


def take_home(arguments: Sequence[str], context: Context) -> Result:
    """Pack all that one person made, and what it was made from, into one zip."""
    from slm import files
    from slm.errors import RightsError
    from slm.jobs import StoppedError
    from slm.workshop import archive, people, rights

    asked = parse(Taken, take_home, arguments)
    here = context.workspace
    named = {name: person for person, name in people.names(here).items()}
    owner = named.get(asked.of, asked.of) or context.owner
    if not rights.is_presenter(here.actor) and owner != here.actor:
        raise RightsError("Everybody packs their own work; the presenter packs anybody's.")
    if asked.to.exists() and not asked.overwrite:
        raise WorkspaceError(f"{asked.to.name} is there already; name another file.")
    artefacts = archive.work_of(here, owner)
    files.require_space(_folder_of(asked.to), archive.work_bytes(artefacts), "This zip")
    staged = asked.to.with_name(f"{files.STAGING}{asked.to.name}")

    def packed(fraction: float) -> None:
        context.report(fraction, "packing")

    try:
        with files.disk_errors(asked.to), staged.open("wb") as sink:
            for block in archive.pack_work(here, owner, packed):
                if context.report.should_stop():
                    raise StoppedError
                sink.write(block)
        with files.disk_errors(asked.to):
            staged.replace(asked.to)
    finally:
        staged.unlink(missing_ok=True)
    n_bytes = asked.to.stat().st_size
    return {"file": str(asked.to.absolute()), "artefacts": len(artefacts), "bytes": n_bytes}


def _folder_of(path: Path) -> Path:
    folder = path.absolute().parent
    if not folder.is_dir():
        raise WorkspaceError(f"There is no folder {folder}; make it first.")
    return folder


@dataclass(frozen=True)
class Archive:
    """Which zip is opened."""

    file: tyro.conf.Positional[Path]
    """A zip that `take-home` or the Workshop page made."""


def open_archive(arguments: Sequence[str], context: Context) -> Result:
    """Put what a take-home zip holds into this workspace; its ids are kept where they are free."""
    from slm.workshop import opening

    asked = parse(Archive, open_archive, arguments)
    opened = opening.open_archive(
        context.workspace, asked.file, context.report, owner=context.owner or LOCAL_OWNER
    )
    return {
        "added": [f"{each.manifest.kind}/{each.id}" for each in opened.added],
        "names": [each.name for each in opened.added],
        "here_already": list(opened.here_already),
        "renamed": dict(opened.renamed or {}),
    }


@dataclass(frozen=True)
class Class:
    """The class that ends. It has no settings."""


def close_class(arguments: Sequence[str], context: Context) -> Result:
    """Put all that the participants made into an archive, and empty the room for the next class."""
    from slm.workshop import resetting

    parse(Class, close_class, arguments)
    closed = resetting.close_class(context.workspace, context.report)
    return {"folder": str(closed.folder), "zips": list(closed.zips), "removed": closed.removed}
