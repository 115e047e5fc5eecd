"""Zip archives: which members are read, and why the others are not. Nothing is unpacked to disk.

Knows an archive's list of members; their sizes are what the list says, and no more is
ever read of a member.
"""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO

from slm import zips
from slm.data.reading.content import Content, plain_name
from slm.data.reading.formats import kind_of
from slm.errors import DataError

MAX_MEMBERS = 20_000
_ENCRYPTED = 1
_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class Member:
    """A file of an archive. `left_out` says why it is not read, if it is not."""

    name: str
    size: int
    left_out: str | None
    info: zipfile.ZipInfo


def open_archive(content: Content) -> tuple[zipfile.ZipFile, list[Member]]:
    """The archive and its files in order; folders and what systems hide are left away.

    Raises: DataError when it is no zip, damaged, or holds too many files.
    """
    content.require_bytes()
    with zips.damage_as(
        lambda reason: DataError(
            f"{content.name} is a damaged zip archive ({reason}). Pack or download it again."
        )
    ):
        archive = zipfile.ZipFile(content.open())
        infos = archive.infolist()
        zips.require_inside(infos)
    if len(infos) > MAX_MEMBERS:
        raise DataError(
            f"{content.name} holds {len(infos):,} files; at most {MAX_MEMBERS:,} are read. "
            "Join them into fewer, or read the unpacked folder from the command line."
        )
    return archive, [_member(info) for info in infos if not _is_hidden(info)]


def require_size(name: str, members: list[Member], most: int | None) -> int:
    """The size of all the members that are read, unpacked.

    Raises: DataError when it is more than is allowed.
    """
    total = sum(member.size for member in members if member.left_out is None)
    if most is not None and total > most:
        raise DataError(
            f"{name} unpacks to {total / 1e6:,.0f} MB; an upload may hold {most / 1e6:,.0f} MB. "
            "Send fewer files, or read the unpacked folder from the command line."
        )
    return total


def member_content(archive: zipfile.ZipFile, member: Member, archive_name: str) -> Content:
    """A member as a file of its own."""

    def opened() -> IO[bytes]:
        with member_errors(member.name, archive_name):
            return archive.open(member.info)

    return Content(member.name, member.size, opened)


@contextmanager
def member_errors(name: str, archive_name: str) -> Iterator[None]:
    """Turn what a damaged or locked member raises into a DataError that names it."""
    with zips.damage_as(
        lambda reason: DataError(
            f"{name} in {archive_name} cannot be unpacked ({reason}). Pack it again."
        )
    ):
        yield


def _member(info: zipfile.ZipInfo) -> Member:
    return Member(plain_name(info.filename), info.file_size, _reason(info), info)


def _reason(info: zipfile.ZipInfo) -> str | None:
    path = PurePosixPath(info.filename.replace("\\", "/"))
    kind = kind_of(info.filename)
    if stat.S_ISLNK(info.external_attr >> 16):
        return "a link to another file"
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
        return "its name leads out of the archive"
    if info.flag_bits & _ENCRYPTED:
        return "locked with a password"
    if kind == "zip":
        return "an archive in an archive"
    if kind is None:
        return f"the ending {path.suffix.lower()!r} is not read" if path.suffix else "no ending"
    return None if info.file_size else "empty"


def _is_hidden(info: zipfile.ZipInfo) -> bool:
    parts = info.filename.replace("\\", "/").split("/")
    return info.is_dir() or any(part.startswith(_HIDDEN) and part != ".." for part in parts)
