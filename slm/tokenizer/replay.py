"""A text at every stage of a tokenizer's learning: which neighbours each merge joined.

With the first n merges alone a tokenizer is a younger one. Going from n to n + 1 only ever
takes cuts away, so one number for each place between two bytes says it all: the merge
that closed the cut there. Sees bytes and merges; `history.py` tells of single tokens.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from slm.errors import TokenizerError
from slm.tokenizer.bpe import Merge
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.imported import ImportedTokenizer
from slm.tokenizer.patterns import chunks
from slm.tokenizer.protocol import TextTokenizer, well_formed

MAX_CHARACTERS = 2_000
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class Join:
    """One place where a merge joined two neighbours; bytes `start` to `middle` to `end`.

    `number` counts the merges from 1 in order of learning.
    """

    number: int
    start: int
    middle: int
    end: int


@dataclass(frozen=True)
class Replay:
    """A text and all the joins in it, by number and then by place.

    `chunk_starts` are the places that no merge may join across, the text's first byte too.
    """

    data: bytes
    chunk_starts: tuple[int, ...]
    n_merges: int
    joins: tuple[Join, ...]

    @cached_property
    def closed_by(self) -> NDArray[np.int64]:
        """closed_by[i] is the merge that joined both sides of place i; 0 for none."""
        numbers = np.zeros(len(self.data), dtype=np.int64)
        for join in self.joins:
            numbers[join.middle] = join.number
        return numbers

    def starts(self, n_merges: int) -> list[int]:
        """Where the tokens begin when only the first `n_merges` merges are known."""
        still_cut = (self.closed_by == 0) | (self.closed_by > n_merges)
        places: list[int] = np.flatnonzero(still_cut).tolist()
        return places

    def pieces(self, n_merges: int) -> list[bytes]:
        """The text's tokens when only the first `n_merges` merges are known.

        >>> merges = [Merge((b"u", b"g"), 3, b"ug"), Merge((b"h", b"ug"), 2, b"hug")]
        >>> story = replay([b"hug", b" bug"], merges)
        >>> story.pieces(1), story.pieces(2)
        ([b'h', b'ug', b' ', b'b', b'ug'], [b'hug', b' ', b'b', b'ug'])
        """
        bounds = [*self.starts(n_merges), len(self.data)]
        return [self.data[start:end] for start, end in pairwise(bounds)]

    def whole_chunks(self, number: int) -> list[bytes]:
        """The chunks of the text (words, most of them) that this very merge made one token."""
        ends = dict(pairwise([*self.chunk_starts, len(self.data)]))
        return [
            self.data[join.start : join.end]
            for join in self.joins
            if join.number == number and ends.get(join.start) == join.end
        ]


def replay(text_chunks: Sequence[bytes], merges: Sequence[Merge]) -> Replay:
    """All joins in a text that is cut into chunks already.

    As `bpe.encode` for every beginning of `merges`, all at once.
    """
    numbers = _numbers(merges)
    known: dict[bytes, list[Join]] = {}
    joins: list[Join] = []
    starts = [0, *accumulate(map(len, text_chunks))]
    for first, chunk in zip(starts, text_chunks, strict=False):
        if chunk not in known:
            known[chunk] = joins_in(chunk, numbers)
        joins += [
            Join(j.number, first + j.start, first + j.middle, first + j.end) for j in known[chunk]
        ]
    joins.sort(key=lambda join: (join.number, join.start))
    return Replay(b"".join(text_chunks), tuple(starts[:-1]), len(merges), tuple(joins))


def replay_text(tokenizer: TextTokenizer, merges: Sequence[Merge], text: str) -> Replay:
    """All joins in a text by a tokenizer that begins with bytes; `merges` are its own.

    Raises: TokenizerError where there is nothing to replay (no merges, or merges of
        characters), or where the tokenizer changes the text before it cuts.
    """
    text = well_formed(text)
    pieces = _chunks(tokenizer, text)
    if not merges or pieces is None:
        raise TokenizerError(
            "This tokenizer does not join bytes, so there are no merges to replay. "
            "Choose one of the kind byte-level BPE."
        )
    if b"".join(pieces) != text.encode():
        raise TokenizerError(
            "This tokenizer changes the text before it cuts it, so its merges cannot be shown on "
            "the text as typed. Plain letters without accents may work."
        )
    found = replay(pieces, merges)
    _, spans = tokenizer.encode_with_spans(text)
    if [start for start, _ in spans] != found.starts(len(merges)):
        raise TokenizerError(
            "This tokenizer does more to this text than its merges say, so they cannot be "
            "replayed. Try another text."
        )
    return found


def merges_of(tokenizer: TextTokenizer) -> Sequence[Merge]:
    """What the tokenizer joins, in order; empty for one that does not join."""
    return tokenizer.merges if isinstance(tokenizer, Tokenizer | ImportedTokenizer) else ()


def whole_at(text_chunks: Sequence[bytes], merges: Sequence[Merge]) -> dict[bytes, int]:
    """For each chunk that becomes one token in the end, the merge that completed it.

    Single bytes, which are tokens from the start, and chunks that stay in pieces are left out.
    """
    numbers = _numbers(merges)
    done: dict[bytes, int] = {}
    for chunk in text_chunks:
        joins = joins_in(chunk, numbers)
        if joins and len(joins) == len(chunk) - 1:
            done[chunk] = joins[-1].number
    return done


def _numbers(merges: Sequence[Merge]) -> dict[tuple[bytes, bytes], int]:
    return {merge.pair: number for number, merge in enumerate(merges, start=1)}


def _chunks(tokenizer: TextTokenizer, text: str) -> list[bytes] | None:
    """The text as the tokenizer cuts it before any merge; None for one that does not join bytes."""
    if isinstance(tokenizer, Tokenizer):
        return [chunk.encode() for chunk in chunks(text, tokenizer.pattern)]
    if isinstance(tokenizer, ImportedTokenizer):
        return tokenizer.byte_chunks(text)
    return None


def joins_in(chunk: bytes, numbers: Mapping[tuple[bytes, bytes], int]) -> list[Join]:
    """The joins inside one chunk, in the order in which they happen.

    Tokens are a linked list over their first bytes; candidates wait on a heap by number,
    then from left to right. What a merge makes can only be joined by later ones, so
    a chunk of n bytes costs n log n, however long a word is.
    """
    size = len(chunk)
    end = list(range(1, size + 1))
    before = list(range(-1, size - 1))
    heap: list[tuple[int, int, int, int]] = []

    def offer(start: int) -> None:
        middle = end[start]
        if middle < size:
            pair = chunk[start:middle], chunk[middle : end[middle]]
            number = numbers.get(pair, _NEVER)
            if number != _NEVER:
                heapq.heappush(heap, (number, start, middle, end[middle]))

    for start in range(size):
        offer(start)
    gone = bytearray(size)
    joins = []
    while heap:
        number, start, middle, stop = heapq.heappop(heap)
        if gone[start] or end[start] != middle or end[middle] != stop:
            continue
        joins.append(Join(number, start, middle, stop))
        gone[middle] = 1
        end[start] = stop
        if stop < size:
            before[stop] = start
            offer(start)
        if before[start] >= 0:
            offer(before[start])
    return joins
