"""Counts what texts hold, exactly and in bounded memory.

Two passes over the texts: the first counts, the second asks of each document how strange it
is to a small model of all of them. What grows with the corpus is the table of words
(2,097,151 at most), two tables of phrases (4,000,000 each at most), and per document about
200 bytes and the 224 of its signature (for the first million of them).

Sees texts, not corpora. Where each number goes is in `profile.py`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.data.exploring.characters import BOUNDARY, KINDS, UNWRITTEN, character_table
from slm.data.exploring.copies import CopyFinder
from slm.data.exploring.document_table import Categories, DocumentTable
from slm.data.exploring.hashes import run_starts
from slm.data.exploring.languages import languages_of
from slm.data.exploring.profile import Copies, Phrases, Profile
from slm.data.exploring.statistics import spread, spread_of_counts
from slm.data.exploring.strangeness import MIN_CHARACTERS, CharacterModel
from slm.data.exploring.vocabulary import PhraseCounter, WordCounter, heaps, zipf
from slm.data.exploring.words import Block, blocks
from slm.jobs import Reporter, StoppedError, silent

N_TOP = 200
_LANGUAGE_BATCH = 4_096
_COUNTING = 0.8  # of the time


@dataclass(frozen=True)
class ReadAgain:
    """Texts that can be read more than once, from a function that opens them anew."""

    opened: Callable[[], Iterable[str]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.opened())


def profile(texts: Iterable[str], report: Reporter = silent) -> Profile:
    """What the texts are in numbers. They are read twice: a list, or `ReadAgain`.

    >>> found = profile(["One two two.", "Three two?"])
    >>> found.documents, found.words, found.sentences, found.top_words[0]
    (2, 5, 2, ('two', 3))
    """
    return profile_with_table(texts, report)[0]


def profile_with_table(
    texts: Iterable[str],
    report: Reporter = silent,
    *,
    expected: int | None = None,
    ids: NDArray[np.int64] | None = None,
    sampled_from: int | None = None,
) -> tuple[Profile, DocumentTable]:
    """The profile, and what it knows of each document.

    `expected` documents are to come, for the progress told. `ids` are the documents' places
    in their corpus where they are a sample of `sampled_from`.

    Raises: StoppedError when asked to stop.
    """
    counting = _Counting()
    for block in blocks(_told(counting.each(texts), expected, report, 0.0, _COUNTING)):
        counting.add(block)
    counting.end()
    bits = np.zeros(len(counting.lengths))
    for block in blocks(_told(texts, expected, report, _COUNTING, 1.0)):
        np.add.at(bits, block.piece_documents, counting.model.bits(block))
    report(1.0, "Grouping copies")
    return counting.result(bits, ids, sampled_from)


class _Counting:
    """The first pass: what is counted, text by text and block by block."""

    def __init__(self) -> None:
        self.lengths: list[int] = []
        self.bytes = 0
        self.languages: list[str] = []
        self.words = WordCounter()
        self.phrases = (PhraseCounter(2), PhraseCounter(3))
        self.copies = CopyFinder()
        self.model = CharacterModel()
        self.characters = np.zeros(BOUNDARY + 1, np.int64)
        self.sentence_words: NDArray[np.int64] = np.zeros(1, np.int64)
        self._each_words: list[NDArray[np.int64]] = []
        self._each_sentences: list[NDArray[np.int64]] = []
        self._each_scripts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        self._waiting: list[str] = []

    def each(self, texts: Iterable[str]) -> Iterator[str]:
        """Pass the texts on, and take of each what needs the whole of it."""
        for text in texts:
            self.lengths.append(len(text))
            self.bytes += len(text.encode(errors="replace"))
            self.copies.add_text(text)
            self._waiting.append(text[:1_000])
            if len(self._waiting) >= _LANGUAGE_BATCH:
                self._guess_languages()
            yield text

    def add(self, block: Block) -> None:
        """Count a block."""
        numbers = self.words.add(block)
        for counter in self.phrases:
            counter.add(numbers, block.sentences)
        self.copies.add_block(block)
        self.model.learn(block)
        self.characters += np.bincount(block.points, minlength=BOUNDARY + 1)
        self._count_sentences(block)
        self._count_scripts(block)

    def end(self) -> None:
        """Take in what is still waiting."""
        self._guess_languages()

    def _guess_languages(self) -> None:
        self.languages += languages_of(self._waiting)
        self._waiting = []

    def _count_sentences(self, block: Block) -> None:
        firsts = run_starts(block.sentences)
        sizes = np.bincount(np.diff(firsts, append=len(block.sentences)))
        grown = np.zeros(max(len(sizes), len(self.sentence_words)), np.int64)
        grown[: len(self.sentence_words)] = self.sentence_words
        grown[: len(sizes)] += sizes
        self.sentence_words = grown
        self._each_words.append(_per_document(block.documents))
        self._each_sentences.append(_per_document(block.documents[firsts]))

    def _count_scripts(self, block: Block) -> None:
        """The script of most of a piece's letters."""
        scripts = character_table().script[block.points]
        n_scripts = int(scripts.max(initial=0)) + 1
        letters = np.flatnonzero(scripts)
        piece = np.searchsorted(block.piece_starts, letters, side="right") - 1
        keys = piece * n_scripts + scripts[letters]
        table = np.bincount(keys, minlength=len(block.piece_starts) * n_scripts)
        table = table.reshape(-1, n_scripts)[block.piece_firsts]
        owners = block.piece_documents[block.piece_firsts]
        self._each_scripts.append((owners, table.argmax(axis=1)))

    def result(
        self, bits: NDArray[np.float64], ids: NDArray[np.int64] | None, sampled_from: int | None
    ) -> tuple[Profile, DocumentTable]:
        table = self._table(bits, ids)
        points = np.flatnonzero(self.characters[:BOUNDARY])
        counts = self.characters[points]
        ranked = np.argsort(-counts, kind="stable")[:N_TOP]
        properties = character_table()
        ranks, growth = self.words.rank_frequency(), self.words.growth()
        scripts = [properties.scripts[number] for number in properties.script[points]]
        found = Profile(
            documents=len(self.lengths),
            characters=int(table.characters.sum()),
            bytes=self.bytes,
            words=self.words.total,
            sentences=int(self.sentence_words.sum()),
            sampled_from=sampled_from,
            document_characters=spread(table.characters),
            document_words=spread(table.words),
            document_sentences=spread(table.sentences),
            sentence_words=spread_of_counts(self.sentence_words),
            kinds=_tallied([KINDS[kind] for kind in properties.kind[points]], counts),
            scripts=tuple(row for row in _tallied(scripts, counts) if row[0] != UNWRITTEN),
            different_characters=len(points),
            top_characters=tuple((chr(int(points[i])), int(counts[i])) for i in ranked),
            different_words=len(self.words.words),
            words_once=int(np.count_nonzero(self.words.counts == 1)),
            unlisted_words=self.words.unlisted,
            top_words=tuple(self.words.top(N_TOP)),
            rank_frequency=tuple(ranks),
            zipf=zipf(ranks),
            growth=tuple(growth),
            heaps=heaps(growth),
            phrases=tuple(self._phrases(counter) for counter in self.phrases),
            exact_copies=_copies(table.exact_group),
            near_copies=_copies(table.near_group),
            compared_documents=self.copies.compared,
            languages=table.languages.counts(),
            document_scripts=table.scripts.counts(),
            bits_per_character=float(bits.sum() / max(1, table.characters.sum())),
        )
        return found, table

    def _table(self, bits: NDArray[np.float64], ids: NDArray[np.int64] | None) -> DocumentTable:
        lengths = np.array(self.lengths, np.int64)
        exact = self.copies.exact_groups()
        scripts = np.zeros(len(lengths), np.int64)
        for owners, script in self._each_scripts:
            scripts[owners] = script
        each = np.where(lengths >= MIN_CHARACTERS, bits / np.maximum(lengths, 1), np.nan)
        return DocumentTable(
            ids=np.arange(len(lengths)) if ids is None else ids,
            characters=lengths,
            words=_summed(self._each_words, len(lengths)),
            sentences=_summed(self._each_sentences, len(lengths)),
            languages=Categories.of(self.languages),
            scripts=Categories(tuple(character_table().scripts), scripts.astype(np.int16)),
            exact_group=exact,
            near_group=self.copies.near_groups(exact),
            bits_per_character=each.astype(np.float32),
        )

    def _phrases(self, counter: PhraseCounter) -> Phrases:
        top = tuple(
            (" ".join(self.words.words[number] for number in numbers), times)
            for numbers, times in counter.top(N_TOP)
        )
        return Phrases(counter.n, counter.total, counter.distinct, counter.undercount, top)


