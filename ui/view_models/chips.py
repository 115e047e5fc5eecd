"""How a token looks on screen: one rule for every page.

Knows bytes and numbers, not tokenizers, models or Streamlit.
"""

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite

from ui.texts import tr

_SHOWN_AS = {" ": "·", "\n": "⏎", "\t": "→", "\r": "␍", "\x7f": "␡"}
# General categories with nothing to see: controls, formats (joiners, direction marks), lone
# surrogates, private use, unassigned, and the separators other than the plain space.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


@lru_cache(maxsize=65_536)
def visible(token_bytes: bytes) -> str:
    """The token as text in which every byte can be seen.

    Space is ``·``, newline ``⏎``, tab ``→``; other control characters are their Unicode
    pictures; characters with no ink are named by code point; bytes that are no valid UTF-8
    (a token may end in mid-character) are hexadecimal in angle brackets.

    >>> visible(b" the")
    '·the'
    >>> visible(b"\\xe2\\x82")
    '⟨E2 82⟩'
    >>> visible("é\\n".encode())
    'é⏎'
    """
    shown: list[str] = []
    invalid: list[int] = []
    for character in token_bytes.decode("utf-8", errors="surrogateescape"):
        if "\udc80" <= character <= "\udcff":
            invalid.append(ord(character) - 0xDC00)
            continue
        if invalid:
            shown.append(_hexadecimal(invalid))
            invalid = []
        shown.append(_one(character, is_first=not shown))
    if invalid:
        shown.append(_hexadecimal(invalid))
    return "".join(shown) or "⟨empty⟩"


def labeller(token_bytes: Callable[[int], bytes], vocab_size: int) -> Callable[[int], str]:
    """What to call a token. Models padded to a round vocabulary know more ids than tokenizers.

    >>> label = labeller([b"a", b" b"].__getitem__, 2)
    >>> label(1), label(2)
    ('·b', '⟨id 2⟩')
    """

    def label(token: int) -> str:
        return (
            visible(token_bytes(token))
            if token < vocab_size
            else tr("⟨id {token}⟩").format(token=token)
        )

    return label


def _hexadecimal(values: Sequence[int]) -> str:
    return "⟨" + " ".join(f"{value:02X}" for value in values) + "⟩"


def _one(character: str, *, is_first: bool) -> str:
    if character in _SHOWN_AS:
        return _SHOWN_AS[character]
    if character < " ":
        return chr(0x2400 + ord(character))
    category = unicodedata.category(character)
    if category in _UNSEEN:
        return f"⟨U+{ord(character):04X}⟩"
    if is_first and category in {"Mn", "Me"}:  # an accent needs a letter to sit on
        return "◌" + character
    return character


@dataclass(frozen=True)
class Chip:
    """One token ready to draw. ``value`` in [0, 1] is its place on the page's colour scale."""

    text: str
    id: int
    bytes: bytes
    value: float | None = None
    notes: tuple[str, ...] = ()


def chip(
    id: int, token_bytes: bytes, *, value: float | None = None, notes: Sequence[str] = ()
) -> Chip:
    """A chip whose text follows :func:`visible`."""
    return Chip(visible(token_bytes), id, token_bytes, value, tuple(notes))


@dataclass(frozen=True)
class Scale:
    """What the colours of chips mean: from ``low`` (dark blue) to ``high`` (yellow).

    ``diverging``: from −high (blue) over 0 (the page's own colour) to ``high`` (orange).
    """

    title: str
    low: float
    high: float
    unit: str = ""
    diverging: bool = False

    def place(self, value: float) -> float | None:
        """Where ``value`` lies between low (0) and high (1), clipped; None if it is no number.

        >>> Scale("loss", 0.0, 8.0, "nats").place(2.0)
        0.25
        >>> Scale("change", -4.0, 4.0, "nats", diverging=True).place(-1.0)
        -0.25
        """
        if not isfinite(value):
            return None
        if self.diverging:
            return min(1.0, max(-1.0, value / self.high)) if self.high else 0.0
        if self.high <= self.low:
            return 0.0
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))
