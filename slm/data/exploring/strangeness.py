"""How unlike the rest of its corpus a document is: bits per character.

A small statistical model of the corpus itself predicts each character from the two before
it. A document that it predicts badly is unlike the others: another language or script, a
table of numbers, broken text. One that it predicts far too well repeats itself. Each
character is judged by counts that leave this one occurrence of it out, so that a document
does not explain itself; what it has twice, it does.

P(c|ab) = (n(abc) - 1 + κ P(c|b)) / (n(ab) - 1 + κ), and P(c|b) from P(c) in the same way
(MacKay and Peto 1995, with κ fixed at 4). Counts of three characters share a hashed table.
"""

import numpy as np
from numpy.typing import NDArray

from slm.data.exploring.characters import BOUNDARY
from slm.data.exploring.words import Block

MIN_CHARACTERS = 20  # shorter documents are judged by too little
_BITS = 10
_SYMBOLS = 2**_BITS  # the characters met first; later ones count together as one
_RARE, _EDGE = 0, 1
_TRIPLES_BITS = 22
_KAPPA = 4.0
_ODD = np.uint64(0x9E3779B97F4A7C15)


class CharacterModel:
    """Counts of one, two and three neighbouring characters; `learn` all, then `bits`."""

    def __init__(self) -> None:
        self._symbol_of = np.full(BOUNDARY + 1, -1, np.int16)
        self._symbol_of[BOUNDARY] = _EDGE
        self._known = 2
        self._single = np.zeros(_SYMBOLS, np.int64)
        self._pairs = np.zeros(_SYMBOLS**2, np.int64)
        self._triples = np.zeros(2**_TRIPLES_BITS, np.int32)

    def learn(self, block: Block) -> None:
        """Count the characters of a block."""
        symbols = self._symbols(block.points)
        pairs, triples = _places(symbols)
        self._single += np.bincount(symbols, minlength=_SYMBOLS)
        self._pairs += np.bincount(pairs, minlength=_SYMBOLS**2)
        np.add.at(self._triples, triples, np.int32(1))

    def bits(self, block: Block) -> NDArray[np.float64]:
        """Bits that each piece of a block takes, its end included."""
        symbols = self._symbols(block.points)
        pairs, triples = _places(symbols)
        before = np.append(_EDGE, symbols[:-1])
        single = np.maximum(self._single[symbols] - 1, 0)
        alone = (single + 1.0) / (self._single.sum() - 1 + _SYMBOLS)
        seen_one = np.maximum(self._single[before] - 1, 0)
        seen_two = np.append(0, np.maximum(self._pairs[pairs[:-1]] - 1, 0))
        seen_two = np.where(before == _EDGE, seen_one, seen_two)
        by_one = _smoothed(self._pairs[pairs], seen_one, alone)
        by_two = _smoothed(self._triples[triples], seen_two, by_one)
        return np.add.reduceat(-np.log2(by_two), block.piece_starts)

    def _symbols(self, points: NDArray[np.uint32]) -> NDArray[np.int64]:
        symbols = self._symbol_of[points]
        fresh = points[symbols < 0]
        if fresh.size:
            new, firsts = np.unique(fresh, return_index=True)
            new = new[np.argsort(firsts)]
            room = new[: _SYMBOLS - self._known]
            self._symbol_of[new] = _RARE
            self._symbol_of[room] = self._known + np.arange(len(room))
            self._known += len(room)
            symbols = self._symbol_of[points]
        return symbols.astype(np.int64)


def _smoothed(
    together: NDArray[np.int64] | NDArray[np.int32],
    before: NDArray[np.int64],
    shorter: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The probability from counts that leave this one occurrence out, at most 1."""
    others = np.minimum(np.maximum(together - 1, 0), before)
    smoothed: NDArray[np.float64] = (others + _KAPPA * shorter) / (before + _KAPPA)
    return smoothed


def _places(symbols: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each character: the place of the pair, and of the triple, that it ends.

    A document's edge stands before its first character, and before that edge too, so that
    nothing is told across documents.
    """
    before = np.append(_EDGE, symbols[:-1])
    earlier = np.append(_EDGE, before[:-1])
    earlier[before == _EDGE] = _EDGE
    pairs = before * _SYMBOLS + symbols
    keys = (earlier * _SYMBOLS**2 + pairs).astype(np.uint64) * _ODD
    return pairs, (keys >> np.uint64(64 - _TRIPLES_BITS)).astype(np.int64)
