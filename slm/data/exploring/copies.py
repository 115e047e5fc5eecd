"""Documents that stand in a corpus more than once: word for word, or nearly.

Exact copies have the same hash of 64 bits. Near copies share at least about 80% of their
stretches of 5 words (Jaccard similarity), estimated from 112 numbers a document by MinHash
(Broder 1997) and looked for with locality-sensitive hashing, 16 bands of 7 (Lee et al.
2022): of pairs at 80% it compares 98 in 100, of pairs at 90% practically all. An estimate is
off by 0.04 as a rule, so pairs right at 80% fall on either side. Each number is kept to 16
bits (Li and König 2010), so a document costs 232 bytes.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import rensa
from numpy.typing import NDArray

from slm.data.exploring.hashes import run_starts, scrambled
from slm.data.exploring.words import Block, windows

SHINGLE_WORDS = 5
SIMILARITY = 0.8
MAX_NEAR_DOCUMENTS = 1_000_000
"""Near copies are looked for among so many documents, the first ones: 224 MB of numbers."""

_BANDS = 16
_ROWS = 7
_NUMBERS = _BANDS * _ROWS
_SEED = 1
_NONE = -1


class CopyFinder:
    """Give it the texts one by one and their blocks; then ask for the groups."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._signatures: list[NDArray[np.uint16]] = []
        self._owners: list[NDArray[np.int64]] = []
        self._n_signed = 0

    def add_text(self, text: str) -> None:
        """Take the hash of one document."""
        data = text.encode(errors="replace")
        self._digests.append(hashlib.blake2b(data, digest_size=8).digest())

    def add_block(self, block: Block) -> None:
        """Take the signatures of the documents that begin in a block (of their first piece)."""
        hashes, firsts = windows(block, SHINGLE_WORDS)
        if self._n_signed >= MAX_NEAR_DOCUMENTS or not len(hashes):
            return
        piece = np.searchsorted(block.piece_starts, block.starts[firsts], side="right") - 1
        begins = block.piece_firsts[piece]
        hashes, piece = hashes[begins], piece[begins]
        runs = run_starts(piece)
        offsets = np.append(runs, len(piece)).astype(np.uint64)
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(
            hashes, offsets, _NUMBERS, _SEED
        )
        rows = np.array(matrix.to_rows(), np.uint32).reshape(-1, _NUMBERS)
        self._signatures.append(rows.astype(np.uint16))
        self._owners.append(block.piece_documents[piece[runs]])
        self._n_signed += len(runs)

    @property
    def compared(self) -> int:
        """Documents that were looked at for near copies: those of at least 5 words."""
        return self._n_signed

    def exact_groups(self) -> NDArray[np.int64]:
        """For each document the number of its group of copies, -1 without any.

        Group 0 is the largest; of equal ones, the one that comes first.
        """
        digests = np.frombuffer(b"".join(self._digests), np.uint64)
        order = np.argsort(digests, kind="stable")
        runs = run_starts(digests[order])
        labels = np.empty(len(digests), np.int64)
        labels[order] = np.repeat(order[runs], np.diff(runs, append=len(digests)))
        return numbered(labels)

    def near_groups(self, exact: NDArray[np.int64]) -> NDArray[np.int64]:
        """The same for near copies; exact copies belong to the group of their first."""
        labels = np.arange(len(self._digests))
        first_of: dict[int, int] = {}
        for document in np.flatnonzero(exact >= 0):
            labels[document] = first_of.setdefault(int(exact[document]), int(document))
        if self._signatures:
            signatures = np.concatenate(self._signatures)
            owners = np.concatenate(self._owners)
            alone = labels[owners] == owners
            self._join(labels, signatures[alone], owners[alone])
        return numbered(labels)

    @staticmethod
    def _join(
        labels: NDArray[np.int64], signatures: NDArray[np.uint16], owners: NDArray[np.int64]
    ) -> None:
        parent: dict[int, int] = {}

        def root(document: int) -> int:
            while (above := parent.get(document, document)) != document:
                parent[document] = parent.get(above, above)
                document = above
            return document

        for one, other in _similar_pairs(signatures):
            low, high = sorted((root(int(owners[one])), root(int(owners[other]))))
            parent[high] = low
        if parent:
            joined = {document: root(document) for document in parent}
            for document in range(len(labels)):
                labels[document] = joined.get(int(labels[document]), labels[document])


def numbered(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups of equal labels numbered from 0 by falling size, -1 for those that are alone.

    >>> numbered(np.array([7, 3, 3, 9, 7, 7]))
    array([ 0,  1,  1, -1,  0,  0])
    """
    _, first, inverse, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    ranked = np.lexsort((first, -sizes))
    numbers = np.empty(len(sizes), np.int64)
    numbers[ranked] = np.arange(len(sizes))
    numbers[sizes < 2] = _NONE
    return numbers[inverse]


def similarity(one: Sequence[str], other: Sequence[str]) -> float:
    """Jaccard similarity of two texts given as words: shared stretches of 5 words over all.

    >>> similarity("a b c d e f".split(), "a b c d e g".split())
    0.3333333333333333
    """
    shingles = [
        {tuple(words[i : i + SHINGLE_WORDS]) for i in range(len(words) - SHINGLE_WORDS + 1)}
        for words in (one, other)
    ]
    together = shingles[0] | shingles[1]
    return len(shingles[0] & shingles[1]) / len(together) if together else 0.0


def _similar_pairs(signatures: NDArray[np.uint16]) -> list[tuple[int, int]]:
    """Pairs of rows that share a band and, by all their numbers, are similar enough.

    Within a band each row is compared with the first of its bucket and with the one before.
    """
    found: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        part = signatures[:, band * _ROWS : (band + 1) * _ROWS]
        padded = np.zeros((len(part), 8), np.uint16)
        padded[:, :_ROWS] = part
        halves = padded.view(np.uint64)
        keys = scrambled(halves[:, 0]) ^ halves[:, 1]
        order = np.argsort(keys, kind="stable")
        runs = run_starts(keys[order])
        sizes = np.diff(runs, append=len(order))
        first = np.repeat(order[runs], sizes)
        before = np.append(order[:1], order[:-1])
        for partner in (first, before):
            same = (keys[order] == keys[partner]) & (order != partner)
            _keep_similar(signatures, order[same], partner[same], found)
    return sorted(found)


def _keep_similar(
    signatures: NDArray[np.uint16],
    ones: NDArray[np.int64],
    others: NDArray[np.int64],
    found: set[tuple[int, int]],
) -> None:
    for start in range(0, len(ones), 65_536):
        one, other = ones[start : start + 65_536], others[start : start + 65_536]
        agree = (signatures[one] == signatures[other]).mean(axis=1)
        near = agree >= SIMILARITY
        found.update(zip(one[near].tolist(), other[near].tolist(), strict=True))
