"""Where is the loss? By document, by place in the context, by how frequent a token is.

Losses come a few at a time and are added up at once, so memory grows with documents, context
and vocabulary, not with tokens. Sees ids and losses, never text.

Legend: N tokens in a row, D documents, V vocabulary, T place in the context.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

STRETCH_BYTES = 1_024
MANY_SOURCES = 12
_FREQUENCIES = (0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_NO_END = 2**62


@dataclass(frozen=True)
class Slice:
    """Tokens that have something in common, and how well they were predicted together."""

    label: str
    tokens: int
    nats: float
    n_bytes: int

    @property
    def nats_per_token(self) -> float:
        """Their mean surprise."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """Its exponential."""
        return exp(self.nats_per_token) if self.nats_per_token < 700 else inf

    @property
    def bits_per_byte(self) -> float | None:
        """By length of text; None for tokens that stand for none."""
        return self.nats / log(2) / self.n_bytes if self.n_bytes else None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "label": self.label,
            "tokens": self.tokens,
            "nats_per_token": self.nats_per_token,
            "perplexity": self.perplexity if self.perplexity < inf else None,
            "bits_per_byte": self.bits_per_byte,
        }


class LossSums:
    """Losses added up in every way at once.

    Tokens of document d are those from starts_D[d] up to the next start. The unit that
    intervals are made of is a document; where there are few, a stretch of text of about
    STRETCH_BYTES, which tokens of any vocabulary fall into alike.
    """

    def __init__(self, starts_D: Counts, widths_V: Counts, context_length: int, few: int) -> None:
        """`widths_V`: UTF-8 bytes that each token stands for. `few`: fewer documents than so
        many are cut into stretches."""
        self._starts, self._widths = starts_D, widths_V
        self._context_length, self._few = context_length, few
        self.by_document = _Sums(len(starts_D))
        self.by_place = _Sums(context_length + 1)
        self.by_token = _Sums(len(widths_V))
        self.stretches = len(starts_D) < few
        self.by_stretch = _Sums(0)
        self._bytes_before = 0

    @property
    def by_unit(self) -> "_Sums":
        """What intervals are made of."""
        return self.by_stretch if self.stretches else self.by_document

    def empty(self) -> "LossSums":
        """Sums of the same text for another model of the same tokens."""
        return LossSums(self._starts, self._widths, self._context_length, self._few)

    def add(
        self,
        first: int,
        ids_N: Counts,
        nats_N: NDArray[np.floating],
        seen_N: Counts | None = None,
    ) -> None:
        """Count tokens in a row, from the `first` of the text on, in order.

        seen_N: how many tokens each was predicted from.
        """
        ids_N, nats_N = ids_N.astype(np.int64), np.asarray(nats_N, dtype=np.float64)
        bytes_N = self._widths[ids_N]
        places_N = np.arange(first, first + len(ids_N))
        documents_N = np.searchsorted(self._starts, places_N, side="right") - 1
        self.by_document.add(documents_N.clip(min=0), nats_N, bytes_N)
        self.by_token.add(ids_N, nats_N, bytes_N)
        if seen_N is not None:
            self.by_place.add(seen_N, nats_N, bytes_N)
        if self.stretches:
            ends_N = self._bytes_before + np.cumsum(bytes_N)
            self.by_stretch.add((ends_N - bytes_N) // STRETCH_BYTES, nats_N, bytes_N)
            self._bytes_before = int(ends_N[-1]) if len(ends_N) else self._bytes_before


class _Sums:
    """Nats, tokens and bytes by group; more groups are made as they come."""

    def __init__(self, groups: int) -> None:
        self.nats, self.tokens, self.n_bytes = (np.zeros(groups) for _ in range(3))

    def add(self, groups_N: Counts, nats_N: NDArray[np.floating], bytes_N: Counts) -> None:
        most = max(len(self.nats), int(groups_N.max(initial=-1)) + 1)
        if most > len(self.nats):
            grown = ((0, most - len(self.nats)),)
            self.nats, self.tokens, self.n_bytes = (
                np.pad(each, grown) for each in (self.nats, self.tokens, self.n_bytes)
            )
        # Only the groups from the first to the last of these: a vocabulary is long, a run short.
        low = int(groups_N.min()) if len(groups_N) else 0
        local_N = groups_N - low
        for total, weights_N in (
            (self.nats, nats_N),
            (self.tokens, None),
            (self.n_bytes, bytes_N),
        ):
            found = np.bincount(local_N, weights=weights_N)
            total[low : low + len(found)] += found

    def slice(self, label: str, chosen: NDArray[Any] | slice) -> Slice:
        """The chosen groups together."""
        nats, tokens = float(self.nats[chosen].sum()), int(self.tokens[chosen].sum())
        return Slice(label, tokens, nats, int(self.n_bytes[chosen].sum()))


def by_place(sums: LossSums) -> tuple[Slice, ...]:
    """By how many tokens stood before, in doublings: 1, 2, 3–4, 5–8, …

    The last goes to the end of the context. The loss falls as there is more to go by; where it
    stops falling, the model makes no use of what lies farther back.
    """
    found, low = [], 1
    longest = len(sums.by_place.nats) - 1
    while low <= longest:
        high = min(longest, 2 * low - 2 if low > 2 else low)
        each = sums.by_place.slice(_span(low, high), slice(low, high + 1))
        if each.tokens:
            found.append(each)
        low = high + 1
    return tuple(found)


def by_frequency(sums: LossSums, counts_V: Counts) -> tuple[Slice, ...]:
    """By how often the token stands in the training text: 0, 1–9, 10–99, …"""
    found = []
    for low, after in pairwise((*_FREQUENCIES, _NO_END)):
        chosen = (counts_V >= low) & (counts_V < after)
        label = _span(low, after - 1) if after < _NO_END else f"{low:,} or more"
        each = sums.by_token.slice(label, chosen)
        if each.tokens:
            found.append(each)
    return tuple(found)


def by_source(sums: LossSums, sources_D: Sequence[str]) -> tuple[Slice, ...]:
    """By where documents are from, the largest first; more than MANY_SOURCES are joined."""
    names = [source_kind(source) for source in sources_D]
    kinds, of_D = np.unique(np.array(names, dtype=object), return_inverse=True)
    whole = [
        sums.by_document.slice(str(kind), np.flatnonzero(of_D == number))
        for number, kind in enumerate(kinds)
    ]
    found = sorted((each for each in whole if each.tokens), key=lambda each: -each.tokens)
    if len(found) > MANY_SOURCES:
        rest = found[MANY_SOURCES - 1 :]
        joined = Slice(
            f"{len(rest)} others",
            sum(each.tokens for each in rest),
            sum(each.nats for each in rest),
            sum(each.n_bytes for each in rest),
        )
        found = [*found[: MANY_SOURCES - 1], joined]
    return tuple(found)


def source_kind(source: str) -> str:
    """What a document's source has in common with others: without its running number.

    >>> source_kind("tale 4711"), source_kind("letters.txt"), source_kind("notes.zip/a.txt:7")
    ('tale', 'letters.txt', 'notes.zip/a.txt')
    """
    return re.sub(r"[\s:#,]*\d+$", "", source) or source or "unknown"


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,}–{high:,}"
