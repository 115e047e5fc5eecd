"""Texts as arrays: code points, and in them words, sentences and documents.

A **word** is a run of letters, marks and digits; an apostrophe between two of them belongs
to it; capitals and small letters are one. Chinese characters and hiragana, which stand
without blanks, are a word each. A **sentence** ends at a full stop, exclamation mark,
question mark or their likes before a blank (closing quotation marks may stand between), at
an empty line, and with its document; it has at least one word. Abbreviations end sentences
too: the rule knows no language.

Nothing here loops over characters or words: a block is a handful of numpy operations.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.data.exploring import characters
from slm.data.exploring.characters import BOUNDARY, character_table
from slm.data.exploring.hashes import prefix_sums, span_hashes

BLOCK_CHARACTERS = 2**20
MAX_PIECE = 2**20
"""Longer documents are looked at in pieces, cut at a blank where there is one."""
_MOST_CLOSERS = 4  # between a full stop and its blank


@dataclass(frozen=True)
class Block:
    """Neighbouring documents as arrays.

    `points` are code points with BOUNDARY after each piece. Per word: `starts` and `ends`
    (places in `points`), `hashes` (equal for equal words whatever their capitals),
    `documents` (its document, from 0 for the first of the texts) and `sentences` (a number
    that changes where a new sentence begins). Per piece: `piece_documents`, `piece_starts`
    and `piece_firsts` (whether it begins its document).
    """

    points: NDArray[np.uint32]
    piece_documents: NDArray[np.int64]
    piece_starts: NDArray[np.int64]
    piece_firsts: NDArray[np.bool_]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    documents: NDArray[np.int64]
    sentences: NDArray[np.int64]

    @property
    def piece_lengths(self) -> NDArray[np.int64]:
        """Characters of each piece."""
        ends = np.append(self.piece_starts[1:], len(self.points))
        return ends - self.piece_starts - 1

    def word(self, index: int) -> str:
        """The word at that index in small letters."""
        points = self.points[self.starts[index] : self.ends[index]]
        small = character_table().lower[points]
        return small.astype("<u4").tobytes().decode("utf-32-le", errors="surrogatepass")


def blocks(texts: Iterable[str], *, start: int = 0) -> Iterator[Block]:
    """The texts in blocks of about a million characters; the first text is document `start`."""
    pieces: list[tuple[int, bool, str]] = []
    held = 0
    for document, text in enumerate(texts, start):
        for number, piece in enumerate(_pieces(text)):
            pieces.append((document, number == 0, piece))
            held += len(piece)
            if held >= BLOCK_CHARACTERS:
                yield _block(pieces)
                pieces, held = [], 0
    if pieces:
        yield _block(pieces)


def block_of(text: str) -> Block:
    """One text as a block; only its first piece where it is very long."""
    return next(blocks([text]))


def word_texts(text: str) -> list[str]:
    """The words of a text in small letters.

    >>> word_texts("The cat's 2 naïve KITTENS!")
    ['the', "cat's", '2', 'naïve', 'kittens']
    """
    return [block.word(index) for block in blocks([text]) for index in range(len(block.starts))]


def windows(
    block: Block, n: int, within: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """A hash for each n neighbouring words, and the index of the first of them.

    Only windows inside one document, or inside one run of equal numbers of `within`.
    """
    count = len(block.hashes) - n + 1
    if count <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    keep = block.documents[:count] == block.documents[n - 1 :]
    if within is not None:
        keep &= within[:count] == within[n - 1 :]
    first = np.flatnonzero(keep)
    return word_hashes(block, first, first + n), first


def word_hashes(
    block: Block, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hashes of the words starts[i]:ends[i], the same wherever the same words stand."""
    return span_hashes(prefix_sums(block.hashes), starts, ends)


def _pieces(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > MAX_PIECE:
        window = text[start : start + MAX_PIECE]
        cut = max(window.rfind(" "), window.rfind("\n")) + 1 or MAX_PIECE
        yield window[:cut]
        start += cut
    yield text[start:] if start else text


def _block(pieces: list[tuple[int, bool, str]]) -> Block:
    joined = "\n".join([piece for _, _, piece in pieces] + [""])
    points = np.frombuffer(joined.encode("utf-32-le", errors="surrogatepass"), "<u4").copy()
    lengths = np.array([len(piece) for _, _, piece in pieces], np.int64)
    gaps = np.cumsum(lengths + 1) - 1
    points[gaps] = BOUNDARY
    table = character_table()
    table.learn(points)
    flags = table.flags[points]
    starts, ends = _word_spans(flags)
    piece_documents = np.array([document for document, _, _ in pieces], np.int64)
    piece_of_word = np.searchsorted(gaps, starts)
    return Block(
        points=points,
        piece_documents=piece_documents,
        piece_starts=gaps - lengths,
        piece_firsts=np.array([first for _, first, _ in pieces], np.bool_),
        starts=starts,
        ends=ends,
        hashes=span_hashes(prefix_sums(table.weight[points]), starts, ends),
        documents=piece_documents[piece_of_word],
        sentences=np.searchsorted(_sentence_ends(flags, gaps), starts),
    )


def _word_spans(flags: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where words begin and end."""
    inside = (flags & characters.WORD) != 0
    alone = (flags & characters.ALONE) != 0
    joiner = np.flatnonzero(flags & characters.JOINER)
    joiner = joiner[(joiner > 0) & (joiner < len(flags) - 1)]
    joins = inside[joiner - 1] & inside[joiner + 1] & ~alone[joiner - 1] & ~alone[joiner + 1]
    inside[joiner[joins]] = True
    broken = np.ones(len(flags) + 1, np.bool_)  # whether a word may not reach across this place
    broken[1:-1] = ~inside[1:] | ~inside[:-1] | alone[1:] | alone[:-1]
    return np.flatnonzero(inside & broken[:-1]), np.flatnonzero(inside & broken[1:]) + 1


def _sentence_ends(flags: NDArray[np.uint8], gaps: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places after which a new sentence begins, in order."""
    stops = np.flatnonzero(flags & characters.FULL_STOP)
    after = stops + 1
    for _ in range(_MOST_CLOSERS):
        after = after + ((flags[after] & characters.CLOSER) != 0)  # the last place is no closer
    stops = stops[(flags[after] & characters.SPACE) != 0]
    wide = np.flatnonzero(flags & characters.WIDE_STOP)
    filled = np.flatnonzero(
        ((flags & characters.SPACE) == 0) | ((flags & characters.NEWLINE) != 0)
    )  # all but blanks inside lines
    breaks = (flags[filled] & characters.NEWLINE) != 0
    empty_lines = filled[:-1][breaks[:-1] & breaks[1:]]
    return np.unique(np.concatenate([stops, wide, empty_lines, gaps]))
