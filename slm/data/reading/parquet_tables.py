"""Parquet: of a table on disk only the column that is read, a small block at a time.

Few bytes may declare many: texts that stand once in a dictionary and are meant a
million times. So cells become Python values one row at a time.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from slm.data.reading.content import Content
from slm.data.reading.tables import Column, PlacedRow, Table, choose_text_column, columns_of
from slm.errors import DataError

_BATCH_ROWS = 512
_SAMPLE_ROWS = 50
_SHOWN_COLUMNS = 40
_FOREIGN = (pa.ArrowException, OSError, ValueError)


def open_parquet(content: Content, wanted: str | None) -> Table:
    """A Parquet table, and of its rows the column that is wanted, or that holds the text.

    Raises: DataError when it is damaged, or lacks the wanted column.
    """
    try:
        source = pq.ParquetFile(content.open(), pre_buffer=False)
        schema = source.schema_arrow
    except _FOREIGN as error:
        raise _damaged(content, error) from None
    twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"{content.name} has several columns named {twice!r}. Give each a name of its own."
        )
    texts = [field.name for field in schema if _holds_text(field.type)]
    shown = [field.name for field in schema][:_SHOWN_COLUMNS]
    sample = _rows(content, shown, texts)
    first_rows = tuple(row for _, row in islice(sample, _SAMPLE_ROWS) if row is not None)
    columns = tuple(_declared(column, texts) for column in columns_of(shown, first_rows))
    read = choose_text_column(columns, wanted, content.name) if texts or wanted else None
    return Table(
        content.name,
        columns,
        first_rows,
        _rows(content, [read], texts) if read is not None else iter(()),
        n_rows=source.metadata.num_rows,
        text_bytes=_column_bytes(source.metadata, read),
    )


def _rows(content: Content, columns: Sequence[str], texts: Sequence[str]) -> Iterator[PlacedRow]:
    """Rows with these columns alone; columns of text stay dictionaries until a row is taken."""
    number = 0
    try:
        source = pq.ParquetFile(content.open(), pre_buffer=False, read_dictionary=list(texts))
        for batch in source.iter_batches(_BATCH_ROWS, columns=list(columns), use_threads=False):
            cells = [batch.column(name) for name in columns]
            for place in range(batch.num_rows):
                number += 1
                values = (_plain(column[place].as_py()) for column in cells)
                yield f"row {number:,}", dict(zip(columns, values, strict=True))
    except _FOREIGN as error:
        raise _damaged(content, error) from None


def _damaged(content: Content, error: Exception) -> DataError:
    words = (str(error).splitlines() or [""])[0][:200].rstrip(".")
    return DataError(
        f"{content.name} is a damaged Parquet file ({words}). Write or download it again."
    )


def _holds_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_kind = (
        *(pa.types.is_string, pa.types.is_large_string),
        *(pa.types.is_binary, pa.types.is_large_binary),
    )
    return any(check(kind) for check in is_kind)


def _declared(column: Column, texts: Sequence[str]) -> Column:
    """A column that the file declares to be text is text, though its first cells are no words."""
    if column.name in texts and column.kind != "text":
        return Column(column.name, "text", column.mean_characters)
    return column


def _column_bytes(metadata: Any, column: str | None) -> int | None:
    """How much text the file says the column holds."""
    if column is None:
        return None
    total = 0
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        parts = (row_group.column(place) for place in range(row_group.num_columns))
        total += sum(
            part.total_uncompressed_size for part in parts if part.path_in_schema == column
        )
    return total


def _plain(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
