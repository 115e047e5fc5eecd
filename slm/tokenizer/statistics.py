"""How well a tokenizer fits a text: bytes per token, and how often each token is used."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from slm.tokenizer.protocol import TextTokenizer, well_formed

_TEXTS_AT_A_TIME = 256


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
    for part in _in_parts(texts):
        n_bytes += sum(len(well_formed(text).encode()) for text in part)
        n_tokens += sum(map(len, tokenizer.encode_batch(part)))
    return Compression(n_bytes, n_tokens)


def token_frequencies(tokenizer: TextTokenizer, texts: Iterable[str]) -> NDArray[np.int64]:
    """How often each id stands in the texts, by id."""
    counts = np.zeros(tokenizer.vocab_size, dtype=np.int64)
    for part in _in_parts(texts):
        for ids in tokenizer.encode_batch(part):
            counts += np.bincount(np.asarray(ids, dtype=np.int64), minlength=counts.size)
    return counts


def _in_parts(texts: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(texts)
    while part := list(islice(rest, _TEXTS_AT_A_TIME)):
        yield part
