"""What a way of cutting windows does to documents: knows lengths, never ids or text.

The windows are those of `windows.plan`, which training reads too, in the order of the
text instead of a random one.

W windows, D documents, T context length.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.data.windows import Places, WindowMode, plan, require_marks
from slm.errors import DataError


@dataclass(frozen=True)
class Stretch:
    """Neighbouring tokens of one document in a window.

    first   place in the window of the first of them, 0 to T
    offset  place of that token in the document
    """

    document: int
    first: int
    length: int
    offset: int


@dataclass(frozen=True)
class Totals:
    """What an epoch comes to.

    targets            tokens that are asked for, repeats included
    again              of these, asked for a second time
    padded             places that hold no token
    cut_documents      documents that no window holds whole
    document_windows   windows that ask for a token of a document, summed over documents
    """

    documents: int
    tokens: int
    windows: int
    context_length: int
    targets: int
    again: int
    padded: int
    cut_documents: int
    document_windows: int

    @property
    def padded_share(self) -> float:
        """Share of the places in all windows that hold no token, 0 to 1."""
        return self.padded / (self.windows * self.context_length)

    @property
    def again_share(self) -> float:
        """Share of the targets that were asked for before in the same epoch, 0 to 1."""
        return self.again / self.targets

    @property
    def cut_share(self) -> float:
        """Share of the documents that no window holds whole, 0 to 1."""
        return self.cut_documents / self.documents

    @property
    def windows_per_document(self) -> float:
        """Windows that a document is read in, on average."""
        return self.document_windows / self.documents

    def to_json(self) -> dict[str, float]:
        """Counts, and the shares that follow from them."""
        shares = ("padded_share", "again_share", "cut_share", "windows_per_document")
        return {**asdict(self), **{name: round(getattr(self, name), 6) for name in shares}}


@dataclass(frozen=True)
class Layout:
    """Windows over documents that stand one after another, by their starts, ascending.

    lengths_D  tokens of each document, its separator included
    starts_W   the first token that a window reads
    targets_W  how many tokens it is asked for; T − targets_W are padding
    """

    context_length: int
    lengths_D: Places
    starts_W: Places
    targets_W: Places

    @cached_property
    def begins_D(self) -> Places:
        """Where each document begins."""
        begins: Places = np.cumsum(self.lengths_D) - self.lengths_D
        return begins

    @cached_property
    def again_W(self) -> Places:
        """How many of a window's targets, its first ones, an earlier window had too."""
        again: Places = np.clip(self._reached_before_W - self.starts_W, 0, self.targets_W)
        return again

    @cached_property
    def totals(self) -> Totals:
        """What an epoch comes to."""
        return Totals(
            documents=self.lengths_D.size,
            tokens=int(self.lengths_D.sum()),
            windows=self.starts_W.size,
            context_length=self.context_length,
            targets=int(self.targets_W.sum()),
            again=int(self.again_W.sum()),
            padded=self.starts_W.size * self.context_length - int(self.targets_W.sum()),
            cut_documents=int((~self._whole_D).sum()),
            document_windows=int(self._windows_D.sum()),
        )

    def stretches(self, window: int) -> list[Stretch]:
        """What stands in a window, from its first token to its last target."""
        start = int(self.starts_W[window])
        stop = start + int(self.targets_W[window]) + 1
        found = []
        document = int(np.searchsorted(self.begins_D, start, side="right")) - 1
        while document < self.lengths_D.size and self.begins_D[document] < stop:
            begin, length = int(self.begins_D[document]), int(self.lengths_D[document])
            here, end = max(start, begin), min(stop, begin + length)
            found.append(Stretch(document, here - start, end - here, here - begin))
            document += 1
        return [stretch for stretch in found if stretch.length]

    def to_json(self, first: int) -> list[dict[str, Any]]:
        """The first windows: where each starts, what it asks for, which documents it holds."""
        return [
            {
                "start": int(self.starts_W[number]),
                "targets": int(self.targets_W[number]),
                "again": int(self.again_W[number]),
                "stretches": [asdict(stretch) for stretch in self.stretches(number)],
            }
            for number in range(min(first, self.starts_W.size))
        ]

    @property
    def _ends_W(self) -> Places:
        """The last target of each window."""
        ends: Places = self.starts_W + self.targets_W
        return ends

    @property
    def _reached_before_W(self) -> Places:
        """The last target of all windows that start earlier."""
        reached = np.maximum.accumulate(self._ends_W)
        return np.concatenate([self.starts_W[:1], reached[:-1]])

    @property
    def _whole_D(self) -> NDArray[np.bool_]:
        """Whether one window holds the document from its first token to its last."""
        last_D = self.begins_D + self.lengths_D - 1
        reached_W = np.concatenate([[-1], np.maximum.accumulate(self._ends_W)])
        earlier_D = np.searchsorted(self.starts_W, self.begins_D, side="right")
        whole: NDArray[np.bool_] = reached_W[earlier_D] >= last_D
        return whole

    @property
    def _windows_D(self) -> Places:
        """How many windows have a token of the document as a target."""
        last_D = self.begins_D + self.lengths_D - 1
        begun_D = np.searchsorted(self.starts_W, last_D, side="left")
        done_D = np.searchsorted(np.sort(self._ends_W), self.begins_D, side="left")
        windows: Places = begun_D - done_D
        return windows


def lay_out(
    lengths: Sequence[int] | Places,
    context_length: int,
    mode: WindowMode,
    *,
    marked: bool = True,
    phase: int = 0,
    behind: Places | int = 0,
) -> Layout:
    """Which stretches of which documents fall into which window, for one epoch.

    lengths: tokens of each document, its separator included. marked: a special token ends
    each, so that training can tell where documents begin. phase and behind differ from
    epoch to epoch, see `windows.Plan`; with 0, long texts are cut from their beginning.

    Two documents of four and three tokens, of which a window asks for five:

    >>> alone = lay_out([4, 3], 5, "one_document")
    >>> [(part.document, part.offset, part.length) for part in alone.stretches(1)]
    [(0, 3, 1), (1, 0, 3)]
    >>> alone.totals.padded, alone.totals.cut_documents
    (4, 0)

    Raises: DataError when there is no text, or less than one window, or its documents are
    to be kept apart and their ends are not marked.
    """
    lengths_D = np.asarray(lengths, dtype=np.int64)
    if lengths_D.size == 0:
        raise DataError("There is no document to cut windows from. Add text.")
    if mode == "one_document":
        require_marks(marked)
    ends_D = np.cumsum(lengths_D) - 1 if marked else np.empty(0, dtype=np.int64)
    windows = plan(int(lengths_D.sum()), context_length, mode, ends_D)
    starts_W, targets_W = windows.spans(phase, behind)
    order = np.lexsort((targets_W, starts_W))
    return Layout(context_length, lengths_D, starts_W[order], targets_W[order])
