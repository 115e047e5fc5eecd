"""Documents in Parquet: written in blocks, read in blocks, never all in memory.

Columns: id (place, from 0), text, source, split, original (the text as it came, where
cleaning changed it; corpora of earlier versions have no such column). Knows the form of
the files; not where the text is from.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from slm.data.splitting import Split, position_of
from slm.errors import DataError, WorkspaceError
from slm.intact import require_intact

_PART = "part-0.parquet"
_GROUP_CHARACTERS = 8 * 2**20
_GROUP_DOCUMENTS = 4_096
_SPLIT_COLUMN = 3
_COLUMNS: dict[str, pa.DataType] = {
    "id": pa.int64(),
    "text": pa.large_string(),
    "source": pa.string(),
    "split": pa.dictionary(pa.int8(), pa.string()),
    "original": pa.large_string(),
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
        self.bytes += copies * utf8_bytes(text)


@dataclass
class RowWriter:
    """Writes rows of a schema to one Parquet file below a folder, a group at a time.

    Use it as a context: leaving closes the file. Without a row there is no folder.
    """

    folder: Path
    schema: pa.Schema
    count: int = 0
    _rows: list[tuple[Any, ...]] = field(default_factory=list)
    _held_characters: int = 0
    _file: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: tuple[Any, ...], characters: int) -> None:
        """Take one row that holds about so many characters."""
        self._rows.append(row)
        self.count += 1
        self._held_characters += characters
        if self._held_characters >= _GROUP_CHARACTERS or len(self._rows) >= _GROUP_DOCUMENTS:
            self._flush()

    def close(self) -> None:
        """Write what is held and end the file."""
        self._flush()
        if self._file is not None:
            self._file.close()

    def _flush(self) -> None:
        if self._rows:
            if self._file is None:
                self.folder.mkdir()
                path = self.folder / _PART
                self._file = pq.ParquetWriter(path, self.schema, compression="zstd")
            columns = zip(zip(*self._rows, strict=True), self.schema, strict=True)
            arrays = [pa.array(values, column.type) for values, column in columns]
            self._file.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
        self._rows, self._held_characters = [], 0


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
    _writer: RowWriter = field(init=False)
    _lowest: tuple[float, str] = (2.0, "")
    _highest: tuple[float, str] = (-1.0, "")

    def __post_init__(self) -> None:
        self._writer = RowWriter(self.folder, _SCHEMA)

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        self._writer.__exit__(*unused)

    @property
    def count(self) -> int:
        """Documents taken so far."""
        return self._writer.count

    @property
    def has_two_texts(self) -> bool:
        """Whether at least two of the documents differ."""
        return self._lowest[0] < self._highest[0]

    def add(self, text: str, source: str, original: str | None = None) -> None:
        """Take one document; its split is decided by its text.

        `original` is the text as it came, where that is to be kept and differs.
        """
        place = position_of(text)
        if place < self._lowest[0]:
            self._lowest = (place, text)
        if place > self._highest[0]:
            self._highest = (place, text)
        split: Split = "val" if place < self.validation_fraction else "train"
        self.counts[split].add(text)
        row = (self._writer.count, text, source, split, original)
        self._writer.add(row, len(text) + len(original or ""))

    def finish(self) -> tuple[int, Split] | None:
        """Close the file. Where a split is empty, the text whose hash is nearest moves to it,
        with its copies: how many documents, and where to."""
        assert self.has_two_texts
        self._writer.close()
        if all(counts.documents for counts in self.counts.values()):
            return None
        to: Split = "train" if self.counts["val"].documents else "val"
        text = self._lowest[1] if to == "val" else self._highest[1]
        copies = _move_text(self.folder / _PART, text, to)
        self.counts[to].add(text, copies)
        self.counts["train" if to == "val" else "val"].add(text, -copies)
        return copies, to


def utf8_bytes(text: str) -> int:
    """The size of a text in UTF-8.

    >>> utf8_bytes("né")
    3
    """
    return len(text) if text.isascii() else len(text.encode())


def read_columns(
    folder: Path, columns: list[str], start: int = 0
) -> Iterator[list[dict[str, Any]]]:
    """Blocks of rows in order; groups of rows that end before row `start` are skipped.

    A column that the files do not have yet is None in every row.

    Raises: DataError when the files are missing or damaged.
    """
    paths = sorted(folder.glob("*.parquet"))
    if not paths:
        raise DataError("The corpus has lost its documents. Prepare it again.")
    end = 0
    for path in paths:
        try:
            require_intact(path)
            with pq.ParquetFile(path) as part:
                held = [name for name in columns if name in part.schema_arrow.names]
                if not held:
                    raise DataError(f"The corpus is damaged in {path.name}. Prepare it again.")
                lacking = dict.fromkeys(name for name in columns if name not in held)
                for group in range(part.num_row_groups):
                    end += part.metadata.row_group(group).num_rows
                    if end > start:
                        for batch in part.iter_batches(row_groups=[group], columns=held):
                            rows = batch.to_pylist()
                            yield [row | lacking for row in rows] if lacking else rows
        except WorkspaceError as error:
            raise DataError(f"The corpus is damaged in {path.name}: {error}") from None
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
