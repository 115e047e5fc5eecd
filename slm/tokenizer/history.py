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
from slm.tokenizer.replay import joins_in


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
    return [BuildStep(n, merges[n - 1]) for n in sorted(set(_made_by(merges, piece).values()))]


def _made_by(merges: Sequence[Merge], piece: bytes) -> dict[bytes, int]:
    """For `piece` and every part of it on the way, the number of the merge that makes it.

    What encoding the piece itself joins. Where the first merges joined characters, not
    bytes, a part's first merge in the list stands for it.
    """
    numbers: dict[tuple[bytes, bytes], int] = {}
    for number, merge in enumerate(merges, start=1):
        numbers.setdefault(merge.pair, number)
    joins = joins_in(piece, numbers)
    if len(joins) == len(piece) - 1:
        return {piece[join.start : join.end]: join.number for join in joins}
    first: dict[bytes, int] = {}
    for number, merge in enumerate(merges, start=1):
        first.setdefault(merge.bytes, number)
    needed: dict[bytes, int] = {}
    pending = [piece]
    while pending:
        part = pending.pop()
        if part in first and part not in needed:
            needed[part] = first[part]
            pending.extend(merges[first[part] - 1].pair)
    return needed


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A piece on the way to a token. `left` and `right` are places in the list of nodes.

    `number` is the merge that made it; None for what was there from the start, a leaf.
    """

    piece: bytes
    number: int | None = None
    count: int | None = None
    left: int | None = None
    right: int | None = None


def merge_tree(merges: Sequence[Merge], piece: bytes) -> list[TreeNode]:
    """How `piece` was joined, as a binary tree: the root first, every parent before its children.

    A piece that no merge made is a tree of one leaf.

    >>> merges = [Merge((b"u", b"g"), 3, b"ug"), Merge((b"h", b"ug"), 2, b"hug")]
    >>> [(node.piece, node.number) for node in merge_tree(merges, b"hug")]
    [(b'hug', 2), (b'h', None), (b'ug', 1), (b'u', None), (b'g', None)]
    """
    made_by = _made_by(merges, piece)
    nodes = [TreeNode(piece)]
    place = 0
    while place < len(nodes):
        part = nodes[place].piece
        number = made_by.get(part)
        if number is not None:
            merge = merges[number - 1]
            nodes[place] = TreeNode(part, number, merge.count, len(nodes), len(nodes) + 1)
            nodes += [TreeNode(side) for side in merge.pair]
        place += 1
    return nodes


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
