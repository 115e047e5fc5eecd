"""Which column of a data set holds text, and how a cell of it becomes one string.

Knows rows as plain Python values; neither the Hub nor its libraries.
"""

from collections.abc import Mapping
from typing import Any

from slm.data.text_columns import usual_column
from slm.errors import DataError

TEXT = "text"
CONVERSATION = "conversation"
USABLE = (TEXT, CONVERSATION)
_TURN_KEYS = (("role", "content"), ("from", "value"))


def find_text_column(columns: Mapping[str, str], wanted: str | None = None) -> str:
    """The column that holds the text; columns maps each name to its kind.

    Without a wish: a text with a usual name (`text_columns`), else the only conversation, else
    the only text. Among several texts none is guessed: of one row nobody saw, lengths say little.

    >>> find_text_column({"id": "number", "summary": "text"})
    'summary'

    Raises:
        DataError: none fits; names the columns.
    """
    listed = ", ".join(f"{name!r} ({kind})" for name, kind in columns.items()) or "none"
    if wanted:
        if columns.get(wanted) in USABLE:
            return wanted
        what = f"holds no text but {columns[wanted]}" if wanted in columns else "does not exist"
        raise DataError(f"Column {wanted!r} {what}. The data set's columns are: {listed}.")
    texts = [name for name, kind in columns.items() if kind == TEXT]
    if usual := usual_column(texts):
        return usual
    for found in ([n for n, kind in columns.items() if kind == CONVERSATION], texts):
        if len(found) == 1:
            return found[0]
    raise DataError(
        f"Which column holds the text? The data set's columns are: {listed}. Name one of them."
    )


def kinds_of_row(row: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Each column's kind by a row's values; fields of a nested column are `column.field`.

    >>> kinds_of_row({"id": 7, "translation": {"de": "ja"}})
    {'id': 'number', 'translation': 'nested', 'translation.de': 'text'}
    """
    kinds = {}
    for name, value in row.items():
        kinds[prefix + name] = _kind_of_value(value)
        if isinstance(value, Mapping):
            kinds |= kinds_of_row(value, f"{prefix}{name}.")
    return kinds


def cell(row: Mapping[str, Any], column: str) -> Any:
    """The value of a column, or of a field in a nested one; None where it is missing.

    >>> cell({"translation": {"de": "ja"}}, "translation.de")
    'ja'
    """
    if column in row:
        return row[column]
    head, _, rest = column.partition(".")
    inner = row.get(head)
    return cell(inner, rest) if rest and isinstance(inner, Mapping) else None


def text_of(value: Any) -> str:
    r"""A cell as one text; empty where it holds none.

    A conversation becomes its turns, each as `role: content`, a blank line between them.

    >>> text_of([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}])
    'user: Hi\n\nassistant: Hello'
    """
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return ""
    turns = [_turn(turn) for turn in value if isinstance(turn, Mapping)]
    return "\n\n".join(f"{role}: {said}" for role, said in turns if said)


def _turn(turn: Mapping[str, Any]) -> tuple[str, str]:
    for role, said in _TURN_KEYS:
        if isinstance(turn.get(said), str):
            return str(turn.get(role) or "speaker"), turn[said]
    return "", ""


def is_turn(fields: Mapping[str, Any]) -> bool:
    """Whether a record with these fields is one turn of a conversation."""
    return any({role, said} <= fields.keys() for role, said in _TURN_KEYS)


def _kind_of_value(value: Any) -> str:
    if isinstance(value, str):
        return TEXT
    if isinstance(value, bool | int | float):
        return "number"
    if isinstance(value, Mapping):
        return "nested"
    if isinstance(value, list):
        first = value[0] if value else None
        if isinstance(first, Mapping) and is_turn(first):
            return CONVERSATION
        return "list"
    return "empty" if value is None else type(value).__name__