def _told(
    texts: Iterable[str], expected: int | None, report: Reporter, begin: float, end: float
) -> Iterator[str]:
    """Pass texts on and say how far it is.

    Raises: StoppedError when asked to stop.
    """
    doing = "Counting" if begin == 0 else "Looking for strange documents"
    for count, text in enumerate(texts):
        if count % 1_000 == 0:
            if report.should_stop():
                raise StoppedError
            fraction = begin + (end - begin) * min(1.0, count / expected) if expected else None
            report(fraction, f"{doing}: {count:,} documents", documents=count)
        yield text


def _per_document(documents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of document and count, from numbers in rising order."""
    firsts = run_starts(documents)
    return np.stack([documents[firsts], np.diff(firsts, append=len(documents))])


def _summed(parts: list[NDArray[np.int64]], n: int) -> NDArray[np.int64]:
    sums = np.zeros(n, np.int64)
    for documents, counts in parts:
        np.add.at(sums, documents, counts)
    return sums


def _tallied(names: Iterable[str], counts: NDArray[np.int64]) -> tuple[tuple[str, int], ...]:
    """Sums by name, the largest first."""
    sums: dict[str, int] = {}
    for name, count in zip(names, counts.tolist(), strict=True):
        sums[str(name)] = sums.get(str(name), 0) + count
    return tuple(sorted(sums.items(), key=lambda row: -row[1]))


def _copies(groups: NDArray[np.int64]) -> Copies:
    return Copies(int(groups.max(initial=-1)) + 1, int(np.count_nonzero(groups >= 0)))
