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
from ui.texts import counted, tr
from ui.view_models import glossary
from ui.view_models.chips import visible
from ui.view_models.jobs import count, duration, job_view, size
from ui.view_models.language_names import language_name

DOCUMENTS_A_PAGE = 8
FEW_DOCUMENTS = 4
READ_CHARACTERS = 20_000
ORDERS = {
    "corpus": tr("In order"),
    "longest": tr("Longest"),
    "shortest": tr("Shortest"),
    "strangest": tr("Strangest"),
    "plainest": tr("Plainest"),
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
        Figure(tr("Documents"), count(documents), glossary.meaning("document")),
        Figure(
            tr("Size") if profile.sampled_from is None else tr("Size seen"),
            size(profile.bytes),
            tr("In bytes, written as UTF-8."),
        ),
        Figure(tr("Words"), count(profile.words), f"{glossary.meaning('word')} {_part(profile)}"),
        Figure(
            tr("Different words"),
            _at_least(count(profile.different_words), profile.unlisted_words),
            tr("Capitals and small letters taken as one. {profile}").format(profile=_part(profile)),
        ),
        Figure(
            tr("Words each"),
            f"{profile.document_words.median:,.0f}",
            tr("The median: half of the documents have at most so many words."),
        ),
    )


def seen_note(profile: Profile, status: JobStatus | None = None) -> str:
    """How much of the text stands behind the numbers, and how far the exact count is."""
    if profile.sampled_from is None:
        return tr("Exact: counted over all {documents:,} documents.").format(
            documents=profile.documents
        )
    said = tr("Sampled: {share:.1%} of the documents, {documents:,} of {sampled_from:,}.").format(
        share=profile.share, documents=profile.documents, sampled_from=profile.sampled_from
    )
    if status is None or not status.alive:
        return said
    view = job_view("", status)
    left = status.remaining_seconds
    time = tr(", about {left} left").format(left=duration(left)) if left is not None else ""
    return tr("{said} Counting all of them: {fraction:.0%}{time}.").format(
        said=said, fraction=view.fraction, time=time
    )


def filter_note(wanted: str) -> str:
    """Which documents a filter lets through.

    >>> filter_note("words:10-19"), filter_note("language:de"), filter_note("copies:0")
    ('10 to 19 words', 'Language: German', 'The copies of group 1')
    """
    kind, _, value = wanted.partition(":")
    if kind in {"copies", "near"} and value.isdecimal():
        near = tr("near copies") if kind == "near" else tr("copies")
        return tr("The {near} of group {int}").format(near=near, int=int(value) + 1)
    if kind == "language":
        return tr("Language: {language_name}").format(language_name=language_name(value))
    if kind == "script":
        return tr("Script: {replace}").format(replace=value.replace("_", " "))
    low, _, high = value.partition("-")
    if kind == "bits":
        return tr("{low:.2f} to {high:.2f} bits per character").format(
            low=int(low) / 100, high=(int(high) + 1) / 100
        )
    unit = kind if high != "1" else kind.removesuffix("s")
    return (
        f"{int(low):,} {unit}"
        if low == high
        else tr("{low:,} to {high:,} {unit}").format(low=int(low), high=int(high), unit=unit)
    )


def documents_note(n: int, total: int, wanted: str) -> str:
    """How many documents a filter lets through, in a sentence."""
    if not wanted:
        return tr("{total:,} documents").format(total=total)
    return tr("{wanted}: {n:,} of {total:,} documents").format(
        wanted=filter_note(wanted), n=n, total=total
    )


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
        {"train": tr("training"), "val": tr("validation")}.get(document.split, ""),
        counted("{n:,} character", "{n:,} characters", len(document.text)),
    ]
    row = table.row_of(document.id)
    if row is not None:
        bits = float(table.bits_per_character[row])
        language = table.languages.at(row)
        parts += [
            counted("{n:,} word", "{n:,} words", int(table.words[row])),
            counted("{n:,} sentence", "{n:,} sentences", int(table.sentences[row])),
            language_name(language) if language != "und" else "",
            "" if np.isnan(bits) else tr("{bits:.2f} bits per character").format(bits=bits),
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
    note = tr("Characters {first:,} to {last:,} of {n_text:,}.").format(
        first=first + 1, last=last, n_text=len(text)
    )
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
        said = tr("“{shown}” stands in none of {documents_searched}.").format(
            shown=shown,
            documents_searched=counted(
                "{n:,} document", "{n:,} documents", found.documents_searched
            ),
        )
    else:
        said = tr("“{shown}”: {occurrences} in {documents_with:,} of {documents_searched}.").format(
            shown=shown,
            occurrences=counted("{n:,} time", "{n:,} times", found.occurrences),
            documents_with=found.documents_with,
            documents_searched=counted(
                "{n:,} document", "{n:,} documents", found.documents_searched
            ),
        )
    if not found.finished:
        return tr("{said} The time was over after {documents_searched:.0%}.").format(
            said=said, documents_searched=found.documents_searched / found.documents
        )
    if len(found.hits) < found.occurrences:
        return tr("{said} The first {n_hits:,}:").format(said=said, n_hits=len(found.hits))
    return said


def _at_least(value: str, unlisted: int) -> str:
    return f"≥ {value}" if unlisted else value


def _part(profile: Profile) -> str:
    return "" if profile.sampled_from is None else tr("Of the part that was seen.")


def _line(text: str) -> str:
    return " ".join(text.split("\n"))
