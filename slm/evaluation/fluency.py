"""Does it write words, and does it keep its names? Knows text alone, no model.

Two plain measures for the first minutes of training, when a person asks "is this
language yet?" before perplexity says anything to them.
"""

import re
from collections.abc import Collection, Iterable

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def words(text: str) -> list[str]:
    """The words of a text in order, in lower case, without digits and punctuation.

    >>> words("Mia's cat – 3 years old – didn't purr.")
    ["mia's", 'cat', 'years', 'old', "didn't", 'purr']
    """
    return [match.group().lower().replace("’", "'") for match in _WORD.finditer(text)]


def vocabulary_of(texts: Iterable[str]) -> set[str]:
    """Every word that stands in these texts."""
    return {word for text in texts for word in words(text)}


def known_word_share(text: str, vocabulary: Collection[str], *, cut_off: bool = False) -> float:
    """The share (0 to 1) of written words that stand in the corpus; 0 for no words.

    vocabulary: as `vocabulary_of` gives it, in lower case.
    cut_off: the text ends where the writing was stopped, so a last word that
    nothing follows may be half a word, and is left out.

    >>> known_word_share("The cat zorped the", {"the", "cat"})
    0.75
    """
    written = words(text)
    if cut_off and written and _WORD.search(text[-1]):
        written = written[:-1]
    if not written:
        return 0.0
    return sum(word in vocabulary for word in written) / len(written)


def name_consistency(text: str, names: Collection[str], *, cast_size: int = 2) -> float:
    """The share (0 to 1) of name mentions that belong to the tale's cast; 1 if nobody is named.

    names: every name that the corpus uses, capitalised as written.
    cast_size: how many people a tale of the corpus names; the first so many different
    names are the cast. Any other name is a slip: the tale forgot who it is about.

    >>> name_consistency("Mia ran. Ben helped Mia up. Tom smiled.", {"Mia", "Ben", "Tom"})
    0.75
    """
    mentions = [name for match in _WORD.finditer(text) if (name := _bare(match.group())) in names]
    if not mentions:
        return 1.0
    cast = list(dict.fromkeys(mentions))[:cast_size]
    return sum(name in cast for name in mentions) / len(mentions)


def _bare(word: str) -> str:
    return re.split("['’]", word)[0]
