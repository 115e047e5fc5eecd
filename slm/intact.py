"""Whether a file is still the one that its artefact's manifest names, by size and SHA-256.

Asked where a file is read whose bytes nothing else vouches for: one changed letter in a
vocabulary or one changed token would be believed. What no manifest names is let through.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import WorkspaceError

MOST_BYTES = 256 * 2**20
"""Of larger files the size is compared alone; training compares its tokens whole."""
_LEVELS = 3


def require_intact(path: Path) -> None:
    """Let through a file that is as it was when its artefact was made, or that is in none.

    Raises: WorkspaceError for one that is missing, cut or changed.
    """
    told = _told_of(path)
    if told is None:
        return
    try:
        found = path.stat()
        same = found.st_size == told.get("size") and (
            found.st_size > MOST_BYTES
            or told.get("sha256")
            == _hash(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        )
    except OSError as error:
        raise WorkspaceError(f"{path.name} cannot be read: {error.strerror}.") from None
    if not same:
        raise WorkspaceError(
            f"{path.name} has changed since it was made, so it is not used. Restore it, or make "
            "it again."
        )


def _told_of(path: Path) -> dict[str, Any] | None:
    """What the nearest manifest of an artefact says of this file."""
    for place in path.absolute().parents[:_LEVELS]:
        if not files.is_file(place / files.MANIFEST):
            continue
        try:
            manifest = files.read_json(place / files.MANIFEST)
        except WorkspaceError:  # whoever opens the artefact is told
            return None
        entries = manifest.get("files")
        told = isinstance(entries, dict) and entries.get(
            path.absolute().relative_to(place).as_posix()
        )
        if "kind" in manifest and isinstance(told, dict):
            return told
    return None


@lru_cache(maxsize=1024)
def _hash(path: Path, *version: int) -> str:
    """The file's hash, remembered until another file stands there."""
    del version
    return files.sha256_of(path)
