"""Any path into documents: a file alone, or all that a folder or an archive holds.

Knows files side by side: which are read, in which order, and that one which cannot be
read costs only itself; what is in a file, `readers` knows. Parses in the process that
calls it. Pages and jobs do not: they ask `ingest`, which lets a child do the work.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slm.data.reading import archives, formats, text_files
from slm.data.reading.content import Content, Tally, plain_name
from slm.data.reading.readers import FILE_AS_ONE_DOCUMENT, HowToRead, open_file
from slm.errors import DataError

_logger = logging.getLogger(__name__)

SourcedText = tuple[str, str]
"""A document's text, and the name of the file it is from."""


@dataclass(frozen=True)
class Opened:
    """Documents to be read once, and what is known before they are read."""

    documents: Iterator[SourcedText]
    how_split: str
    facts: dict[str, str | int] = field(default_factory=dict)
    expected_bytes: int | None = None
    expected_documents: int | None = None


NextFile = Callable[[int, str], None]
"""Told the place and the name of each file of a folder or an archive before it is read."""


def _nobody(place: int, name: str) -> None:
    del place, name


def open_path(
    path: Path, how: HowToRead, tally: Tally, start: int = 0, next_file: NextFile = _nobody
) -> Opened:
    """The documents of a file, a folder or an archive.

    In a folder or an archive the files before place `start` are passed over; a file that
    cannot be read is left out and told in the tally.

    Raises:
        DataError: no such kind, nothing to read, or a file that cannot be read; also while
            the documents are read.
    """
    if path.is_dir():
        return _open_folder(path, how, tally, start, next_file)
    content = Content.of_path(path)
    if formats.require_kind(content.name) == "zip":
        return _open_archive(content, how, tally, start, next_file)
    texts = open_file(content, how, tally, among_others=False)
    return Opened(
        _sourced(texts.texts, content.name),
        texts.how_split,
        texts.facts,
        texts.expected_bytes,
        texts.expected_documents,
    )


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that are read, in order; hidden ones are not.

    Raises: DataError when there are none.
    """
    paths = sorted(
        path
        for path in folder.rglob("*")
        if formats.kind_of(path.name) not in {None, "zip"}
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not paths:
        raise DataError(
            f"The folder {plain_name(folder.name)!r} holds no file that is read: "
            f"{', '.join(formats.SUFFIXES[:-1])}. Choose a folder that does."
        )
    return paths


def _open_folder(
    folder: Path, how: HowToRead, tally: Tally, start: int, next_file: NextFile
) -> Opened:
    paths = files_of(folder)
    contents = (
        Content.of_path(path, plain_name(path.relative_to(folder).as_posix()))
        for path in paths[start:]
    )
    return Opened(
        _from_many(contents, how, tally, start, next_file),
        _how_many_split(how),
        expected_bytes=sum(path.stat().st_size for path in paths),
    )


def _open_archive(
    content: Content, how: HowToRead, tally: Tally, start: int, next_file: NextFile
) -> Opened:
    archive, members = archives.open_archive(content)
    read = [member for member in members if member.left_out is None]
    left_out = [member for member in members if member.left_out is not None]
    if not start:
        tally.files_skipped += len(left_out)
        for member in left_out:
            tally.note(f"{member.name}: {member.left_out}")
    if not read:
        why = f": {tally.problems[0]}" if tally.problems else ""
        raise DataError(
            f"{content.name} holds no file that can be read{why}. "
            f"Pack files that end in {', '.join(formats.SUFFIXES[:-1])}, without a password."
        )
    total = archives.require_size(content.name, read[start:], how.most_bytes)
    contents = (archives.member_content(archive, member, content.name) for member in read[start:])

    def documents() -> Iterator[SourcedText]:
        with archive:
            yield from _from_many(contents, how, tally, start, next_file, content.name)

    return Opened(documents(), _how_many_split(how), {"files": len(read)}, expected_bytes=total)


def _from_many(
    contents: Iterator[Content],
    how: HowToRead,
    tally: Tally,
    start: int,
    next_file: NextFile,
    archive: str | None = None,
) -> Iterator[SourcedText]:
    """The documents of many files; one that cannot be read is told in the tally."""
    for place, content in enumerate(contents, start=start):
        next_file(place, content.name)
        before = len(tally.problems)
        try:
            with _errors_of(content.name, archive):
                texts = open_file(content, how, tally, among_others=True).texts
            while (text := _next_of(texts, content.name, archive)) is not None:
                yield text, content.name
            tally.files_read += 1
        except DataError as problem:
            tally.files_skipped += 1
            tally.note(str(problem))
            _logger.warning("left out: %s", problem)
        _place_problems(tally, before, content.name)


def _next_of(texts: Iterator[str], name: str, archive: str | None) -> str | None:
    with _errors_of(name, archive):
        return next(texts, None)


def _errors_of(name: str, archive: str | None) -> AbstractContextManager[None]:
    """What unpacking raises, as a DataError that names the file."""
    return archives.member_errors(name, archive) if archive else nullcontext()


def _place_problems(tally: Tally, start: int, name: str) -> None:
    """Let the problems of one file of many begin with its name."""
    for place in range(start, len(tally.problems)):
        if not tally.problems[place].startswith(name):
            tally.problems[place] = f"{name}, {tally.problems[place]}"


def _how_many_split(how: HowToRead) -> str:
    if how.split_rule != "auto":
        return text_files.how_split(how.split_rule, asked=True)
    return (
        f"Each file is a document, each row of a table too; a file of more than "
        f"{FILE_AS_ONE_DOCUMENT:,} bytes is split by its own marks, or gathered from its "
        "paragraphs."
    )


def _sourced(texts: Iterator[str], name: str) -> Iterator[SourcedText]:
    return ((text, name) for text in texts)


def to_facts(opened: Opened) -> dict[str, Any]:
    """What is known before reading, as plain values."""
    return {
        "how_split": opened.how_split,
        "facts": opened.facts,
        "expected_bytes": opened.expected_bytes,
        "expected_documents": opened.expected_documents,
    }
