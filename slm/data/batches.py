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
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from slm import files
from slm.data.id_rows import open_row
from slm.data.windows import Plan, WindowMode, plan, require_marks, require_window
from slm.errors import DataError, WorkspaceError
from slm.intact import require_intact

IGNORED = -1  # a target that no loss counts

_MAGIC = b"SLMT"
_VERSION = 1
_HEADER_BYTES = 16
_SCANNED_IDS = 16 * 2**20  # looked through at once for document ends


class TokenFile:
    """A row of token ids on disk, and the windows that training and evaluation read from it."""

    def __init__(
        self,
        path: Path,
        document_end: int | None = None,
        windows: WindowMode = "documents",
    ) -> None:
        """Open a token file.

        document_end is the id that stands behind each document; windows is how batches are
        cut. Without the id, windows that would begin with documents begin anywhere.

        Raises:
            DataError: the file is missing, damaged, or no token file; windows of one
                document are asked for without document_end.
        """
        if windows == "one_document":
            require_marks(document_end is not None)
        self.path = Path(path)
        self.document_end = document_end
        self.window_mode: WindowMode = windows
        try:
            require_intact(self.path)
        except WorkspaceError as error:
            raise DataError(f"The tokens are damaged: {error}") from None
        self.vocab_size, count, dtype = _read_header(self.path)
        self._ids = open_row(self.path, dtype, _HEADER_BYTES, count)
        self._latest_plan: tuple[int, Plan] | None = None
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
        return self._ids.size

    def ids(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Ids from start up to stop (to the end without one), as a copy."""
        first, last, _ = slice(start, stop).indices(len(self))
        return self._ids.span(first, last).astype(np.int64)

    def batch(
        self, seed: int, step: int, batch_size: int, context_length: int
    ) -> tuple[Tensor, Tensor]:
        """The windows of one optimizer step: ids_BT and the ids that follow them, int64.

        A function of its arguments alone, so training goes on exactly where it stopped.
        Each epoch covers the file with windows as `slm.data.windows` says and visits them in
        random order: every token but the first is a target at least once an epoch (windows at
        random positions would miss 1/e of them, 37%).

        batch_size counts the rows of all ranks together; ranks and micro-batches slice rows.
        Where a window is padded, ids are 0 and targets -1, which no loss counts.

        Raises:
            DataError: the file is shorter than one window.
        """
        return self.batch_from(seed, step * batch_size, batch_size, context_length)

    def batch_from(
        self, seed: int, n_read: int, batch_size: int, context_length: int
    ) -> tuple[Tensor, Tensor]:
        """The windows that come when `n_read` were read already, in batches of whatever size.

        Raises:
            DataError: the file is shorter than one window.
        """
        self._require_window(context_length)
        n_windows = self.windows_per_epoch(context_length)
        spans_B2 = np.empty((batch_size, 2), dtype=np.int64)
        row = 0
        while row < batch_size:
            epoch, offset = divmod(n_read + row, n_windows)
            spans_W2 = self._epoch_spans(seed, epoch, context_length)
            part = spans_W2[offset : offset + batch_size - row]
            spans_B2[row : row + len(part)] = part
            row += len(part)
        return self._cut(spans_B2[:, 0], context_length, spans_B2[:, 1])

    def windows_per_epoch(self, context_length: int) -> int:
        """How many windows `batch` gives before every token has been a target."""
        return self._plan(context_length).n_windows

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

    def _plan(self, context_length: int) -> Plan:
        if self._latest_plan is None or self._latest_plan[0] != context_length:
            ends = self.document_ends()
            made = plan(len(self), context_length, self.window_mode, ends)
            self._latest_plan = (context_length, made)
        return self._latest_plan[1]

    def document_ends(self) -> NDArray[np.int64]:
        """Where documents end, ascending; nowhere, if no id marks it."""
        if self.document_end is None:
            return np.empty(0, dtype=np.int64)
        firsts = range(0, len(self), _SCANNED_IDS)
        found = [
            first
            + np.flatnonzero(
                self._ids.span(first, min(first + _SCANNED_IDS, len(self))) == self.document_end
            )
            for first in firsts
        ]
        return np.concatenate([np.empty(0, dtype=np.int64), *found])

    def _epoch_spans(self, seed: int, epoch: int, context_length: int) -> NDArray[np.int64]:
        """Start and number of targets of each window of an epoch, in the order of reading."""
        key = (seed, epoch, context_length)
        if self._latest_epoch is None or self._latest_epoch[0] != key:
            generator = np.random.Generator(np.random.PCG64([seed, epoch]))
            windows = self._plan(context_length)
            phase = int(generator.integers(context_length))
            order = generator.permutation(windows.n_windows)
            behind = generator.integers(2, size=windows.n_heads)
            spans_W2 = np.stack(windows.spans(phase, behind), axis=1)
            self._latest_epoch = (key, spans_W2[order])
        return self._latest_epoch[1]

    def _cut(
        self,
        starts_B: NDArray[np.int64],
        context_length: int,
        n_targets_B: NDArray[np.int64] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """ids and targets from those starts; with fewer targets than T, the rest is padded."""
        held = self._ids.windows(starts_B, context_length + 1).astype(np.int64)
        if n_targets_B is not None and n_targets_B.min(initial=context_length) < context_length:
            return self._padded(held, n_targets_B)
        window = torch.from_numpy(held)
        return window[:, :-1].contiguous(), window[:, 1:].contiguous()

    def _padded(
        self, held: NDArray[np.int64], n_targets_B: NDArray[np.int64]
    ) -> tuple[Tensor, Tensor]:
        asked_BT = np.arange(held.shape[1] - 1) < n_targets_B[:, None]
        ids_BT = np.where(asked_BT, held[:, :-1], 0)
        targets_BT = np.where(asked_BT, held[:, 1:], IGNORED)
        return torch.from_numpy(ids_BT), torch.from_numpy(targets_BT)

    def _require_window(self, context_length: int) -> None:
        require_window(len(self), context_length, self.path.name)


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
