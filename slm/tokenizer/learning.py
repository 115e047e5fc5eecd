"""The merges of `bpe.learn`, with the same counts, on arrays: fast enough for large corpora.

All distinct chunks lie in one row of bytes. Each place knows its token and its two
neighbours, so a merge touches only the places where its pair stands; those are found in
a table that is written once, when the younger token of the pair is made, and checked
when it is read: no other merge can put the pair anywhere else. Every merge costs time in
proportion to the places where it happens, and all merges together cannot happen more
often than there are bytes in the distinct chunks. A vast word costs no more than many short ones.

Sees chunks and counts, never texts. What a token is and how ties are broken: `bpe.py`.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from slm.tokenizer.bpe import N_BYTES, Merge

Places: TypeAlias = NDArray[np.int32]
_SHIFT = 20  # a pair as one number: left id above, right id below; vocabularies end far below 2^20
_LATER = 2**_SHIFT - 1
_GONE = -1  # the token of a place that was joined into its left neighbour, and of the edge
_LOWER_BY = 4
_DTYPE = np.int64


@dataclass(frozen=True, slots=True)
class Learned:
    """One merge, and how many tokens the counted text comes to with it and all before it."""

    merge: Merge
    tokens: int


def learn(chunk_counts: Mapping[str, int]) -> Iterator[Learned]:
    """Merge after merge, until no pair is left: equal to `bpe.learn`, and it tells the tokens.

    >>> [(step.merge.bytes, step.tokens) for step in learn({"hug": 2, "pug": 1})]
    [(b'ug', 6), (b'hug', 4), (b'pug', 3)]
    """
    row = _Row.of(chunk_counts)
    queue = _Queue(row.pairs)
    token_bytes = [bytes([value]) for value in range(N_BYTES)]
    while (best := queue.pop()) is not None:
        pair, count = best
        left, right = pair >> _SHIFT, pair & _LATER
        joined = token_bytes[left] + token_bytes[right]
        born = row.join(pair, len(token_bytes))
        yield Learned(Merge((token_bytes[left], token_bytes[right]), count, joined), row.tokens)
        token_bytes.append(joined)
        queue.push(born)


class _Queue:
    """The most frequent pair first; of equals the one with the smaller ids.

    Counts of old pairs can but fall. So a pair that comes off the heap with its true count
    is the most frequent, and one with an outdated count goes back with the true one. Pairs
    below a floor are left out until the heap is empty: most of them are never needed.
    """

    def __init__(self, pairs: "_Pairs") -> None:
        self._counts = pairs.counts
        self._heap: list[tuple[int, int]] = []
        self._floor = max(self._counts.values(), default=0) + 1

    def pop(self) -> tuple[int, int] | None:
        """A pair and its count; None when there is no pair left."""
        heap, counts = self._heap, self._counts
        while heap or self._refill():
            queued, pair = heapq.heappop(heap)
            count = counts.get(pair, 0)
            if count == -queued:
                return pair, count
            if count >= self._floor:
                heapq.heappush(heap, (-count, pair))
        return None

    def push(self, born: list[int]) -> None:
        """Take in pairs that did not exist before."""
        for pair in born:
            if (count := self._counts[pair]) >= self._floor:
                heapq.heappush(self._heap, (-count, pair))

    def _refill(self) -> bool:
        """Lower the floor to where pairs are; False when there are none."""
        most = max(self._counts.values(), default=0)
        self._floor = max(1, most // _LOWER_BY)
        found = [(-n, pair) for pair, n in self._counts.items() if n >= self._floor]
        self._heap.extend(found)
        heapq.heapify(self._heap)
        return bool(found)


class _Pairs:
    """How often each pair stands in the text, and the places where it was born.

    `places` of a pair is a stretch of one long log: where it begins, and how long it is.
    """

    def __init__(self, room: int) -> None:
        self.counts: dict[int, int] = {}
        self._stretches: dict[int, tuple[int, int]] = {}
        self._log: Places = np.empty(room, np.int32)
        self._used = 0

    def add(self, pairs: NDArray[np.int64], at: Places, weights: NDArray[np.int64]) -> list[int]:
        """Pairs that are new, one for each of the places `at`; each pair's stay in their order."""
        if not pairs.size:
            return []
        order = np.argsort(pairs, kind="stable")
        starts = _starts(sorted_pairs := pairs[order])
        self._log[self._used : self._used + at.size] = at[order]
        found: list[int] = sorted_pairs[starts].tolist()
        begins = (starts + self._used).tolist()
        lengths = np.diff(starts, append=at.size).tolist()
        counts = np.add.reduceat(weights[order], starts).tolist()
        self.counts.update(zip(found, counts, strict=True))
        self._stretches.update(zip(found, zip(begins, lengths, strict=True), strict=True))
        self._used += at.size
        return found

    def take(self, pair: int) -> Places:
        """The places where the pair was born, in order; it is forgotten."""
        self.counts.pop(pair)
        begin, length = self._stretches.pop(pair)
        return self._log[begin : begin + length]

    def subtract(self, pairs: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
        """Pairs that stand no longer there; one that stands nowhere any more is forgotten."""
        if not pairs.size:
            return
        order = np.argsort(pairs)
        starts = _starts(sorted_pairs := pairs[order])
        gone = np.add.reduceat(weights[order], starts).tolist()
        counts = self.counts
        for pair, n in zip(sorted_pairs[starts].tolist(), gone, strict=True):
            if pair not in counts:
                continue  # the pair that is being joined, standing in itself as in "aaa"
            counts[pair] -= n
            if not counts[pair]:
                del counts[pair], self._stretches[pair]


class _Row:
    """All distinct chunks as one row of places, chunk beside chunk, with an edge between them."""

    def __init__(self, ids: Places, lengths: Places, times: NDArray[np.int64]) -> None:
        size = ids.size
        ends = np.cumsum(lengths)
        self._ids: Places = np.append(ids, np.int32(_GONE))
        self._next: Places = np.arange(1, size + 2, dtype=np.int32)
        self._next[ends - 1] = size
        self._previous: Places = np.arange(-1, size, dtype=np.int32)
        self._previous[np.append(0, ends[:-1])] = size
        self._chunk: Places = np.repeat(np.arange(lengths.size, dtype=np.int32), lengths)
        self._times = times
        self.tokens = int((lengths * times).sum())
        first = np.flatnonzero(self._next[:-1] < size).astype(np.int32)
        # Each place begins one pair; a merge ends one place and begins at most two pairs.
        self.pairs = _Pairs(3 * size)
        self.pairs.add(self._pairs_from(first), first, self._weights(first))

    @classmethod
    def of(cls, chunk_counts: Mapping[str, int]) -> "_Row":
        """The row of the chunks; their texts are not kept."""
        pieces = [chunk.encode() for chunk in chunk_counts]
        lengths = np.fromiter(map(len, pieces), np.int32, len(pieces))
        times = np.fromiter(chunk_counts.values(), np.int64, len(pieces))
        kept = lengths > 0
        ids = np.frombuffer(b"".join(pieces), np.uint8).astype(np.int32)
        return cls(ids, lengths[kept], times[kept])

    def join(self, pair: int, new_id: int) -> list[int]:
        """Make one token of the pair wherever it stands; the pairs that this gives birth to."""
        left, right = pair >> _SHIFT, pair & _LATER
        ids, following, previous = self._ids, self._next, self._previous
        at = self.pairs.take(pair)
        at = at[(ids[at] == left) & (ids[following[at]] == right)]
        if left == right:
            at = self._every_other(at)
        weights = self._weights(at)
        self.tokens -= int(weights.sum())

        gone, before = following[at], previous[at]
        after = following[gone]
        id_before, id_after = ids[before], ids[after]
        ids[at], ids[gone] = new_id, _GONE
        following[at], previous[after] = after, at
        before = previous[at]  # after one that was joined as well, it is that one's place

        # Between two that were joined lies one pair, which is told from its right side.
        has_before = id_before != _GONE
        has_after = (id_after != _GONE) & (ids[after] != new_id)
        ends, begins = id_before[has_before].astype(_DTYPE), id_after[has_after].astype(_DTYPE)
        weights = np.concatenate([weights[has_before], weights[has_after]])
        old = np.concatenate([ends << _SHIFT | left, right << _SHIFT | begins])
        self.pairs.subtract(old, weights)
        ends = ids[before[has_before]].astype(_DTYPE)
        return self.pairs.add(
            np.concatenate([ends << _SHIFT | new_id, new_id << _SHIFT | begins]),
            np.concatenate([before[has_before], at[has_after]]),
            weights,
        )

    def _weights(self, at: Places) -> NDArray[np.int64]:
        """How often the chunk at each place stands in the text."""
        weights: NDArray[np.int64] = self._times[self._chunk[at]]
        return weights

    def _pairs_from(self, at: Places) -> NDArray[np.int64]:
        pairs: NDArray[np.int64] = (
            self._ids[at].astype(_DTYPE) << _SHIFT | self._ids[self._next[at]]
        )
        return pairs

    def _every_other(self, at: Places) -> Places:
        """Of neighbours in a run ("aaaa") the first, the third, …: joining goes from the left."""
        number = np.arange(at.size)
        begins_run = np.ones(at.size, bool)
        begins_run[1:] = self._next[at[:-1]] != at[1:]
        run_start = np.maximum.accumulate(np.where(begins_run, number, 0))
        odd: Places = at[(number - run_start) % 2 == 0]
        return odd


def _starts(values: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each run of equal values begins."""
    return np.flatnonzero(np.append(True, values[1:] != values[:-1]))
