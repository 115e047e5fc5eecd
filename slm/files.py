"""Files that are whole or absent: atomic writes, committed folders, checked lines.

Knows bytes and JSON, never what they mean. A commit is staged beside its place,
hashed, synced and renamed, so that a kill or a power cut at any moment leaves
either the old state or the new one.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from slm.errors import DiskFullError, WorkspaceError

MANIFEST = "manifest.json"
CRC = "crc"
"""The last key of lines and files that vouch for themselves."""
STAGING = ".tmp-"
TRASH = ".trash-"
_APPENDING = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_REPLACE_PATIENCE_SECONDS = 2.5


def _nothing_happens(name: str) -> None:
    del name


at_point: Callable[[str], None] = _nothing_happens
"""Called with the name of each step of a commit; fault tests put a killer here."""


def reach(name: str) -> None:
    """Say that the named step is about to happen (nothing, outside fault tests)."""
    at_point(name)


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` whole or not at all, and on the disk before returning.

    With `durable=False` readers still see the old bytes or the new, but a power
    cut may lose the new ones: for progress that is written again in a second.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    staged = path.with_name(f"{STAGING}{uuid4().hex[:8]}-{path.name}")
    try:
        with disk_errors(path):
            with staged.open("wb") as stream:
                stream.write(data)
                stream.flush()
                if durable:
                    _sync(stream.fileno())
            reach("file.replace")
            _replace(staged, path)
            if durable:
                _sync_folder(path.parent)
    finally:
        staged.unlink(missing_ok=True)


def write_json(
    path: Path, value: Mapping[str, Any], *, durable: bool = True, checked: bool = False
) -> None:
    """Put `value` at `path` as JSON, atomically. NaN and infinity are refused.

    With `checked`, its last key is a sum over the others, which `read_json` looks at and takes
    away: for files that no manifest vouches for, manifests themselves above all.
    """
    if checked:
        value = {**value, CRC: _sum_of(value)}
    text = json.dumps(value, ensure_ascii=True, indent=1, allow_nan=False)
    write_bytes(path, (text + "\n").encode(), durable=durable)


def is_file(path: Path) -> bool:
    """Whether a file lies there: no pipe, which would be waited for, and no path that is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # longer than the system takes, or with a NUL in it
        return False


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object at `path`.

    Raises: WorkspaceError when it is missing, cannot be read, is torn, or no object; and when
    it was written with a sum that does not fit what stands there now.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise WorkspaceError(f"{path.name} is missing in {path.parent.name}.") from None
    except OSError as error:
        raise WorkspaceError(
            f"{path.name} in {path.parent.name} cannot be read: {error.strerror}."
        ) from None
    except RecursionError:
        raise WorkspaceError(
            f"{path.name} in {path.parent.name} is nested too deeply to be read."
        ) from None
    except ValueError as error:  # no JSON, no UTF-8, or a number of thousands of digits
        raise WorkspaceError(f"{path.name} in {path.parent.name} is damaged: {error}.") from None
    if not isinstance(value, dict):
        raise WorkspaceError(f"{path.name} in {path.parent.name} holds no JSON object.")
    if value and next(reversed(value)) == CRC and isinstance(value[CRC], int):
        told = value.pop(CRC)
        if told != _sum_of(value):
            raise WorkspaceError(
                f"{path.name} in {path.parent.name} is damaged: it is not what was written there."
            )
    return value


class Records(NamedTuple):
    """Lines read from a checked file: the sound ones, where they end, how many were not."""

    records: list[dict[str, Any]]
    end: int
    damaged: int


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """Add one line to `path`: plain JSON whose last key, `crc`, checks the rest.

    One `write` call on a descriptor opened for appending, so that a reader sees
    whole lines, or at worst a torn last one, which it ignores. A line that a killed
    writer left torn is closed first, so that it takes no other line with it.

    Raises: WorkspaceError when the disk is full or refuses; the line is then not there.
    """
    line = _checked_line(record)
    reach("log.write")
    with disk_errors(path):
        descriptor = os.open(path, _APPENDING, 0o644)
        try:
            end = os.lseek(descriptor, 0, os.SEEK_END)
            if end and _last_byte(descriptor, end) != b"\n":
                line = b"\n" + line
            _write_whole(descriptor, line, end)
        finally:
            os.close(descriptor)


