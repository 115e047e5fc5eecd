"""A file as its reader sees it, and the tally of what became of it.

Knows a name, a size and bytes; not what kind of file it is, nor where it lies.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from slm.errors import DataError

MAX_PROBLEMS = 20
_MAX_NAME = 240
_COUNTS = (
    "files_read",
    "files_skipped",
    "rows_kept",
    "rows_skipped",
    "pages_without_text",
    "replaced_characters",
    "lines_cut",
    "documents_cut",
)


@dataclass(frozen=True)
class Content:
    """One file's bytes, to be opened as often as needed. `name` is foreign text."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]

    @classmethod
    def of_path(cls, path: Path, name: str | None = None) -> "Content":
        """A file of the disk."""
        return cls(name or plain_name(path.name), path.stat().st_size, lambda: path.open("rb"))

    @classmethod
    def of_bytes(cls, data: bytes, name: str) -> "Content":
        """Bytes in memory."""
        return cls(name, len(data), lambda: io.BytesIO(data))

    def whole(self) -> bytes:
        """All the bytes at once, for kinds that cannot be read in blocks."""
        with self.open() as stream:
            return stream.read()

    def require_bytes(self) -> None:
        """Raises: DataError when it is empty."""
        if not self.size:
            raise DataError(f"{self.name} is empty. Choose a file that holds text.")


@dataclass
class Tally:
    """What was kept and what was not, counted while files are read.

    `problems` are sentences with a place, the first few of them.
    """

    files_read: int = 0
    files_skipped: int = 0
    rows_kept: int = 0
    rows_skipped: int = 0
    pages_without_text: int = 0
    replaced_characters: int = 0
    lines_cut: int = 0
    documents_cut: int = 0
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Keep a sentence, unless there are many already."""
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def add(self, other: "Tally") -> None:
        """Count in what another reader has found."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for problem in other.problems:
            self.note(problem)

    def facts(self) -> tuple[tuple[str, str | int], ...]:
        """What is worth keeping with a corpus: the counts that are not zero, the first problem.

        >>> Tally(rows_kept=2, rows_skipped=1, problems=["line 3: no JSON"]).facts()
        (('rows_kept', 2), ('rows_skipped', 1), ('first_problem', 'line 3: no JSON'))
        """
        counts = [(name, getattr(self, name)) for name in _COUNTS if getattr(self, name)]
        first = [("first_problem", self.problems[0])] if self.problems else []
        return (*counts, *first)

    def to_json(self) -> dict[str, Any]:
        """The plain values that `from_json` reads."""
        return {**{name: getattr(self, name) for name in _COUNTS}, "problems": self.problems}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Tally":
        """The tally that `to_json` wrote."""
        counts = {name: int(values[name]) for name in _COUNTS}
        return cls(**counts, problems=[str(problem) for problem in values["problems"]])


def plain_name(name: str) -> str:
    """A file's name as data: what cannot be written as UTF-8 replaced, cut where it is very long.

    >>> plain_name("caf\\udce9.txt")
    'caf?.txt'
    """
    name = name.encode(errors="replace").decode()
    return name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 40]}…{name[-39:]}"
