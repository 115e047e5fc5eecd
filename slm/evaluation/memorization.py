"""Is a text new, or does it stand in the training text?

Sees ids, never text. What was found is told against real held-out text of the same length:
people repeat each other too, and a match of ten tokens means little where held-out text has
such matches as well.

Q tokens of a text, N of the training text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.evaluation.suffix_array import SuffixArray

ORDERS = tuple(range(1, 9))
"""Lengths n of the n-grams whose novelty is told."""

Lengths = NDArray[np.int64]


@dataclass(frozen=True)
class Span:
    """A stretch of a text that stands in the training text, and cannot be made longer there.

    `place` is where in the training text one such stretch begins.
    """

    start: int
    length: int
    place: int

    @property
    def stop(self) -> int:
        """The token behind its last one."""
        return self.start + self.length


@dataclass(frozen=True)
class Copying:
    """What of a text stands in the training text.

    lengths_Q  the longest match that begins at each token
    places_Q   where in the training text one of them begins
    parts      stretches of the text, (start, stop), that matches and n-grams stay within:
               an end-of-text token parts them
    """

    lengths_Q: Lengths
    places_Q: Lengths
    parts: tuple[tuple[int, int], ...]

    @property
    def tokens(self) -> int:
        """Tokens looked at; those that part the text are left out."""
        return sum(stop - start for start, stop in self.parts)

    @property
    def longest(self) -> int:
        """Tokens of the longest match of all."""
        return int(self.lengths_Q.max(initial=0))

    def spans(self, min_length: int = 1) -> tuple[Span, ...]:
        """Every match that no other one holds, of at least so many tokens, in order.

        One that begins a token later and ends where the one before ends is held by that.
        """
        return tuple(self._maximal(max(1, min_length)))

    def span_of(self, token: int) -> Span | None:
        """The longest match that this token stands in; None when it has none."""
        held = [span for span in self._maximal(1) if span.start <= token < span.stop]
        return max(held, key=lambda span: span.length, default=None)

    def covers(self) -> Lengths:
        """For each token the length of the longest match that it stands in."""
        longest_Q = np.zeros(self.lengths_Q.size, dtype=np.int64)
        for span in self._maximal(1):
            part = longest_Q[span.start : span.stop]
            np.maximum(part, span.length, out=part)
        return longest_Q

    def copied_share(self, min_length: int) -> float:
        """Share of the tokens that stand in a match of at least `min_length` tokens."""
        return float((self.covers() >= min_length).sum()) / self.tokens if self.tokens else 0.0

    def novel(self, n: int) -> tuple[int, int]:
        """How many of the n-grams do not stand in the training text, and how many there are.

        Source: McCoy et al. 2023, "How much do language models copy from their training data?"
        """
        new = total = 0
        for start, stop in self.parts:
            firsts = self.lengths_Q[start : max(start, stop - n + 1)]
            new += int((firsts < n).sum())
            total += firsts.size
        return new, total

    def _maximal(self, min_length: int) -> Iterator[Span]:
        before = np.concatenate([[0], self.lengths_Q[:-1]])
        begins = (self.lengths_Q >= min_length) & (self.lengths_Q > before - 1)
        for start in np.flatnonzero(begins).tolist():
            yield Span(start, int(self.lengths_Q[start]), int(self.places_Q[start]))


def find_copies(index: SuffixArray, ids: Sequence[int], document_end: int | None = None) -> Copying:
    """The longest match of what begins at each token of a text.

    document_end: the id between documents. It stands for no text, so it matches nothing, and
    no match reaches across it.
    """
    row = np.asarray(ids, dtype=np.int64)
    lengths_Q, places_Q = np.zeros(row.size, np.int64), np.zeros(row.size, np.int64)
    parts = tuple(_parts(row, document_end))
    for start, stop in parts:
        found = index.longest_matches(row[start:stop].tolist())
        lengths_Q[start:stop], places_Q[start:stop] = found.lengths_Q, found.places_Q
    return Copying(lengths_Q, places_Q, parts)


def passages(
    held_out_N: NDArray[np.integer], tokens: int, count: int, document_end: int | None = None
) -> tuple[list[int], ...]:
    """At most `count` stretches of held-out text with so many tokens of text each.

    They lie side by side, spread over the whole; each begins with a document where those are
    marked. Text that is shorter gives none.
    """
    row = np.asarray(held_out_N, dtype=np.int64)
    is_text = np.ones(row.size, bool) if document_end is None else row != document_end
    before = np.concatenate([[0], np.cumsum(is_text)])  # tokens of text before each place
    begins = np.flatnonzero(is_text & np.concatenate([[True], ~is_text[:-1]]))
    if document_end is None:
        begins = np.arange(0, row.size, max(1, tokens))
    found: list[tuple[int, int]] = []
    for start in begins.tolist():
        if found and start < found[-1][1]:
            continue
        stop = int(np.searchsorted(before, before[start] + tokens))
        if stop >= before.size:
            break
        found.append((start, stop))
    chosen = np.unique(np.linspace(0, len(found) - 1, min(count, len(found))).astype(int))
    return tuple(row[slice(*found[each])].tolist() for each in chosen)


@dataclass(frozen=True)
class Novelty:
    """Share of n-grams that the training text lacks, for each n of `orders`.

    `held_out` tells the same of each held-out passage of the same length. None: a text too
    short to have any.
    """

    orders: tuple[int, ...]
    shares: tuple[float | None, ...]
    held_out: tuple[tuple[float | None, ...], ...]


def novelty(text: Copying, held_out: Sequence[Copying], orders: Sequence[int] = ORDERS) -> Novelty:
    """The shares of novel n-grams of a text, and of each held-out passage."""
    rows = tuple(_shares(passage, orders) for passage in held_out)
    return Novelty(tuple(orders), _shares(text, orders), rows)


def _shares(text: Copying, orders: Sequence[int]) -> tuple[float | None, ...]:
    counted = [text.novel(n) for n in orders]
    return tuple(new / total if total else None for new, total in counted)


def _parts(row: Lengths, document_end: int | None) -> Iterator[tuple[int, int]]:
    ends = [] if document_end is None else np.flatnonzero(row == document_end).tolist()
    start = 0
    for stop in [*ends, row.size]:
        if stop > start:
            yield start, stop
        start = stop + 1
