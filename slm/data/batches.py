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
from collections.abc import Iterable, Iterator
from functools import lru_cache
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


class TokenFile:
    """A row of token ids on disk, and the windows that training and evaluation read from it."""

    def __init__(self, path: Path) -> None:
        """Open a token file.

        Raises:
            DataError: the file is missing, damaged, or no token file.
        """
        self.path = Path(path)
        self.vocab_size, count, dtype = _read_header(self.path)
        self._ids: NDArray[np.unsignedinteger]
        if count * dtype.itemsize <= _READ_WHOLE_BYTES:
            self._ids = np.fromfile(self.path, dtype=dtype, count=count, offset=_HEADER_BYTES)
        else:
            self._ids = np.memmap(self.path, dtype, "r", offset=_HEADER_BYTES, shape=(count,))

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
        Each epoch lays a fresh grid of windows over the file, shifted by a random phase,
        and visits them in random order: every token but the first is a target at least
        once an epoch (windows at random positions would miss 1/e of them, 37%), and
        never twice except near the two ends, where a window is pushed back inside.

        batch_size counts the rows of all ranks together; ranks and micro-batches slice rows.

        Raises:
            DataError: the file is shorter than one window.
        """
        self._require_window(context_length)
        n_windows = windows_per_epoch(len(self), context_length)
        starts_B = np.empty(batch_size, dtype=np.int64)
        row = 0
        while row < batch_size:
            epoch, offset = divmod(step * batch_size + row, n_windows)
            part = _epoch_starts(seed, epoch, len(self), context_length)[offset:][
                : batch_size - row
            ]
            starts_B[row : row + part.size] = part
            row += part.size
        return self._cut(starts_B, context_length)

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


def windows_per_epoch(n_tokens: int, context_length: int) -> int:
    """How many windows one pass over n_tokens takes, whatever the epoch's phase.

    With phase p the windows start at -p, T - p, 2T - p, …; the worst phase, T - 1,
    needs ceil((n - 2) / T) + 1 of them to reach the last of the n - 1 targets.

    >>> windows_per_epoch(n_tokens=11, context_length=4)
    4
    """
    return -(-(n_tokens - 2) // context_length) + 1


@lru_cache(maxsize=4)
def _epoch_starts(seed: int, epoch: int, n_tokens: int, context_length: int) -> NDArray[np.int64]:
    """Where the windows of an epoch start, in the order in which they are read."""
    generator = np.random.Generator(np.random.PCG64([seed, epoch]))
    phase = int(generator.integers(context_length))
    order = generator.permutation(windows_per_epoch(n_tokens, context_length))
    starts = order * context_length - phase
    clipped: NDArray[np.int64] = np.clip(starts, 0, n_tokens - 1 - context_length)
    return clipped


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
