"""Explore in words: how much was seen, which documents are meant, one of them, a search.

Knows neither Streamlit nor files. The pictures are told in `explore_pictures.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.data.documents import StoredDocument
from slm.data.exploring.document_table import DocumentTable
from slm.data.exploring.profile import Profile
from slm.data.exploring.search import Found
from slm.jobs import JobStatus
from ui.view_models import glossary
from ui.view_models.chips import visible
from ui.view_models.jobs import count, duration, job_view, size
from ui.view_models.language_names import language_name

DOCUMENTS_A_PAGE = 8
FEW_DOCUMENTS = 4
READ_CHARACTERS = 20_000
ORDERS = {
    "corpus": "In order",
    "longest": "Longest",
    "shortest": "Shortest",
    "strangest": "Strangest",
    "plainest": "Plainest",
}
_BEGINNING_CHARACTERS = 60
_QUERY_CHARACTERS = 30


@dataclass(frozen=True)
class Figure:
    """A number ready to show, and what it means."""

    label: str
    value: str
    meaning: str


def text_figures(profile: Profile) -> tuple[Figure, ...]:
    """The first numbers that a person wants of a text; of a sample, those of the sample."""
    documents = profile.sampled_from or profile.documents
    return (
        Figure("Documents", count(documents), glossary.meaning("document")),
        Figure(
            "Size" if profile.sampled_from is None else "Size seen",
            size(profile.bytes),
            "In bytes, written as UTF-8.",
        ),
        Figure("Words", count(profile.words), f"{glossary.meaning('word')} {_part(profile)}"),
        Figure(
            "Different words",
            _at_least(count(profile.different_words), profile.unlisted_words),
            f"Capitals and small letters taken as one. {_part(profile)}",
        ),
        Figure(
            "Words each",
            f"{profile.document_words.median:,.0f}",
            "The median: half of the documents have at most so many words.",
        ),
    )


def seen_note(profile: Profile, status: JobStatus | None = None) -> str:
    """How much of the text stands behind the numbers, and how far the exact count is."""
    if profile.sampled_from is None:
        return f"Exact: counted over all {profile.documents:,} documents."
    said = (
        f"Sampled: {profile.share:.1%} of the documents, {profile.documents:,} of "
        f"{profile.sampled_from:,}."
    )
    if status is None or not status.alive:
        return said
    view = job_view("", status)
    left = status.remaining_seconds
    time = f", about {duration(left)} left" if left is not None else ""
    return f"{said} Counting all of them: {view.fraction:.0%}{time}."


def filter_note(wanted: str) -> str:
    """Which documents a filter lets through.

    >>> filter_note("words:10-19"), filter_note("language:de"), filter_note("copies:0")
    ('10 to 19 words', 'Language: German', 'The copies of group 1')
    """
    kind, _, value = wanted.partition(":")
    if kind in {"copies", "near"} and value.isdecimal():
        near = "near copies" if kind == "near" else "copies"
        return f"The {near} of group {int(value) + 1}"
    if kind == "language":
        return f"Language: {language_name(value)}"
    if kind == "script":
        return f"Script: {value.replace('_', ' ')}"
    low, _, high = value.partition("-")
    if kind == "bits":
        return f"{int(low) / 100:.2f} to {(int(high) + 1) / 100:.2f} bits per character"
    unit = kind if high != "1" else kind.removesuffix("s")
    return f"{int(low):,} {unit}" if low == high else f"{int(low):,} to {int(high):,} {unit}"


def documents_note(n: int, total: int, wanted: str) -> str:
    """How many documents a filter lets through, in a sentence."""
    if not wanted:
        return f"{total:,} documents"
    return f"{filter_note(wanted)}: {n:,} of {total:,} documents"


@dataclass(frozen=True)
class Row:
    """A document in a list; `number` counts from 1."""

    number: int
    begins: str
    characters: int


def document_rows(documents: Iterable[StoredDocument]) -> list[Row]:
    """A row a document."""
    return [Row(each.id + 1, beginning(each.text), len(each.text)) for each in documents]


def beginning(text: str, characters: int = _BEGINNING_CHARACTERS) -> str:
    r"""The first words of a document on one line.

    >>> beginning("One\n\n two.")
    'One two.'
    """
    line = " ".join(text[: 4 * characters].split())
    return line if len(line) <= characters else line[:characters] + "…"


def page_of(place: int, size: int) -> int:
    """The place in a list (from 0) where the page of that size that holds `place` begins.

    >>> page_of(7, 8), page_of(8, 8)
    (0, 8)
    """
    return place // size * size


def place_of(ids: Sequence[int] | NDArray[np.int64], document: int) -> int:
    """Where a document stands in a list of ids; 0 when it is not there.

    >>> place_of([5, 9, 2], 9), place_of([5, 9, 2], 7)
    (1, 0)
    """
    found = np.flatnonzero(np.asarray(ids) == document)
    return int(found[0]) if len(found) else 0


def neighbours(ids: NDArray[np.int64], document: int) -> tuple[int | None, int | None]:
    """The documents before and after one in a list; its first where it is not in it.

    >>> neighbours(np.array([5, 9, 2]), 9), neighbours(np.array([5, 9, 2]), 2)
    ((5, 2), (9, None))
    """
    found = np.flatnonzero(ids == document)
    if not len(found):
        return None, int(ids[0]) if len(ids) else None
    place = int(found[0])
    before = int(ids[place - 1]) if place else None
    return before, int(ids[place + 1]) if place + 1 < len(ids) else None


def document_facts(document: StoredDocument, table: DocumentTable) -> str:
    """Where a document is from and what is known of it; holds foreign text."""
    parts = [
        document.source,
        {"train": "training", "val": "validation"}.get(document.split, ""),
        amount(len(document.text), "character"),
    ]
    row = table.row_of(document.id)
    if row is not None:
        bits = float(table.bits_per_character[row])
        language = table.languages.at(row)
        parts += [
            amount(int(table.words[row]), "word"),
            amount(int(table.sentences[row]), "sentence"),
            language_name(language) if language != "und" else "",
            "" if np.isnan(bits) else f"{bits:.2f} bits per character",
        ]
    return " · ".join(part for part in parts if part)


@dataclass(frozen=True)
class Reading:
    """What is shown of a document's text; `note` says when it is not all of it."""

    text: str
    note: str


