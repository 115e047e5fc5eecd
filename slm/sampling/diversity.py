"""How much texts differ from each other, and how much each repeats itself.

Counts words, not tokens, so that models with different vocabularies can be compared. Knows
neither models nor settings.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_ALONE = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Letters of scripts that write no spaces between words: each counts as a word."""
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])\w)+|[^\w\s]")
_MATCHLESS = 0.1  # of a match, where no n-gram matches


def words(text: str) -> list[str]:
    """Words and marks, as they stand.

    >>> words("Ben saw it, twice.")
    ['Ben', 'saw', 'it', ',', 'twice', '.']
    """
    return _WORD.findall(text)


def distinct(texts: Sequence[Sequence[str]], n: int) -> float | None:
    """Distinct n-grams of all texts, as a share of all their n-grams; None where there are none.

    1: no n-gram comes twice. Longer texts have lower shares, so compare texts of one length.

    >>> distinct([["a", "b", "a", "b"]], 2)  # ab, ba, ab
    0.6666666666666666

    Source: Li et al. 2016, A Diversity-Promoting Objective Function, §5.3 (distinct-n).
    """
    found = [gram for text in texts for gram in _grams(text, n)]
    return len(set(found)) / len(found) if found else None


def self_bleu(texts: Sequence[Sequence[str]], longest: int = 4) -> float | None:
    """How alike the texts are: the mean BLEU of each against all others; None for fewer than two.

    1: all say the same. 0: no word in common.

    Source: Zhu et al. 2018, Texygen, §3.2.1.
    """
    if len(texts) < 2:
        return None
    scores = [
        bleu(text, [*texts[:place], *texts[place + 1 :]], longest)
        for place, text in enumerate(texts)
    ]
    return math.fsum(scores) / len(scores)


def bleu(text: Sequence[str], references: Sequence[Sequence[str]], longest: int = 4) -> float:
    """The share of n-grams that stand in a reference, its geometric mean over n = 1 … longest.

    Each n-gram counts as often as it stands in the reference that has it most often. A text
    shorter than the reference nearest to its length is marked down. Where no n-gram of a length
    matches, a tenth of one counts (method 1 of Chen & Cherry 2014); a text without any word of
    the references has 0.

    Source: Papineni et al. 2002, BLEU, §2.
    """
    if not text:
        return 0.0
    logs = []
    for n in range(1, longest + 1):
        counts = Counter(_grams(text, n))
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= Counter(_grams(reference, n))
        matches: float = (counts & most).total()
        if n == 1 and not matches:
            return 0.0
        logs.append(math.log((matches or _MATCHLESS) / max(1, counts.total())))
    nearest = min((abs(len(each) - len(text)), len(each)) for each in references)[1]
    brevity = min(0.0, 1 - nearest / len(text))
    return math.exp(brevity + math.fsum(logs) / longest)


def repeated(text: Sequence[str], n: int = 4) -> float | None:
    """The share of a text's n-grams that stood in it before; None for a text that has none.

    >>> round(repeated("to be or not to be".split(), 2), 9)  # of 5 pairs, the last "to be"
    0.2

    Source: Welleck et al. 2020, Neural Text Generation with Unlikelihood Training, §6 (seq-rep-n).
    """
    share = distinct([text], n)
    return None if share is None else 1.0 - share


def longest_repeat(text: Sequence[str]) -> int:
    """Words of the longest passage that stands in the text twice; the two may overlap.

    >>> longest_repeat("to be or not to be".split())
    2
    """
    low, high = 0, max(0, len(text) - 1)
    while low < high:  # a passage that comes twice holds shorter ones that do
        middle = (low + high + 1) // 2
        grams = _grams(text, middle)
        if len(set(grams)) < len(grams):
            low = middle
        else:
            high = middle - 1
    return low


@dataclass(frozen=True)
class Variety:
    """What is measured of several texts written alike. None: too few or too short texts.

    repeated_4 and longest_repeat are the means over the texts; the repeat and n_words in words.
    """

    distinct_1: float | None
    distinct_2: float | None
    distinct_3: float | None
    self_bleu: float | None
    repeated_4: float | None
    longest_repeat: float
    n_words: float


def variety(texts: Sequence[str]) -> Variety:
    """All measures of some texts, at least one."""
    cut = [words(text) for text in texts]
    repeats = [share for text in cut if (share := repeated(text)) is not None]
    return Variety(
        distinct(cut, 1),
        distinct(cut, 2),
        distinct(cut, 3),
        self_bleu(cut),
        math.fsum(repeats) / len(repeats) if repeats else None,
        sum(map(longest_repeat, cut)) / len(cut),
        sum(map(len, cut)) / len(cut),
    )


def _grams(text: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(text[at : at + n]) for at in range(len(text) - n + 1)]
