"""What each Unicode character is: letter, blank, end of a sentence; its script; its small form.

Texts are looked at as arrays of code points. The tables here are indexed by code point
and filled as characters turn up, so that millions of them cost one look-up each. Knows
characters, not texts.
"""

import threading
import unicodedata
from collections.abc import Iterable
from functools import cache

import numpy as np
import regex
from numpy.typing import NDArray

from slm.data.exploring.hashes import scrambled

BOUNDARY = 0x110000
"""Stands between documents in an array of code points; no character has this number."""

WORD = 1  # letters, marks, digits
ALONE = 2  # a word by itself: scripts that set no blanks
JOINER = 4  # inside a word when letters stand on both sides: apostrophes
SPACE = 8
NEWLINE = 16
FULL_STOP = 32  # ends a sentence when a blank follows
WIDE_STOP = 64  # ends a sentence, whatever follows
CLOSER = 128  # quotation marks and brackets that may stand between stop and blank

KINDS = ("lower-case letters", "upper-case letters", "other letters", "digits", "blanks",
         "line breaks", "punctuation", "symbols", "other")  # fmt: skip
UNWRITTEN = "Common"
"""The script of characters that every script shares: digits, blanks, punctuation."""

_LINE_BREAKS = frozenset("\n\r\v\f\x85\u2028\u2029")
_JOINERS = frozenset("'’ʼ\u200c\u200d")
_FULL_STOPS = frozenset(".!?…‼⁇⁈⁉؟۔।॥።՜՞։")
_WIDE_STOPS = frozenset("。！？｡")
_CLOSERS = frozenset("\"'”’»›)]}」』）】*_")
_ALONE_SCRIPTS = frozenset({"Han", "Hiragana"})
_N = BOUNDARY + 1

# By the names that `regex` knows, the widespread ones first; letters of others count as Common.
_SCRIPT_NAMES = (
    "Latin Common Inherited Cyrillic Greek Han Hiragana Katakana Hangul Arabic Hebrew Devanagari "
    "Bengali Thai Armenian Georgian Tamil Telugu Kannada Malayalam Gujarati Gurmukhi Sinhala Lao "
    "Khmer Myanmar Tibetan Ethiopic Mongolian Syriac Thaana Oriya Cherokee Canadian_Aboriginal "
    "Bopomofo Yi Braille Coptic Gothic Runic Ogham Tifinagh Nko Vai Balinese Javanese Sundanese "
    "Batak Buginese Cham Lepcha Limbu Meetei_Mayek New_Tai_Lue Ol_Chiki Phags_Pa Rejang Samaritan "
    "Saurashtra Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Hanunoo Buhid Syloti_Nagri Kayah_Li "
    "Lisu Bamum Mandaic Glagolitic Old_Italic Deseret Shavian Osmanya Linear_B Cypriot Ugaritic "
    "Old_Persian Cuneiform Egyptian_Hieroglyphs Phoenician Lydian Lycian Carian Kharoshthi "
    "Imperial_Aramaic Avestan Adlam Osage Newa Hatran Anatolian_Hieroglyphs Nushu Tangut"
)


class CharacterTable:
    """Properties by code point; `learn` fills in those of characters not met before."""

    def __init__(self) -> None:
        self.flags: NDArray[np.uint8] = np.zeros(_N, np.uint8)
        self.kind: NDArray[np.uint8] = np.full(_N, len(KINDS) - 1, np.uint8)
        self.script: NDArray[np.uint8] = np.zeros(_N, np.uint8)
        self.lower: NDArray[np.uint32] = np.arange(_N, dtype=np.uint32)
        self.weight: NDArray[np.uint64] = np.zeros(_N, np.uint64)  # equal for A and a
        self.scripts: list[str] = [UNWRITTEN]
        self._known: NDArray[np.bool_] = np.zeros(_N, np.bool_)
        self._known[BOUNDARY] = True
        self.flags[BOUNDARY] = SPACE
        self._lock = threading.Lock()

    def learn(self, points: NDArray[np.uint32]) -> None:
        """Make sure that every one of these code points is in the tables."""
        fresh = points[~self._known[points]]
        if fresh.size:
            with self._lock:
                self._fill([int(point) for point in np.unique(fresh)])

    def flags_of(self, character: str) -> int:
        """The flags of one character."""
        point = ord(character)
        if not self._known[point]:
            self.learn(np.array([point], np.uint32))
        return int(self.flags[point])

    def _fill(self, points: list[int]) -> None:
        scripts = scripts_of(chr(point) for point in points)
        for point in points:
            character = chr(point)
            script = scripts[character]
            small = character.lower()
            self.flags[point] = _flags(character, script)
            self.kind[point] = KINDS.index(kind_of(character))
            self.script[point] = self._number_of(script)
            self.lower[point] = ord(small) if len(small) == 1 else point
        self.weight[points] = scrambled(self.lower[points].astype(np.uint64))
        self._known[points] = True

    def _number_of(self, script: str) -> int:
        if script not in self.scripts:
            self.scripts.append(script)
        return self.scripts.index(script)


@cache
def character_table() -> CharacterTable:
    """The one table of this process."""
    return CharacterTable()


def kind_of(character: str) -> str:
    """Which of KINDS a character belongs to.

    >>> kind_of("é"), kind_of("中"), kind_of("€")
    ('lower-case letters', 'other letters', 'symbols')
    """
    if character in _LINE_BREAKS:
        return "line breaks"
    category = unicodedata.category(character)
    if character == "\t" or category == "Zs":
        return "blanks"
    by_category = {"Ll": "lower-case letters", "Lu": "upper-case letters"}
    by_class = {"L": "other letters", "M": "other letters", "N": "digits", "P": "punctuation"}
    by_class["S"] = "symbols"
    return by_category.get(category) or by_class.get(category[0], "other")


def scripts_of(characters: Iterable[str]) -> dict[str, str]:
    """The Unicode script of each character. Marks that any script may bear, and all that no
    letter is, count as "Common".

    >>> scripts_of("aж7中")
    {'a': 'Latin', 'ж': 'Cyrillic', '7': 'Common', '中': 'Han'}
    """
    found = dict.fromkeys(characters, UNWRITTEN)
    left = "".join(found)
    for name, pattern in _script_patterns():
        if not left:
            break
        matching = pattern.findall(left)
        if matching:
            found.update(dict.fromkeys(matching, UNWRITTEN if name == "Inherited" else name))
            left = pattern.sub("", left)
    return found


@cache
def _script_patterns() -> tuple[tuple[str, "regex.Pattern[str]"], ...]:
    return tuple((name, regex.compile(rf"\p{{Script={name}}}")) for name in _SCRIPT_NAMES.split())


def _flags(character: str, script: str) -> int:
    category = unicodedata.category(character)
    flags = 0
    if category[0] in "LMN":
        flags |= WORD
        if script in _ALONE_SCRIPTS:
            flags |= ALONE
    if character.isspace():
        flags |= SPACE
    if character in _LINE_BREAKS and character != "\r":
        flags |= NEWLINE
    for members, flag in (
        (_JOINERS, JOINER),
        (_FULL_STOPS, FULL_STOP),
        (_WIDE_STOPS, WIDE_STOP),
        (_CLOSERS, CLOSER),
    ):
        flags |= flag if character in members else 0
    return flags
