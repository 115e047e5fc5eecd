"""The Shannon game: guess the next letter or token until it is right, and count the guesses.

A person has no probabilities to show, but numbers of guesses bound the entropy of the text
as this person reads it. A machine can play by the same rules and show its bits as well.
Holds no model: whoever plays gives a distribution over tokens for each place.

Legend: V vocabulary, S symbol of the passage (a letter or a token).
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, log2
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from slm.errors import DataError
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import Span, TextTokenizer, well_formed

Unit = Literal["letters", "tokens"]
Floats = npt.NDArray[np.floating[Any]]
NextToken = Callable[[int], Floats]
"""Probabilities over the vocabulary (V) of the token at a place, from those before it."""

LEAD_CHARACTERS = 40
MOST_SYMBOLS = 100


class Attempt(NamedTuple):
    """One symbol: how many guesses were made, the right one included, or all wrong ones."""

    guesses: int
    found: bool = True


class Bounds(NamedTuple):
    """Between these lies the entropy, in bits."""

    low: float
    high: float


def entropy_bounds(attempts: Sequence[Attempt], alphabet: int) -> Bounds:
    """Bits a symbol, from numbers of guesses.

    With q_i the share found at guess i: the sum of i (q_i − q_{i+1}) log₂ i, then the
    entropy of q. A symbol that was given up counts for the lower bound as if the next guess
    had found it, and for the upper as one of what was left of the alphabet, all alike.
    Few symbols make both bounds too low: rare numbers of guesses have not come up yet.

    >>> entropy_bounds([Attempt(1), Attempt(1), Attempt(1), Attempt(2)], alphabet=27)
    Bounds(low=0.5, high=0.8112781244591328)

    Raises: DataError for no attempts.

    Source: Shannon 1951, "Prediction and Entropy of Printed English", eq. 17.
    """
    if not attempts:
        raise DataError("Nothing was guessed yet.")
    n = len(attempts)
    at_last = Counter(one.guesses + (not one.found) for one in attempts)
    shares = [*sorted((count / n for count in at_last.values()), reverse=True), 0.0]
    low = sum(i * (shares[i - 1] - shares[i]) * log2(i) for i in range(1, len(shares)))
    outcomes = Counter(one.guesses if one.found else 0 for one in attempts)
    high = -sum(count / n * log2(count / n) for count in outcomes.values())
    high += sum(log2(max(1, alphabet - one.guesses)) for one in attempts if not one.found) / n
    return Bounds(low, max(low, high))


@dataclass(frozen=True)
class Passage:
    """What is played: `lead` is shown, then each of `symbols` is to be guessed.

    ids and spans are the tokens of lead and symbols together, spans in its UTF-8 bytes.
    ends: where in the bytes each symbol ends; `start`: where the first one begins.
    alphabet: how many different symbols there may be.
    """

    unit: Unit
    lead: str
    symbols: tuple[str, ...]
    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    start: int
    ends: tuple[int, ...]
    alphabet: int

    @property
    def utf8(self) -> bytes:
        """The bytes of the whole passage."""
        return (self.lead + "".join(self.symbols)).encode()

    def characters(self, n_symbols: int) -> int:
        """How many characters the first symbols have."""
        return sum(map(len, self.symbols[:n_symbols]))


def cut_passage(
    text: str, tokenizer: TextTokenizer, unit: Unit, *, most_tokens: int, alphabet_of: str = ""
) -> Passage:
    """The beginning of a text as a game, as long as `most_tokens` tokens allow.

    The lead ends with a token after 40 characters, or earlier in a short text. The alphabet
    of letters is what occurs in `alphabet_of` and in the text, capitals apart.

    Raises: DataError for a text too short to guess anything.
    """
    utf8 = well_formed(text).encode()
    ids, spans = frame(tokenizer).plain.encode_with_spans(text)
    ids, spans = ids[:most_tokens], spans[:most_tokens]
    whole = [at for at, (_, stop) in enumerate(spans) if _between_characters(utf8, stop)]
    if len(whole) < 2:
        raise DataError("This text is too short to guess from. Choose a longer one.")
    half = whole[(len(whole) - 1) // 2]
    lead = next((at for at in whole if spans[at][1] >= LEAD_CHARACTERS and at < half), half)
    start, last = spans[lead][1], spans[whole[-1]][1]
    if unit == "letters":
        characters = utf8[start:last].decode()[:MOST_SYMBOLS]
        widths = [len(character.encode()) for character in characters]
    else:
        stops = [spans[at][1] for at in whole if spans[at][1] > start][:MOST_SYMBOLS]
        widths = np.diff([start, *stops]).tolist()
    ends = (start + np.cumsum(widths)).tolist()
    cuts = [start, *ends]
    symbols = tuple(utf8[a:b].decode() for a, b in pairwise(cuts))
    reach = next(at for at in whole if spans[at][1] >= ends[-1])
    letters = {fold(character) for character in text + alphabet_of}
    return Passage(
        unit,
        utf8[:start].decode(),
        symbols,
        tuple(ids[: reach + 1]),
        tuple(spans[: reach + 1]),
        start,
        tuple(ends),
        len(letters) if unit == "letters" else tokenizer.vocab_size,
    )


def fold(symbol: str) -> str:
    r"""What counts as the same guess: capitals and small letters, any white space.

    >>> fold("T"), fold("\n"), fold(" The")
    ('t', ' ', 'the')
    """
    return symbol.strip().lower() or " "


@dataclass(frozen=True)
class Game:
    """One person's game so far. Every move gives a new one."""

    passage: Passage
    attempts: tuple[Attempt, ...] = ()
    wrong: tuple[str, ...] = ()

    @property
    def place(self) -> int:
        """How many symbols are behind."""
        return len(self.attempts)

    @property
    def over(self) -> bool:
        """Whether all symbols are known."""
        return self.place == len(self.passage.symbols)

    @property
    def known(self) -> str:
        """The text so far, the lead included."""
        return self.passage.lead + "".join(self.passage.symbols[: self.place])

    def guess(self, symbol: str) -> "Game":
        """One guess; the same wrong one again costs nothing."""
        if self.over or fold(symbol) in self.wrong:
            return self
        if fold(symbol) == fold(self.passage.symbols[self.place]):
            return self._next(Attempt(len(self.wrong) + 1))
        return replace(self, wrong=(*self.wrong, fold(symbol)))

    def give_up(self) -> "Game":
        """See the symbol without having found it."""
        return self if self.over else self._next(Attempt(len(self.wrong), found=False))

    def _next(self, attempt: Attempt) -> "Game":
        return replace(self, attempts=(*self.attempts, attempt), wrong=())


