"""A file of the visitor's in words: what it is, what it holds, what has to be chosen.

Knows neither Streamlit nor files. Names, cells and problems are foreign text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from slm.data.reading.content import MAX_PROBLEMS
from slm.data.reading.csv_tables import DELIMITERS
from slm.data.reading.formats import SUFFIXES, TABLES
from slm.data.reading.ingest import UPLOAD
from slm.data.reading.previews import SHOWN_COLUMNS, SHOWN_MEMBERS, Preview
from slm.data.reading.text_files import CHUNK_CHARACTERS, SEPARATOR, SplitRule
from slm.data.reading.uploads import KEPT_DAYS
from slm.data.sources import SourceConfig
from ui.view_models.jobs import size

ENDINGS = list(SUFFIXES)
SPLIT_RULES: dict[SplitRule, str] = {
    "auto": "By the marks of the text itself",
    "separator": f"At lines that say {SEPARATOR}",
    "lines": "Each line is one",
    "paragraphs": "Each paragraph is one",
    "sections": "At two or more blank lines",
    "chunks": f"Paragraphs together, up to {CHUNK_CHARACTERS:,} characters",
    "file": "Each file is one",
}
"""What the choices of `split_rule` are called on screen."""
LIMITS = (
    f"Read for at most {UPLOAD.cpu_seconds:.0f} s of computing, in "
    f"{UPLOAD.memory_bytes / 1e9:g} GB of memory; {(UPLOAD.text_bytes or 0) / 1e6:,.0f} MB of text "
    f"at most. A file that no corpus or work needs is removed {KEPT_DAYS} days later."
)
NOT_HERE = "The file of this link is no longer kept here. Send it again."
_ROWS_WHOLE = 3
_TABLE_PIXELS = 180  # four rows and a half: there is more below
_KINDS = {
    "text": "Plain text",
    "csv": "A table (CSV)",
    "json lines": "A table (JSON Lines)",
    "parquet": "A table (Parquet)",
    "html": "A web page (HTML)",
    "pdf": "Pages (PDF)",
    "docx": "A Word document",
    "zip": "An archive (zip)",
    "folder": "A folder",
}
_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 without a mark",
    "utf-16-be": "UTF-16 without a mark",
    "utf-32": "UTF-32",
    "iso8859_2": "ISO 8859-2",
    "koi8_r": "KOI8-R",
    "mac_roman": "Mac Roman",
    "shift_jis": "Shift JIS",
    "euc_jp": "EUC-JP",
    "euc_kr": "EUC-KR",
    "gb18030": "GB 18030",
    "big5": "Big5",
}
_GUESSED = frozenset(_ENCODINGS) - {"utf-8", "utf-8-sig", "utf-16", "utf-32"}


@dataclass(frozen=True)
class FileView:
    """What was found, ready to show. `notes` are harmless, `problems` cost text.

    `columns` are the labels of a table's columns by their names, `cells` its first rows.
    `inside` are the files of an archive: name, size, what becomes of it.
    """

    headline: str
    documents: str
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    columns: Mapping[str, str]
    shown_columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    table_height: int | Literal["content"]
    text_column: str | None
    inside: tuple[tuple[str, str, str], ...]
    inside_title: str
    inside_note: str
    problems_title: str
    question: str | None
    asks_split: bool


def file_view(found: Preview) -> FileView:
    """What a page says of a file."""
    return FileView(
        _headline(found),
        _documents(found),
        _notes(found),
        found.problems,
        {
            column.name: _column_label(column.kind, column.mean_characters)
            for column in found.columns
        },
        tuple(column.name for column in found.columns[:SHOWN_COLUMNS]),
        found.rows,
        "content" if len(found.rows) <= _ROWS_WHOLE else _TABLE_PIXELS,
        found.text_column,
        tuple((m.name, size(m.size), m.left_out or "read") for m in found.members),
        _many(found.n_members, "file"),
        _inside_note(found),
        f"What could not be read ({_at_least(len(found.problems))})",
        found.question,
        found.kind not in TABLES,
    )


def source_config(path: str, text_column: str | None, split_rule: SplitRule) -> SourceConfig:
    """The settings that read a kept file."""
    return SourceConfig(source=path, text_column=text_column, split_rule=split_rule)


def encoding_name(codec: str) -> str:
    """An encoding as people call it.

    >>> encoding_name("cp1252"), encoding_name("utf-8")
    ('Windows-1252', 'UTF-8')
    """
    if codec.startswith("cp125"):
        return f"Windows-{codec[2:]}"
    return _ENCODINGS.get(codec, codec)


def findings_sentence(details: Mapping[str, Any]) -> str:
    """What reading left out or changed, from a corpus's details; empty when nothing was.

    >>> findings_sentence({"rows_kept": 98, "rows_skipped": 2, "first_problem": "line 17: no JSON"})
    'Kept 98 of 100 rows; line 17: no JSON.'
    """
    parts = []
    skipped = details.get("rows_skipped", 0)
    if skipped:
        kept = details.get("rows_kept", 0)
        parts.append(f"Kept {kept:,} of {kept + skipped:,} rows")
    if details.get("files_skipped"):
        read = details.get("files_read", 0)
        parts.append(f"Read {read:,} of {read + details['files_skipped']:,} files")
    if details.get("pages_without_text"):
        parts.append(f"{_many(details['pages_without_text'], 'page')} without text")
    first = str(details.get("first_problem", "")).rstrip(".")
    told = "; ".join([*parts, first] if first else parts)
    sentences = [f"{told}." if told else "", *_changes(details)]
    return " ".join(sentence for sentence in sentences if sentence)


def _headline(found: Preview) -> str:
    parts = [_KINDS.get(found.kind, found.kind), size(found.size)]
    if found.columns:
        parts.append(_many(len(found.columns), "column"))
    if found.delimiter and found.delimiter != DELIMITERS[","]:
        parts.append(f"cells apart by a {found.delimiter}")
    if found.pages is not None:
        parts.append(_many(found.pages, "page"))
    if found.n_members:
        parts.append(_many(found.n_members, "file"))
    if found.encoding:
        parts.append(encoding_name(found.encoding))
    return " · ".join(parts)


def _documents(found: Preview) -> str:
    if found.question:
        return ""
    many = (
        _many(found.counted, "document")
        if found.whole
        else f"More than {found.counted:,} documents"
    )
    return f"{many}. {found.how_split}"


def _notes(found: Preview) -> tuple[str, ...]:
    notes = list(_changes(vars(found)))
    if found.rows_skipped:
        notes.append(f"Kept {found.rows_kept:,} of {found.rows_kept + found.rows_skipped:,} rows.")
    if found.encoding in _GUESSED or (found.encoding or "").startswith("cp"):
        notes.append(
            "The file does not say how its letters are written; "
            f"{encoding_name(found.encoding or '')} fits best. Look at the first documents: "
            "if letters are wrong, save the file as UTF-8."
        )
    return tuple(notes)


def _changes(counts: Mapping[str, Any]) -> list[str]:
    """What reading did to the text, a sentence each."""
    told = []
    if n_replaced := counts.get("replaced_characters", 0):
        places = "1 place" if n_replaced == 1 else f"{n_replaced:,} places"
        told.append(f"{places} could not be decoded and became U+FFFD (�).")
    if n_lines := counts.get("lines_cut", 0):
        lines = "1 line" if n_lines == 1 else f"{n_lines:,} lines"
        told.append(
            f"{lines} without blanks {'was' if n_lines == 1 else 'were'} cut every "
            f"{CHUNK_CHARACTERS:,} characters."
        )
    if n_documents := counts.get("documents_cut", 0):
        told.append(f"{_many(n_documents, 'very long document')} had to be cut.")
    return told


def _column_label(kind: str, mean_characters: float) -> str:
    if kind == "text" and mean_characters:
        return f"text, {mean_characters:,.0f} characters on average"
    return kind


def _inside_note(found: Preview) -> str:
    if found.n_members <= SHOWN_MEMBERS:
        return ""
    return f"The first {SHOWN_MEMBERS:,} of {found.n_members:,} files."


def _at_least(n_problems: int) -> str:
    """Only the first problems are kept."""
    return f"{n_problems} and more" if n_problems >= MAX_PROBLEMS else f"{n_problems}"


def _many(number: int, what: str) -> str:
    """
    >>> _many(1, "page"), _many(1_200, "row")
    ('1 page', '1,200 rows')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
