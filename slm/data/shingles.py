"""When two texts are nearly the same: what cleaning drops by and exploring groups by.

A text is the set of its shingles, runs of 5 words in small letters; a text of fewer words
is one shingle, a text without words none. How alike two texts are is the Jaccard
similarity of their sets: shared shingles over all shingles. They are nearly the same from
a threshold on. MinHash keeps 128 numbers of each set, and the share of numbers that agree
estimates the similarity, off by 0.04 as a rule: pairs right at the threshold fall on either
side of it.

Knows texts, not corpora: which pairs are looked at is for `cleaning.near_duplicates`, which
takes texts one by one, and `exploring.copies`, which takes them in blocks.

Source: Broder 1997, "On the resemblance and containment of documents".
"""

import re

import numpy as np
import regex
from numpy.typing import NDArray

from slm.data.exploring.hashes import run_starts
from slm.data.exploring.words import Block, windows, word_hashes

SHINGLE_WORDS = 5
SIMILARITY = 0.8
"""The usual threshold."""
NUMBERS = 128
SEED = 42

_APOSTROPHES = r"['’ʼ\u200c\u200d]"
_LETTERS = r"[^\W_]+"  # letters and digits
_WORD = re.compile(rf"{_LETTERS}(?:{_APOSTROPHES}{_LETTERS})*")

# Texts with marks, or in scripts without blanks, ask for classes that `re` has not, and take
# twice as long.
_ALONE = r"[\p{Script=Han}\p{Script=Hiragana}]"
_ANY_LETTER = r"[\p{L}\p{M}\p{N}]"
_ANY_LETTERS = rf"[{_ANY_LETTER}--{_ALONE}]+"
_OTHER_TEXT = regex.compile(rf"\p{{M}}|{_ALONE}")
_ANY_WORD = regex.compile(
    rf"(?V1)[{_ANY_LETTER}&&{_ALONE}]|{_ANY_LETTERS}(?:{_APOSTROPHES}{_ANY_LETTERS})*"
)


def words_of(text: str) -> list[str]:
    """The words of a text in small letters, as `exploring.words` defines them.

    For one text after another this is faster than arrays are, for short ones ten times.

    >>> words_of("The cat's 2 naïve KITTENS!")
    ['the', "cat's", '2', 'naïve', 'kittens']
    """
    small = text.replace("Σ", "σ").lower()  # at a word's end it would become ς
    if small.isascii() or not _OTHER_TEXT.search(small):
        return _WORD.findall(small)
    return [found[0] for found in _ANY_WORD.finditer(small)]


def shingles(text: str) -> list[str]:
    """Every run of 5 words of a text; one run where there are fewer.

    >>> shingles("The cat sat. On the mat!")
    ['the cat sat on the', 'cat sat on the mat']
    """
    words = words_of(text)
    if not words:
        return []
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return [" ".join(words[at : at + SHINGLE_WORDS]) for at in range(last)]


def shingle_hashes(block: Block) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The shingles of all texts of a block as hashes, and the document of each, in order."""
    hashes, firsts = windows(block, SHINGLE_WORDS)
    runs = run_starts(block.documents)
    ends = np.append(runs[1:], len(block.documents))
    begun_here = np.isin(block.documents[runs], block.piece_documents[block.piece_firsts])
    short = (ends - runs < SHINGLE_WORDS) & begun_here
    if not short.any():
        return hashes, block.documents[firsts]
    hashes = np.concatenate([hashes, word_hashes(block, runs[short], ends[short])])
    documents = block.documents[np.concatenate([firsts, runs[short]])]
    order = np.argsort(documents, kind="stable")
    return hashes[order], documents[order]


def similarity(text: str, other: str) -> float:
    """The Jaccard similarity of two texts' shingles, 0 to 1, counted in full.

    >>> similarity("a b c d e f", "A, b, c, d, e, g!")  # 1 shared of 3
    0.3333333333333333
    """
    some, others = set(shingles(text)), set(shingles(other))
    return len(some & others) / len(some | others) if some or others else 0.0
