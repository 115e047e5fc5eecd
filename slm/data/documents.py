"""Documents in Parquet: written in blocks, read in blocks, never all in memory.

Columns: id (place, from 0), text, source, split. Knows the form of the files;
not where the text is from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from slm.data.splitting import Split, position_of, split_of
from slm.errors import DataError

_PART = "part-0.parquet"
_GROUP_CHARACTERS = 8 * 2**20
_GROUP_DOCUMENTS = 4_096
_SPLIT_COLUMN = 3
_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "text": pa.large_string(),
    "source": pa.string(),
    "split": pa.dictionary(pa.int8(), pa.string()),
}
_SCHEMA = pa.schema(_COLUMNS)


class StoredDocument(NamedTuple):
    """A document of a corpus; id is its place, from 0."""

    id: int
    text: str
    source: str
    split: Split


@dataclass
class Counts:
    """How much a split holds."""

    documents: int = 0
    characters: int = 0
    bytes: int = 0

    def add(self, text: str, copies: int = 1) -> None:
        """Count a text in, or out with negative copies."""
        self.documents += copies
        self.characters += copies * len(text)
        self.bytes += copies * len(text.encode())


@dataclass
class DocumentWriter:
    """Writes documents below a folder and splits them as they come.

    Use it as a context: leaving closes the file.
    """

    folder: Path
    validation_fraction: float
    counts: dict[Split, Counts] = field(
        default_factory=lambda: {"train": Counts(), "val": Counts()}
    )
    _rows: list[StoredDocument] = field(default_factory=list)
    _held_characters: int = 0
    _file: Any = None
    _lowest: tuple[float, str] = (2.0, "")
    _highest: tuple[float, str] = (-1.0, "")

    def __enter__(self) -> Self:
        self.folder.mkdir()
        self._file = pq.ParquetWriter(self.folder / _PART, _SCHEMA, compression="zstd")
        return self

    def __exit__(self, *unused: object) -> None:
        self._file.close()

    @property
    def count(self) -> int:
        """Documents taken so far."""
        return sum(counts.documents for counts in self.counts.values())

    @property
    def has_two_texts(self) -> bool:
        """Whether at least two of the documents differ."""
        return self._lowest[0] < self._highest[0]

    def add(self, text: str, source: str) -> None:
        """Take one document; its split is decided by its text."""
        place = position_of(text)
        self._lowest = min(self._lowest, (place, text))
        self._highest = max(self._highest, (place, text))
        split = split_of(text, self.validation_fraction)
        self._rows.append(StoredDocument(self.count, text, source, split))
        self.counts[split].add(text)
        self._held_characters += len(text)
        if self._held_characters >= _GROUP_CHARACTERS or len(self._rows) >= _GROUP_DOCUMENTS:
            self._flush()

    def finish(self) -> tuple[int, Split] | None:
        """Close the file. Where a split is empty, the text whose hash is nearest moves to it,
        with its copies: how many documents, and where to."""
        assert self.has_two_texts
        self._flush()
        self._file.close()
        if all(counts.documents for counts in self.counts.values()):
            return None
        to: Split = "train" if self.counts["val"].documents else "val"
        text = self._lowest[1] if to == "val" else self._highest[1]
        copies = _move_text(self.folder / _PART, text, to)
        self.counts[to].add(text, copies)
        self.counts["train" if to == "val" else "val"].add(text, -copies)
        return copies, to

    def _flush(self) -> None:
        if self._rows:
            columns = zip(zip(*self._rows, strict=True), _SCHEMA, strict=True)
            arrays = [pa.array(list(values), column.type) for values, column in columns]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=_SCHEMA))
        self._rows, self._held_characters = [], 0


def read_columns(
    folder: Path, columns: list[str], start: int = 0
) -> Iterator[list[dict[str, Any]]]:
    """Blocks of rows in order; groups of rows that end before row `start` are skipped.

    Raises: DataError when the files are missing or damaged.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise DataError("The corpus has lost its documents. Prepare it again.")
    end = 0
    for path in paths:
        try:
            with pq.ParquetFile(path) as part:
                for group in range(part.num_row_groups):
                    end += part.metadata.row_group(group).num_rows
                    if end > start:
                        for batch in part.iter_batches(row_groups=[group], columns=columns):
                            yield batch.to_pylist()
        except (pa.ArrowException, OSError) as error:
            raise DataError(
                f"The corpus is damaged in {path.name} ({error}). Prepare it again."
            ) from error


def _move_text(path: Path, text: str, to: Split) -> int:
    """Give every document with that text another split, a group of rows at a time; how many."""
    copies = 0
    rewritten = path.with_suffix(".part")
    with (
        pq.ParquetFile(path) as old,
        pq.ParquetWriter(rewritten, _SCHEMA, compression="zstd") as new,
    ):
        for group in range(old.num_row_groups):
            table = old.read_row_group(group)
            rows = table.select(["text", "split"]).to_pylist()
            copies += sum(row["text"] == text for row in rows)
            splits = [to if row["text"] == text else row["split"] for row in rows]
            column = pa.array(splits, _SCHEMA.field("split").type)
            new.write_table(table.set_column(_SPLIT_COLUMN, _SCHEMA.field("split"), column))
    rewritten.replace(path)
    return copies
