"""Files that a browser sent, kept until a job has read them.

    uploads/<sha256 of name and bytes>/<file name>

Knows bytes and names, and parses nothing; the same file sent twice is kept once. The name
counts, because its ending says how the bytes are read.
"""

import hashlib
import os
import re
import time
import unicodedata
from pathlib import Path

from slm import files, jobs
from slm.data.reading.formats import require_kind
from slm.errors import DataError, RightsError
from slm.workspace import Workspace

FOLDER = "uploads"
KEPT_DAYS = 7
PASTED = "Pasted text.txt"
_UNSAFE = re.compile(r"[^\w .()-]")
_HASH = re.compile(r"[0-9a-f]{64}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MAX_STEM = 80
_SPARE_BYTES = 50_000_000


def keep_upload(workspace: Workspace, filename: str, data: bytes | memoryview) -> Path:
    """Where the upload's bytes now are, for `PrepareConfig.source`.

    What it holds is for `ingest.preview` to find out.

    Raises:
        DataError: it is empty, or of a kind that is not read.
        WorkspaceError: the disk is full.
    """
    name = safe_name(filename)
    require_kind(name)
    if not len(data):
        raise DataError(f"{name} is empty. Choose a file that holds text.")
    return keep_bytes(workspace, name, data)


def keep_bytes(workspace: Workspace, name: str, data: bytes | memoryview) -> Path:
    """Where bytes that were sent now are, under a name that is safe; sent again they are young.

    Older uploads that nothing needs any more are removed.

    Raises: WorkspaceError when the disk is full.
    """
    folder = workspace.root / FOLDER / _hash_of(name, data)
    path = folder / name
    if path.exists():
        os.utime(folder)
    remove_old_uploads(workspace)
    if path.exists():
        return path
    workspace.root.mkdir(parents=True, exist_ok=True)
    files.require_space(workspace.root, len(data) + _SPARE_BYTES, name)
    folder.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, bytes(data))
    return path


def _hash_of(name: str, data: bytes | memoryview) -> str:
    digest = hashlib.sha256(f"{name}\0".encode())
    digest.update(data)
    return digest.hexdigest()


def find_upload(workspace: Workspace, digest: str) -> Path | None:
    """The upload with that hash, as an address names it; None when there is none."""
    if not _HASH.fullmatch(digest):
        return None
    folder = workspace.root / FOLDER / digest
    kept = sorted(path for path in folder.glob("*") if not path.name.startswith("."))
    return kept[0] if kept else None


def is_upload(path: Path) -> bool:
    """Whether the path is that of a kept upload, by its form.

    >>> is_upload(Path("w/uploads") / ("0a" * 32) / "tale.txt"), is_upload(Path("tale.txt"))
    (True, False)
    """
    folder = path.absolute().parent
    return folder.parent.name == FOLDER and _HASH.fullmatch(folder.name) is not None


def require_upload(path: Path, workspace: Workspace) -> None:
    """Let through a file that was sent here; a visitor may name no other path of this machine.

    Raises: RightsError for any other path.
    """
    sent = path.resolve().is_relative_to(workspace.root.resolve()) and is_upload(path)
    if not sent:
        raise RightsError("In a shared room, send a file instead of naming a path of this machine.")


def forget_upload(path: Path) -> None:
    """Remove an upload that turned out to be no use."""
    if is_upload(path):
        files.remove_folder(path.parent)


def remove_old_uploads(workspace: Workspace, days: float = KEPT_DAYS) -> int:
    """Remove uploads that were sent days ago and that no job needs; how many.

    A corpus keeps its own copy of the file. A job that ended well has read its upload;
    one that did not may be run again.
    """
    shelf = workspace.root / FOLDER
    if not shelf.is_dir():
        return 0
    before = time.time() - days * 86_400
    old = [
        folder
        for folder in shelf.iterdir()
        if _HASH.fullmatch(folder.name) and folder.stat().st_mtime < before
    ]
    if not old:
        return 0
    unfinished = [job for job in jobs.list_jobs(workspace) if job.status().state != "done"]
    needed = " ".join(argument for job in unfinished for argument in job.argv)
    unused = [folder for folder in old if folder.name not in needed]
    for folder in unused:
        files.remove_folder(folder)
    return len(unused)


def safe_name(filename: str) -> str:
    """The file's own name where a file system takes it: no folders, no odd signs, not too long.

    >>> safe_name("../../etc/my: notes.txt"), safe_name("CON.txt")
    ('my_ notes.txt', '_CON.txt')

    Raises: DataError when nothing is left of it.
    """
    whole = unicodedata.normalize("NFC", filename.encode(errors="replace").decode())
    bare = Path(whole.replace("\\", "/")).name
    stem, suffix = Path(bare).stem, Path(bare).suffix
    stem = _UNSAFE.sub("_", stem).strip(" .")[:_MAX_STEM]
    while len(stem.encode()) > 2 * _MAX_STEM:
        stem = stem[:-1]
    if not stem:
        raise DataError(f"The file name {filename!r} cannot be used. Give the file another name.")
    name = f"{stem}{_UNSAFE.sub('_', suffix.lower())[:12]}"
    return f"_{name}" if _RESERVED.fullmatch(name) else name
