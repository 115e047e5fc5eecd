"""Files that a browser sent, kept until a job has read them.

    uploads/<sha256>/<file name>

Knows bytes and names; the same file sent twice is kept once.
"""

import hashlib
import re
from pathlib import Path

from slm import files
from slm.data.text_files import decode_upload
from slm.errors import DataError
from slm.workspace import Workspace

FOLDER = "uploads"
_UNSAFE = re.compile(r"[^\w .()-]")
_MAX_STEM = 80


def keep_upload(workspace: Workspace, filename: str, data: bytes) -> Path:
    """Where the upload's bytes now are, for `PrepareConfig.source`.

    Raises:
        DataError: it holds no text (empty, blank, too short, binary).
        WorkspaceError: the disk is full.
    """
    decode_upload(data, filename)
    folder = workspace.root / FOLDER / hashlib.sha256(data).hexdigest()
    path = folder / safe_name(filename)
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        files.write_bytes(path, data)
    return path


def safe_name(filename: str) -> str:
    """The file's own name where a file system takes it: no folders, no odd signs, not too long.

    >>> safe_name("../../etc/my: notes.txt")
    'my_ notes.txt'

    Raises: DataError when nothing is left of it.
    """
    bare = Path(filename.replace("\\", "/")).name
    stem, suffix = Path(bare).stem, Path(bare).suffix
    stem = _UNSAFE.sub("_", stem).strip(" .")[:_MAX_STEM]
    while len(stem.encode()) > 2 * _MAX_STEM:
        stem = stem[:-1]
    if not stem:
        raise DataError(f"The file name {filename!r} cannot be used. Give the file another name.")
    return f"{stem}{_UNSAFE.sub('_', suffix.lower())[:12]}"
