"""Where text is cut into chunks before any pair is counted: tokens never cross a cut.

Only published patterns are offered. A pattern written by anybody could take
exponential time on a hostile text; these were measured to stay linear.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import regex  # type: ignore[import-untyped]
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
    and Python's `regex` is ahead of the compiled tokenizers by thousands of letters.
    So that all of them cut alike, it works on ASCII alone, where it is four times
    faster; all other text goes through the engine of the `tokenizers` library.
    """
    expression = pattern_named(pattern).expression
    if text.isascii():
        found: list[str] = _for_ascii(expression).findall(text)
        return found
    pieces = _for_unicode(expression).pre_tokenize_str(well_formed(text))
    return [piece for piece, _ in pieces]


def count_chunks(texts: Iterable[str], pattern: str = "gpt2") -> Counter[str]:
    """How often each chunk stands in the texts: all that a BPE trainer needs to know."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(chunks(text, pattern))
    return counts


@cache
def _for_ascii(expression: str) -> "regex.Pattern[str]":
    return regex.compile(expression)


@cache
def _for_unicode(expression: str) -> pre_tokenizers.Split:
    return pre_tokenizers.Split(tokenizers.Regex(expression), behavior="isolated")
