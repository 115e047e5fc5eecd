"""Every token of a vocabulary: what kind it is, where it comes from, which ones stand out.

Sees a tokenizer and counts of its ids (`usage.py`); how either was come by is not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm.errors import TokenizerError
from slm.tokenizer.bpe import Merge
from slm.tokenizer.protocol import TextTokenizer

Kind = Literal["byte", "character", "merge", "special", "other"]
Which = Literal["all", "unused", "glitch", "partial", "special"]
Order = Literal["id", "frequent", "rare", "longest"]


class Entry(NamedTuple):
    """One token. `merge` counts from 1 in order of learning; `pair_count` is `Merge.count`.

    `is_text`: its bytes alone are UTF-8, so that it can be shown without its neighbours.
    """

    id: int
    piece: bytes
    kind: Kind
    merge: int | None
    pair_count: int | None
    is_text: bool


def entries(tokenizer: TextTokenizer, merges: Sequence[Merge]) -> list[Entry]:
    """All tokens by id; ids that stand for nothing are left out."""
    made: dict[bytes, tuple[int, int | None]] = {}
    for place, merge in enumerate(merges, start=1):
        made.setdefault(merge.bytes, (place, merge.count))
    special = set(tokenizer.special_tokens.values())
    found = []
    for token_id in range(tokenizer.vocab_size):
        try:
            piece = tokenizer.token_bytes(token_id)
        except TokenizerError:  # published vocabularies may have holes
            continue
        text = _text_of(piece)
        number: int | None = None
        count: int | None = None
        if token_id in special:
            kind: Kind = "special"
        elif piece in made:
            kind, (number, count) = "merge", made[piece]
        elif text is not None and len(text) == 1 and (tokenizer.kind != "bpe" or len(piece) > 1):
            kind = "character"
        else:
            kind = "byte" if len(piece) == 1 else "other"
        found.append(Entry(token_id, piece, kind, number, count, text is not None))
    return found


def _text_of(piece: bytes) -> str | None:
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return None


@dataclass(frozen=True)
class Standing:
    """How a vocabulary stands in a text, by id. `counts` are how often each id occurs."""

    counts: NDArray[np.int64]

    @cached_property
    def tokens(self) -> int:
        """Tokens of the text in all; asked once for every entry."""
        return int(self.counts.sum())

    @property
    def few(self) -> int:
        """The count up to which a token is nearly unused: a hundredth of an even share, at least 1.

        >>> Standing(np.array([9_000, 1_000])).few, Standing(np.array([5, 0])).few
        (50, 1)
        """
        return max(1, self.tokens // (100 * max(1, self.counts.size)))

    @property
    def ranks(self) -> NDArray[np.int64]:
        """1 for the most frequent id, ties by id; 0 for ids that never occur.

        >>> Standing(np.array([3, 0, 7])).ranks.tolist()
        [2, 0, 1]
        """
        order = np.argsort(-self.counts, kind="stable")
        ranks = np.empty(self.counts.size, dtype=np.int64)
        ranks[order] = np.arange(1, self.counts.size + 1)
        return np.where(self.counts > 0, ranks, 0)


def is_glitch_prone(entry: Entry, standing: Standing) -> bool:
    """Whether a model trained on that text hardly meets this token, though a prompt can spell it.

    Whole tokens of more than one byte that are text, special ones left out. What a model
    does at a token that it never learned is undefined; such tokens became known as glitch
    tokens.

    Source: Land and Bartolo 2024, "Fishing for Magikarp", who find them by their
    embeddings; counts in the training text are the cause.
    """
    return (
        entry.kind in ("merge", "other")
        and entry.is_text
        and int(standing.counts[entry.id]) <= standing.few
    )


def select(found: Sequence[Entry], which: Which, standing: Standing | None = None) -> list[Entry]:
    """Those entries that are `unused`, `glitch` prone, `partial` characters or `special`.

    The first two need to know the `standing`; without it there are none.
    """
    if which == "all":
        return list(found)
    if which == "special":
        return [entry for entry in found if entry.kind == "special"]
    if which == "partial":
        return [entry for entry in found if not entry.is_text]
    if standing is None:
        return []
    if which == "glitch":
        return [entry for entry in found if is_glitch_prone(entry, standing)]
    return [entry for entry in found if not standing.counts[entry.id]]


def ordered(found: Sequence[Entry], order: Order, standing: Standing | None = None) -> list[Entry]:
    """By id, by length in bytes, or by how often they occur (where that is known)."""
    if order == "longest":
        return sorted(found, key=lambda entry: (-len(entry.piece), entry.id))
    if order == "id" or standing is None:
        return list(found)
    sign = -1 if order == "frequent" else 1
    return sorted(found, key=lambda entry: (sign * int(standing.counts[entry.id]), entry.id))
