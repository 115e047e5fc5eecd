"""Which documents train and which validate: decided by each document's own text.

Knows texts, not corpora. Because a document's place depends on nothing else, it
stays where it is when the corpus grows, and exact copies always stand together.
"""

import hashlib
from typing import Literal

Split = Literal["train", "val"]


def position_of(text: str) -> float:
    """Where a text falls between 0 and 1: its hash, spread evenly."""
    digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def split_of(text: str, validation_fraction: float) -> Split:
    """The split that a document belongs to, by the hash of its text.

    About validation_fraction (0 to 1) of many documents fall to "val".
    """
    return "val" if position_of(text) < validation_fraction else "train"
