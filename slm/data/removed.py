"""What cleaning took out of a corpus, and the way back to the texts as they came.

    removed/part-0.parquet   place (among all documents as they came, from 0), text (as it
                             came), source, rule, reason; only where something was dropped

A text that was changed stands beside the new one, in the column `original` of the
documents. Knows places and texts, not rules.
"""

import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from slm.data.documents import RowWriter, read_columns
from slm.data.sources import Document

REMOVED = "removed"
BLANK = "blank"
"""The rule that a document names which has no text, or none was left of it."""

_COLUMNS: dict[str, pa.DataType] = {
    "place": pa.int64(),
    "text": pa.large_string(),
    "source": pa.string(),
    "rule": pa.dictionary(pa.int16(), pa.string()),
    "reason": pa.string(),
}
_SCHEMA = pa.schema(_COLUMNS)


class RemovedDocument(NamedTuple):
    """A document that a rule dropped: its place as it came, from 0, and the rule's reason."""

    place: int
    text: str
    source: str
    rule: str
    reason: str


def removed_writer(corpus_folder: Path) -> RowWriter:
    """Takes the fields of `RemovedDocument`s in their order; a context."""
    return RowWriter(corpus_folder / REMOVED, _SCHEMA)


def read_removed(
    corpus_folder: Path, rule: str | None = None, *, start: int = 0, limit: int | None = None
) -> Iterator[RemovedDocument]:
    """The dropped documents in their order, of one rule or of all.

    `start` (0 is the first) and `limit` count those that are given.

    Raises: DataError when the file is damaged.
    """
    folder = corpus_folder / REMOVED
    if not folder.is_dir():
        return
    columns = list(RemovedDocument._fields)
    rows = (row for block in read_columns(folder, columns) for row in block)
    found = (RemovedDocument(**row) for row in rows if rule is None or row["rule"] == rule)
    yield from islice(found, start, None if limit is None else start + limit)


def in_first_order(
    kept: Iterator[Document], removed: Iterator[RemovedDocument]
) -> Iterator[Document]:
    """The documents that were kept and those that were dropped, as they came."""
    place = 0
    gone = next(removed, None)
    while True:
        if gone is not None and gone.place == place:
            yield Document(gone.text, gone.source)
            gone = next(removed, None)
        else:
            document = next(kept, None)
            if document is None:
                return
            yield document
        place += 1


def json_lines(removed: Iterator[RemovedDocument], most_bytes: int = 25_000_000) -> bytes:
    """Dropped documents as JSON Lines, a document a line, until so many bytes are full."""
    lines = io.BytesIO()
    for document in removed:
        line = json.dumps(document._asdict(), ensure_ascii=False).encode()
        if lines.tell() + len(line) > most_bytes:
            break
        lines.write(line + b"\n")
    return lines.getvalue()
