"""The field's terms, each in one sentence: for the help that pages show on hover.

Reads `docs/tutorial/glossary.md`, so that pages and tutorial say the same. Knows no page.

An entry is a line `- **term** (other names, with commas): sentence`.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from ui.texts import tr

GLOSSARY = Path(__file__).parents[2] / "docs" / "tutorial" / "glossary.md"
_ENTRY = re.compile(r"- \*\*(?P<name>[^*]+)\*\*(?: \((?P<others>[^)]+)\))?: (?P<meaning>.+)")


class Term(NamedTuple):
    """One entry. `others` are names of the same thing."""

    name: str
    others: tuple[str, ...]
    meaning: str


def parse(markdown: str) -> tuple[Term, ...]:
    """The entries of a glossary, in order.

    >>> parse("- **byte-level BPE** (BPE): A way to cut.")
    (Term(name='byte-level BPE', others=('BPE',), meaning='A way to cut.'),)
    """
    found = (_ENTRY.fullmatch(line.rstrip()) for line in markdown.splitlines())
    return tuple(
        Term(entry["name"], _names(entry["others"]), entry["meaning"]) for entry in found if entry
    )


def terms() -> dict[str, str]:
    """Every term with its meaning, in the order of the chapters; other names left out."""
    return {tr(term.name): tr(term.meaning) for term in read()}


def meaning(term: str) -> str:
    """The sentence that explains a term, by any of its names, in any case.

    >>> meaning("BPE") == meaning("byte-level BPE")
    True

    Raises: KeyError for a term that the glossary lacks; a page that asks has a bug.
    """
    return _by_name()[term.casefold()]


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",")) if listed else ()


@cache
def read() -> tuple[Term, ...]:
    return parse(GLOSSARY.read_text(encoding="utf-8"))


@cache
def _by_name() -> Mapping[str, str]:
    """Meanings by every name in lower case. A term's own name goes before others' other names."""
    by_other = {
        key: tr(term.meaning) for term in read() for name in term.others for key in _keys(name)
    }
    by_name = {key: tr(term.meaning) for term in read() for key in _keys(term.name)}
    return MappingProxyType({**by_other, **by_name})


def _keys(name: str) -> set[str]:
    """Pages ask by the name that they show, and that is a text like others."""
    return {name.casefold(), tr(name).casefold()}
