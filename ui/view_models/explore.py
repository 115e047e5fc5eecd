"""The Explore view in words: what a profile says, what a click means, how a document is told.

Knows neither Streamlit nor files. A **click** is a short text that a mark of a chart carries:
"only=words:10-19" narrows the documents, "find=the" searches a word and "character=é" a
character, "document=17" opens one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.data.characters import KINDS, kind_of
from slm.data.document_table import DocumentTable
from slm.data.documents import StoredDocument
from slm.data.leakage import STRETCH_WORDS, Leakage, Twin
from slm.data.profile import Phrases, Profile
from slm.data.search import Found
from slm.data.statistics import Histogram, Spread
from slm.data.vocabulary import PowerLaw
from slm.jobs import JobStatus
from ui.view_models import glossary
from ui.view_models.chips import visible
from ui.view_models.jobs import count, duration, job_view, size
from ui.view_models.language_names import language_name

DOCUMENTS_A_PAGE = 8
FEW_DOCUMENTS = 4
READ_CHARACTERS = 20_000
BARS = 20
ORDERS = {
    "corpus": "In order",
    "longest": "Longest",
    "shortest": "Shortest",
    "strangest": "Strangest",
    "plainest": "Plainest",
}
MEASURES = {
    "characters": "Characters",
    "words": "Words",
    "sentences": "Sentences",
    "sentence": "Words per sentence",
}
_BEGINNING_CHARACTERS = 60
_QUERY_CHARACTERS = 30


@dataclass(frozen=True)
class Figure:
    """A number ready to show, and what it means."""

    label: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Bar:
    """A bar of a chart: its name, its value, and what a click on it does."""

    name: str
    value: float
    click: str


@dataclass(frozen=True)
class Bin:
    """A bar of a histogram between two edges."""

    low: float
    high: float
    count: int
    click: str


def text_figures(profile: Profile) -> tuple[Figure, ...]:
    """The first numbers that a person wants of a text; of a sample, those of the sample."""
    documents = profile.sampled_from or profile.documents
    return (
        Figure("Documents", count(documents), glossary.meaning("document")),
        Figure(
            "Text" if profile.sampled_from is None else "Text seen",
            size(profile.bytes),
            "Its size in bytes, written as UTF-8.",
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


# Documents


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
        _of(len(document.text), "character"),
    ]
    row = table.row_of(document.id)
    if row is not None:
        bits = float(table.bits_per_character[row])
        language = table.languages.at(row)
        parts += [
            _of(int(table.words[row]), "word"),
            _of(int(table.sentences[row]), "sentence"),
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


# Search


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


def found_note(found: Found, query: str) -> str:
    """What a search found, in a sentence; holds foreign text."""
    shown = query if len(query) <= _QUERY_CHARACTERS else query[:_QUERY_CHARACTERS] + "…"
    if not shown.strip():
        shown = "".join(map(shown_character, shown))
    if not found.occurrences:
        said = f"“{shown}” stands in none of {_of(found.documents_searched, 'document')}."
    else:
        said = (
            f"“{shown}”: {_of(found.occurrences, 'time')} in {found.documents_with:,} of "
            f"{_of(found.documents_searched, 'document')}."
        )
    if not found.finished:
        return f"{said} The time was over after {found.documents_searched / found.documents:.0%}."
    if len(found.hits) < found.occurrences:
        return f"{said} The first {len(found.hits):,}:"
    return said


# Pictures


def length_bins(profile: Profile, measure: str) -> list[Bin]:
    """Bars of how long documents are; words per sentence lead nowhere."""
    if measure == "sentence":
        return _bins(profile.sentence_words.histogram, "")
    spreads = {
        "characters": profile.document_characters,
        "words": profile.document_words,
        "sentences": profile.document_sentences,
    }
    return _bins(spreads[measure].histogram, measure)


def _bins(histogram: Histogram, kind: str) -> list[Bin]:
    return [
        Bin(low, high, number, f"only={kind}:{int(low)}-{int(high) - 1}" if kind else "")
        for low, high, number in zip(
            histogram.edges, histogram.edges[1:], histogram.counts, strict=False
        )
    ]


def length_note(profile: Profile, measure: str) -> str:
    """The spread of a length in a sentence."""
    if measure == "sentence":
        return (
            f"{_spread(profile.sentence_words, 'word')} in {profile.sentences:,} sentences. A "
            "sentence ends at . ! ? or their likes before a blank, or at an empty line; "
            "abbreviations end one too."
        )
    spreads: Mapping[str, Spread] = {
        "characters": profile.document_characters,
        "words": profile.document_words,
        "sentences": profile.document_sentences,
    }
    return f"{_spread(spreads[measure], measure.removesuffix('s'))} in a document."


def _spread(spread: Spread, unit: str) -> str:
    return (
        f"{spread.least:,} to {_of(spread.greatest, unit)}, half of them at most "
        f"{spread.median:,.0f}, on average {spread.mean:,.1f}"
    )


def word_bars(profile: Profile) -> list[Bar]:
    """The most frequent words; a click searches."""
    return [Bar(word, float(times), f"find={word}") for word, times in profile.top_words[:BARS]]


def phrase_bars(phrases: Phrases) -> list[Bar]:
    """The most frequent phrases; a click searches."""
    return [Bar(phrase, float(times), f"find={phrase}") for phrase, times in phrases.top[:BARS]]


def zipf_note(profile: Profile) -> str:
    """What the fall of word counts by rank says."""
    ten = sum(times for _, times in profile.top_words[:10]) / (profile.words or 1)
    once = profile.words_once / (profile.different_words or 1)
    said = (
        f"The 10 most frequent words make up {ten:.0%} of the text; {once:.0%} of the "
        f"{count(profile.different_words)} different words occur once."
    )
    if profile.zipf is None:
        return f"{said} There is too little text for a line."
    law = profile.zipf
    return (
        f"{said} Zipf slope {_signed(law.exponent)} (natural text: near −1), least squares on both "
        f"logarithms from rank {law.first:,} to {law.last:,}, words that occur 10 times or "
        f"more; R² {law.r2:.3f}. A straight line here is no proof of a power law."
    )


def heaps_note(profile: Profile) -> str:
    """What the growth of the vocabulary says."""
    if profile.heaps is None:
        return "There is too little text for a line."
    law = profile.heaps
    again = _share_of_growth(law)
    return (
        f"Heaps' law: V = {law.factor:.2f} · N^{law.exponent:.3f}, fitted from {law.first:,} "
        f"words on; R² {law.r2:.3f}. Twice the text would bring about {again:.0%} more different "
        "words. A click opens the document that stands there."
    )


def _share_of_growth(law: PowerLaw) -> float:
    return float(2**law.exponent) - 1


def fitted(law: PowerLaw | None) -> list[tuple[float, float]]:
    """The two ends of a fitted line; on logarithmic axes it is straight between them."""
    return [(float(x), law.at(x)) for x in (law.first, law.last)] if law else []


def growth_clicks(profile: Profile, table: DocumentTable) -> list[tuple[int, int, str]]:
    """Words read, different words, and the document that stands there."""
    return [
        (read, different, f"document={table.id_at_word(read) + 1}")
        for read, different in profile.growth
    ]


def phrases_note(phrases: Phrases) -> str:
    """How many phrases there are, and how exact the counts are."""
    fewest = "At least " if phrases.undercount else ""
    exact = (
        f"A count may be too small by {phrases.undercount:,} at most, because rare phrases were "
        "let go on the way."
        if phrases.undercount
        else "Counts are exact."
    )
    return (
        f"{fewest}{phrases.distinct:,} different phrases of {phrases.n} words that stand side by "
        f"side in a sentence. {exact} A click searches for the phrase as it is written here, "
        "with one blank between words."
    )


def script_bars(profile: Profile) -> list[Bar]:
    """Documents by the script of most of their letters; a click shows them."""
    return [
        Bar(name.replace("_", " "), float(number), f"only=script:{name}")
        for name, number in profile.document_scripts[:BARS]
    ]


def kind_bars(profile: Profile) -> list[Bar]:
    """Share of each kind of character; a click shows the characters of that kind."""
    counts = dict(profile.kinds)
    total = sum(counts.values()) or 1
    return [Bar(kind, counts[kind] / total, f"kind={kind}") for kind in KINDS if counts.get(kind)]


def character_bars(profile: Profile, kind: str = "") -> list[Bar]:
    """The most frequent characters, of one kind where one is chosen; a click searches."""
    chosen = [row for row in profile.top_characters if not kind or kind_of(row[0]) == kind]
    return [
        Bar(shown_character(character), float(times), f"character={character}")
        for character, times in chosen[:BARS]
    ]


def characters_note(profile: Profile) -> str:
    """How many characters there are, and whose letters."""
    scripts = profile.scripts[:4]
    letters = sum(times for _, times in profile.scripts) or 1
    listed = ", ".join(f"{name.replace('_', ' ')} {n / letters:.1%}" for name, n in scripts)
    return (
        f"{profile.different_characters:,} different characters. Letters by script: "
        f"{listed or 'none'}."
    )


def shown_character(character: str) -> str:
    """One character as a label that can be seen.

    >>> shown_character(" "), shown_character("e")
    ('·', 'e')
    """
    return "⏎" if character == "\n" else visible(character.encode(errors="replace"))


def language_bars(profile: Profile) -> list[Bar]:
    """Documents by guessed language; a click shows them."""
    return [
        Bar(language_name(code), float(number), f"only=language:{code}")
        for code, number in profile.languages[:BARS]
    ]


LANGUAGES_NOTE = (
    "A guess of py3langid from the first 600 characters of each document. Texts with fewer than "
    "20 letters and doubtful ones are called unknown; code, names and mixed text are guessed badly."
)


@dataclass(frozen=True)
class GroupRow:
    """A group of copies in a list."""

    documents: int
    begins: str
    click: str


def group_rows(sizes: Sequence[int], firsts: Sequence[StoredDocument], kind: str) -> list[GroupRow]:
    """The largest groups with the beginning of their first document."""
    return [
        GroupRow(int(number), beginning(document.text, 90), f"only={kind}:{group}")
        for group, (number, document) in enumerate(zip(sizes, firsts, strict=False))
    ]


def copies_note(profile: Profile, kind: str) -> str:
    """How many copies there are, and how they were found."""
    copies = profile.exact_copies if kind == "copies" else profile.near_copies
    share = copies.surplus / (profile.documents or 1)
    if not copies.groups:
        found = "No two documents are the same"
    else:
        found = (
            f"{copies.documents:,} documents stand in {_of(copies.groups, 'group')} of copies; "
            f"with one of each, {copies.surplus:,} would go ({share:.1%})"
        )
    if kind == "copies":
        return f"{found}, character for character."
    return (
        f"{found}. Near copies share about 80% of their stretches of 5 words or more, exact "
        "copies among them; an estimate by MinHash, which misses a few. "
        f"{profile.compared_documents:,} documents were long enough."
    )


def strange_note(profile: Profile) -> str:
    """What bits per character mean here."""
    return (
        f"{profile.bits_per_character:.2f} bits per character on average, under a model of this "
        "text's own characters (each predicted from the two before). To the right stands what it "
        "predicts badly: another language, tables, broken text; to the left what repeats itself. "
        "Documents of fewer than 20 characters are left out."
    )


def strange_bins(table: DocumentTable) -> list[Bin]:
    """Bars of bits per character."""
    bins = _bins(table.bits_histogram(), "bits")
    return [Bin(each.low / 100, each.high / 100, each.count, each.click) for each in bins]


# Split and leakage


@dataclass(frozen=True)
class SplitView:
    """The two splits ready to show, and what of one stands in the other."""

    rows: tuple[tuple[str, int, str, str], ...]
    leakage: str
    stretches: str
    leaks: bool


def split_view(
    train: Mapping[str, int], val: Mapping[str, int], found: Leakage, validation_fraction: float
) -> SplitView:
    """Counts of both splits; the hash decides, so the share is only about the one asked for."""
    total = train["documents"] + val["documents"]
    rows = tuple(
        (
            name,
            counts["documents"],
            f"{counts['documents'] / total:.1%}" if total else "–",
            size(counts["bytes"]),
        )
        for name, counts in (("training", train), ("validation", val))
    )
    if found.leaked_documents:
        said = (
            f"{found.leaked_documents:,} of {found.val_documents:,} validation documents "
            f"({found.fraction:.1%}) also stand in the training text, word for word. "
            "Prepare the corpus again with the rule “No exact duplicates”."
        )
    else:
        said = (
            f"None of the {found.val_documents:,} validation documents stands in the training "
            f"text word for word. Asked for: about {validation_fraction:.0%} held out."
        )
    return SplitView(rows, said, stretches_note(found), bool(found.leaked_documents))


def stretches_note(found: Leakage) -> str:
    """How much of the validation text stands in the training text by stretches."""
    if not found.judged_documents:
        return f"No validation document has {STRETCH_WORDS} words, so stretches were not compared."
    part = (
        f" Judged by the first {found.examined_documents:,} of them."
        if found.examined_documents < found.val_documents
        else ""
    )
    return (
        f"{found.leaked_share:.1%} of the words of the validation text lie in a stretch of "
        f"{STRETCH_WORDS} words that the training text has too. {found.mostly_leaked:,} of "
        f"{found.judged_documents:,} documents have at least 80% of their stretches there.{part}"
    )


LEAKAGE_MEANING = (
    "What a model has read in training it may know by heart, so a low loss on such text says "
    "little about new text. Tales from a grammar share whole sentences by design: for them the "
    "validation loss tells how well the grammar was learned, not how well unseen prose would go."
)


def twin_rows(twins: Sequence[Twin]) -> list[tuple[int, int, float, int, str]]:
    """Validation document, its twin, share of stretches, longest run of words, its beginning."""
    return [
        (twin.val_id + 1, twin.train_id + 1, twin.share, twin.longest_words,
         beginning(twin.longest, 80))
        for twin in twins
    ]  # fmt: skip


def _of(number: int, unit: str) -> str:
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _at_least(value: str, unlisted: int) -> str:
    return f"≥ {value}" if unlisted else value


def _part(profile: Profile) -> str:
    return "" if profile.sampled_from is None else "Of the part that was seen."


def _line(text: str) -> str:
    return " ".join(text.split("\n"))
