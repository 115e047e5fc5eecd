"""Token files and the batches cut from them: sees ids, never text.

A token file is one long row of ids, documents one after another. Its 16-byte header
says all that a reader must know:

    bytes 0-3    magic        b"SLMT"
    byte  4      version      1
    byte  5      item size    2 (uint16) or 4 (uint32), little-endian
    bytes 6-9    vocab_size   every id is smaller
    bytes 10-15  count        number of ids that follow

Shapes: B batch rows, T positions of a window.
"""

import os
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slm import files
from slm.errors import DataError

IGNORED = -1  # a target that no loss counts

_MAGIC = b"SLMT"
_VERSION = 1
_HEADER_BYTES = 16
_READ_WHOLE_BYTES = 64 * 2**20  # larger files are mapped, not read
_SCANNED_IDS = 16 * 2**20  # looked through at once for document ends


class TokenFile:
    """A row of token ids on disk, and the windows that training and evaluation read from it."""

    def __init__(self, path: Path, document_end: int | None = None) -> None:
        """Open a token file.

        document_end is the id that stands behind each document. With it, batches are cut
        where documents begin as far as that is possible; without it, anywhere.

        Raises:
            DataError: the file is missing, damaged, or no token file.
        """
        self.path = Path(path)
        self.document_end = document_end
        self.vocab_size, count, dtype = _read_header(self.path)
        self._ids: NDArray[np.unsignedinteger]
        if count * dtype.itemsize <= _READ_WHOLE_BYTES:
            self._ids = np.fromfile(self.path, dtype=dtype, count=count, offset=_HEADER_BYTES)
        else:
            self._ids = np.memmap(self.path, dtype, "r", offset=_HEADER_BYTES, shape=(count,))
        self._latest_cover: Cover | None = None
        self._latest_epoch: tuple[tuple[int, int, int], NDArray[np.int64]] | None = None

    @classmethod
    def write(cls, path: Path, id_arrays: Iterable[NDArray[np.integer]], vocab_size: int) -> Self:
        """Write id arrays one after another, holding one at a time in memory, and open the result.

        The file appears under its name only when it is complete and on the disk.

        Raises:
            DataError: an id is negative or not below vocab_size.
            WorkspaceError: the disk is full or refuses.
        """
        path = Path(path)
        dtype = np.dtype("<u2" if vocab_size <= 2**16 else "<u4")
        staging = path.with_name(path.name + ".part")
        count = 0
        try:
            with files.disk_errors(path), staging.open("wb") as file:
                file.write(bytes(_HEADER_BYTES))
                for array in id_arrays:
                    ids = np.asarray(array)
                    _check_ids(ids, vocab_size, first=count, name=path.name)
                    file.write(ids.astype(dtype).tobytes())
                    count += ids.size
                file.seek(0)
                file.write(_header(dtype.itemsize, vocab_size, count))
                file.flush()
                os.fsync(file.fileno())
            staging.replace(path)
        finally:
            staging.unlink(missing_ok=True)
        return cls(path)

    def __len__(self) -> int:
        return int(self._ids.size)

    def ids(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Ids from start up to stop (to the end without one), as a copy."""
        return self._ids[start:stop].astype(np.int64)

    def batch(
        self, seed: int, step: int, batch_size: int, context_length: int
    ) -> tuple[Tensor, Tensor]:
        """The windows of one optimizer step: ids_BT and the ids that follow them, int64.

        A function of its arguments alone, so training goes on exactly where it stopped.
        Each epoch covers the file with windows as `Cover` says and visits them in random
        order: every token but the first is a target at least once an epoch (windows at
        random positions would miss 1/e of them, 37%).

        batch_size counts the rows of all ranks together; ranks and micro-batches slice rows.

        Raises:
            DataError: the file is shorter than one window.
        """
        self._require_window(context_length)
        n_windows = self.windows_per_epoch(context_length)
        starts_B = np.empty(batch_size, dtype=np.int64)
        row = 0
        while row < batch_size:
            epoch, offset = divmod(step * batch_size + row, n_windows)
            starts = self._epoch_starts(seed, epoch, context_length)
            part = starts[offset : offset + batch_size - row]
            starts_B[row : row + part.size] = part
            row += part.size
        return self._cut(starts_B, context_length)

    def windows_per_epoch(self, context_length: int) -> int:
        """How many windows `batch` gives before every token has been a target."""
        return self._cover(context_length).n_windows

    def windows(self, context_length: int, batch_size: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
        """Windows side by side from first to last, in batches, for evaluation.

        Every id but the first is a target exactly once. The last window may be
        filled up: id 0 with target -1, which no loss counts. The last batch may
        have fewer rows.

        Raises:
            DataError: the file is shorter than one window.
        """
        self._require_window(context_length)
        n_targets = len(self) - 1
        all_starts = np.arange(0, n_targets, context_length, dtype=np.int64)
        for first in range(0, all_starts.size, batch_size):
            starts_B = all_starts[first : first + batch_size]
            missing = int(starts_B[-1]) + context_length - n_targets
            if missing <= 0:
                yield self._cut(starts_B, context_length)
                continue
            ids_BT = torch.zeros(starts_B.size, context_length, dtype=torch.int64)
            targets_BT = torch.full_like(ids_BT, IGNORED)
            if starts_B.size > 1:
                ids_BT[:-1], targets_BT[:-1] = self._cut(starts_B[:-1], context_length)
            tail = torch.from_numpy(self.ids(int(starts_B[-1])))
            ids_BT[-1, : tail.numel() - 1] = tail[:-1]
            targets_BT[-1, : tail.numel() - 1] = tail[1:]
            yield ids_BT, targets_BT

    def _cover(self, context_length: int) -> "Cover":
        if self._latest_cover is None or self._latest_cover.context_length != context_length:
            self._latest_cover = cover(len(self), context_length, self._document_ends())
        return self._latest_cover

    def _document_ends(self) -> NDArray[np.int64]:
        if self.document_end is None:
            return np.empty(0, dtype=np.int64)
        firsts = range(0, len(self), _SCANNED_IDS)
        found = [
            first + np.flatnonzero(self._ids[first : first + _SCANNED_IDS] == self.document_end)
            for first in firsts
        ]
        return np.concatenate([np.empty(0, dtype=np.int64), *found])

    def _epoch_starts(self, seed: int, epoch: int, context_length: int) -> NDArray[np.int64]:
        """Where the windows of an epoch start, in the order in which they are read."""
        key = (seed, epoch, context_length)
        if self._latest_epoch is None or self._latest_epoch[0] != key:
            generator = np.random.Generator(np.random.PCG64([seed, epoch]))
            covering = self._cover(context_length)
            phase = int(generator.integers(context_length))
            order = generator.permutation(covering.n_windows)
            behind_W = generator.integers(2, size=covering.heads_W.size)
            self._latest_epoch = (key, covering.starts(phase, behind_W)[order])
        return self._latest_epoch[1]

    def _cut(self, starts_B: NDArray[np.int64], context_length: int) -> tuple[Tensor, Tensor]:
        positions = starts_B[:, None] + np.arange(context_length + 1)
        window = torch.from_numpy(self._ids[positions].astype(np.int64))
        return window[:, :-1].contiguous(), window[:, 1:].contiguous()

    def _require_window(self, context_length: int) -> None:
        if len(self) < context_length + 1:
            raise DataError(
                f"{self.path.name} holds {len(self):,} tokens; a context of {context_length:,} "
                f"needs at least {context_length + 1:,}. Add text or shorten the context."
            )


@dataclass(frozen=True)
class Cover:
    """Windows of T + 1 ids that make every token but the first a target.

    heads_W  the same in every epoch: the file's beginning, and from there always the last
             end of a document that the window before has as a target, but not as its last
    long_L   the heads after which the next document begins beyond the window's reach;
    extra_L  so many more windows follow each of these, T apart. The first of them starts
             T - phase behind its head, so that a long text is cut elsewhere in each epoch

    A head is where a document ended. Its window starts there in one epoch and right
    behind in another, because both come up later: a new text is begun from the end of
    the one before, a prompt is read from its first token.
    """

    context_length: int
    n_tokens: int
    heads_W: NDArray[np.int64]
    long_L: NDArray[np.int64]
    extra_L: NDArray[np.int64]

    @property
    def n_windows(self) -> int:
        """Windows in an epoch, whatever its phase."""
        return self.heads_W.size + int(self.extra_L.sum())

    def starts(self, phase: int, behind_W: NDArray[np.int64] | int = 0) -> NDArray[np.int64]:
        """Where the windows start; at the file's end pushed back inside.

        phase: 0 to T - 1. behind_W: 1 for the heads whose window starts right behind them.
        """
        number = np.arange(int(self.extra_L.sum()))
        within = number - np.repeat(np.cumsum(self.extra_L) - self.extra_L, self.extra_L)
        extras = np.repeat(self.long_L, self.extra_L) + (within + 1) * self.context_length - phase
        heads = self.heads_W + behind_W * (self.heads_W > 0)
        starts = np.concatenate([heads, extras])
        clipped: NDArray[np.int64] = np.clip(starts, 0, self.n_tokens - 1 - self.context_length)
        return clipped


def cover(n_tokens: int, context_length: int, document_ends: NDArray[np.int64]) -> Cover:
    """Windows from document to document; `document_ends` are positions, ascending.

    Four documents that end at 3, 5, 12 and 19, six targets a window: the one at 0 has the
    targets 1 to 6, so 5 is the next head; from there to 11, which is not yet 12.

    >>> four = cover(20, 6, np.array([3, 5, 12, 19]))
    >>> four.heads_W.tolist(), four.long_L.tolist(), four.extra_L.tolist()
    ([0, 5, 12], [5, 12], [2, 1])
    >>> four.starts(phase=0).tolist()
    [0, 5, 12, 11, 13, 13]
    """
    heads, long, extra = [], [], []
    ends = document_ends.tolist()
    last = n_tokens - 1
    head, following = 0, 0
    while head < last:
        heads.append(head)
        reach = head + context_length
        beyond = bisect_left(ends, reach, lo=following)
        next_head = ends[beyond - 1] if beyond > 0 else 0
        if next_head <= head:
            next_head = ends[beyond] if beyond < len(ends) else last
            needed = min(next_head + 1, last)
            if needed > reach:
                long.append(head)
                extra.append(-(-(needed - head - 1) // context_length))
        head, following = next_head, beyond
    return Cover(context_length, n_tokens, *(np.array(x, np.int64) for x in (heads, long, extra)))


def _header(item_size: int, vocab_size: int, count: int) -> bytes:
    return (
        _MAGIC
        + bytes([_VERSION, item_size])
        + vocab_size.to_bytes(4, "little")
        + count.to_bytes(6, "little")
    )


def _read_header(path: Path) -> tuple[int, int, np.dtype[np.unsignedinteger]]:
    """vocab_size, count and item type, all checked against the file's size."""
    if not path.is_file():
        raise DataError(f"There is no token file {path.name}. Encode the corpus again.")
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES or header[:4] != _MAGIC:
        raise DataError(f"{path.name} is not a token file. Encode the corpus again.")
    if header[4] != _VERSION or header[5] not in (2, 4):
        raise DataError(
            f"{path.name} is a token file of version {header[4]} with {header[5]}-byte ids; "
            f"this program reads version {_VERSION} with 2 or 4. Encode the corpus again."
        )
    vocab_size = int.from_bytes(header[6:10], "little")
    count = int.from_bytes(header[10:16], "little")
    held = path.stat().st_size - _HEADER_BYTES
    if held != count * header[5]:
        raise DataError(
            f"{path.name} should hold {count:,} tokens ({count * header[5]:,} bytes) "
            f"but holds {held:,} bytes. Encode the corpus again."
        )
    return vocab_size, count, np.dtype("<u2" if header[5] == 2 else "<u4")


def _check_ids(ids: NDArray[np.integer], vocab_size: int, *, first: int, name: str) -> None:
    if not ids.size:
        return
    if not np.issubdtype(ids.dtype, np.integer):
        raise DataError(f"{name}: token ids must be whole numbers, not {ids.dtype}.")
    wrong = np.flatnonzero((ids < 0) | (ids >= vocab_size))
    if wrong.size:
        place = int(wrong[0])
        raise DataError(
            f"{name}: id {int(ids[place])} at position {first + place:,} is outside the "
            f"vocabulary of {vocab_size:,}. Encode with the tokenizer that the file is made for."
        )
