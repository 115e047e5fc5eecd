"""What was taken out as one zip, packed on the disk, so that a large model needs no memory."""

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from slm import files

_LOOSE = frozenset({".safetensors", ".gguf", ".onnx", ".data"})
"""Files of weights: packing them takes time and saves hardly anything."""
_BLOCK = 1 << 20


def packed(folder: Path, also: Mapping[str, Path], beside: Path) -> BinaryIO:
    """A zip of the files below `folder`, under its name, and of others by their names in it.

    Open for reading, at its beginning, without a name on the disk of `beside`: it is gone when
    it is closed.

    Raises: DiskFullError when the disk has no room for it.
    """
    held = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    members = {name: path for name, path in {**held, **also}.items() if path.is_file()}
    files.require_space(beside, sum(path.stat().st_size for path in members.values()), "The zip")
    with tempfile.TemporaryFile(dir=beside) as stream:
        with files.disk_errors(beside), zipfile.ZipFile(stream, "w") as archive:
            _pack(archive, folder.name, members)
        stream.flush()
        reader = os.fdopen(os.dup(stream.fileno()), "rb")
    reader.seek(0)
    return reader


def _pack(archive: zipfile.ZipFile, top: str, members: Mapping[str, Path]) -> None:
    for name, path in members.items():
        info = zipfile.ZipInfo.from_file(path, f"{top}/{name}")
        loose = path.suffix in _LOOSE
        info.compress_type = zipfile.ZIP_STORED if loose else zipfile.ZIP_DEFLATED
        with path.open("rb") as source, archive.open(info, "w", force_zip64=True) as target:
            while block := source.read(_BLOCK):
                target.write(block)
