"""JSON Lines: one object a line; a line that is none costs a sentence, not the file.

Knows JSON; which of an object's values is the text is the business of `tables`.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from slm.data.reading.content import Content, Tally
from slm.data.reading.decoding import open_text
from slm.data.reading.tables import PlacedRow, Table, columns_of, kind_of, sampled
from slm.errors import DataError


def open_json_lines(content: Content, tally: Tally) -> Table:
    """A table of one JSON object a line; a line that is a plain string is a text of its own.

    Raises: DataError when none of the first lines is an object; names the first problem.
    """
    lines, encoding = open_text(content, tally)
    first_rows, rows = sampled(_json_rows(lines, tally))
    if not first_rows and tally.problems:
        raise DataError(
            f"{content.name} is no JSON Lines file: {tally.problems[0]}. "
            'Each line must be an object such as {"text": "Once upon a time"}.'
        )
    names = list(dict.fromkeys(name for row in first_rows for name in row))
    return Table(content.name, columns_of(names, first_rows), first_rows, rows, encoding)


def _json_rows(lines: Iterable[str], tally: Tally) -> Iterator[PlacedRow]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        place = f"line {number:,}"
        try:
            value = _parsed(line)
        except RecursionError:
            tally.note(f"{place}: lists or objects are nested too deep")
            yield place, None
            continue
        except ValueError as error:
            tally.note(f"{place}: no JSON ({_brief(error)})")
            yield place, None
            continue
        if isinstance(value, str):
            value = {"text": value}
        if isinstance(value, dict):
            yield place, _named(value, line)
        else:
            tally.note(f"{place}: a {kind_of(value)}, not an object")
            yield place, None


def _parsed(line: str) -> Any:
    """The line's value. Numbers of thousands of digits are refused by Python; they stay text."""
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return json.loads(line, parse_int=str)


def _named(row: dict[str, Any], line: str) -> dict[str, Any]:
    """The row; halves of surrogate pairs in its names become "?", since names are shown."""
    if "\\ud" not in line and "\\uD" not in line:
        return row
    return {name.encode(errors="replace").decode(): cell for name, cell in row.items()}


def _brief(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.rstrip(':').removesuffix(' at')} at character {error.colno:,}"
    return str(error)[:120]
