"""How likely is a token after the one, two or three before it? Interpolated Kneser-Ney.

The strongest guess that counting alone gives, and what a model has to beat before its memory
of more than a few tokens is worth anything. Sees ids, never text.

Legend: V vocabulary, N tokens, G different n-grams, H different contexts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from slm.errors import DataError
from slm.model.inference import require_known

Ids = npt.NDArray[Any]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

LONGEST = 4
_CHUNK = 1 << 20  # ids counted at once: bounds memory, not results
_USUAL = (0.5, 1.0, 1.5)  # discounts where too few n-grams are rare to tell them


@dataclass(frozen=True)
class _Level:
    """Everything that n tokens in a row say of the last of them.

    p(w | h) = share(h w) + left(h) · p of the level below, where `share` is what the discounted
    count gives and `left` what the discounts have taken from all that follows h. Keys are the
    n-gram's ids as digits of base V, in order; a context's key is that without its last digit.
    """

    keys_G: Counts
    shares_G: Floats
    contexts_H: Counts
    left_H: Floats

    @classmethod
    def of(
        cls, keys_G: Counts, counts_G: Counts, vocab_size: int, discounts: Sequence[float]
    ) -> "_Level":
        contexts_G = keys_G // vocab_size
        begins_H = np.flatnonzero(np.diff(contexts_G, prepend=-1))
        lengths_H = np.diff(begins_H, append=len(keys_G))
        totals_H = np.add.reduceat(counts_G, begins_H).astype(np.float64)
        taken_G = np.array([0.0, *discounts])[np.minimum(counts_G, 3)]
        shares_G = (counts_G - taken_G) / np.repeat(totals_H, lengths_H)
        left_H = np.add.reduceat(taken_G, begins_H) / totals_H
        return cls(keys_G, shares_G, contexts_G[begins_H], left_H)

    def onto(self, below_N: Floats, contexts_N: Counts, next_N: Counts, vocab_size: int) -> Floats:
        """The probabilities of the level below, made those of this one where it knows h."""
        known_N, at_N = _find(self.contexts_H, contexts_N)
        seen_N, place_N = _find(self.keys_G, contexts_N * vocab_size + next_N)
        shares_N = np.where(seen_N, self.shares_G[place_N], 0.0)
        return np.where(known_N, shares_N + self.left_H[at_N] * below_N, below_N)


@dataclass(frozen=True)
class NGrams:
    """Interpolated Kneser-Ney of some order, modified: three discounts a level.

    Of n tokens in a row, counts are kept as they are; of fewer, in how many different
    surroundings they were seen (after how many different tokens): "Francisco" is frequent, but
    only after "San", so it is no likely guess elsewhere. At the bottom all tokens are equal, so
    that everything is possible. Documents are read across, as a model reads them.

    Source: Kneser and Ney 1995; interpolated and with three discounts, Chen and Goodman 1998,
    "Modified Kneser-Ney smoothing" (eq. 26, discounts of section 3.2).
    """

    order: int
    vocab_size: int
    levels: tuple[_Level, ...]

    @classmethod
    def fit(
        cls,
        train_ids: Ids,
        vocab_size: int,
        order: int = 3,
        *,
        discounts: Sequence[float] | None = None,
    ) -> "NGrams":
        """Count the training tokens; memory grows with different n-grams only.

        discounts: taken from counts of 1, 2, and 3 or more; estimated level by level when None.

        Raises: DataError for fewer tokens than the order, or one outside the vocabulary.
        """
        assert 1 <= order <= LONGEST
        if len(train_ids) < order:
            raise DataError(
                f"{len(train_ids)} training token(s): {order} in a row cannot be counted. Add text."
            )
        if vocab_size**order >= 2**63:
            raise DataError(
                f"{order} tokens in a row of a vocabulary of {vocab_size:,} cannot be counted; "
                "count fewer in a row."
            )
        keys_G, counts_G = _count(train_ids, vocab_size, order)
        levels = []
        for n in range(order, 0, -1):
            taken = _discounts(counts_G) if discounts is None else discounts
            levels.append(_Level.of(keys_G, counts_G, vocab_size, taken))
            keys_G, counts_G = np.unique(keys_G % vocab_size ** (n - 1), return_counts=True)
        return cls(order, vocab_size, tuple(reversed(levels)))

    @property
    def reach(self) -> int:
        """How many tokens it looks back at."""
        return self.order - 1

    def probabilities(self, ids_N: Ids, first: int = 0) -> Floats:
        """p(token | those before it), for each from `first` on; what stands before may be less
        than it looks back at.

        Raises: DataError for a token outside the vocabulary.
        """
        ids_N = np.asarray(ids_N).astype(np.int64)
        require_known(ids_N, self.vocab_size)
        p_N = np.full(len(ids_N), 1.0 / self.vocab_size)
        contexts_N = np.zeros(len(ids_N), dtype=np.int64)
        for n, level in enumerate(self.levels):  # n tokens of context, so for the n-th token on
            if n >= len(ids_N):
                break
            if n:
                contexts_N[n:] += ids_N[:-n] * self.vocab_size ** (n - 1)
            p_N[n:] = level.onto(p_N[n:], contexts_N[n:], ids_N[n:], self.vocab_size)
        return p_N[first:]

    def probabilities_after(self, context: Sequence[int]) -> Floats:
        """Of every token after these; they sum to 1."""
        held = np.array(list(context)[-self.reach :] if self.reach else [], dtype=np.int64)
        require_known(held, self.vocab_size)
        all_V = np.arange(self.vocab_size, dtype=np.int64)
        p_V = np.full(self.vocab_size, 1.0 / self.vocab_size)
        context_V = np.zeros(self.vocab_size, dtype=np.int64)
        for n, level in enumerate(self.levels[: len(held) + 1]):
            if n:
                context_V += held[-n] * self.vocab_size ** (n - 1)
            p_V = level.onto(p_V, context_V, all_V, self.vocab_size)
        return p_V

    def nats(self, ids_N: Ids, first: int) -> Floats:
        """−ln p of each token from `first` on."""
        nats_N: Floats = -np.log(self.probabilities(ids_N, first))
        return nats_N


def chunks(ids: Ids, vocab_size: int, overlap: int = 0) -> Iterator[Counts]:
    """Runs of ids as int64; none begins without the last `overlap` ids of the run before.

    Raises: DataError for a token outside the vocabulary.
    """
    for start in range(0, max(1, len(ids) - overlap), _CHUNK):
        chunk_N = np.asarray(ids[start : start + _CHUNK + overlap]).astype(np.int64)
        require_known(chunk_N, vocab_size)
        yield chunk_N


def _count(ids: Ids, vocab_size: int, order: int) -> tuple[Counts, Counts]:
    """Keys of the different n-grams, ascending, and how often each stands in the text."""
    keys, counts = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    waiting: list[tuple[Counts, Counts]] = []
    n_waiting = 0

    def merged() -> tuple[Counts, Counts]:
        all_keys = np.concatenate([keys, *(each for each, _ in waiting)])
        all_counts = np.concatenate([counts, *(each for _, each in waiting)])
        order_G = np.argsort(all_keys, kind="stable")
        all_keys, all_counts = all_keys[order_G], all_counts[order_G]
        begins = np.flatnonzero(np.diff(all_keys, prepend=-1))
        return all_keys[begins], np.add.reduceat(all_counts, begins)

    for chunk_N in chunks(ids, vocab_size, overlap=order - 1):
        n_grams = len(chunk_N) - order + 1
        keys_N = np.zeros(n_grams, dtype=np.int64)
        for place in range(order):
            keys_N = keys_N * vocab_size + chunk_N[place : place + n_grams]
        waiting.append(np.unique(keys_N, return_counts=True))
        n_waiting += len(waiting[-1][0])
        if n_waiting > max(len(keys), _CHUNK):  # seldom enough for n log n in all
            keys, counts = merged()
            waiting, n_waiting = [], 0
    return merged() if waiting else (keys, counts)


def _discounts(counts_G: Counts) -> tuple[float, ...]:
    """What to take from counts of 1, 2, and 3 or more.

    Source: Chen and Goodman 1998, eq. 26. Small texts may have no n-gram of some count; then
    0.5, 1 and 1.5 are taken, as KenLM does (Heafield et al. 2013).
    """
    n1, n2, n3, n4 = np.bincount(np.minimum(counts_G, 5), minlength=6)[1:5].tolist()
    if not (n1 and n2 and n3):
        return _USUAL
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    sound = all(0 < taken < count for count, taken in enumerate(found, start=1))
    return found if sound else _USUAL


def _find(sorted_G: Counts, wanted_N: Counts) -> tuple[npt.NDArray[np.bool_], Counts]:
    """Whether each stands in the sorted array, and where; some place where it does not."""
    at_N = np.searchsorted(sorted_G, wanted_N).clip(max=len(sorted_G) - 1)
    return sorted_G[at_N] == wanted_N, at_N