def sync_file(path: Path) -> None:
    """Let what was appended to `path` so far survive a power cut, its name in the folder too.

    Nothing happens where there is no such file.

    Raises: WorkspaceError when the disk refuses.
    """
    if path.exists():
        with disk_errors(path):
            _sync_file(path)
            _sync_folder(path.parent)


def keep_newest(path: Path, n_bytes: int) -> None:
    """Let a log that others append to hold at most about `n_bytes`, the newest.

    What is over that goes to `<name>.1`, in place of what was there, at most `n_bytes`
    too. Writers keep their descriptors, which must be open for appending; what they
    write in the instant between copy and cut may be lost.
    """
    if not path.exists() or path.stat().st_size <= n_bytes:
        return
    with path.open("rb+") as log:
        log.seek(-n_bytes, os.SEEK_END)
        older = log.read(n_bytes)
        write_bytes(older_part(path), older[older.find(b"\n") + 1 :], durable=False)
        log.truncate(0)


def older_part(path: Path) -> Path:
    """Where `keep_newest` puts what came before the lines in `path`."""
    return path.with_name(f"{path.name}.1")


def read_records(path: Path, offset: int = 0, at_most: int = -1) -> Records:
    """The sound records from byte `offset` on; `end` is where to go on next time.

    A torn last line is left for the next call; a damaged line is counted. `at_most` bytes are
    read at once; below 0, all there are.

    Raises: WorkspaceError when the file is there and cannot be read.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            block = stream.read(at_most)
    except FileNotFoundError:  # not yet written, or its folder was deleted meanwhile
        return Records([], 0, 0)
    except OSError as error:
        raise WorkspaceError(f"{path.name} cannot be read: {error.strerror}.") from None
    whole = block.rfind(b"\n") + 1
    parsed = [_parse_line(line) for line in block[:whole].splitlines()]
    sound = [record for record in parsed if record is not None]
    return Records(sound, offset + whole, len(parsed) - len(sound))


def cut_records(path: Path, keep: Callable[[dict[str, Any]], bool]) -> None:
    """Keep the records of `path` that satisfy `keep`; drop the others and a torn tail."""
    if path.exists():
        kept = [record for record in read_records(path).records if keep(record)]
        write_bytes(path, b"".join(_checked_line(record) for record in kept))


def sha256_of(path: Path) -> str:
    """The file's SHA-256 in hexadecimal, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def file_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and hash of every file below `folder`, the manifest left out."""
    return {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


@contextmanager
def commit_folder(
    final: Path, manifest: Callable[[Path], Mapping[str, Any]] | Mapping[str, Any] | None = None
) -> Iterator[Path]:
    """A staging folder that becomes `final` when the block ends without an error.

    The manifest is written last: the given fields, and `files` with size and
    SHA-256 of each. Any error leaves `final` as it was and removes the staging.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    staging = final.with_name(f"{STAGING}{final.name}-{uuid4().hex[:8]}")
    try:
        with disk_errors(final):
            make_folder(final.parent)
            staging.mkdir()
            reach("commit.staged")
            yield staging
            reach("commit.hash")
            fields = manifest(staging) if callable(manifest) else dict(manifest or {})
            for path in staging.rglob("*"):
                if path.is_file():
                    _sync_file(path)
                else:
                    _sync_folder(path)
            reach("commit.manifest")
            entries = file_entries(staging)
            write_json(staging / MANIFEST, {**fields, "files": entries}, checked=True)
            reach("commit.rename")
            _replace(staging, final)
            _sync_folder(final.parent)
            reach("commit.done")
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def move_folder(staged: Path, final: Path) -> None:
    """Let a folder that is ready appear at `final`, whole or not at all, and on the disk.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    with disk_errors(final):
        make_folder(final.parent)
        for path in [*staged.rglob("*"), staged]:
            if path.is_file():
                _sync_file(path)
            else:
                _sync_folder(path)
        _replace(staged, final)
        _sync_folder(final.parent)


def make_folder(folder: Path) -> None:
    """Make `folder` and those above it where they are missing, so that a power cut keeps them."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _sync_folder(made.parent)


def remove_folder(folder: Path) -> None:
    """Delete `folder`: renamed out of sight first, so that no reader sees half of it.

    Raises: WorkspaceError when the disk refuses.
    """
    if folder.exists():
        doomed = folder.with_name(f"{TRASH}{uuid4().hex[:8]}")
        with disk_errors(folder):
            _replace(folder, doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def remove_staging(folder: Path) -> None:
    """Clear what killed writers left half-made in `folder`. Call it as the only writer."""
    for left in [*folder.glob(f"{STAGING}*"), *folder.glob(f"{TRASH}*")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def require_space(folder: Path, n_bytes: int, what: str) -> None:
    """Raise a DiskFullError when the disk below `folder` has less than `n_bytes` free."""
    free = shutil.disk_usage(folder).free
    if free < n_bytes:
        raise DiskFullError(
            f"{what} needs {n_bytes / 1e6:,.0f} MB; the disk has {free / 1e6:,.0f} MB free. "
            "Delete what you no longer need in the Library, or free space elsewhere."
        )


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full, read-only or failing disk into a WorkspaceError that names `path`."""
    reasons = {
        errno.ENOSPC: "the disk is full; free some space",
        errno.EDQUOT: "your disk quota is used up; free some space",
        errno.EFBIG: "the disk takes no file of that size; choose another workspace folder",
        errno.EROFS: "the disk is read-only; choose another workspace folder",
        errno.EACCES: "writing is not permitted; choose another workspace folder",
        errno.EIO: "the disk reported an error; check it, or choose another workspace folder",
    }
    try:
        yield
    except OSError as error:
        if error.errno not in reasons:
            raise
        full = error.errno in {errno.ENOSPC, errno.EDQUOT}
        raise (DiskFullError if full else WorkspaceError)(
            f"{path.name} was not saved: {reasons[error.errno]}, then try again. "
            "What was saved before is unharmed."
        ) from error


def _sum_of(value: Mapping[str, Any]) -> int | None:
    """The sum over all the keys and values, however they are laid out; None for NaN among them."""
    try:
        return zlib.crc32(json.dumps(value, ensure_ascii=True, allow_nan=False).encode())
    except ValueError:
        return None


def _checked_line(record: Mapping[str, Any]) -> bytes:
    plain = {key: value for key, value in record.items() if key != CRC}
    body = json.dumps(plain, ensure_ascii=True, allow_nan=False)
    crc = zlib.crc32(body.encode())
    return f'{body[:-1]}{", " if plain else ""}"crc": {crc}}}\n'.encode()


def _parse_line(line: bytes) -> dict[str, Any] | None:
    """The record, or None when the line is no JSON object or its crc does not fit."""
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or _checked_line(record).rstrip() != line.rstrip():
            return None
    except (ValueError, RecursionError):
        return None
    del record[CRC]
    return record


def _write_whole(descriptor: int, line: bytes, end: int) -> None:
    """Append `line` to the file that was `end` bytes long, or nothing of it.

    A disk that fills up takes a part of the line without an error, and refuses the rest.
    """
    written = 0
    try:
        while written < len(line):
            written += os.write(descriptor, line[written:])
    except OSError:
        if written and os.fstat(descriptor).st_size == end + written:
            os.ftruncate(descriptor, end)
        raise


def _last_byte(descriptor: int, end: int) -> bytes:
    os.lseek(descriptor, end - 1, os.SEEK_SET)
    return os.read(descriptor, 1)


def _sync_file(path: Path) -> None:
    with path.open("rb+" if sys.platform == "win32" else "rb") as stream:
        _sync(stream.fileno())


def _sync(descriptor: int) -> None:
    """Ask for the bytes to be on the disk, past the drive's own cache where macOS keeps one."""
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _replace(source: Path, target: Path) -> None:
    """Rename over `target`; on Windows a reader may hold it open for a moment, so retry."""
    deadline = time.monotonic() + _REPLACE_PATIENCE_SECONDS
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
