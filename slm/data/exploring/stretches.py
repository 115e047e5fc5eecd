"""Runs of neighbouring words of the validation split, looked for in the training split.

Sees blocks of words; `leakage.py` tells what is read when.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from slm.data.exploring.hashes import counted, found_at, run_starts
from slm.data.exploring.words import Block, windows

STRETCH_WORDS = 13
LENGTHS = (3, 5, 8, 13, 21, 34)
MOSTLY = 0.8
"""A document leaks mostly when this share of its stretches stands in the training split."""
MAX_VAL_WORDS = 4_000_000
"""Of a larger validation split only the first documents are judged."""
N_TWINS = 20
_NOBODY = -1


@dataclass(frozen=True)
class Twin:
    """A validation document and the training document that shares most stretches with it.

    Ids are places in the corpus. `share` of the validation document's stretches stand
    anywhere in the training split; `longest_words` is the longest run of words that the two
    have in common, `longest` its text as it stands in the validation document.
    """

    val_id: int
    train_id: int
    share: float
    longest_words: int
    longest: str


@dataclass
class Stretches:
    """Runs of words of each length: held from the validation split, looked for in the other."""

    tables: dict[int, NDArray[np.uint64]] = field(default_factory=dict)
    found: dict[int, NDArray[np.bool_]] = field(default_factory=dict)
    owner: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    words: int = 0
    examined: int = 0
    judged: int = 0
    mostly: int = 0
    leaked_words: int = 0
    hits: dict[int, list[int]] = field(default_factory=lambda: {n: [0, 0] for n in LENGTHS})
    twins: list[Twin] = field(default_factory=list)
    _parts: dict[int, list[NDArray[np.uint64]]] = field(
        default_factory=lambda: {n: [] for n in LENGTHS}
    )
    _held_words: int = 0

    def hold(self, block: Block) -> None:
        """Take the stretches of a block of the validation split, while there is room."""
        if self._held_words >= MAX_VAL_WORDS:
            return
        self._held_words += len(block.hashes)
        for n in LENGTHS:
            self._parts[n].append(counted(windows(block, n)[0])[0])

    def sort(self) -> None:
        """All stretches were given: make them ready to be looked for."""
        for n, parts in self._parts.items():
            self.tables[n] = counted(np.concatenate([np.empty(0, np.uint64), *parts]))[0]
            self.found[n] = np.zeros(len(self.tables[n]), np.bool_)
        self._parts.clear()
        self.owner = np.full(len(self.tables[STRETCH_WORDS]), _NOBODY, np.int64)

    def look(self, block: Block) -> None:
        """Mark the stretches that a block of the training split has."""
        for n in LENGTHS:
            hashes, firsts = windows(block, n)
            if n == STRETCH_WORDS:
                self._own(hashes, block.documents[firsts])
                continue
            places, known = found_at(self.tables[n], np.sort(hashes))
            self.found[n][places[known]] = True

    def _own(self, hashes: NDArray[np.uint64], documents: NDArray[np.int64]) -> None:
        """Note the first document that has each stretch of 13 words."""
        order = np.argsort(hashes)
        places, known = found_at(self.tables[STRETCH_WORDS], hashes[order])
        places, documents = places[known], documents[order[known]]
        fresh = self.owner[places] == _NOBODY
        self.owner[places[fresh]] = documents[fresh]
        self.found[STRETCH_WORDS][places] = True

    def judge(self, block: Block) -> bool:
        """Count what of a block of the validation split was found; False when there is no more."""
        if self.words >= MAX_VAL_WORDS:
            return False
        self.words += len(block.hashes)
        self.examined += int(block.piece_firsts.sum())
        for n in LENGTHS:
            hashes, firsts = windows(block, n)
            places, _ = found_at(self.tables[n], hashes)
            shared = self.found[n][places]
            self.hits[n][0] += int(shared.sum())
            self.hits[n][1] += len(shared)
            if n == STRETCH_WORDS:
                self._judge_documents(block, firsts, shared, self.owner[places])
        return True

    def _judge_documents(
        self,
        block: Block,
        firsts: NDArray[np.int64],
        shared: NDArray[np.bool_],
        owners: NDArray[np.int64],
    ) -> None:
        edges = np.zeros(len(block.hashes) + 1, np.int64)
        np.add.at(edges, firsts[shared], 1)
        np.add.at(edges, firsts[shared] + STRETCH_WORDS, -1)
        self.leaked_words += int(np.count_nonzero(np.cumsum(edges)))
        if not len(firsts):
            return
        documents = block.documents[firsts]
        runs = run_starts(documents)
        shares = np.add.reduceat(shared, runs, dtype=np.int64) / np.diff(runs, append=len(shared))
        self.judged += len(runs)
        self.mostly += int(np.count_nonzero(shares >= MOSTLY))
        ends = np.append(runs[1:], len(shared))
        for row in np.argsort(-shares, kind="stable")[:N_TWINS]:
            if shares[row] > 0:
                inside = slice(runs[row], ends[row])
                train = int(np.bincount(owners[inside][shared[inside]]).argmax())
                twin = Twin(int(documents[runs[row]]), train, float(shares[row]), 0, "")
                self.twins.append(twin)
        best = sorted(self.twins, key=lambda twin: -twin.share)
        apart = {(twin.train_id, twin.share): twin for twin in reversed(best)}  # one of copies
        self.twins = sorted(apart.values(), key=lambda twin: (-twin.share, twin.val_id))[:N_TWINS]

    def shares(self) -> tuple[tuple[int, float], ...]:
        """For each length, the share of the validation stretches that were found."""
        return tuple((n, found / (tried or 1)) for n, (found, tried) in self.hits.items())
