"""Which kinds of files are read, by their endings."""

from pathlib import PurePosixPath

from slm.errors import DataError

KINDS: dict[str, tuple[str, ...]] = {
    "text": (".txt", ".text", ".md", ".markdown"),
    "csv": (".csv", ".tsv"),
    "json lines": (".jsonl", ".ndjson"),
    "parquet": (".parquet",),
    "html": (".html", ".htm"),
    "pdf": (".pdf",),
    "docx": (".docx",),
    "zip": (".zip",),
}
"""Endings of each kind of file; a zip may hold all the others."""

TABLES = frozenset({"csv", "json lines", "parquet"})
SUFFIXES = tuple(suffix for suffixes in KINDS.values() for suffix in suffixes)
_KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}
_REMEDIES = {
    ".doc": "Save it as .docx in a word processor.",
    ".odt": "Save it as .docx in a word processor.",
    ".rtf": "Save it as .docx in a word processor.",
    ".xls": "Save the sheet as .csv.",
    ".xlsx": "Save the sheet as .csv.",
    ".ods": "Save the sheet as .csv.",
    ".json": "Write one object a line and name the file .jsonl.",
    ".epub": "Save it as .html or .txt.",
    ".gz": "Unpack it first.",
    ".7z": "Pack it as .zip.",
    ".rar": "Pack it as .zip.",
    ".tar": "Pack it as .zip.",
}


def kind_of(filename: str) -> str | None:
    """The kind of a file by its ending; None for one that is not read.

    >>> kind_of("Tales.TXT"), kind_of("photo.png")
    ('text', None)
    """
    return _KIND_OF.get(suffix_of(filename))


def require_kind(filename: str) -> str:
    """The kind of a file by its ending.

    Raises: DataError for an ending that is not read; says what to do instead.
    """
    kind = kind_of(filename)
    if kind is None:
        suffix = suffix_of(filename)
        raise DataError(
            f"{filename} has the ending {suffix or 'of no kind'!r}; {', '.join(SUFFIXES)} are "
            f"read. {_REMEDIES.get(suffix, 'Save the text as .txt.')}"
        )
    return kind


def suffix_of(filename: str) -> str:
    """The ending in small letters, with its dot."""
    return PurePosixPath(filename.replace("\\", "/")).suffix.lower()
