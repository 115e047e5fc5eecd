"""Where text is cut into chunks before any pair is counted: tokens never cross a cut.

Only published patterns are offered. A pattern written by anybody could take
exponential time on a hostile text; these were measured to stay linear.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import regex
import tokenizers
from tokenizers import pre_tokenizers

from slm.errors import TokenizerError
from slm.tokenizer.protocol import well_formed


@dataclass(frozen=True)
class Pattern:
    """A published way to cut text into chunks. `expression` takes the leftmost match."""

    title: str
    expression: str
    description: str


PATTERNS: dict[str, Pattern] = {
    # Radford et al. 2019; released with GPT-2.
    "gpt2": Pattern(
        "GPT-2",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        "Words, numbers and runs of signs, each with the space before it.",
    ),
    # Published with GPT-4's vocabulary, and with Llama 3's.
    "gpt4": Pattern(
        "GPT-4",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
        "Like GPT-2, but numbers are cut after three digits and line ends stay with signs.",
    ),
}


def pattern_named(name: str) -> Pattern:
    """Raises: TokenizerError for a name that is not in PATTERNS."""
    if name not in PATTERNS:
        raise TokenizerError(
            f"There is no pattern {name!r}; choose one of: {', '.join(sorted(PATTERNS))}."
        )
    return PATTERNS[name]


def chunks(text: str, pattern: str = "gpt2") -> list[str]:
    """The text cut by the named pattern; joined again they are the (well-formed) text.

    >>> chunks("It's 12 o'clock!  Go.")
    ['It', "'s", ' 12', ' o', "'", 'clock', '!', ' ', ' Go', '.']

    What counts as a letter depends on the edition of Unicode that an engine follows,
    see `_Cutter`.
    """
    return _cutter(pattern_named(pattern).expression).cut(well_formed(text))


def count_chunks(texts: Iterable[str], pattern: str = "gpt2") -> Counter[str]:
    """How often each chunk stands in the texts: all that a BPE trainer needs to know."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(chunks(text, pattern))
    return counts


class _Cutter:
    """One expression in two engines that come to the same chunks.

    That of `tokenizers` knows the same letters as the compiled tokenizers do. Python's
    `regex` is some times faster, and ahead of them by thousands of letters; so it cuts the
    texts all of whose characters, probed one by one when they are first met, it takes alike.
    """

    def __init__(self, expression: str) -> None:
        self._quick = regex.compile(expression)
        self._exact = pre_tokenizers.Split(tokenizers.Regex(expression), behavior="isolated")
        self._alike: set[str] = set()

    def cut(self, text: str) -> list[str]:
        """The chunks of a well-formed text."""
        return self._cut_quickly(text) if self._take_alike(text) else self._cut_exactly(text)

    def _cut_quickly(self, text: str) -> list[str]:
        found: list[str] = self._quick.findall(text)
        return found

    def _cut_exactly(self, text: str) -> list[str]:
        return [piece for piece, _ in self._exact.pre_tokenize_str(text)]

    def _take_alike(self, text: str) -> bool:
        """Whether both engines take every character for the same: letter, digit, blank or sign."""
        if text.isascii():
            return True
        for character in set(text) - self._alike:
            probe = f"a{character}a 1{character}1 !{character}! '{character}"
            if self._cut_quickly(probe) != self._cut_exactly(probe):
                return False
            self._alike.add(character)
        return True


_cutter = cache(_Cutter)
