"""What a file shows of itself before anybody decides to read it: columns, members, first words.

`look` parses, and so runs in the reading process (`ingest_worker`); pages and the
command line ask `ingest.preview`.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slm.data.reading import archives, formats
from slm.data.reading.content import Content, Tally, plain_name
from slm.data.reading.folders import files_of, open_path
from slm.data.reading.readers import HowToRead, open_table
from slm.data.reading.tables import Column, choose_text_column
from slm.errors import DataError
from slm.utf8 import well_formed

SHOWN_ROWS = 20
SHOWN_COLUMNS = 30
SHOWN_CELL = 200  # characters
SHOWN_MEMBERS = 200
SHOWN_DOCUMENTS = 3
SHOWN_TEXT = 600  # characters of a document
_COUNTING_SECONDS = 2.0


@dataclass(frozen=True)
class FileInside:
    """A file of an archive or a folder; `left_out` says why it is not read, if it is not."""

    name: str
    size: int
    left_out: str | None = None


@dataclass(frozen=True)
class Preview:
    """What was found. `counted` documents were counted; there are more unless `whole`.

    `rows` are the first rows of a table, cells cut short, in the order of `columns`.
    `question` is what has to be answered before the file can be read.
    """

    name: str
    kind: str
    size: int
    how_split: str = ""
    encoding: str | None = None
    pages: int | None = None
    delimiter: str | None = None
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    text_column: str | None = None
    members: tuple[FileInside, ...] = ()
    n_members: int = 0
    documents: tuple[str, ...] = ()
    counted: int = 0
    whole: bool = False
    problems: tuple[str, ...] = ()
    replaced_characters: int = 0
    rows_kept: int = 0
    rows_skipped: int = 0
    lines_cut: int = 0
    documents_cut: int = 0
    question: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values that `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Preview":
        """The preview that `to_json` gave."""
        lists = ("documents", "problems")
        return cls(
            **{
                **values,
                **{name: tuple(values[name]) for name in lists},
                "columns": tuple(Column(**column) for column in values["columns"]),
                "members": tuple(FileInside(**member) for member in values["members"]),
                "rows": tuple(tuple(row) for row in values["rows"]),
            }
        )


def look(path: Path, how: HowToRead, tally: Tally) -> Preview:
    """What a file, a folder or an archive shows of itself.

    Raises: DataError when it cannot be read.
    """
    if path.is_dir():
        found = files_of(path)
        sizes = [item.stat().st_size for item in found]
        inside = [
            FileInside(plain_name(item.relative_to(path).as_posix()), size)
            for item, size in zip(found[:SHOWN_MEMBERS], sizes, strict=False)
        ]
        basis = {"name": plain_name(path.name), "kind": "folder", "size": sum(sizes)}
        return _counted(path, how, tally, {**basis, **_members(inside, len(found))})
    content = Content.of_path(path)
    kind = formats.require_kind(content.name)
    basis = {"name": content.name, "kind": kind, "size": content.size}
    if kind == "zip":
        archive, members = archives.open_archive(content)
        archive.close()
        inside = [FileInside(m.name, m.size, m.left_out) for m in members[:SHOWN_MEMBERS]]
        return _counted(path, how, tally, {**basis, **_members(inside, len(members))})
    if kind in formats.TABLES:
        return _look_at_table(path, content, how, tally, basis)
    return _counted(path, how, tally, basis)


def _members(inside: list[FileInside], n_members: int) -> dict[str, Any]:
    return {"members": tuple(inside), "n_members": n_members}


def _look_at_table(
    path: Path, content: Content, how: HowToRead, tally: Tally, basis: dict[str, Any]
) -> Preview:
    """A table's columns and first rows; without a column of text, the question which to read."""
    met = Tally()
    table = open_table(content, None, met)
    shown = [column.name for column in table.columns[:SHOWN_COLUMNS]]
    rows = tuple(
        tuple(_cell(row.get(name)) for name in shown) for row in table.first_rows[:SHOWN_ROWS]
    )
    basis = {**basis, "columns": table.columns, "rows": rows, "encoding": table.encoding}
    try:
        choose_text_column(table.columns, how.text_column, content.name)
        return _counted(path, how, tally, basis)
    except DataError as problem:
        return Preview(
            **basis, question=str(problem), problems=tuple(tally.problems or met.problems)
        )


def _counted(path: Path, how: HowToRead, tally: Tally, basis: dict[str, Any]) -> Preview:
    """The preview with its first documents, and as many counted as a moment allows."""
    opened = open_path(path, how, tally)
    first: list[str] = []
    counted, whole = 0, True
    for text in _for_a_moment(text for text, _ in opened.documents):
        if text is None:
            whole = False
            break
        counted += 1
        if len(first) < SHOWN_DOCUMENTS:
            first.append(_shown(text))
    known: dict[str, Any] = {
        name: opened.facts[name]
        for name in ("encoding", "pages", "delimiter", "text_column")
        if name in opened.facts
    }
    counts = ("replaced_characters", "rows_kept", "rows_skipped", "lines_cut", "documents_cut")
    counted_too: dict[str, Any] = {name: getattr(tally, name) for name in counts}
    return Preview(
        **{**basis, **known, **counted_too},
        how_split=opened.how_split,
        documents=tuple(first),
        counted=counted,
        whole=whole,
        problems=tuple(tally.problems),
    )


def _for_a_moment(texts: Iterator[str]) -> Iterator[str | None]:
    """The texts; after some seconds None, and no more."""
    until = time.monotonic() + _COUNTING_SECONDS
    for text in texts:
        yield text
        if time.monotonic() > until:
            yield None
            return


def _cell(value: Any) -> str:
    return _shown("" if value is None else str(value), SHOWN_CELL)


def _shown(text: str, most: int = SHOWN_TEXT) -> str:
    return well_formed(text[:most] + ("…" if len(text) > most else ""))
