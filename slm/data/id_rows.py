"""A long row of ids, in memory or on disk, read in pieces: sees numbers, never what they mean.

Files are read, never mapped into memory: a mapped file that another process cuts short
would kill this one with a bus error. Reading costs 1 µs a window more.

Shapes: B windows, N ids of each.
"""

import os
import threading
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from slm.errors import DataError

READ_WHOLE_BYTES = 64 * 2**20  # larger rows stay on the disk

Ids = NDArray[np.unsignedinteger]


class IdRow(Protocol):
    """`size` ids, one after another."""

    @property
    def size(self) -> int:
        """How many."""

    def span(self, start: int, stop: int) -> Ids:
        """Those from start up to stop, which are within the row; not to be changed."""

    def windows(self, starts_B: NDArray[np.int64], length: int) -> Ids:
        """`length` ids from each start; beyond the row's end the last id, again and again.

        Raises: DataError when the file became shorter.
        """


def open_row(path: Path, dtype: np.dtype[np.unsignedinteger], offset: int, count: int) -> IdRow:
    """The `count` ids that stand in the file from byte `offset` on.

    Raises: DataError when they are not all there.
    """
    on_disk = IdsOnDisk(path, dtype, offset, count)
    if count * dtype.itemsize > READ_WHOLE_BYTES:
        return on_disk
    return IdsInMemory(on_disk.span(0, count))


class IdsInMemory:
    """A row that is held whole."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    @property
    def size(self) -> int:
        """See `IdRow`."""
        return int(self._ids.size)

    def span(self, start: int, stop: int) -> Ids:
        """See `IdRow`."""
        return self._ids[start:stop]

    def windows(self, starts_B: NDArray[np.int64], length: int) -> Ids:
        """See `IdRow`."""
        positions_BN = starts_B[:, None] + np.arange(length)
        found: Ids = self._ids[np.minimum(positions_BN, self.size - 1)]
        return found


class IdsOnDisk:
    """A row of which only what is asked for is held; safe in several threads."""

    def __init__(
        self, path: Path, dtype: np.dtype[np.unsignedinteger], offset: int, count: int
    ) -> None:
        self._path, self._dtype, self._offset, self.size = path, dtype, offset, count
        self._file = path.open("rb", buffering=0)
        self._turn = threading.Lock()

    def span(self, start: int, stop: int) -> Ids:
        """See `IdRow`.

        Raises: DataError when the file became shorter.
        """
        ids = np.empty(max(0, stop - start), dtype=self._dtype)
        self._fill(ids, start)
        return ids

    def windows(self, starts_B: NDArray[np.int64], length: int) -> Ids:
        """See `IdRow`."""
        ids_BN = np.empty((starts_B.size, length), dtype=self._dtype)
        for row, start in zip(ids_BN, starts_B.tolist(), strict=True):
            held = max(0, min(length, self.size - start))
            self._fill(row[:held], start)
            if held < length:
                row[held:] = row[held - 1] if held else self.span(self.size - 1, self.size)[0]
        return ids_BN

    def _fill(self, ids: Ids, start: int) -> None:
        view = ids.view(np.uint8).data
        place, done = self._offset + start * self._dtype.itemsize, 0
        while done < len(view):
            n_read = self._read(view[done:], place + done)
            if not n_read:
                raise DataError(
                    f"{self._path.name} was cut short while it was read: {self.size:,} tokens "
                    f"were there, now it ends before token {start + ids.size:,}. "
                    "Encode the corpus again."
                )
            done += n_read

    def _read(self, into: memoryview, place: int) -> int:
        if hasattr(os, "preadv"):
            return os.preadv(self._file.fileno(), [into], place)
        with self._turn:
            self._file.seek(place)
            return self._file.readinto(into) or 0