def reading(text: str, start: int = 0) -> Reading:
    """The text, or of a very long one a stretch that begins a little before `start`."""
    if len(text) <= READ_CHARACTERS:
        return Reading(text, "")
    first = max(0, min(start - 500, len(text) - READ_CHARACTERS))
    last = first + READ_CHARACTERS
    note = f"Characters {first + 1:,} to {last:,} of {len(text):,}."
    return Reading(text[first:last], note)


@dataclass(frozen=True)
class HitRow:
    """A place that a search found, with what stands around it on one line."""

    number: int
    before: str
    match: str
    after: str


def hit_rows(found: Found) -> list[HitRow]:
    """A row a place, in the order of the documents."""
    return [
        HitRow(hit.document + 1, _line(hit.before), _line(hit.match), _line(hit.after))
        for hit in found.hits
    ]


def shown_character(character: str) -> str:
    """One character as a label that can be seen.

    >>> shown_character(" "), shown_character("e")
    ('·', 'e')
    """
    return "⏎" if character == "\n" else visible(character.encode(errors="replace"))


def found_note(found: Found, query: str) -> str:
    """What a search found, in a sentence; holds foreign text."""
    shown = query if len(query) <= _QUERY_CHARACTERS else query[:_QUERY_CHARACTERS] + "…"
    if not shown.strip():
        shown = "".join(map(shown_character, shown))
    if not found.occurrences:
        said = f"“{shown}” stands in none of {amount(found.documents_searched, 'document')}."
    else:
        said = (
            f"“{shown}”: {amount(found.occurrences, 'time')} in {found.documents_with:,} of "
            f"{amount(found.documents_searched, 'document')}."
        )
    if not found.finished:
        return f"{said} The time was over after {found.documents_searched / found.documents:.0%}."
    if len(found.hits) < found.occurrences:
        return f"{said} The first {len(found.hits):,}:"
    return said


def amount(number: int, unit: str) -> str:
    """A count with its unit, in the plural where there are more.

    >>> amount(1, "word"), amount(2_000, "word")
    ('1 word', '2,000 words')
    """
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _at_least(value: str, unlisted: int) -> str:
    return f"≥ {value}" if unlisted else value


def _part(profile: Profile) -> str:
    return "" if profile.sampled_from is None else "Of the part that was seen."


def _line(text: str) -> str:
    return " ".join(text.split("\n"))
