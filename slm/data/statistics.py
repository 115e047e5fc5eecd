"""What a corpus looks like in numbers: sizes, lengths, characters, words.

Sees texts only. Documents, characters and bytes are counted exactly; words and
characters are counted on a random sample where the corpus is large, and the
result says of how many documents.
"""

import random
import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_DOCUMENTS = 2_000  # documents looked at word by word
MAX_CHARACTERS = 5_000  # of each of them
SAMPLE_DOCUMENTS = 5
SAMPLE_CHARACTERS = 1_000
_N_BINS = 24
_N_TOP = 50
_N_RANKS = 60
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")

CATEGORIES = ("lower-case letters", "upper-case letters", "other letters", "digits", "blanks",
              "line breaks", "punctuation", "symbols", "other")  # fmt: skip


@dataclass(frozen=True)
class Histogram:
    """counts[i] values lie in edges[i] <= value < edges[i + 1]; the last edge is included."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True)
class CorpusStatistics:
    """What the Data page shows of a corpus.

    documents, characters, bytes and document_characters cover everything; the
    rest covers examined_documents, chosen at random.
    """

    documents: int
    characters: int
    bytes: int
    shortest_characters: int
    median_characters: float
    longest_characters: int
    document_characters: Histogram
    examined_documents: int
    words: int
    unique_words: int
    median_words: float
    document_words: Histogram
    unique_characters: int
    top_characters: tuple[tuple[str, int], ...]
    categories: tuple[tuple[str, int], ...]
    top_words: tuple[tuple[str, int], ...]
    rank_frequency: tuple[tuple[int, int], ...]
    sample: tuple[str, ...]

    @property
    def sampled(self) -> bool:
        """Whether words and characters were counted on a part of the documents."""
        return self.examined_documents < self.documents


def describe(
    texts: Iterable[str], *, max_documents: int = MAX_DOCUMENTS, seed: int = 0
) -> CorpusStatistics:
    """The statistics of texts, read once and in bounded memory.

    The sample is every document's equal chance (Vitter 1985, algorithm R).

    >>> describe(["One two two.", "Three"]).top_words[0]
    ('two', 2)
    """
    chance = random.Random(seed)
    lengths = array("q")
    n_bytes = 0
    examined: list[str] = []
    for count, text in enumerate(texts):
        lengths.append(len(text))
        n_bytes += len(text.encode(errors="replace"))
        if count < max_documents:
            examined.append(text[:MAX_CHARACTERS])
        elif (place := chance.randrange(count + 1)) < max_documents:
            examined[place] = text[:MAX_CHARACTERS]
    words: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    words_each = array("q")
    for text in examined:
        found = _WORD.findall(text.lower())
        words_each.append(len(found))
        words.update(found)
        characters.update(text)
    sizes = np.array(lengths, dtype=np.int64)
    word_sizes = np.array(words_each, dtype=np.int64)
    chosen = chance.sample(examined, min(SAMPLE_DOCUMENTS, len(examined)))
    return CorpusStatistics(
        documents=len(lengths),
        characters=int(sizes.sum()),
        bytes=n_bytes,
        shortest_characters=int(sizes.min(initial=2**62)) if len(lengths) else 0,
        median_characters=float(np.median(sizes)) if len(lengths) else 0.0,
        longest_characters=int(sizes.max(initial=0)),
        document_characters=histogram(sizes),
        examined_documents=len(examined),
        words=words.total(),
        unique_words=len(words),
        median_words=float(np.median(word_sizes)) if len(examined) else 0.0,
        document_words=histogram(word_sizes),
        unique_characters=len(characters),
        top_characters=tuple(characters.most_common(_N_TOP)),
        categories=_categories(characters),
        top_words=tuple(words.most_common(_N_TOP)),
        rank_frequency=_rank_frequency(words),
        sample=tuple(text[:SAMPLE_CHARACTERS] for text in chosen),
    )


def histogram(values: NDArray[np.int64], n_bins: int = _N_BINS) -> Histogram:
    """Counts of whole numbers in bins of equal width; wider by equal factors when the
    values span more than a factor of 50.

    >>> histogram(np.array([1, 2, 2, 3])).counts
    (1, 2, 1)
    """
    if not values.size:
        return Histogram((), ())
    low, high = int(values.min()), int(values.max())
    if low > 0 and high > 50 * low:
        edges: NDArray[np.float64] = np.unique(np.round(np.geomspace(low, high + 1, n_bins + 1)))
    else:
        step = max(1, -(-(high + 1 - low) // n_bins))
        edges = np.arange(low, high + 1 + step, step, dtype=np.float64)
    counts, edges = np.histogram(values, bins=edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))


def category_of(character: str) -> str:
    """Which of CATEGORIES a character belongs to.

    >>> category_of("é"), category_of("中"), category_of("€")
    ('lower-case letters', 'other letters', 'symbols')
    """
    if character in "\n\r\v\f\u2028\u2029":
        return "line breaks"
    kind = unicodedata.category(character)
    if character == "\t" or kind == "Zs":
        return "blanks"
    by_kind = {"Ll": "lower-case letters", "Lu": "upper-case letters"}
    by_class = {"L": "other letters", "M": "other letters", "N": "digits", "P": "punctuation"}
    by_class["S"] = "symbols"
    return by_kind.get(kind) or by_class.get(kind[0], "other")


def _categories(characters: Counter[str]) -> tuple[tuple[str, int], ...]:
    totals: Counter[str] = Counter()
    for character, count in characters.items():
        totals[category_of(character)] += count
    return tuple((category, totals[category]) for category in CATEGORIES if totals[category])


def _rank_frequency(words: Counter[str]) -> tuple[tuple[int, int], ...]:
    """How often the 1st, 2nd, … word occurs, at ranks evenly spaced on a logarithmic scale."""
    counts = sorted(words.values(), reverse=True)
    if not counts:
        return ()
    ranks = np.unique(np.round(np.geomspace(1, len(counts), _N_RANKS)).astype(int))
    return tuple((int(rank), counts[rank - 1]) for rank in ranks)
