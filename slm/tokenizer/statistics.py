"""How well a tokenizer fits a text: bytes per token."""

from collections.abc import Iterable
from dataclasses import dataclass

from slm.tokenizer.protocol import TextTokenizer, well_formed
from slm.tokenizer.together import encode_together, text_blocks

_BLOCK_CHARACTERS = 2**20


@dataclass(frozen=True)
class Compression:
    """What a text comes to in tokens. `bytes` are those of its UTF-8 form."""

    bytes: int
    tokens: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes that a token stands for on average; 0 for no text."""
        return self.bytes / self.tokens if self.tokens else 0.0


def compression(tokenizer: TextTokenizer, texts: Iterable[str]) -> Compression:
    """Bytes and tokens of the texts, special tokens not counted.

    >>> from slm.tokenizer.characters import CharacterTokenizer
    >>> compression(CharacterTokenizer.train(["né"]), ["né"])
    Compression(bytes=3, tokens=2)
    """
    n_bytes = n_tokens = 0
    for part in text_blocks(texts, _BLOCK_CHARACTERS):
        n_bytes += sum(len(well_formed(text).encode()) for text in part)
        n_tokens += sum(encode_together(tokenizer, part)[1])
    return Compression(n_bytes, n_tokens)
