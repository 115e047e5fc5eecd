"""One file into documents, whatever its kind.

Knows the kinds of files and what is said of them; parses in the process that calls
it. Of folders and archives `folders` knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from slm.data.reading import formats, text_files
from slm.data.reading.content import Content, Tally
from slm.data.reading.csv_tables import DELIMITERS, open_csv
from slm.data.reading.decoding import MIN_CHARACTERS, open_text, require_text
from slm.data.reading.json_lines import open_json_lines
from slm.data.reading.tables import Table, choose_text_column, texts_of
from slm.data.reading.text_files import Rule, SplitRule
from slm.errors import DataError

FILE_AS_ONE_DOCUMENT = 100_000
"""Bytes; a longer file among others is split like a file that came alone."""

_PROBE_CHARACTERS = 4 * 2**20


@dataclass(frozen=True)
class HowToRead:
    """What a visitor may choose, and how much text may come out."""

    text_column: str | None = None
    split_rule: SplitRule = "auto"
    most_bytes: int | None = None


@dataclass(frozen=True)
class Texts:
    """The documents of one file, to be read once, and what is known before they are read."""

    texts: Iterator[str]
    how_split: str
    facts: dict[str, str | int]
    expected_bytes: int | None = None
    expected_documents: int | None = None


def open_file(content: Content, how: HowToRead, tally: Tally, *, among_others: bool) -> Texts:
    """The documents of one file that is no archive.

    A short text among others is a document, unless a rule was asked for.

    Raises: DataError for a kind that is not read, or a file that cannot be read; also while
        the documents are read.
    """
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
    return Texts(texts, words, facts, expected)


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


def _table_texts(table: Table, how: HowToRead, tally: Tally) -> Texts:
    column = choose_text_column(table.columns, how.text_column, table.name)
    facts: dict[str, str | int] = {"text_column": column}
    if table.encoding is not None:
        facts["encoding"] = table.encoding
    if table.delimiter is not None:
        facts["delimiter"] = DELIMITERS[table.delimiter]
    return Texts(
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
