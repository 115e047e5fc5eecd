"""Echo games: random words, and then the same words again.

Nothing but looking back can tell what comes in the second half, so a model that reads
such games among other text soon grows heads that copy (induction heads, Olsson et al.
2022). What is said mixes words of the tales with made-up ones, parts of words and signs
of several scripts, so that a model meets its tokens in any order.
"""

import random
from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from slm.data.embedded import tales
from slm.data.embedded.tales_words import NAMES

T = TypeVar("T")

_ONSETS = """
b bl br c ch d dr f fl g gr h j k l m n p pl pr qu r s sh sl st t th tr v w y z
""".split()  # noqa: SIM905
_VOWELS = """a e i o u ai ea ee oo ou ow ar er or""".split()  # noqa: SIM905
_ENDS = """ck b d g k l ll m n nd ng p r rd s sh st t tch x""".split()  # noqa: SIM905
_GLUE = (" ", " ", " ", " ", " ", " ", "", "", "", ", ")
_ALPHABETS = tuple(
    "".join(map(chr, range(first, last + 1)))
    for first, last in [
        (0x21, 0x7E),  # ASCII
        (0x21, 0x7E),
        (0x21, 0x7E),
        (0xC0, 0x17F),  # Latin with accents
        (0x3A3, 0x3C9),  # Greek
        (0x410, 0x44F),  # Cyrillic
        (0x3041, 0x3096),  # Hiragana
    ]
)
_FEWEST_WORDS, _MOST_WORDS = 6, 26


def generate(seed: int) -> str:
    """One game, the same for the same seed everywhere.

    Half of them tell who speaks and say the words twice; the other half are nothing but
    the words, two or three times, so that copying is not bound to any frame.

    >>> game = generate(2)
    >>> said, again = [part.split('"')[0] for part in game.split(': "')[1:]]
    >>> said == again
    True
    """
    draw = random.Random(seed).random
    if draw() < 0.5:
        return _chant(draw)
    speakers = [_pick(NAMES, draw())[0] for _ in range(2)]
    said = " ".join(_word(draw) for _ in range(_count(draw)))
    return (
        f"{speakers[0]} and {speakers[1]} play echo. "
        f'{speakers[0]} says: "{said}" And {speakers[1]} says: "{said}"'
    )


def _chant(draw: tales.Draw) -> str:
    """Words, parts of words and signs, with and without spaces between, over and over."""
    pieces = (_piece(draw) for _ in range(_count(draw)))
    said = "".join(piece + _pick(_GLUE, draw()) for piece in pieces).strip()
    return " ".join([said] * (2 + int(draw() * 2)))


def _piece(draw: tales.Draw) -> str:
    """A word of the tales, a part of one as a token is, or up to three signs of some script."""
    kind, word = draw(), _pick(_known_words(), draw())
    if kind < 0.5:
        return word
    if kind < 0.7:
        first = int(draw() * len(word))
        return word[first : first + 2 + int(draw() * 3)]
    return "".join(_pick(_pick(_ALPHABETS, draw()), draw()) for _ in range(1 + int(draw() * 3)))


def _count(draw: tales.Draw) -> int:
    return _FEWEST_WORDS + int(draw() * (_MOST_WORDS - _FEWEST_WORDS + 1))


def _word(draw: tales.Draw) -> str:
    if draw() < 0.5:
        return _pick(_known_words(), draw())
    syllables = 1 + int(draw() * 2)
    return "".join(
        _pick(_ONSETS, draw()) + _pick(_VOWELS, draw()) + _end(draw) for _ in range(syllables)
    )


def _end(draw: tales.Draw) -> str:
    return _pick(_ENDS, draw()) if draw() < 0.8 else ""


@cache
def _known_words() -> tuple[str, ...]:
    """The words of some hundred tales, names included, each once."""
    letters = str.maketrans(dict.fromkeys('.,!?";:-', " "))
    texts = (tales.generate(seed).text.translate(letters) for seed in range(200))
    return tuple(sorted({word for text in texts for word in text.split()}))


def _pick(options: Sequence[T], at: float) -> T:
    return options[int(at * len(options))]
