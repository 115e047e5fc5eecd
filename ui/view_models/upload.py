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
from ui.texts import counted, plural, tr
from ui.view_models.jobs import size

ENDINGS = list(SUFFIXES)
SPLIT_RULES: dict[SplitRule, str] = {
    "auto": tr("By the marks of the text itself"),
    "separator": tr("At lines that say {separator}").format(separator=SEPARATOR),
    "lines": tr("Each line is one"),
    "paragraphs": tr("Each paragraph is one"),
    "sections": tr("At two or more blank lines"),
    "chunks": tr("Paragraphs together, up to {chunk_characters:,} characters").format(
        chunk_characters=CHUNK_CHARACTERS
    ),
    "file": tr("Each file is one"),
}
"""What the choices of `split_rule` are called on screen."""
LIMITS = tr(
    "Read for at most {cpu_seconds:.0f} s of computing, in "
    "{memory_bytes:g} GB of memory; {text_bytes:,.0f} MB of text at "
    "most. A file that no corpus or work needs is removed "
    "{kept_days} days later."
).format(
    cpu_seconds=UPLOAD.cpu_seconds,
    memory_bytes=UPLOAD.memory_bytes / 1e9,
    text_bytes=(UPLOAD.text_bytes or 0) / 1e6,
    kept_days=KEPT_DAYS,
)
NOT_HERE = tr("The file of this link is no longer kept here. Send it again.")
_ROWS_WHOLE = 3
_TABLE_PIXELS = 180  # four rows and a half: there is more below
_KINDS = {
    "text": tr("Plain text"),
    "csv": tr("A table (CSV)"),
    "json lines": tr("A table (JSON Lines)"),
    "parquet": tr("A table (Parquet)"),
    "html": tr("A web page (HTML)"),
    "pdf": tr("Pages (PDF)"),
    "docx": tr("A Word document"),
    "zip": tr("An archive (zip)"),
    "folder": tr("A folder"),
}
_ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-8-sig": tr("UTF-8 with a byte order mark"),
    "utf-16": "UTF-16",
    "utf-16-le": tr("UTF-16 without a mark"),
    "utf-16-be": tr("UTF-16 without a mark"),
    "utf-32": "UTF-32",
    "iso8859_2": "ISO 8859-2",
    "koi8_r": "KOI8-R",
    "mac_roman": tr("Mac Roman"),
    "shift_jis": tr("Shift JIS"),
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
        counted("{n:,} file", "{n:,} files", found.n_members),
        _inside_note(found),
        tr("What could not be read ({n_problems})").format(
            n_problems=_at_least(len(found.problems))
        ),
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
        parts.append(tr("Kept {kept:,} of {rows:,} rows").format(kept=kept, rows=kept + skipped))
    if details.get("files_skipped"):
        read = details.get("files_read", 0)
        parts.append(
            tr("Read {read:,} of {files:,} files").format(
                read=read, files=read + details["files_skipped"]
            )
        )
    if details.get("pages_without_text"):
        parts.append(
            tr("{pages_without_text} without text").format(
                pages_without_text=counted(
                    "{n:,} page", "{n:,} pages", details["pages_without_text"]
                )
            )
        )
    first = str(details.get("first_problem", "")).rstrip(".")
    told = "; ".join([*parts, first] if first else parts)
    sentences = [f"{told}." if told else "", *_changes(details)]
    return " ".join(sentence for sentence in sentences if sentence)


def _headline(found: Preview) -> str:
    parts = [_KINDS.get(found.kind, found.kind), size(found.size)]
    if found.columns:
        parts.append(counted("{n:,} column", "{n:,} columns", len(found.columns)))
    if found.delimiter and found.delimiter != DELIMITERS[","]:
        parts.append(tr("cells apart by a {delimiter}").format(delimiter=found.delimiter))
    if found.pages is not None:
        parts.append(counted("{n:,} page", "{n:,} pages", found.pages))
    if found.n_members:
        parts.append(counted("{n:,} file", "{n:,} files", found.n_members))
    if found.encoding:
        parts.append(encoding_name(found.encoding))
    return " · ".join(parts)


def _documents(found: Preview) -> str:
    if found.question:
        return ""
    many = (
        counted("{n:,} document", "{n:,} documents", found.counted)
        if found.whole
        else tr("More than {counted:,} documents").format(counted=found.counted)
    )
    return f"{many}. {found.how_split}"


def _notes(found: Preview) -> tuple[str, ...]:
    notes = list(_changes(vars(found)))
    if found.rows_skipped:
        notes.append(
            tr("Kept {rows_kept:,} of {rows:,} rows.").format(
                rows_kept=found.rows_kept, rows=found.rows_kept + found.rows_skipped
            )
        )
    if found.encoding in _GUESSED or (found.encoding or "").startswith("cp"):
        notes.append(
            tr(
                "The file does not say how its letters are written; {encoding} "
                "fits best. Look at the first documents: if letters are wrong, "
                "save the file as UTF-8."
            ).format(encoding=encoding_name(found.encoding or ""))
        )
    return tuple(notes)


def _changes(counts: Mapping[str, Any]) -> list[str]:
    """What reading did to the text, a sentence each."""
    told = []
    if n_replaced := counts.get("replaced_characters", 0):
        places = counted("{n:,} place", "{n:,} places", n_replaced)
        told.append(
            tr("{places} could not be decoded and became U+FFFD (�).").format(places=places)
        )
    if n_lines := counts.get("lines_cut", 0):
        lines = counted("{n:,} line", "{n:,} lines", n_lines)
        told.append(
            plural(
                "{lines} without blanks was cut every {chunk_characters:,} characters.",
                "{lines} without blanks were cut every {chunk_characters:,} characters.",
                n_lines,
            ).format(lines=lines, chunk_characters=CHUNK_CHARACTERS)
        )
    if n_documents := counts.get("documents_cut", 0):
        told.append(
            counted(
                "{n:,} very long document had to be cut.",
                "{n:,} very long documents had to be cut.",
                n_documents,
            )
        )
    return told


def _column_label(kind: str, mean_characters: float) -> str:
    if kind == "text" and mean_characters:
        return tr("text, {mean_characters:,.0f} characters on average").format(
            mean_characters=mean_characters
        )
    return kind


def _inside_note(found: Preview) -> str:
    if found.n_members <= SHOWN_MEMBERS:
        return ""
    return tr("The first {shown_members:,} of {n_members:,} files.").format(
        shown_members=SHOWN_MEMBERS, n_members=found.n_members
    )


def _at_least(n_problems: int) -> str:
    """Only the first problems are kept."""
    return (
        tr("{n_problems} and more").format(n_problems=n_problems)
        if n_problems >= MAX_PROBLEMS
        else f"{n_problems}"
    )
