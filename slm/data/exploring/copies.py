"""Documents that stand in a corpus more than once: word for word, or nearly.

Exact copies have the same hash of 64 bits. Near copies share at least about 80% of their
runs of 5 words, as `slm.data.shingles` says. They are looked for with locality-sensitive
hashing (Lee et al. 2022), 18 bands of 7 of the 128 numbers of each document: of pairs at 80%
it compares 98 in 100, of pairs at 90% practically all. Each number is kept to 16 bits (Li and
König 2010), so a document costs 264 bytes.
"""

import hashlib

import numpy as np
import rensa
from numpy.typing import NDArray

from slm.data.exploring.hashes import run_starts, scrambled
from slm.data.exploring.words import Block
from slm.data.shingles import NUMBERS, SEED, SIMILARITY, shingle_hashes

MAX_NEAR_DOCUMENTS = 1_000_000
"""Near copies are looked for among so many documents, the first ones: 256 MB of numbers."""

_BANDS = 18
_ROWS = 7
_NONE = -1


class CopyFinder:
    """Give it the texts one by one and their blocks; then ask for the groups."""

    def __init__(self) -> None:
        self._digests: list[bytes] = []
        self._signatures: list[NDArray[np.uint16]] = []
        self._owners: list[NDArray[np.int64]] = []
        self._n_signed = 0
        self._latest: tuple[int, NDArray[np.uint32]] | None = None

    def add_text(self, text: str) -> None:
        """Take the hash of one document."""
        data = text.encode(errors="replace")
        self._digests.append(hashlib.blake2b(data, digest_size=8).digest())

    def add_block(self, block: Block) -> None:
        """Take the signatures of the documents in a block.

        A document that goes on from the block before has the smaller of both numbers each:
        those of all its shingles.
        """
        hashes, documents = shingle_hashes(block)
        if self._n_signed >= MAX_NEAR_DOCUMENTS or not len(hashes):
            return
        runs = run_starts(documents)
        offsets = np.append(runs, len(documents)).astype(np.uint64)
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, NUMBERS, SEED)
        rows = np.array(matrix.to_rows(), np.uint32).reshape(-1, NUMBERS)
        owners = documents[runs]
        if self._latest is not None and self._latest[0] == owners[0]:
            rows[0] = np.minimum(rows[0], self._latest[1])
            self._signatures[-1] = self._signatures[-1][:-1]
            self._owners[-1] = self._owners[-1][:-1]
            self._n_signed -= 1
        self._latest = int(owners[-1]), rows[-1]
        self._signatures.append(rows.astype(np.uint16))
        self._owners.append(owners)
        self._n_signed += len(runs)

    @property
    def compared(self) -> int:
        """Documents that were looked at for near copies: those that have words."""
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
