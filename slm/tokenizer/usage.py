"""Where tokens occur: counts over a token file, and a few places with what stands around.

Sees rows of ids, read in blocks, so that a file of any size takes little memory. Where no
token file was written yet, a sample of the corpus is encoded.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from slm.data.corpus import open_corpus
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import (
    DEFAULT,
    Separator,
    end_id,
    matching_tokens,
    separator_ids,
    separator_of,
)
from slm.workspace import Artefact, Workspace

SAMPLE_CHARACTERS = 1_000_000
_BLOCK = 4 * 2**20


class Ids(Protocol):
    """A row of ids, in memory or on disk."""

    def __len__(self) -> int: ...

    def ids(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Ids from start up to stop."""


@dataclass(frozen=True)
class Usage:
    """A row of ids to look into. `sampled`: it is not the whole training split."""

    row: Ids
    document_end: int | None
    sampled: bool


@dataclass(frozen=True)
class HeldIds:
    """Ids in memory."""

    values: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.values.size)

    def ids(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Ids from start up to stop."""
        return self.values[start:stop]


def usage_of(
    workspace: Workspace,
    corpus: Artefact,
    tokenizer: TextTokenizer,
    artefact: Artefact | None = None,
) -> Usage:
    """The training split as ids: the token file of this corpus and tokenizer where there is one
    with the separator that goes with the tokenizer.

    Else the first million characters, encoded now. `artefact` is the tokenizer's own.

    Raises: DataError for a damaged token file or corpus.
    """
    separator = separator_of(artefact) if artefact is not None else DEFAULT
    known = None
    if artefact is not None:
        known = matching_tokens(workspace.tokens.list(), corpus, artefact, separator)
    if known is not None:
        from slm.data.batches import TokenFile  # brings torch

        row = TokenFile(known.folder / "train.bin")
        if row.vocab_size == tokenizer.vocab_size:
            return Usage(row, known.details.get("document_end"), sampled=False)
    return Usage(
        HeldIds(_encoded(open_corpus(corpus).texts("train"), tokenizer, separator)),
        end_id(tokenizer, separator),
        sampled=True,
    )


def _encoded(
    texts: Iterable[str], tokenizer: TextTokenizer, separator: Separator
) -> NDArray[np.int64]:
    left = SAMPLE_CHARACTERS
    held = []
    for text in texts:
        held.append(text[:left])
        left -= len(held[-1])
        if left <= 0:
            break
    end = separator_ids(tokenizer, separator)
    rows = [[*ids, *end] for ids in tokenizer.encode_batch(held)]
    return np.fromiter(chain.from_iterable(rows), np.int64, sum(map(len, rows)))


def count_ids(row: Ids, vocab_size: int) -> NDArray[np.int64]:
    """How often each id occurs, by id.

    >>> count_ids(HeldIds(np.array([2, 0, 2])), 4).tolist()
    [1, 0, 2, 0]
    """
    counts = np.zeros(vocab_size, dtype=np.int64)
    for start in range(0, len(row), _BLOCK):
        counts += np.bincount(row.ids(start, start + _BLOCK), minlength=vocab_size)
    return counts


def places(row: Ids, token_id: int, most: int = 6) -> list[int]:
    """Up to `most` places where the id occurs, in order, drawn from all parts of the row."""
    length = len(row)
    stretch = max(1, -(-length // most))
    found: list[list[int]] = []
    for first in range(0, length, stretch):
        last, here = min(first + stretch, length), np.empty(0, dtype=np.int64)
        for start in range(first, last, _BLOCK):
            stop = min(start + _BLOCK, last)
            here = start + np.flatnonzero(row.ids(start, stop) == token_id)[:most]
            if here.size:
                break
        found.append(here.tolist())
    in_turn = [part[turn] for turn in range(most) for part in found if turn < len(part)]
    return sorted(in_turn[:most])


@dataclass(frozen=True)
class Context:
    """A place in the row: the bytes before the token, its own, and those behind it."""

    before: bytes
    piece: bytes
    after: bytes


def contexts(
    usage: Usage, tokenizer: TextTokenizer, token_id: int, most: int = 6, width: int = 14
) -> list[Context]:
    """The token among up to `width` neighbours on each side, never beyond its document."""
    found = []
    for place in places(usage.row, token_id, most):
        start = max(0, place - width)
        before = usage.row.ids(start, place)
        after = usage.row.ids(place + 1, place + 1 + width)
        ends = np.flatnonzero(before == usage.document_end)
        before = before[ends[-1] + 1 :] if ends.size else before
        ends = np.flatnonzero(after == usage.document_end)
        after = after[: ends[0]] if ends.size else after
        found.append(
            Context(
                _joined(tokenizer, before),
                tokenizer.token_bytes(token_id),
                _joined(tokenizer, after),
            )
        )
    return found


def _joined(tokenizer: TextTokenizer, ids: NDArray[np.int64]) -> bytes:
    return b"".join(tokenizer.token_bytes(token_id) for token_id in ids.tolist())
