"""What the merges tell afterwards: how a token was built, and how a text shrank by them.

Sees merges and texts; which tokenizer is current is for others to say.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from slm.tokenizer.bpe import N_BYTES, Merge, pair_ids, replay
from slm.tokenizer.patterns import count_chunks


@dataclass(frozen=True)
class BuildStep:
    """One merge on the way to a token. `number` counts the merges from 1 in order of learning."""

    number: int
    merge: Merge


def build_steps(merges: Sequence[Merge], piece: bytes) -> list[BuildStep]:
    """The merges that made `piece`, in the order in which they were learned.

    Each stands once, however often its token is used. A single byte, a special token
    and a piece that no merge made have none.

    >>> merges = [Merge((b"u", b"g"), 3, b"ug"), Merge((b"h", b"ug"), 2, b"hug")]
    >>> [(step.number, step.merge.bytes) for step in build_steps(merges, b"hug")]
    [(1, b'ug'), (2, b'hug')]
    """
    made_by = {merge.bytes: number for number, merge in enumerate(merges, start=1)}
    needed: set[int] = set()
    pending = [piece]
    while pending:
        number = made_by.get(pending.pop())
        if number is not None and number not in needed:
            needed.add(number)
            pending.extend(merges[number - 1].pair)
    return [BuildStep(number, merges[number - 1]) for number in sorted(needed)]


@dataclass(frozen=True)
class Shrinking:
    """tokens[i] is what the text comes to with the first merges[i] merges alone."""

    bytes: int
    merges: NDArray[np.int64]
    tokens: NDArray[np.int64]

    @property
    def bytes_per_token(self) -> NDArray[np.float64]:
        """For each entry, how many bytes a token stands for on average."""
        ratios: NDArray[np.float64] = self.bytes / np.maximum(self.tokens, 1)
        return ratios


def shrinking(
    pairs: Sequence[tuple[bytes, bytes]], texts: Iterable[str], pattern: str = "gpt2"
) -> Shrinking:
    """How many tokens the texts come to after each number of merges, from none to all.

    A tokenizer with fewer merges is the beginning of one with more, so one pass over
    the chunks gives the whole curve.
    """
    ids = {bytes([value]): value for value in range(N_BYTES)}
    ids |= {left + right: N_BYTES + index for index, (left, right) in enumerate(pairs)}
    ranks = pair_ids(pairs, ids)
    saved = np.zeros(len(pairs) + 1, dtype=np.int64)
    n_bytes = 0
    for chunk, times in count_chunks(texts, pattern).items():
        word = list(chunk.encode())
        n_bytes += times * len(word)
        for before, after in pairwise(replay(word, ranks)):
            used = min(ranks[pair] for pair in pairwise(before) if pair in ranks)
            saved[used - N_BYTES + 1] += times * (len(before) - len(after))
    return Shrinking(n_bytes, np.arange(len(pairs) + 1), n_bytes - np.cumsum(saved))


def merges_for(curve: Shrinking, share: float) -> int:
    """The fewest merges that give `share` (0 to 1) of the saving that all of them give.

    >>> curve = Shrinking(10, np.array([0, 1, 2]), np.array([10, 6, 5]))
    >>> merges_for(curve, 0.8)
    1
    """
    saving = curve.tokens[0] - curve.tokens
    return bisect_left(saving.tolist(), share * float(saving[-1]))
