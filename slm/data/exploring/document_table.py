"""One row a document: how long it is, its language, its copies, how strange. Found by filters.

A filter is a short text, so that it fits into an address: `characters:40-79`, `words:10-19`,
`sentences:1-1`, `bits:320-339` (bits per character, in hundredths), `language:de`,
`script:Greek`, `copies:0` and `near:3` (a group of copies). An order is one of ORDERS.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from slm.data.exploring.statistics import Histogram, histogram
from slm.errors import DataError

ORDERS = ("corpus", "longest", "shortest", "strangest", "plainest")
RANGES = ("characters", "words", "sentences", "bits")
NAMES = ("language", "script")
GROUPS = ("copies", "near")
_FILTER = re.compile(r"(?P<kind>[a-z]+):(?P<value>[A-Za-z0-9_-]{1,80})")
_RANGE = re.compile(r"(\d{1,15})-(\d{1,15})")
_WHOLE_NUMBERS = ("id", "characters", "words", "sentences", "exact_group", "near_group")


@dataclass(frozen=True)
class Categories:
    """One of a few names for each document: the name's number in `names`."""

    names: tuple[str, ...]
    codes: NDArray[np.int16]

    @classmethod
    def of(cls, values: Sequence[str]) -> Self:
        """Each value's name, numbered in the order in which they come."""
        numbers: dict[str, int] = {}
        codes = [numbers.setdefault(value, len(numbers)) for value in values]
        return cls(tuple(numbers), np.array(codes, np.int16))

    def at(self, row: int) -> str:
        """The name of one document."""
        return self.names[int(self.codes[row])]

    def equal_to(self, name: str) -> NDArray[np.bool_]:
        """Which documents have that name."""
        code = self.names.index(name) if name in self.names else -1
        mask: NDArray[np.bool_] = self.codes == code
        return mask

    def counts(self) -> tuple[tuple[str, int], ...]:
        """Documents by name, the most frequent first."""
        sizes = np.bincount(self.codes, minlength=len(self.names))
        ranked = np.argsort(-sizes, kind="stable")
        return tuple((self.names[code], int(sizes[code])) for code in ranked if sizes[code])


@dataclass(frozen=True)
class DocumentTable:
    """What is known of each document; `ids` are their places in the corpus.

    Groups are -1 for documents without copies. Bits per character are NaN for documents of
    fewer than 20 characters.
    """

    ids: NDArray[np.int64]
    characters: NDArray[np.int64]
    words: NDArray[np.int64]
    sentences: NDArray[np.int64]
    languages: Categories
    scripts: Categories
    exact_group: NDArray[np.int64]
    near_group: NDArray[np.int64]
    bits_per_character: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.ids)

    def select(self, wanted: str = "", order: str = "corpus") -> NDArray[np.int64]:
        """Rows of the documents that a filter lets through, in that order.

        Raises: DataError for a text that is no filter, or no order.
        """
        rows = np.flatnonzero(self._matching(wanted))
        if order == "corpus":
            return rows
        if order not in ORDERS:
            raise DataError(f"{order!r} is no order of documents; there are {', '.join(ORDERS)}.")
        by_length = order in {"longest", "shortest"}
        values = self.characters.astype(np.float64) if by_length else self.bits_per_character
        rows = rows[~np.isnan(values[rows])]
        sign = -1 if order in {"longest", "strangest"} else 1
        return rows[np.argsort(sign * values[rows], kind="stable")]

    def _matching(self, wanted: str) -> NDArray[np.bool_]:
        if not wanted:
            return np.ones(len(self), np.bool_)
        parts = _FILTER.fullmatch(wanted)
        kind, value = (parts["kind"], parts["value"]) if parts else ("", "")
        bounds = _RANGE.fullmatch(value)
        if kind in RANGES and bounds:
            return self._between(kind, int(bounds[1]), int(bounds[2]))
        if kind in NAMES:
            return (self.languages if kind == "language" else self.scripts).equal_to(value)
        if kind in GROUPS and value.isdecimal():
            return np.equal(self._groups(kind), int(value))
        raise DataError(
            f"{wanted!r} is no filter of documents; try 'words:10-19' or 'language:de'."
        )

    def _between(self, kind: str, low: int, high: int) -> NDArray[np.bool_]:
        by_kind: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
            "characters": self.characters,
            "words": self.words,
            "sentences": self.sentences,
            "bits": self._hundredths,
        }
        values = by_kind[kind]
        return np.logical_and(np.greater_equal(values, low), np.less_equal(values, high))

    def row_of(self, document: int) -> int | None:
        """The row of the document with that id; None when the table lacks it."""
        row = int(np.searchsorted(self.ids, document))
        return row if row < len(self) and self.ids[row] == document else None

    def id_at_word(self, n: int) -> int:
        """The id of the document that holds the n-th word of all, from 1."""
        row = int(np.searchsorted(np.cumsum(self.words), n))
        return int(self.ids[min(row, len(self) - 1)])

    def bits_histogram(self) -> Histogram:
        """How many documents take so many hundredths of a bit per character."""
        bits = self._hundredths
        return histogram(bits[~np.isnan(bits)].astype(np.int64))

    @property
    def _hundredths(self) -> NDArray[np.float64]:
        """Bits per character, rounded alike for the picture and for the filter behind it."""
        rounded: NDArray[np.float64] = np.round(100.0 * self.bits_per_character.astype(np.float64))
        return rounded

    def group_sizes(self, kind: str) -> NDArray[np.int64]:
        """Documents in each group, the largest first; kind is "copies" or "near"."""
        groups = self._groups(kind)
        return np.bincount(groups[groups >= 0])

    def first_of(self, kind: str, group: int) -> int:
        """The row of the first document of a group."""
        return int(np.argmax(self._groups(kind) == group))

    def _groups(self, kind: str) -> NDArray[np.int64]:
        return self.exact_group if kind == "copies" else self.near_group

    def write(self, path: Path) -> None:
        """Save the table as Parquet."""
        columns = {
            "id": self.ids,
            "characters": self.characters,
            "words": self.words,
            "sentences": self.sentences,
            "exact_group": self.exact_group,
            "near_group": self.near_group,
            "bits_per_character": self.bits_per_character,
        }
        arrays: dict[str, Any] = dict(columns)
        for name, categories in (("language", self.languages), ("script", self.scripts)):
            names = np.array(categories.names, object)
            arrays[name] = pa.DictionaryArray.from_arrays(categories.codes, names)
        pq.write_table(pa.table(arrays), path, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> "DocumentTable":
        """The table that `write` saved.

        Raises: DataError when it is damaged; it is derived: make it anew.
        """
        try:
            table = pq.read_table(path).unify_dictionaries().combine_chunks()
            numbers = {name: table[name].to_numpy() for name in _WHOLE_NUMBERS}
            names = {name: _categories(table[name]) for name in NAMES}
            bits = table["bits_per_character"].to_numpy()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise DataError(
                f"The profile is damaged in {path.name} ({error}). Make it again."
            ) from error
        return cls(
            ids=numbers.pop("id"),
            languages=names["language"],
            scripts=names["script"],
            bits_per_character=bits,
            **numbers,
        )


def _categories(column: Any) -> Categories:
    """A column of names as Parquet keeps it: each name once, and a number for each row."""
    if not column.num_chunks:
        return Categories.of([])
    names = tuple(map(str, column.chunk(0).dictionary.to_pylist()))
    return Categories(names, column.chunk(0).indices.to_numpy().astype(np.int16))
