"""Near duplicates: texts that share most of their word sequences, found without comparing all.

What counts as nearly the same says `slm.data.shingles`. Here texts come one by one:
locality-sensitive hashing (LSH) cuts the 128 numbers of each into bands; only texts that
agree in a whole band are compared at all.

Source: Lee et al. 2022, "Deduplicating Training Data Makes Language Models Better".
"""

from rensa import RMinHash, RMinHashLSH

from slm.data.cleaning.rules_filter import Dropped
from slm.data.shingles import NUMBERS, SEED, shingles

_MIN_RECALL = 0.99
_BEGINNING = 60


class NearDuplicates:
    """Drops a text whose estimated similarity to one that was kept is at least `threshold`.

    The first of several stays. Capitals, punctuation and line breaks do not count; texts of
    fewer than 5 words are alike when all their words are, texts without words never. The same
    texts in the same order give the same result on every machine.

    Remembers about 2.5 kB for each kept document (at 0.8; 4 kB at thresholds below 0.75).
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._index = RMinHashLSH(threshold, NUMBERS, bands_for(threshold))
        self._kept: list[tuple[RMinHash, str]] = []

    def __call__(self, text: str) -> str | Dropped:
        """The text, or that it is like one before it."""
        found = shingles(text)
        if not found:
            return text
        sketch = RMinHash(NUMBERS, SEED)
        sketch.update(found)
        near = [(sketch.jaccard(self._kept[at][0]), -at) for at in self._index.query(sketch)]
        similarity, at = max(near, default=(0.0, 0))
        if near and similarity >= self._threshold:
            return Dropped(f"{similarity:.0%} like “{self._kept[-at][1]}”")
        self._index.insert(len(self._kept), sketch)
        self._kept.append((sketch, _beginning(text)))
        return text


def bands_for(threshold: float) -> int:
    """The fewest bands that find 99% of the pairs whose similarity is the threshold.

    A band of r numbers agrees with probability s^r, so b bands find a pair of similarity s
    with probability 1 - (1 - s^r)^b.

    >>> bands_for(0.8), bands_for(0.5)
    (32, 64)

    Source: Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", §3.4.2.
    """
    for bands in (4, 8, 16, 32, 64):
        rows = NUMBERS // bands
        if 1 - (1 - threshold**rows) ** bands >= _MIN_RECALL:
            return bands
    return NUMBERS


def _beginning(text: str) -> str:
    line = " ".join(text[: 4 * _BEGINNING].split())
    return line if len(line) <= _BEGINNING else line[:_BEGINNING].rstrip() + "…"
