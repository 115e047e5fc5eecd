"""Any file, folder or archive into documents, whatever its kind.

Knows the kinds of files and what is said of them; parses in the process that calls
it. Pages and jobs do not call it: they ask `ingest`, which lets a child do the work.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from slm.data.reading import archives, formats, text_files
from slm.data.reading.content import Content, Tally, plain_name
from slm.data.reading.csv_tables import DELIMITERS, open_csv
from slm.data.reading.decoding import MIN_CHARACTERS, open_text, require_text
from slm.data.reading.json_lines import open_json_lines
from slm.data.reading.tables import Table, choose_text_column, texts_of
from slm.data.reading.text_files import Rule, SplitRule
from slm.errors import DataError

FILE_AS_ONE_DOCUMENT = 100_000
"""Bytes; a longer file among others is split like a file that came alone."""

_PROBE_CHARACTERS = 4 * 2**20
_logger = logging.getLogger(__name__)

SourcedText = tuple[str, str]
"""A document's text, and the name of the file it is from."""


@dataclass(frozen=True)
class HowToRead:
    """What a visitor may choose, and how much text may come out."""

    text_column: str | None = None
    split_rule: SplitRule = "auto"
    most_bytes: int | None = None


@dataclass(frozen=True)
class Opened:
    """Documents to be read once, and what is known before they are read."""

    documents: Iterator[SourcedText]
    how_split: str
    facts: dict[str, str | int] = field(default_factory=dict)
    expected_bytes: int | None = None
    expected_documents: int | None = None


@dataclass(frozen=True)
class _Texts:
    """The documents of one file."""

    texts: Iterator[str]
    how_split: str
    facts: dict[str, str | int]
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
    texts = _file_texts(content, how, tally, among_others=False)
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
                texts = _file_texts(content, how, tally, among_others=True).texts
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


def _file_texts(content: Content, how: HowToRead, tally: Tally, *, among_others: bool) -> _Texts:
    """The documents of one file of a known kind."""
    kind = formats.require_kind(content.name)
    content.require_bytes()
    if kind in formats.TABLES:
        return _table_texts(open_table(content, how.text_column, tally), how, tally)
    lines, facts = open_lines(content, tally)
    rule = None if how.split_rule == "auto" else how.split_rule
    if rule is None and among_others and content.size <= FILE_AS_ONE_DOCUMENT:
        rule = "file"
    texts, used = _split(lines, rule, content.name, tally)
    words = text_files.how_split(used, asked=rule is not None)
    expected = content.size if kind == "text" else None
    return _Texts(texts, words, facts, expected)


def open_table(content: Content, text_column: str | None, tally: Tally) -> Table:
    """A file that is a table.

    Raises: DataError when it is damaged.
    """
    kind = formats.require_kind(content.name)
    content.require_bytes()
    if kind == "parquet":
        return _parquet(content, text_column)
    before = len(tally.problems)
    table = open_csv(content, tally) if kind == "csv" else open_json_lines(content, tally)
    if not table.columns:
        raise DataError(f"{content.name} holds no rows. Choose a table with a column of text.")
    if not table.first_rows and (problems := tally.problems[before:]):
        raise DataError(
            f"{content.name} holds no row that can be read; {problems[0]}. A cell that holds a "
            "line end, or the sign that stands between cells, must be in quotation marks."
        )
    return table


def _parquet(content: Content, text_column: str | None) -> Table:
    from slm.data.reading.parquet_tables import open_parquet  # Arrow takes a moment to load

    return open_parquet(content, text_column)


def open_lines(content: Content, tally: Tally) -> tuple[Iterator[str], dict[str, str | int]]:
    """The lines of a file that is no table, and what is known of it.

    Raises: DataError when it is empty, damaged, or no text.
    """
    kind = formats.require_kind(content.name)
    if kind == "text":
        opened = open_text(content, tally)
        return opened.lines, {"encoding": opened.encoding}
    if kind == "html":
        from slm.data.reading.markup import html_text

        content.require_bytes()
        page = html_text(content, tally)
        return iter(page.text.splitlines(keepends=True)), {"encoding": page.encoding}
    if kind == "docx":
        from slm.data.reading.word_documents import docx_lines

        return docx_lines(content), {}
    from slm.data.reading.pdf_pages import page_count, pdf_lines

    return pdf_lines(content, tally), {"pages": page_count(content)}


def _table_texts(table: Table, how: HowToRead, tally: Tally) -> _Texts:
    column = choose_text_column(table.columns, how.text_column, table.name)
    facts: dict[str, str | int] = {"text_column": column}
    if table.encoding is not None:
        facts["encoding"] = table.encoding
    if table.delimiter is not None:
        facts["delimiter"] = DELIMITERS[table.delimiter]
    return _Texts(
        _some(texts_of(table, column, tally), table.name, column, tally),
        "Each row is a document.",
        facts,
        table.text_bytes,
        table.n_rows,
    )


def _some(texts: Iterator[str], name: str, column: str, tally: Tally) -> Iterator[str]:
    """The texts, if there is one."""
    kept = tally.rows_kept
    yield from texts
    if tally.rows_kept == kept:
        first = f" First problem: {tally.problems[-1]}." if tally.problems else ""
        raise DataError(
            f"{name} has no row with text in column {column!r}.{first} Choose another column."
        )


def _split(
    lines: Iterator[str], rule: Rule | None, name: str, tally: Tally
) -> tuple[Iterator[str], Rule]:
    """The documents of one text, and the rule that told them apart.

    Raises: DataError when the text is none, is blank, or is too short.
    """
    head, size, whole = [], 0, True
    for line in lines:
        head.append(line)
        size += len(line)
        if size >= _PROBE_CHARACTERS:
            whole = False
            break
    probe = "".join(head)
    require_text(probe, name, whole=whole)
    used = rule or text_files.choose_rule(probe)
    documents = text_files.split_lines(chain(head, lines), used, tally)
    return _not_blank(documents, name), used


def _not_blank(documents: Iterator[str], name: str) -> Iterator[str]:
    found = False
    for document in documents:
        found = True
        yield document
    if not found:
        raise DataError(
            f"{name} holds only blanks. Choose a file with at least {MIN_CHARACTERS} characters."
        )


def to_facts(opened: Opened) -> dict[str, Any]:
    """What is known before reading, as plain values."""
    return {
        "how_split": opened.how_split,
        "facts": opened.facts,
        "expected_bytes": opened.expected_bytes,
        "expected_documents": opened.expected_documents,
    }
