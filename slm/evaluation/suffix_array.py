"""Where does this row of tokens stand in that one? Every suffix of a long row, in order.

Sees ids, never text. A suffix is named by the place where it begins. Sorted, all suffixes
that begin with the same tokens stand side by side, so a row of any length is looked up by
halving: 22 comparisons among four million.

    tokens.npy    the row, each id big-endian, so that bytes compare as ids do
    suffixes.npy  the places 0 … N−1 in the order of what begins there (uint32)

Both are mapped into memory: they stand in a committed folder of the workspace that nobody
writes to again.

N tokens of the row, Q of a query.

Source: Manber & Myers 1993, "Suffix arrays: a new method for on-line string searches";
only groups that are not yet in order are sorted again: Larsson & Sadakane 2007.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.errors import DataError
from slm.jobs import Reporter, StoppedError, silent

Places = NDArray[np.int64]
LONGEST_ROW = 2**31 - 2
BYTES_PER_TOKEN = 12
"""Memory that sorting takes: the order and the ranks in 4 bytes each, ids, marks."""
BATCH_BYTES = 40_000_000
"""And what one batch takes beside them."""

_TOKENS, _SUFFIXES = "tokens.npy", "suffixes.npy"
_BATCH = 2**18  # suffixes sorted at once
_FIRST_SHARE = 0.4  # of the time goes into the first round
_KEY_BITS = 62
_FIRST_LOOK = 32  # tokens compared before more of a query is


def sort_suffixes(ids_N: NDArray[np.integer], report: Reporter = silent) -> NDArray[np.int32]:
    """The places 0 … N−1 in the order of what begins there; an end comes before any token.

    >>> sort_suffixes(np.array([1, 0, 2, 0, 2])).tolist()
    [3, 1, 0, 4, 2]

    Raises: DataError for a row that is empty or too long; StoppedError when asked to stop.
    """
    n = len(ids_N)
    if not 1 <= n <= LONGEST_ROW:
        raise DataError(f"A row of {n:,} tokens cannot be indexed: give 1 to {LONGEST_ROW:,}.")
    order = _Order(n)
    seen = order.sort_first(ids_N, report)
    while order.refine(seen, report):
        seen *= 2
    return order.places_N


class _Order:
    """Suffixes sorted by their first tokens, by twice as many after each round.

    places_N  the suffixes as far as they are in order
    ranks_N   by place: where the group begins whose first tokens are the same; −1 at the end
    starts_N  whether a new group begins here
    """

    def __init__(self, n: int) -> None:
        self.places_N = np.empty(n, dtype=np.int32)
        self._ranks_N = np.empty(n + 1, dtype=np.int32)
        self._ranks_N[n] = -1
        self._starts_N = np.zeros(n + 1, dtype=bool)
        self._starts_N[n] = True
        self._unsorted = n

    def sort_first(self, ids_N: NDArray[np.integer], report: Reporter) -> int:
        """Sort by the first few tokens, as many as a 62-bit number holds; gives how many."""
        bits = (int(ids_N.max()) + 1).bit_length()
        seen = _KEY_BITS // bits
        done = 0
        for places in _alike(ids_N, seen):
            _require_wanted(report, _FIRST_SHARE * done / len(ids_N), "Sorting by first tokens")
            keys = np.zeros(places.size, dtype=np.int64)
            for j in range(seen):
                keys <<= bits
                keys |= _symbols(ids_N, places + j)
            self._put(np.arange(done, done + places.size), places, keys)
            done += places.size
        return seen

    def refine(self, seen: int, report: Reporter) -> bool:
        """Sort each group by the ranks of what stands `seen` tokens later; False: none is left."""
        n, unsorted, start = self.places_N.size, 0, 0
        done = _FIRST_SHARE + (1 - _FIRST_SHARE) * (1 - self._unsorted / n)
        while start < n:
            stop = self._group_end(min(n, start + _BATCH))
            alone = self._starts_N[start:stop] & self._starts_N[start + 1 : stop + 1]
            rows = start + np.flatnonzero(~alone)
            if rows.size:
                _require_wanted(report, done, f"Sorting by {2 * seen:,} tokens")
                places = self.places_N[rows].astype(np.int64)
                later = self._ranks_N[np.minimum(places + seen, n)].astype(np.int64) + 1
                keys = (self._ranks_N[places].astype(np.int64) << 32) | later
                self._put(rows, places, keys)
            unsorted += rows.size
            start = stop
        self._unsorted = unsorted
        return unsorted > 0

    def _group_end(self, stop: int) -> int:
        """The first row from `stop` on at which a group begins; N if none does."""
        while not self._starts_N[stop]:
            block = self._starts_N[stop : stop + _BATCH]
            hit = int(np.argmax(block))
            stop += hit if block[hit] else block.size
        return stop

    def _put(self, rows: Places, places: Places, keys: NDArray[np.int64]) -> None:
        """Put places in the order of their keys into the rows; equal keys are one group."""
        if not rows.size:
            return
        order = np.argsort(keys)
        places, keys = places[order], keys[order]
        new = np.empty(rows.size, dtype=bool)
        new[0] = True
        np.not_equal(keys[1:], keys[:-1], out=new[1:])
        self._starts_N[rows[new]] = True
        self.places_N[rows] = places
        self._ranks_N[places] = rows[np.maximum.accumulate(np.where(new, np.arange(new.size), 0))]


def _alike(
    ids_N: NDArray[np.integer], most: int, places: Places | None = None, depth: int = 0
) -> Iterator[Places]:
    """All places in parts of at most about a batch, in the order of what begins there.

    A part that is too large is cut by the token that comes next, down to `most` tokens.
    """
    symbols = ids_N if places is None else _symbols(ids_N, places + depth)
    for first, last in _ranges(symbols):
        part = np.flatnonzero((symbols >= first) & (symbols < last))
        if places is not None:
            part = places[part]
        if part.size > _BATCH and depth + 1 < most:
            yield from _alike(ids_N, most, part, depth + 1)
        else:
            yield part


def _symbols(ids_N: NDArray[np.integer], places: Places) -> NDArray[np.int64]:
    """What stands at these places: an id plus one, and 0 behind the end."""
    found = np.zeros(places.size, dtype=np.int64)
    inside = places < len(ids_N)
    found[inside] = ids_N[places[inside]]
    found[inside] += 1
    return found


def _ranges(symbols: NDArray[np.integer]) -> Iterator[tuple[int, int]]:
    """Ranges of values that cut the row into parts of at most a batch, where one value allows."""
    counts = np.zeros(int(symbols.max()) + 1, dtype=np.int64)
    for start in range(0, len(symbols), _BATCH):
        counts += np.bincount(symbols[start : start + _BATCH], minlength=counts.size)
    first, held = 0, 0
    for value, count in enumerate(counts.tolist()):
        if held and held + count > _BATCH:
            yield first, value
            first, held = value, 0
        held += count
    yield first, counts.size


def _require_wanted(report: Reporter, fraction: float | None, message: str) -> None:
    report(fraction, message)
    if report.should_stop():
        raise StoppedError


@dataclass(frozen=True)
class Matches:
    """For each place of a query the longest match that begins there.

    lengths_Q  tokens that stand the same way in the row, 0 where not even the first does
    places_Q   where in the row one such match begins; 0 for length 0
    """

    lengths_Q: NDArray[np.int64]
    places_Q: Places


class SuffixArray:
    """A row of ids and the order of its suffixes, asked for what stands in it."""

    def __init__(self, tokens_N: NDArray[Any], suffixes_N: NDArray[Any]) -> None:
        """`tokens_N`: big-endian ids, of 2 or 4 bytes each."""
        self.tokens_N = np.asarray(tokens_N)
        self._suffixes_N = np.asarray(suffixes_N)
        self._item = self.tokens_N.dtype

    @classmethod
    def build(cls, ids_N: NDArray[np.integer], report: Reporter = silent) -> "SuffixArray":
        """In memory. Raises: as `sort_suffixes`."""
        return cls(big_endian(ids_N), sort_suffixes(ids_N, report).astype(np.uint32))

    @classmethod
    def write(cls, folder: Path, ids_N: NDArray[np.integer], report: Reporter = silent) -> None:
        """Two files in the folder, which somebody else commits. Raises: as `sort_suffixes`."""
        np.save(folder / _TOKENS, big_endian(ids_N))
        np.save(folder / _SUFFIXES, sort_suffixes(ids_N, report).view(np.uint32))

    @classmethod
    def open(cls, folder: Path) -> "SuffixArray":
        """The two files, mapped into memory.

        Raises: DataError when they are gone, damaged, or do not belong together.
        """
        try:
            tokens_N = np.load(folder / _TOKENS, mmap_mode="r", allow_pickle=False)
            suffixes_N = np.load(folder / _SUFFIXES, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"The index cannot be read: {error}. Build it again.") from None
        sound = tokens_N.dtype in {np.dtype(">u2"), np.dtype(">u4")}
        if not sound or suffixes_N.dtype != np.uint32 or tokens_N.shape != suffixes_N.shape:
            raise DataError("The index is damaged: its files do not fit. Build it again.")
        return cls(tokens_N, suffixes_N)

    def __len__(self) -> int:
        return int(self.tokens_N.size)

    def longest_matches(self, ids: Sequence[int]) -> Matches:
        """The longest match of what begins at each place of the query.

        >>> row = SuffixArray.build(np.array([5, 6, 7, 5, 6, 8]))
        >>> row.longest_matches([5, 6, 8, 9]).lengths_Q.tolist()
        [3, 2, 1, 0]

        Source: matching statistics, Chang & Lawler 1994.
        """
        query = self._encode(ids)
        found = [self._longest(query[start:]) for start in range(len(query))]
        lengths, places = zip(*found, strict=True) if found else ((), ())
        return Matches(np.array(lengths, dtype=np.int64), np.array(places, dtype=np.int64))

    def occurrences(self, ids: Sequence[int]) -> NDArray[np.uint32]:
        """Everywhere in the row where these ids stand, ascending.

        >>> SuffixArray.build(np.array([5, 6, 7, 5, 6, 8])).occurrences([5, 6]).tolist()
        [0, 3]
        """
        if not len(ids):
            return np.empty(0, dtype=np.uint32)
        first, last = self._range(self._encode(ids), 0, len(self))
        return np.sort(self._suffixes_N[first:last])

    def _encode(self, ids: Sequence[int]) -> NDArray[Any]:
        """Ids as the row has them. One that no row can hold becomes one that this row lacks."""
        largest = np.iinfo(self._item).max
        known = [token if 0 <= token <= largest else largest for token in map(int, ids)]
        return np.array(known, dtype=self._item)

    def _longest(self, wanted: NDArray[Any]) -> tuple[int, int]:
        low, high, width = 0, len(self), _FIRST_LOOK
        while True:  # more of the query only while it is found: most matches are short
            piece = wanted[:width]
            first, last = self._range(piece, low, high)
            if first == last or width >= wanted.size:
                break
            low, high, width = first, last, width * 8
        if first < last:
            return piece.size, int(self._suffixes_N[first])
        beside = [row for row in (first - 1, first) if low <= row < high]
        ranked = [(self._common(piece, row), row) for row in beside]
        length, row = max(ranked, default=(0, 0))
        return (length, int(self._suffixes_N[row])) if length else (0, 0)

    def _range(self, piece: NDArray[Any], low: int, high: int) -> tuple[int, int]:
        """The rows from low to high whose suffixes begin with the piece."""
        wanted, width, tokens_N = piece.tobytes(), piece.size, self.tokens_N

        def begins(place: np.uint32) -> bytes:
            start = int(place)
            beginning: bytes = tokens_N[start : start + width].tobytes()
            return beginning

        first = bisect_left(self._suffixes_N, wanted, low, high, key=begins)
        if first == high or begins(self._suffixes_N[first]) != wanted:
            return first, first
        return first, bisect_right(self._suffixes_N, wanted, first, high, key=begins)

    def _common(self, piece: NDArray[Any], row: int) -> int:
        """How many tokens of the piece the suffix at that row begins with."""
        place = int(self._suffixes_N[row])
        there = self.tokens_N[place : place + piece.size]
        differing = np.flatnonzero(there != piece[: there.size])
        return int(differing[0]) if differing.size else int(there.size)


def big_endian(ids_N: NDArray[np.integer]) -> NDArray[Any]:
    """Ids in 2 or 4 bytes, the highest first; one id more than the largest still fits."""
    return ids_N.astype(">u2" if int(ids_N.max(initial=0)) < 2**16 - 1 else ">u4")
