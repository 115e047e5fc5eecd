"""Where the windows of an epoch lie: sees places in a row of tokens, never the tokens.

Documents stand one after another in that row, each with its end marked. A window reads
T tokens and is asked for the token after each, so it holds T + 1 neighbours. Three ways
to cut (`WindowMode`):

    documents     a window begins where a document begins, as far as that covers all text
    packed        side by side, wherever that falls
    one_document  a document a window; a longer one goes on in further windows, and what
                  stays empty is padded

W windows, D documents, T context length.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from slm.errors import DataError

WindowMode = Literal["documents", "packed", "one_document"]

Places = NDArray[np.int64]


class Plan(Protocol):
    """The windows of every epoch. Their number is the same in all; where they lie is not."""

    @property
    def n_windows(self) -> int:
        """Windows in an epoch."""

    @property
    def n_heads(self) -> int:
        """Windows that begin at a document's end, or right behind it."""

    def spans(self, phase: int, behind: Places | int = 0) -> tuple[Places, Places]:
        """Where each window starts, and how many targets follow there; the rest is padding.

        phase: 0 to T - 1, where texts longer than a window are cut. behind: 1 for the
        heads whose window starts right behind the end of the document before.
        """


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
    heads_W: Places
    long_L: Places
    extra_L: Places

    @property
    def n_windows(self) -> int:
        """Windows in an epoch, whatever its phase."""
        return self.heads_W.size + int(self.extra_L.sum())

    @property
    def n_heads(self) -> int:
        """Windows that begin at a document's end, or right behind it."""
        return self.heads_W.size

    def starts(self, phase: int, behind_W: Places | int = 0) -> Places:
        """Where the windows start; at the file's end pushed back inside.

        phase: 0 to T - 1. behind_W: 1 for the heads whose window starts right behind them.
        """
        number = np.arange(int(self.extra_L.sum()))
        within = number - np.repeat(np.cumsum(self.extra_L) - self.extra_L, self.extra_L)
        extras = np.repeat(self.long_L, self.extra_L) + (within + 1) * self.context_length - phase
        heads = self.heads_W + behind_W * (self.heads_W > 0)
        starts = np.concatenate([heads, extras])
        clipped: Places = np.clip(starts, 0, self.n_tokens - 1 - self.context_length)
        return clipped

    def spans(self, phase: int, behind: Places | int = 0) -> tuple[Places, Places]:
        """See `Plan`; no window has padding."""
        starts = self.starts(phase, behind)
        return starts, np.full_like(starts, self.context_length)


def cover(n_tokens: int, context_length: int, document_ends: Places) -> Cover:
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


@dataclass(frozen=True)
class Apart:
    """Windows that hold one document each, so that no text is read behind another.

    starts_D  the end of the document before, which tells that a new one begins (for the
              first document, its own first token)
    ends_D    the document's own end

    A document of more than T targets goes on in further windows. In one epoch they stand
    side by side and the last is padded; in another they overlap by up to that padding,
    by the phase, so that a long text is cut elsewhere. Nothing is left out: every token
    but the file's first is a target, save that a window that starts right behind an end
    (see `Cover`) has the document's first token to read only.
    """

    context_length: int
    starts_D: Places
    ends_D: Places

    @property
    def n_windows(self) -> int:
        """Windows in an epoch, whatever its phase."""
        return int(self._counts_D.sum())

    @property
    def n_heads(self) -> int:
        """Documents: the first window of each."""
        return self.starts_D.size

    @property
    def _counts_D(self) -> Places:
        return _blocks(self.ends_D - self.starts_D, self.context_length)

    def spans(self, phase: int, behind: Places | int = 0) -> tuple[Places, Places]:
        """See `Plan`. A document that would need one window less is not begun behind."""
        counts_D = self._counts_D
        targets_D = self.ends_D - self.starts_D
        may_D = (self.starts_D > 0) & (_blocks(targets_D - 1, self.context_length) == counts_D)
        starts_D = self.starts_D + behind * may_D
        spare_D = counts_D * self.context_length - (self.ends_D - starts_D)
        back_D = phase * (spare_D + 1) // self.context_length
        first_D = np.cumsum(counts_D) - counts_D
        within_W = np.arange(int(counts_D.sum())) - np.repeat(first_D, counts_D)
        starts_W = np.repeat(starts_D, counts_D) + within_W * self.context_length
        starts_W = starts_W - np.repeat(back_D, counts_D) * (within_W > 0)
        left_W = np.repeat(self.ends_D, counts_D) - starts_W
        return starts_W, np.minimum(left_W, self.context_length)


def apart(n_tokens: int, context_length: int, document_ends: Places) -> Apart:
    """A document a window; `document_ends` are positions, ascending. Text behind the last
    end counts as a document, and an empty document at the very beginning as none.

    Documents that end at 3, 5 and 14, four targets a window: the last has nine targets and
    takes three windows, of which the third has one target and three places to spare.

    >>> three = apart(15, 4, np.array([3, 5, 14]))
    >>> [places.tolist() for places in three.spans(phase=0)]
    [[0, 3, 5, 9, 13], [3, 2, 4, 4, 1]]
    >>> [places.tolist() for places in three.spans(phase=3)]
    [[0, 3, 5, 6, 10], [3, 2, 4, 4, 4]]
    """
    ends_D = np.asarray(document_ends, dtype=np.int64)
    if ends_D.size == 0 or ends_D[-1] < n_tokens - 1:
        ends_D = np.append(ends_D, n_tokens - 1)
    starts_D = np.concatenate([np.zeros(1, dtype=np.int64), ends_D[:-1]])
    holds = ends_D > starts_D
    return Apart(context_length, starts_D[holds], ends_D[holds])


def plan(n_tokens: int, context_length: int, mode: WindowMode, document_ends: Places) -> Plan:
    """The windows of that mode.

    Raises: DataError when the text is shorter than one window, or its documents are to be
    kept apart and their ends are not marked.
    """
    require_window(n_tokens, context_length, "The text")
    if mode == "one_document":
        require_marks(document_ends.size > 0)
        return apart(n_tokens, context_length, document_ends)
    nowhere = np.empty(0, dtype=np.int64)
    return cover(n_tokens, context_length, nowhere if mode == "packed" else document_ends)


def require_window(n_tokens: int, context_length: int, what: str) -> None:
    """Raise a DataError that names `what` when it is shorter than one window."""
    if n_tokens < context_length + 1:
        raise DataError(
            f"{what} holds {n_tokens:,} tokens; a context of {context_length:,} "
            f"needs at least {context_length + 1:,}. Add text or shorten the context."
        )


def require_marks(marked: bool) -> None:
    """Raise a DataError when windows of one document each have no ends to go by."""
    if not marked:
        raise DataError(
            "Windows of one document need a special token behind each document, and this text "
            "was cut without one. Choose the separator end_of_text, or windows 'documents' or "
            "'packed'."
        )


def _blocks(n: Places, size: int) -> Places:
    """How many blocks of `size` hold `n`."""
    blocks: Places = -(-n // size)
    return blocks
