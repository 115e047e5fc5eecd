"""One's own work as a zip, and what was made from what, so that it is whole at home.

    take-home.json     what is in it: kind, id, name and digest of each, ancestors first
    <kind>/<id>/…      each artefact's files, its manifest as it stands

The zip is made while it is sent: a block at a time, in bounded memory, with no copy on the
disk. Ancestors that others own come along, because a run without its tokenizer cannot speak.
`opening.py` reads it again.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from slm.errors import DataError
from slm.workspace import KINDS, Artefact, Workspace, committed_together

SCHEMA = 1
INDEX = "take-home.json"
SHELVES = (*(kind for kind in KINDS if kind != "jobs"), "experiments")
"""What is taken home, in an order in which ancestors mostly come first."""
_BLOCK = 1 << 20
_PACKED_ALREADY = frozenset({".safetensors", ".parquet", ".npz", ".zip", ".gguf"})


def work_of(workspace: Workspace, owner: str) -> list[Artefact]:
    """What this owner made, and all that it was made from, ancestors first."""
    listed = [a for kind in SHELVES for a in workspace.extra_shelf(kind).list() if not a.problem]
    known = {artefact.id: artefact for artefact in reversed(listed)}
    found: dict[str, Artefact] = {}

    def take(artefact: Artefact, below: frozenset[str]) -> None:
        for parent in artefact.manifest.parents.values():
            if parent.id in known and parent.id not in below:
                take(known[parent.id], below | {artefact.id})
        found.setdefault(artefact.id, artefact)

    for artefact in listed:
        if artefact.manifest.owner == owner and not artefact.read_only:
            take(artefact, frozenset({artefact.id}))
    return list(found.values())


def work_bytes(artefacts: Sequence[Artefact]) -> int:
    """Bytes on the disk of all these; the zip is about as large."""
    sizes = 0
    for artefact in artefacts:
        for path in artefact.folder.rglob("*"):
            try:
                sizes += path.stat().st_size if path.is_file() else 0
            except FileNotFoundError:  # a checkpoint was dropped meanwhile
                continue
    return sizes


def pack_work(
    workspace: Workspace, owner: str, report: Callable[[float], None] = lambda fraction: None
) -> Iterator[bytes]:
    """The zip in blocks. `report` hears which share of the artefacts is packed.

    A run in training goes on meanwhile; a checkpoint that it drops is left out whole.

    Raises: DataError when this owner has made nothing.
    """
    artefacts = work_of(workspace, owner)
    if not any(artefact.manifest.owner == owner for artefact in artefacts):
        raise DataError("There is nothing to take home yet: you have made nothing here so far.")
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        packed.writestr(INDEX, json.dumps(_index(artefacts), indent=1))
        for number, artefact in enumerate(artefacts):
            for unit in committed_together(artefact.folder):
                yield from _pack_unit(packed, sink, artefact, unit)
            report((number + 1) / len(artefacts))
    yield sink.take()


def _pack_unit(
    packed: zipfile.ZipFile, sink: "_Sink", artefact: Artefact, unit: Sequence[Any]
) -> Iterator[bytes]:
    opened = []
    try:
        try:  # an open file stays readable when its folder is dropped
            for path in unit:
                opened.append((path, path.open("rb")))
        except FileNotFoundError:
            return
        for path, content in opened:
            place = f"{artefact.manifest.kind}/{artefact.id}"
            entry = zipfile.ZipInfo(f"{place}/{path.relative_to(artefact.folder).as_posix()}")
            stored = path.suffix in _PACKED_ALREADY
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            with packed.open(entry, "w", force_zip64=True) as target:
                while block := content.read(_BLOCK):
                    target.write(block)
                    yield sink.take()
        yield sink.take()
    finally:
        for _, content in opened:
            content.close()


def _index(artefacts: Sequence[Artefact]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "packed": datetime.now(UTC).isoformat(timespec="seconds"),
        "artefacts": [
            {
                "kind": artefact.manifest.kind,
                "id": artefact.id,
                "name": artefact.name,
                "digest": artefact.manifest.digest,
            }
            for artefact in artefacts
        ],
    }


class _Sink:
    """Takes what the zip writes and gives it on; nothing can be read back or rewritten."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []

    def write(self, block: bytes) -> int:
        self._blocks.append(bytes(block))
        return len(block)

    def flush(self) -> None:
        return

    def close(self) -> None:
        return

    def take(self) -> bytes:
        """What was written since the last time."""
        blocks, self._blocks = self._blocks, []
        return b"".join(blocks)
