"""Near duplicates: texts that share most of their word sequences, found without comparing all.

A text is the set of its shingles, runs of 5 words. How alike two texts are is the
Jaccard similarity of their sets: shared shingles over all shingles. MinHash keeps 128
numbers of each set, and the share of numbers that agree estimates the similarity.
Locality-sensitive hashing (LSH) cuts the 128 into bands; only texts that agree in a
whole band are compared at all.

Source: Broder 1997, "On the resemblance and containment of documents"; for language
models Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better".
"""

import re

from rensa import RMinHash, RMinHashLSH

from slm.data.cleaning.rules_filter import Dropped

SHINGLE_WORDS = 5
PERMUTATIONS = 128
SEED = 42
_MIN_RECALL = 0.99
_BEGINNING = 60
_WORD = re.compile(r"\w+")


class NearDuplicates:
    """Drops a text whose estimated similarity to one that was kept is at least `threshold`.

    The first of several stays. Capitals, punctuation and line breaks do not count; texts of
    fewer than 5 words are alike when all their words are, texts without words never. The same
    texts in the same order give the same result on every machine. An estimate from 128 numbers
    is off by 0.04 as a rule, so texts right at the threshold fall on either side of it.

    Remembers about 2.5 kB for each kept document (at 0.8; 4 kB at thresholds below 0.75).
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._index = RMinHashLSH(threshold, PERMUTATIONS, bands_for(threshold))
        self._kept: list[tuple[RMinHash, str]] = []

    def __call__(self, text: str) -> str | Dropped:
        """The text, or that it is like one before it."""
        found = shingles(text)
        if not found:
            return text
        sketch = RMinHash(PERMUTATIONS, SEED)
        sketch.update(found)
        near = [(sketch.jaccard(self._kept[at][0]), -at) for at in self._index.query(sketch)]
        similarity, at = max(near, default=(0.0, 0))
        if near and similarity >= self._threshold:
            return Dropped(f"{similarity:.0%} like “{self._kept[-at][1]}”")
        self._index.insert(len(self._kept), sketch)
        self._kept.append((sketch, _beginning(text)))
        return text


def shingles(text: str) -> list[str]:
    """Every run of 5 words of a text, in small letters; one run where there are fewer.

    >>> shingles("The cat sat. On the mat!")
    ['the cat sat on the', 'cat sat on the mat']
    """
    words = _WORD.findall(text.lower())
    if not words:
        return []
    last = max(1, len(words) - SHINGLE_WORDS + 1)
    return [" ".join(words[at : at + SHINGLE_WORDS]) for at in range(last)]


def similarity(text: str, other: str) -> float:
    """The Jaccard similarity of two texts' shingles, 0 to 1, counted in full.

    >>> similarity("a b c d e f", "a b c d e g")  # 1 shared of 3
    0.3333333333333333
    """
    some, others = set(shingles(text)), set(shingles(other))
    return len(some & others) / len(some | others) if some or others else 1.0


def bands_for(threshold: float) -> int:
    """The fewest bands that find 99% of the pairs whose similarity is the threshold.

    A band of r numbers agrees with probability s^r, so b bands find a pair of similarity s
    with probability 1 - (1 - s^r)^b.

    >>> bands_for(0.8), bands_for(0.5)
    (32, 64)

    Source: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", §3.4.2.
    """
    for bands in (4, 8, 16, 32, 64):
        rows = PERMUTATIONS // bands
        if 1 - (1 - threshold**rows) ** bands >= _MIN_RECALL:
            return bands
    return PERMUTATIONS


def _beginning(text: str) -> str:
    line = " ".join(text[: 4 * _BEGINNING].split())
    return line if len(line) <= _BEGINNING else line[:_BEGINNING].rstrip() + "…"
