"""A table of coloured cells with a word in each: what the lens and patching are shown as.

Knows arrays and words, no models and no Streamlit.

R rows, C columns, K candidates of a cell.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

LONGEST_WORD = 40  # characters; a cell shows fewer still, and what is cut stands in the bars

How = Literal["share", "rank", "nats", "number"]


@dataclass(frozen=True)
class Fact:
    """A figure that every cell has, told when it is pointed at. NaN where there is none."""

    name: str
    how: How
    values_RC: NDArray[np.float32]


@dataclass(frozen=True)
class GridScale:
    """What colours mean. `diverging`: from −1 over 0, the page's own colour, to 1; else 0 to 1."""

    title: str
    low: str
    high: str
    diverging: bool = False


@dataclass(frozen=True)
class Grid:
    """Everything that is drawn. Row 0 is on top.

    place_RC says where each cell lies on the scale, NaN for one without colour. word_RC and
    candidates_RCK are numbers of `words`, −1 for none. marked_RC cells get a frame.
    column_notes stand below the column names. Without a column_title, a column's name says all.
    """

    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    column_title: str
    words: tuple[str, ...]
    word_RC: NDArray[np.int32]
    place_RC: NDArray[np.float32]
    scale: GridScale
    label: str
    facts: tuple[Fact, ...] = ()
    candidates_RCK: NDArray[np.int32] | None = None
    shares_RCK: NDArray[np.float32] | None = None
    marked_RC: NDArray[np.bool_] | None = None
    mark_means: str = ""
    hint: str = ""
    column_notes: tuple[str, ...] = ()
    cell_width: int = 64

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.row_names), len(self.column_names)


def shortened(word: str) -> str:
    """At most LONGEST_WORD characters of it.

    >>> len(shortened("x" * 10_000))
    40
    """
    return word if len(word) <= LONGEST_WORD else word[: LONGEST_WORD - 1] + "…"


def word_table(
    ids: NDArray[Any], word_of: Callable[[int], str]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Each distinct token's word once, and for every place the number of its word.

    >>> word_table(np.array([7, 5, 7]), str)
    (('5', '7'), array([1, 0, 1], dtype=int32))
    """
    distinct, numbers = np.unique(ids, return_inverse=True)
    words = tuple(shortened(word_of(int(token))) for token in distinct)
    return words, numbers.reshape(ids.shape).astype(np.int32)


def numbers_as_words(
    values_RC: NDArray[np.float32], show: Callable[[float], str]
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Figures as the words of a grid; −1 where there is no number.

    >>> numbers_as_words(np.array([[0.5, np.nan]], dtype=np.float32), "{:.1f}".format)
    (('0.5',), array([[ 0, -1]], dtype=int32))
    """
    flat = [show(float(value)) if np.isfinite(value) else None for value in values_RC.ravel()]
    words = _distinct(word for word in flat if word is not None)
    numbers = [-1 if word is None else words[word] for word in flat]
    return tuple(words), np.array(numbers, dtype=np.int32).reshape(values_RC.shape)


def _distinct(words: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for word in words:
        found.setdefault(word, len(found))
    return found


def as_npz(arrays: Mapping[str, Any]) -> bytes:
    """The arrays as a NumPy archive."""
    held = io.BytesIO()
    np.savez_compressed(held, allow_pickle=False, **arrays)
    return held.getvalue()
