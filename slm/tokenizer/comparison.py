"""Tokenizers side by side: the same text, the same story in many languages, kinds of text.

Sees tokenizers and texts, not where either came from.

Words are what stands between blanks. Chinese, Japanese and Thai are written without, so
the English telling's words are counted for them: the content is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from slm.data.embedded.languages import DOMAINS, ENGLISH, PARALLEL
from slm.errors import TokenizerError
from slm.tokenizer.protocol import TextTokenizer, well_formed

MAX_TOKENIZERS = 6
MAX_CHARACTERS = 5_000


@dataclass(frozen=True)
class Measured:
    """One text by one tokenizer. `lossless`: decoding gives the very text back."""

    tokens: int
    bytes: int
    words: int
    lossless: bool

    @property
    def bytes_per_token(self) -> float:
        """Bytes that a token stands for on average; 0 for no text."""
        return self.bytes / self.tokens if self.tokens else 0.0

    @property
    def per_1000_words(self) -> float:
        """Tokens for a thousand words; a thousandth of it is the fertility."""
        return 1_000 * self.tokens / self.words if self.words else 0.0

    def to_json(self) -> dict[str, Any]:
        """The figures, the derived ones too."""
        return {
            **asdict(self),
            "bytes_per_token": self.bytes_per_token,
            "tokens_per_1000_words": self.per_1000_words,
        }


def measure(tokenizer: TextTokenizer, text: str, words: int | None = None) -> Measured:
    """How a tokenizer does on a text of so many words (counted between blanks if not told).

    >>> from slm.tokenizer.characters import CharacterTokenizer
    >>> measure(CharacterTokenizer.train(["né a"]), "né a")
    Measured(tokens=4, bytes=5, words=2, lossless=True)
    """
    text = well_formed(text)
    ids = tokenizer.encode(text)
    counted = len(text.split()) if words is None else words
    return Measured(len(ids), len(text.encode()), counted, tokenizer.decode(ids) == text)


@dataclass(frozen=True)
class LanguageMeasured:
    """The story in one language by one tokenizer.

    `premium` is its tokens over those of the English telling: what its readers pay for
    the same content.

    Source: Petrov et al. 2023, "Language Model Tokenizers Introduce Unfairness Between
    Languages", section 3.
    """

    code: str
    language: str
    script: str
    measured: Measured
    premium: float


def by_language(tokenizer: TextTokenizer) -> list[LanguageMeasured]:
    """The parallel story in all its languages, English first."""
    english = measure(tokenizer, ENGLISH.text)
    found = []
    for telling in PARALLEL:
        words = telling.words if telling.spaced else ENGLISH.words
        measured = measure(tokenizer, telling.text, words)
        premium = measured.tokens / english.tokens if english.tokens else 0.0
        found.append(
            LanguageMeasured(telling.code, telling.language, telling.script, measured, premium)
        )
    return found


def by_domain(tokenizer: TextTokenizer) -> dict[str, Measured]:
    """Short texts of many kinds, by the key of the kind."""
    return {domain.key: measure(tokenizer, domain.text) for domain in DOMAINS}


def compare(tokenizers: Mapping[str, TextTokenizer], text: str) -> dict[str, Any]:
    """Everything at once for machines: text, pieces, languages and domains, by name.

    Raises: TokenizerError for more than MAX_TOKENIZERS or a text over MAX_CHARACTERS.
    """
    require_bounds(len(tokenizers), text)
    result: dict[str, Any] = {"text": text, "tokenizers": {}}
    for name, tokenizer in tokenizers.items():
        ids = tokenizer.encode(text)
        pieces = [tokenizer.token_bytes(token_id).decode("latin-1") for token_id in ids]
        result["tokenizers"][name] = {
            "kind": tokenizer.kind,
            "vocab_size": tokenizer.vocab_size,
            **measure(tokenizer, text).to_json(),
            "ids": ids,
            "pieces": pieces,
            "languages": {
                row.code: {**row.measured.to_json(), "premium": row.premium}
                for row in by_language(tokenizer)
            },
            "domains": {key: value.to_json() for key, value in by_domain(tokenizer).items()},
        }
    return result


def require_bounds(n_tokenizers: int, text: str) -> None:
    """Raises: TokenizerError for more than can be shown side by side."""
    if not 1 <= n_tokenizers <= MAX_TOKENIZERS:
        raise TokenizerError(
            f"{n_tokenizers} tokenizers are named; 1 to {MAX_TOKENIZERS} can be compared at once."
        )
    if len(text) > MAX_CHARACTERS:
        raise TokenizerError(
            f"The text has {len(text):,} characters; at most {MAX_CHARACTERS:,} are compared. "
            "Shorten it."
        )


def lines_of(text: str, width: int = 100) -> list[str]:
    """The text in stretches of a line at most, to be shown side by side; joined they are the text.

    >>> lines_of("one two three\\nfour", width=8)
    ['one two ', 'three\\n', 'four']
    """
    found: list[str] = []
    for line in text.splitlines(keepends=True):
        while len(line.rstrip("\n")) > width:
            cut = line.rfind(" ", 1, width) + 1 or width
            found.append(line[:cut])
            line = line[cut:]
        found.append(line)
    return found


@dataclass(frozen=True)
class Placed:
    """A token and the bytes of the text that it stands for."""

    id: int
    start: int
    end: int


def side_by_side(tokenizers: Sequence[TextTokenizer], text: str) -> list[list[list[Placed]]]:
    """For each line of `lines_of(text)` and each tokenizer the tokens that begin in it."""
    text = well_formed(text)
    ends: list[int] = []
    for line in lines_of(text):
        ends.append((ends[-1] if ends else 0) + len(line.encode()))
    rows: list[list[list[Placed]]] = [[[] for _ in tokenizers] for _ in ends]
    for column, tokenizer in enumerate(tokenizers):
        row = 0
        for token_id, (start, end) in zip(*tokenizer.encode_with_spans(text), strict=True):
            while row < len(ends) - 1 and start >= ends[row]:
                row += 1
            rows[row][column].append(Placed(token_id, start, end))
    return rows
