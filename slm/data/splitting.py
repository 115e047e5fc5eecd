"""Which documents train and which validate: decided by each document's own text.

Knows texts, not corpora. Because a document's place depends on nothing else, it
stays where it is when the corpus grows, and exact copies always stand together.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "val"]

_EXAMPLES = 5
_EXAMPLE_CHARACTERS = 200


@dataclass(frozen=True)
class Leakage:
    """Validation documents that stand, exactly, among the training documents too."""

    val_documents: int
    leaked_documents: int
    examples: tuple[str, ...]

    @property
    def fraction(self) -> float:
        """Share of the validation documents that leaked, 0 to 1."""
        return self.leaked_documents / self.val_documents if self.val_documents else 0.0


def position_of(text: str) -> float:
    """Where a text falls between 0 and 1: its hash, spread evenly."""
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split_of(text: str, validation_fraction: float) -> Split:
    """The split that a document belongs to, by the hash of its text.

    About validation_fraction (0 to 1) of many documents fall to "val".
    """
    return "val" if position_of(text) < validation_fraction else "train"


def leakage(train: Iterable[str], val: Iterable[str]) -> Leakage:
    """How many validation documents were also trained on, word for word.

    >>> leakage(["a", "b"], ["b", "c"]).fraction
    0.5
    """
    texts_of: dict[bytes, tuple[int, str]] = {}
    n_val = 0
    for text in val:
        n_val += 1
        key = _digest(text)
        count = texts_of[key][0] if key in texts_of else 0
        texts_of[key] = (count + 1, text[:_EXAMPLE_CHARACTERS])
    leaked = {key for text in train if (key := _digest(text)) in texts_of}
    examples = [texts_of[key][1] for key in texts_of if key in leaked]
    return Leakage(n_val, sum(texts_of[key][0] for key in leaked), tuple(examples[:_EXAMPLES]))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
