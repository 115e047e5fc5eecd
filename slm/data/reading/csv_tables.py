"""CSV and TSV: lines into rows, with a delimiter and a header found by themselves.

Knows cells and quotation marks; which column is read is the business of `tables`.
"""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, count, islice

from slm.data.reading.content import Content, Tally
from slm.data.reading.decoding import open_text
from slm.data.reading.tables import (
    SAMPLE_CHARACTERS,
    SAMPLE_ROWS,
    PlacedRow,
    Table,
    columns_of,
    is_number,
    sampled,
)
from slm.data.reading.text_files import MAX_DOCUMENT

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}
_MAX_HEADER = 100  # characters; a longer cell is a text, not a name


def open_csv(content: Content, tally: Tally) -> Table:
    """A table with a header; what stands between cells is found by itself.

    Raises: DataError as `open_text`.
    """
    lines, encoding = open_text(content, tally)
    head = list(_first_lines(lines))
    delimiter = _delimiter(head, content.name)
    csv.field_size_limit(MAX_DOCUMENT)
    reader = csv.reader(chain(head, lines), delimiter=delimiter)
    first = _next_row(reader, 1, tally) or []
    names = _unique(first) if _is_header(first) else _numbered(len(first))
    start: list[PlacedRow] = []
    if not _is_header(first):
        start = [("row 1", dict(zip(names, first, strict=True)))]
    first_rows, rows = sampled(
        chain(start, _csv_rows(reader, names, tally, first_number=len(start) + 1))
    )
    return Table(content.name, columns_of(names, first_rows), first_rows, rows, encoding, delimiter)


def _first_lines(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in islice(lines, SAMPLE_ROWS):
        size += len(line)
        yield line
        if size > SAMPLE_CHARACTERS:
            return


def _delimiter(head: Sequence[str], name: str) -> str:
    """The sign that cuts the first lines into the same number of cells, the more the better."""
    csv.field_size_limit(MAX_DOCUMENT)
    best, delimiter = (0.0, 0), "\t" if name.lower().endswith(".tsv") else ","
    for candidate in DELIMITERS:
        reader = csv.reader(head, delimiter=candidate)
        widths = [len(row) for row in _sound_rows(reader) if row]
        usual = max(set(widths), key=widths.count, default=0)
        agreement = widths.count(usual) / len(widths) if widths else 0.0
        if usual > 1 and (agreement, usual) > best:
            best, delimiter = (agreement, usual), candidate
    return delimiter


def _sound_rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            yield next(reader)
        except csv.Error:
            continue
        except StopIteration:
            return


def _next_row(reader: Iterator[list[str]], number: int, tally: Tally) -> list[str] | None:
    """The next row that is not blank, [] at the end; None for one that cannot be read."""
    try:
        return next((cells for cells in reader if cells), [])
    except csv.Error as error:
        hint = " (is a quotation mark missing?)" if "field" in str(error) else ""
        tally.note(f"row {number:,}: {error}{hint}")
        return None


def _csv_rows(
    reader: Iterator[list[str]], names: Sequence[str], tally: Tally, first_number: int
) -> Iterator[PlacedRow]:
    for number in count(first_number):
        place = f"row {number:,}"
        cells = _next_row(reader, number, tally)
        if cells is None:
            yield place, None
        elif not cells:
            return
        elif any(cell.strip() for cell in cells[len(names) :]):
            tally.note(f"{place}: {len(cells)} cells for {len(names)} columns")
            yield place, None
        else:
            yield place, dict(zip(names, cells, strict=False))


def _is_header(cells: Sequence[str]) -> bool:
    """Whether these are names: short, filled, different, no numbers."""
    names = [cell.strip() for cell in cells]
    return (
        bool(names)
        and any(names)
        and all(len(name) <= _MAX_HEADER and "\n" not in name for name in names)
        and not any(is_number(name) for name in names)
    )


def _unique(cells: Sequence[str]) -> list[str]:
    """Names for columns, none blank, none twice.

    >>> _unique(["text", " ", "text"])
    ['text', 'column 2', 'text (column 3)']
    """
    names: dict[str, None] = {}
    for place, cell in enumerate(cells, start=1):
        name = cell.strip() or f"column {place}"
        names[f"{name} (column {place})" if name in names else name] = None
    return list(names)


def _numbered(n_columns: int) -> list[str]:
    return [f"column {place}" for place in range(1, n_columns + 1)]
