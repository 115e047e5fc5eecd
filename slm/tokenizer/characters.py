"""One token a character: the classic small benchmark, and the simplest tokenizer there is.

Ids: the characters of the training text in the order of their code points, then one
token for every other character, then the special tokens.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import numpy as np

from slm import files
from slm.errors import TokenizerError
from slm.tokenizer.bpe import END_OF_TEXT
from slm.tokenizer.definition import TOKENIZER_FILE, added_token, read_file
from slm.tokenizer.protocol import Ids, Span, StreamDecoder, primed, well_formed

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for every character that the training text did not have."""
_CODE_POINTS = sys.maxunicode + 1


class CharacterTokenizer:
    """Each character is a token; those never seen in training share one, U+FFFD.

    >>> tokenizer = CharacterTokenizer.train(["abba"])
    >>> tokenizer.encode("bad")
    [1, 0, 2]
    >>> tokenizer.decode([1, 0, 2])
    'ba�'
    """

    kind = "characters"

    def __init__(self, characters: Sequence[str], special_tokens: Sequence[str]) -> None:
        """`characters` by id, U+FFFD among them; special tokens follow."""
        self._id_of = np.full(_CODE_POINTS, characters.index(UNKNOWN), np.uint32)
        self._id_of[[ord(character) for character in characters]] = range(len(characters))
        first = len(characters)
        self.special_tokens = {name: first + i for i, name in enumerate(special_tokens)}
        self.special_ids = frozenset(self.special_tokens.values())
        self._texts = [*characters, *special_tokens]

    @classmethod
    def train(cls, texts: Iterable[str], special_tokens: Sequence[str] = (END_OF_TEXT,)) -> Self:
        """The tokenizer of all characters that the texts hold.

        Raises: TokenizerError when there are none.
        """
        found: set[str] = set()
        for text in texts:
            found.update(well_formed(text))
        if not found:
            raise TokenizerError("The text has no characters; add text.")
        return cls([*sorted(found - {UNKNOWN}), UNKNOWN], special_tokens)

    @property
    def vocab_size(self) -> int:
        """Characters, the unknown one, and special tokens."""
        return len(self._texts)

    @property
    def eos_id(self) -> int | None:
        """The id of the first special token, which ends documents."""
        return next(iter(self.special_tokens.values()), None)

    def encode(self, text: str) -> list[int]:
        """An id a character."""
        ids: list[int] = self.encode_together([text])[0].tolist()
        return ids

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """The ids of all texts in a row, and how many each text has."""
        whole = [well_formed(text) for text in texts]
        codes = np.frombuffer("".join(whole).encode("utf-32-le"), "<u4")
        return self._id_of[codes], [len(text) for text in whole]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts."""
        return [self.encode(text) for text in texts]

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """The ids, and the bytes of each character; also of one that becomes U+FFFD."""
        ends = list(accumulate(len(character.encode()) for character in well_formed(text)))
        return self.encode(text), list(zip([0, *ends], ends, strict=False))

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids."""
        return "".join([self._text(token_id) for token_id in ids])

    def token_bytes(self, token_id: int) -> bytes:
        """The character in UTF-8."""
        return self._text(token_id).encode()

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """A decoder for a stream of ids that goes on after these."""
        return primed(StreamDecoder(self.token_bytes), after)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json`, which gives the same ids in `tokenizers`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        values = {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                added_token(name, token_id) for name, token_id in self.special_tokens.items()
            ],
            "normalizer": None,
            "pre_tokenizer": _ONE_BY_ONE,
            "post_processor": None,
            "decoder": {"type": "Fuse"},
            "model": {
                "type": "WordLevel",
                "unk_token": UNKNOWN,
                "vocab": {text: token_id for token_id, text in enumerate(self._texts)},
            },
        }
        files.write_json(folder / TOKENIZER_FILE, values)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tokenizer that `save` wrote.

        Raises: TokenizerError when it is missing, damaged, or of another kind.
        """
        return cls.from_json(read_file(folder))

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The tokenizer in the contents of a `tokenizer.json`.

        Raises: TokenizerError when they are damaged, or of another kind.
        """
        try:
            special_tokens = [str(token["content"]) for token in values["added_tokens"]]
            vocab = values["model"]["vocab"]
            texts = sorted(vocab, key=vocab.__getitem__)
            characters = texts[: len(texts) - len(special_tokens)]
            kind = values["model"]["type"], values["pre_tokenizer"], values["normalizer"]
            sound = (
                kind == ("WordLevel", _ONE_BY_ONE, None)
                and [vocab[text] for text in texts] == list(range(len(texts)))
                and texts[len(characters) :] == special_tokens
                and all(len(character) == 1 for character in characters)
                and UNKNOWN in characters
            )
        except (KeyError, TypeError, AttributeError):
            sound = False
        if not sound:
            raise TokenizerError(
                "tokenizer.json is damaged, or holds no character tokenizer. Train it again."
            )
        return cls(characters, special_tokens)

    def _text(self, token_id: int) -> str:
        if not 0 <= token_id < len(self._texts):
            raise TokenizerError(
                f"Id {token_id} is not in this vocabulary of {self.vocab_size:,} tokens; "
                "use the tokenizer that the ids were made with."
            )
        return self._texts[token_id]


_ONE_BY_ONE = {
    "type": "Split",
    "pattern": {"Regex": r"[\s\S]"},
    "behavior": "Isolated",
    "invert": False,
}
