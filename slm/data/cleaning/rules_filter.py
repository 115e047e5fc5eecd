"""Rules that keep a document or drop it whole, and say why."""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import regex

from slm.errors import DataError

_SCRIPT_NAME = regex.compile(r"[A-Za-z]+(?:_[A-Za-z]+)*")


class Dropped(NamedTuple):
    """What a rule gives instead of a text that is to go, and why, in a few words."""

    reason: str


Apply = Callable[[str], str | Dropped]


def min_length(characters: int) -> Apply:
    """Keep documents of at least so many characters, blanks around them not counted."""

    def apply(text: str) -> str | Dropped:
        return text if (n := len(text.strip())) >= characters else Dropped(f"{n:,} characters")

    return apply


def max_length(characters: int) -> Apply:
    """Keep documents of at most so many characters."""

    def apply(text: str) -> str | Dropped:
        return text if len(text) <= characters else Dropped(f"{len(text):,} characters")

    return apply


def exact_duplicates() -> Apply:
    """Keep the first of texts that are the same, character for character.

    Remembers 16 bytes of hash (about 80 in memory) for each different document.
    """
    seen: set[bytes] = set()

    def apply(text: str) -> str | Dropped:
        digest = hashlib.blake2b(text.encode(errors="replace"), digest_size=16).digest()
        if digest in seen:
            return Dropped("the same text came before")
        seen.add(digest)
        return text

    return apply


def scripts(names: str) -> Apply:
    """Keep documents most of whose letters are of these scripts, as in "Latin+Greek".

    A document without letters is kept.

    >>> scripts("Latin")("Привет, мир")
    Dropped(reason='0% of its letters are Latin')

    Raises: DataError for a name that Unicode does not have.

    Source: Unicode Standard Annex 24 (the property Script).
    """
    wanted = script_names(names)
    among = regex.compile("[" + "".join(rf"\p{{Script={name}}}" for name in wanted) + "]")
    has_latin = "Latin" in wanted
    shown = " or ".join(wanted)

    @lru_cache(maxsize=65_536)
    def kind(point: int) -> tuple[bool, bool]:
        """Whether it is a letter, and one of the wanted scripts."""
        character = chr(point)
        return character.isalpha(), among.match(character) is not None

    def apply(text: str) -> str | Dropped:
        if has_latin and text.isascii():
            return text
        points = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
        found, times = np.unique(points, return_counts=True)
        letters = of_these = 0
        for point, n in zip(found.tolist(), times.tolist(), strict=True):
            is_letter, is_wanted = kind(point)
            letters += n * is_letter
            of_these += n * (is_letter and is_wanted)
        if 2 * of_these >= letters:
            return text
        return Dropped(f"{of_these / letters:.0%} of its letters are {shown}")

    return apply


def script_names(names: str) -> tuple[str, ...]:
    """The scripts that a parameter names, spelled as Unicode spells them.

    >>> script_names("latin+GREEK")
    ('Latin', 'Greek')

    Raises: DataError for a name that Unicode does not have.
    """
    found = []
    for given in names.split("+"):
        name = "_".join(part.capitalize() for part in given.strip().split("_"))
        try:
            if not _SCRIPT_NAME.fullmatch(name):
                raise regex.error(name)
            regex.compile(rf"\p{{Script={name}}}")
        except regex.error:
            raise DataError(
                f"There is no script {given!r} in Unicode. Name some as in Latin+Greek+Cyrillic."
            ) from None
        found.append(name)
    return tuple(dict.fromkeys(found))


def repetition(share: float) -> Apply:
    """Keep documents in which at most this share of the lines repeat an earlier one.

    Blank lines are not counted. A page of menus or a loop of a broken export repeats itself;
    prose hardly does, verse with a refrain a little.

    Source: Rae et al. 2021, "Scaling Language Models" (Gopher), table A1: duplicate line
    fraction, at most 0.30.
    """

    def apply(text: str) -> str | Dropped:
        lines = [line for line in text.split("\n") if line.strip()]
        repeated = len(lines) - len(set(lines))
        if repeated <= share * len(lines):
            return text
        return Dropped(f"{repeated:,} of {len(lines):,} lines repeat an earlier one")

    return apply
