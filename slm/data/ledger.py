"""The ledger of a corpus: a record for where its text is from, for each rule, for the split.

    {"kind": "source", "source", "how_split", facts of the source, "originals": files as given}
    {"kind": "rule", "rule", "entry", "documents_touched", "characters_changed",
     "characters_removed", "documents_dropped", "examples": [[before, after, place, reason]]}
    {"kind": "split", "validation_fraction", "documents_moved", "moved_to",
     "documents_changed", "documents_removed": {rule: documents}, "restorable"}

Rules stand in the order in which they worked. How to get back what they took is told by
`removed`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slm import files
from slm.data.cleaning.cleaner import RuleReport
from slm.data.sources import OpenSource, Original
from slm.errors import DataError, WorkspaceError
from slm.intact import require_intact

LEDGER = "ledger.jsonl"
ORIGINAL = "original"


def write_ledger(
    corpus_folder: Path,
    source: str,
    opened: OpenSource,
    reports: list[RuleReport],
    originals: list[dict[str, Any]],
    split: Mapping[str, Any],
) -> None:
    """Write all records of a corpus that was just made."""
    path = corpus_folder / LEDGER
    facts = {**dict(opened.facts), **dict(opened.findings())}
    record = {"kind": "source", "source": source, "how_split": opened.how_split}
    files.append_record(path, {**record, **facts, "originals": originals})
    for report in reports:
        files.append_record(path, {"kind": "rule", **report.to_json()})
    files.append_record(path, {"kind": "split", **split})


def read_ledger(corpus_folder: Path) -> list[dict[str, Any]]:
    """The records, in order.

    Raises: DataError when the ledger is damaged: a lost line would hide what a rule did.
    """
    try:
        require_intact(corpus_folder / LEDGER)
    except WorkspaceError as error:
        raise DataError(f"The ledger of this corpus is damaged: {error}") from None
    return files.read_records(corpus_folder / LEDGER).records


def keep_originals(
    corpus_folder: Path, originals: tuple[Original, ...], keep: bool
) -> list[dict[str, Any]]:
    """Copy the given files into the corpus by their hash; what they were called, for the ledger."""
    kept = []
    if originals:
        (corpus_folder / ORIGINAL).mkdir()
    for original in originals:
        staged = corpus_folder / ORIGINAL / "incoming"
        digest, size = hashlib.sha256(), 0
        with staged.open("wb") as stream:
            for block in _blocks(original.content):
                digest.update(block)
                size += len(block)
                if keep:
                    stream.write(block)
        name = digest.hexdigest() + Path(original.name).suffix.lower()
        if keep:
            staged.replace(staged.with_name(name))
        else:
            staged.unlink()
        kept.append({"name": original.name, "sha256": digest.hexdigest(), "size": size})
    return kept


def _blocks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while block := stream.read(2**20):
            yield block
