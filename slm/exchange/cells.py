"""Cells of words and of code, and the two files that they go into: a notebook and a script.

Knows the forms (nbformat 4.5; `# %%` marks a cell in a script, as editors understand it), not
what the cells tell. Foreign text in words goes through `said`; in code it is a literal.
"""

import re
import string
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

LINE = 96
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")
_ESCAPED = re.compile(rf"\\([{re.escape(string.punctuation)}])")
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


@dataclass(frozen=True)
class Cell:
    """Words in Markdown, or code in Python."""

    kind: Literal["markdown", "code"]
    text: str


def words(text: str) -> Cell:
    """A cell of words; paragraphs and list items may be broken over lines."""
    return Cell("markdown", textwrap.dedent(text).strip())


def code(text: str) -> Cell:
    """A cell of code."""
    return Cell("code", text.strip("\n"))


def said(text: str) -> str:
    r"""Foreign text for a cell of words: it appears as typed, on one line.

    >>> said("![x](y)")
    '\\!\\[x\\]\\(y\\)'
    """
    plain = _BREAKS.sub(" ", text.encode("utf-8", "replace").decode())
    return _PUNCTUATION.sub(r"\\\1", plain)


def as_script(cells: Sequence[Cell]) -> str:
    """One Python file: words as comments.

    >>> print(as_script([words("## Data"), code("x = 1")]))
    # %% [markdown]
    # ## Data
    <BLANKLINE>
    # %%
    x = 1
    <BLANKLINE>
    """
    parts = []
    for cell in cells:
        if cell.kind == "code":
            parts.append(f"# %%\n{cell.text}\n")
        else:
            plain = _ESCAPED.sub(r"\1", cell.text)
            lines = [line for each in plain.splitlines() for line in _wrapped(each)]
            told = "\n".join(f"# {line}".rstrip() for line in lines)
            parts.append(f"# %% [markdown]\n{told}\n")
    return "\n".join(parts)


def as_notebook(cells: Sequence[Cell]) -> dict[str, Any]:
    """The JSON of a Jupyter notebook, without outputs."""
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "cells": [_notebook_cell(number, cell) for number, cell in enumerate(cells, start=1)],
    }


def _notebook_cell(number: int, cell: Cell) -> dict[str, Any]:
    told: dict[str, Any] = {
        "cell_type": cell.kind,
        "id": f"cell-{number}",
        "metadata": {},
        "source": cell.text.splitlines(keepends=True),
    }
    return told | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})


def _wrapped(line: str) -> list[str]:
    hang = "  " if line.startswith("- ") else ""
    return textwrap.wrap(
        line, LINE, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
    ) or [""]
