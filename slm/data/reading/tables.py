"""Tables into texts: which column holds the text, and what a row that does not fit costs.

A row is a document. Knows columns and rows, not what kind of file they are in
(`csv_tables`, `json_lines`, `parquet_tables`); one row is in memory at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from slm.data.reading.content import Tally
from slm.data.reading.text_files import MAX_DOCUMENT
from slm.data.text_columns import usual_column
from slm.errors import DataError

SAMPLE_ROWS = 200
SAMPLE_CHARACTERS = 2**20
LISTED_COLUMNS = 20

Row = Mapping[str, Any]
PlacedRow = tuple[str, Row | None]
"""Where a row stands (`row 17`), and the row; None for one that cannot be read."""


@dataclass(frozen=True)
class Column:
    """A column as its first rows show it. `mean_characters` is that of its filled cells."""

    name: str
    kind: str
    mean_characters: float = 0.0

    @property
    def is_text(self) -> bool:
        """Whether its cells are words."""
        return self.kind == "text"


@dataclass(frozen=True)
class Table:
    """A table opened: its columns, its first rows, and the rows, to be read once.

    `rows` are pairs of a place ("row 17") and the row, None where the row cannot be
    read; the tally has been told why. `delimiter` is that of a CSV.
    """

    name: str
    columns: tuple[Column, ...]
    first_rows: tuple[Row, ...]
    rows: Iterator[PlacedRow]
    encoding: str | None = None
    delimiter: str | None = None
    n_rows: int | None = None
    text_bytes: int | None = None


def choose_text_column(columns: Sequence[Column], wanted: str | None, name: str) -> str:
    """The column that holds the text: the wanted one, a usual name (`text_columns`), else the
    only text, or the one whose cells are longest in the first rows.

    >>> choose_text_column([Column("id", "number"), Column("Tale", "text", 900)], None, "a.csv")
    'Tale'

    Raises:
        DataError: there is none such; names the columns.
    """
    if wanted is not None:
        if wanted in {column.name for column in columns}:
            return wanted
        raise DataError(f"{name} has no column {wanted!r}. {_listed(columns)}")
    texts = [column for column in columns if column.is_text]
    if usual := usual_column([column.name for column in texts]):
        return usual
    if texts:
        return max(texts, key=lambda column: column.mean_characters).name
    raise DataError(f"{name} has no column of text. {_listed(columns)}")


def texts_of(table: Table, column: str, tally: Tally) -> Iterator[str]:
    """The texts of one column, row by row; rows without text are left out and counted."""
    for place, row in table.rows:
        if row is None:
            tally.rows_skipped += 1
            continue
        text = row.get(column)
        if not isinstance(text, str) or not text.strip():
            tally.rows_skipped += 1
            tally.note(f"{place}: no text in column {column!r}")
            continue
        tally.rows_kept += 1
        if len(text) > MAX_DOCUMENT:
            tally.documents_cut += 1
            yield from (text[at : at + MAX_DOCUMENT] for at in range(0, len(text), MAX_DOCUMENT))
        else:
            yield text


def sampled(rows: Iterator[PlacedRow]) -> tuple[tuple[Row, ...], Iterator[PlacedRow]]:
    """The first rows that can be read, and all rows."""
    held: list[PlacedRow] = []
    size = 0
    for place, row in rows:
        held.append((place, row))
        size += sum(len(cell) for cell in (row or {}).values() if isinstance(cell, str))
        if len(held) >= SAMPLE_ROWS or size > SAMPLE_CHARACTERS:
            break
    return tuple(row for _, row in held if row is not None), chain(held, rows)


def columns_of(names: Sequence[str], rows: Sequence[Row]) -> tuple[Column, ...]:
    """What the first rows say of each column."""
    return tuple(_column(name, [row.get(name) for row in rows]) for name in names)


def _column(name: str, cells: Sequence[Any]) -> Column:
    filled = [cell for cell in cells if cell is not None and cell != ""]
    if not filled:
        return Column(name, "empty")
    kinds = [kind_of(cell) for cell in filled]
    lengths = [len(cell) if isinstance(cell, str) else 0 for cell in filled]
    return Column(name, max(set(kinds), key=kinds.count), sum(lengths) / len(lengths))


def kind_of(value: Any) -> str:
    """What a cell holds: text, number, yes or no, list, object."""
    if isinstance(value, str):
        return "number" if is_number(value) else "text"
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "object" if isinstance(value, dict) else type(value).__name__


def is_number(text: str) -> bool:
    """Whether a cell of letters is a number.

    >>> is_number("1,024.5"), is_number("Call me")
    (True, False)
    """
    text = text.strip()
    if len(text) > 40 or not text:
        return False
    try:
        float(text.replace(",", ""))
    except ValueError:
        return False
    return True


def _listed(columns: Sequence[Column]) -> str:
    names = ", ".join(repr(column.name[:60]) for column in columns[:LISTED_COLUMNS])
    more = f" and {len(columns) - LISTED_COLUMNS} more" if len(columns) > LISTED_COLUMNS else ""
    return f"Its columns are: {names or 'none'}{more}. Name the one to read (text column)."
