"""Foreign text, names and figures as Markdown of a model card."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|!~$&])")
_ADDRESS = re.compile(r"(:(?=//)|(?<=www)\.|@)", re.IGNORECASE)
_NAME = re.compile(r"[\w.:/-]{1,128}")
_MOST_TEXT = 200


def plain(text: Any) -> str:
    r"""Foreign text for a line of Markdown: shown as it was typed, cut where it is long.

    >>> plain("<b>*x*</b>")
    '\\<b\\>\\*x\\*\\</b\\>'
    """
    line = " ".join(str(text).encode("utf-8", "replace").decode().split())
    cut = line if len(line) <= _MOST_TEXT else line[:_MOST_TEXT] + "…"
    return _ADDRESS.sub(r"\\\1", _MARKUP.sub(r"\\\1", cut))  # a link would hold the backslashes


def code(text: Any) -> str:
    """A name or a hash as code, where it is one; else as any foreign text.

    >>> code("unicode_nfc"), code("a`b"), code("")
    ('`unicode_nfc`', 'a\\\\`b', '')
    """
    told = str(text)
    return f"`{told}`" if _NAME.fullmatch(told) else plain(told)


def settings(values: Mapping[str, Any]) -> str:
    """A table of settings and their values; those that are None are left out."""
    rows = [(f"`{key}`", plain(_told(value))) for key, value in values.items() if value is not None]
    return table(("setting", "value"), rows)


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are Markdown already."""
    lines = [heads, ["-"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
