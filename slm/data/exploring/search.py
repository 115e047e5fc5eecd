"""A word or a phrase in a corpus, found with what stands around it.

One group of rows at a time, so memory stays bounded; literal text only, so no pattern can
take long. A search has a time limit and says how far it came.
"""

import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from pydantic import Field

from slm.config import Config
from slm.data.corpus import Corpus
from slm.data.exploring import characters
from slm.data.exploring.characters import character_table
from slm.data.exploring.lookup import groups
from slm.errors import DataError

MAX_QUERY = 200
_LOOK_AT_CLOCK = 4_096  # occurrences


class SearchConfig(Config):
    """What to look for in a corpus, and how much to show."""

    query: str = Field(description="The text to look for, taken literally.")
    match_case: bool = Field(False, description="Tell capitals from small letters.")
    whole_words: bool = Field(False, description="Only where no letter or digit adjoins.")
    hits: int = Field(50, ge=0, le=1_000, description="Places to show.")
    context: int = Field(60, ge=0, le=1_000, description="Characters to show on either side.")
    seconds: float = Field(10.0, gt=0, le=600, description="Stop searching after so long.")


class CorpusSearchConfig(SearchConfig):
    """The same, and in which corpus."""

    corpus: str = Field(description="Name or id of the corpus.")


@dataclass(frozen=True)
class Hit:
    """One place: the document, where in it the match begins, and what stands around it."""

    document: int
    start: int
    before: str
    match: str
    after: str


@dataclass(frozen=True)
class Found:
    """What a search found. Counts are of the documents searched, `documents_searched` of
    `documents`; `finished` is False when the time was over before all were."""

    occurrences: int
    documents_with: int
    hits: tuple[Hit, ...]
    documents_searched: int
    documents: int
    seconds: float

    @property
    def finished(self) -> bool:
        """Whether everything was searched."""
        return self.documents_searched == self.documents


def search(corpus: Corpus, config: SearchConfig) -> Found:
    """Every occurrence counted, the first ones shown in their context.

    Occurrences do not overlap. A whole word is one by the rule of `words.py`: "cat" is not
    in "cat's", but is in "cat-like".

    Raises: DataError for an empty or very long query, or a damaged corpus.
    """
    parts = groups(corpus)
    read = ((part.first, part.read("text")["text"].to_pylist()) for part in parts)
    return _search(read, sum(part.rows for part in parts), config)


def search_texts(texts: Sequence[str], config: SearchConfig) -> Found:
    """The same in texts that are in memory; documents are their places.

    >>> found = search_texts(["One fox.", "No foxes."], SearchConfig(query="fox"))
    >>> found.occurrences, found.documents_with, found.hits[0].before
    (2, 2, 'One ')
    """
    return _search([(0, texts)], len(texts), config)


def _search(
    parts: Iterable[tuple[int, Sequence[str]]], documents: int, config: SearchConfig
) -> Found:
    if not 1 <= len(config.query) <= MAX_QUERY:
        raise DataError(
            f"A search needs 1 to {MAX_QUERY} characters; this one has {len(config.query)}."
        )
    began = time.monotonic()
    finder = _Finder(config, began + config.seconds)
    searched = 0
    for first, texts in parts:
        done = finder.look(first, texts)
        searched += done
        if done < len(texts) or finder.late:
            break
    return Found(
        finder.occurrences,
        finder.documents_with,
        tuple(finder.hits),
        searched,
        documents,
        time.monotonic() - began,
    )


class _Finder:
    def __init__(self, config: SearchConfig, deadline: float) -> None:
        self._config = config
        self._deadline = deadline
        self._needle = config.query if config.match_case else _small(config.query)
        self.occurrences = 0
        self.documents_with = 0
        self.hits: list[Hit] = []

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._deadline

    def look(self, first: int, texts: Sequence[str]) -> int:
        """Search texts of which the first is document `first`; gives how many were searched."""
        whole = "\n".join(texts)
        hay = whole if self._config.match_case else _small(whole)
        ends = list(accumulate(len(text) + 1 for text in texts))
        last = -1
        place = hay.find(self._needle)
        while place >= 0:
            row = bisect_right(ends, place)
            end = place + len(self._needle)
            if end < ends[row] and self._counts(whole, place, end):
                self.occurrences += 1
                self.documents_with += row != last
                last = row
                if len(self.hits) < self._config.hits:
                    start = place - (ends[row] - len(texts[row]) - 1)
                    self._show(texts[row], first + row, start)
                if self.occurrences % _LOOK_AT_CLOCK == 0 and self.late:
                    return row
            else:
                end = place + 1
            place = hay.find(self._needle, end)
        return len(texts)

    def _counts(self, text: str, start: int, end: int) -> bool:
        return not self._config.whole_words or stands_alone(text, start, end)

    def _show(self, text: str, document: int, start: int) -> None:
        end, reach = start + len(self._needle), self._config.context
        hit = Hit(
            document,
            start,
            text[max(0, start - reach) : start],
            text[start:end],
            text[end : end + reach],
        )
        self.hits.append(hit)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no word reaches across either end of text[start:end].

    >>> stands_alone("the cat's", 4, 7), stands_alone("cat-like", 0, 3)
    (False, True)
    """
    return not _inside_word(text, start) and not _inside_word(text, end)


def _inside_word(text: str, place: int) -> bool:
    """Whether a word goes on across this place."""
    if not 0 < place < len(text) or text[place] == " " or text[place - 1] == " ":
        return False
    if _letter(text, place - 1) and _letter(text, place):
        return True
    before, after = _flags(text[place - 1]), _flags(text[place])
    if after & characters.JOINER:
        return _letter(text, place - 1) and _letter(text, place + 1)
    return bool(before & characters.JOINER) and _letter(text, place - 2) and _letter(text, place)


def _letter(text: str, place: int) -> bool:
    """Whether a character there forms words with its neighbours."""
    if not 0 <= place < len(text):
        return False
    return _flags(text[place]) & (characters.WORD | characters.ALONE) == characters.WORD


@lru_cache(maxsize=65_536)
def _flags(character: str) -> int:
    return character_table().flags_of(character)


def _small(text: str) -> str:
    """Small letters, one for one: no letter becomes two, and there is one sigma."""
    if "İ" in text:
        text = text.replace("İ", "i")
    small = text.lower()
    return small.replace("ς", "σ") if "ς" in small else small