@dataclass(frozen=True)
class Play:
    """How a machine played a passage, symbol by symbol: its guesses, and its bits.

    `first` is what it guessed first. The bits are those of its own tokens: the sum up to a
    letter is −log₂ of the probability of all continuations that begin with the text so far,
    cut into the same tokens.
    """

    attempts: tuple[Attempt, ...]
    bits: tuple[float, ...]
    first: tuple[str, ...]


class Lexicon:
    """A vocabulary in the order of its bytes, to ask what may follow a piece of a token."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        special = set(tokenizer.special_tokens.values())
        known = [
            (tokenizer.token_bytes(token), token)
            for token in range(tokenizer.vocab_size)
            if token not in special
        ]
        known = sorted(pair for pair in known if pair[0])
        self.pieces = [piece for piece, _ in known]
        self.ids = np.array([token for _, token in known], dtype=np.int64)
        self._firsts: dict[str, int] = {}
        codes = [self._firsts.setdefault(_first_letter(p), len(self._firsts)) for p in self.pieces]
        self._first_codes = np.array(codes, dtype=np.int64)

    def beginning(self, prefix: bytes) -> tuple[int, int]:
        """The range of pieces that begin with a prefix."""
        bare = prefix.rstrip(b"\xff")
        after = bare[:-1] + bytes([bare[-1] + 1]) if bare else None
        low = bisect_left(self.pieces, prefix)
        return low, len(self.pieces) if after is None else bisect_left(self.pieces, after)

    def letters_after(self, prefix: bytes, mass: Floats) -> Mapping[str, float]:
        """Mass of each next letter among the tokens that go on after a prefix, folded."""
        if not prefix:
            sums = np.bincount(self._first_codes, weights=mass, minlength=len(self._firsts))
            return dict(zip(self._firsts, sums.tolist(), strict=True))
        found: dict[str, float] = {}
        low, high = self.beginning(prefix)
        for at in range(low, high):
            if len(self.pieces[at]) > len(prefix):
                letter = _first_letter(self.pieces[at][len(prefix) :])
                found[letter] = found.get(letter, 0.0) + float(mass[at])
        return found


def play(
    passage: Passage, next_token: NextToken, lexicon: Lexicon, tokenizer: TextTokenizer
) -> Play:
    """Let a machine play the passage.

    Letters are guessed by the mass of the tokens that begin with them; inside a token the
    machine goes on with it, so it may not end where the tokenizer's does not.
    """
    if passage.unit == "tokens":
        return _play_tokens(passage, next_token, tokenizer)
    return _play_letters(passage, next_token, lexicon)


def _play_tokens(passage: Passage, next_token: NextToken, tokenizer: TextTokenizer) -> Play:
    """A symbol of several tokens has the sum of their bits, and the guesses of the first."""
    attempts, bits, first = [], [], []
    stops = [stop for _, stop in passage.spans]
    places = iter(range(bisect_left(stops, passage.start) + 1, len(passage.ids)))
    for end in passage.ends:
        spent, guess = 0.0, None
        for place in places:
            p_V, token = next_token(place), passage.ids[place]
            spent += _bits(float(p_V[token]))
            if guess is None:
                guess = Attempt(1 + int((p_V > p_V[token]).sum()))
                best = int(p_V[: tokenizer.vocab_size].argmax())
                first.append(tokenizer.token_bytes(best).decode(errors="replace"))
            if stops[place] >= end:
                break
        assert guess is not None, "every symbol has a token"
        attempts.append(guess)
        bits.append(spent)
    return Play(tuple(attempts), tuple(bits), tuple(first))


def _play_letters(passage: Passage, next_token: NextToken, lexicon: Lexicon) -> Play:
    utf8 = passage.utf8
    attempts, bits, first = [], [], []
    place, mass, total, p_token = -1, np.empty(0), np.empty(0), 0.0

    def spent(end: int) -> float:
        """Bits of the token at `place` up to a byte: of all tokens that begin so far alike."""
        begin, stop = passage.spans[place]
        if end >= stop:
            return _bits(p_token)
        low, high = lexicon.beginning(utf8[begin:end])
        return _bits(float(total[high] - total[low])) if end > begin else 0.0

    before = passage.start
    for end in passage.ends:
        cost, guessed = 0.0, False
        while before < end:
            if place < 0 or before >= passage.spans[place][1]:
                place = next(at for at, span in enumerate(passage.spans) if span[1] > before)
                p_V = next_token(place)
                mass = np.asarray(p_V, dtype=np.float64)[lexicon.ids]
                total = np.concatenate([[0.0], np.cumsum(mass)])
                p_token = float(p_V[passage.ids[place]])
            begin, stop = passage.spans[place]
            upto = min(end, stop)
            if not guessed:
                letters = lexicon.letters_after(utf8[begin:before], mass)
                own = letters.get(_first_letter(utf8[before:upto]), 0.0)
                attempts.append(Attempt(1 + sum(other > own for other in letters.values())))
                first.append(max(letters, key=lambda letter: letters[letter]))
                guessed = True
            cost += max(0.0, spent(upto) - spent(before))
            before = upto
        bits.append(cost)
    return Play(tuple(attempts), tuple(bits), tuple(first))


@dataclass(frozen=True)
class Standing:
    """A player after some symbols, in bits per character. `exact` is known of machines alone."""

    bounds: Bounds
    exact: float | None
    at_once: float


def standing(
    passage: Passage, attempts: Sequence[Attempt], bits: Sequence[float] | None = None
) -> Standing:
    """How a player stands after as many symbols as there are attempts.

    `bits` of as many symbols, for a player whose probabilities are known.

    Raises: DataError for no attempts.
    """
    low, high = entropy_bounds(attempts, passage.alphabet)
    n = len(attempts)
    characters = passage.characters(n)
    exact = None if bits is None else sum(bits[:n]) / characters
    at_once = sum(one == Attempt(1) for one in attempts) / n
    return Standing(Bounds(low * n / characters, high * n / characters), exact, at_once)


def _bits(probability: float) -> float:
    return -log2(probability) if probability > 0 else inf


def _between_characters(utf8: bytes, at: int) -> bool:
    """Whether no character of the text is cut there."""
    return at >= len(utf8) or utf8[at] & 0xC0 != 0x80


def _first_letter(piece: bytes) -> str:
    """The first character, folded; of bytes that complete none, a name of their own."""
    text = piece[:4].decode("utf-8", errors="surrogateescape")
    return fold(text[0]) if not "\udc80" <= text[0] <= "\udcff" else piece.hex()
