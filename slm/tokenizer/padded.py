"""A tokenizer for a model whose table of tokens is longer than the vocabulary.

Published models often round it up, say from 151,669 to 151,936, so that it divides evenly.
Nothing is ever learned about the rows behind the last token, but a model may still give one
of them a probability; it is then shown by its number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from slm.tokenizer.beginning import begun
from slm.tokenizer.protocol import Span, StreamDecoder, TextTokenizer


class PaddedTokenizer:
    """The tokenizer with names for the ids from its own `vocab_size` up to `vocab_size`.

    >>> from slm.tokenizer.fast import Tokenizer
    >>> padded = PaddedTokenizer(Tokenizer.train(["aa"], vocab_size=258), 300)
    >>> padded.decode([*padded.encode("a"), 299]), padded.vocab_size
    ('a⟨id 299⟩', 300)
    """

    def __init__(self, tokenizer: TextTokenizer, vocab_size: int) -> None:
        assert vocab_size > tokenizer.vocab_size
        self._inner = tokenizer
        self._vocab_size = vocab_size

    @property
    def kind(self) -> str:
        """See `TextTokenizer`."""
        return self._inner.kind

    @property
    def vocab_size(self) -> int:
        """The rows of the model's table."""
        return self._vocab_size

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """See `TextTokenizer`."""
        return self._inner.special_tokens

    @property
    def eos_id(self) -> int | None:
        """See `TextTokenizer`."""
        return self._inner.eos_id

    def encode(self, text: str) -> list[int]:
        """See `TextTokenizer`; never an id without a token."""
        return self._inner.encode(text)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """See `TextTokenizer`."""
        return self._inner.encode_batch(texts)

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """See `TextTokenizer`."""
        return self._inner.encode_with_spans(text)

    def decode(self, ids: Iterable[int]) -> str:
        """See `TextTokenizer`; an id without a token is its number in brackets."""
        known = list(ids)
        if all(token < self._inner.vocab_size for token in known):
            return self._inner.decode(known)
        stream = self.decoder()
        return "".join(map(stream.push, known)) + stream.flush()

    def token_bytes(self, token_id: int) -> bytes:
        """See `TextTokenizer`; an id without a token stands for its number in brackets."""
        if self._inner.vocab_size <= token_id < self._vocab_size:
            return f"⟨id {token_id}⟩".encode()
        return self._inner.token_bytes(token_id)

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """See `TextTokenizer`."""
        stream = _Stream(self._inner.decoder(), self._inner.vocab_size, self.token_bytes)
        for token_id in after:
            stream.push(token_id)
        return stream

    def save(self, folder: Path) -> None:
        """Write the tokenizer as it is without the padding."""
        self._inner.save(folder)


class _Stream(StreamDecoder):
    """The tokenizer's own stream, in which ids without a token are whole pieces of their own."""

    def __init__(
        self, inner: StreamDecoder, n_known: int, token_bytes: Callable[[int], bytes]
    ) -> None:
        self._inner, self._n_known, self._bytes_of = inner, n_known, token_bytes

    def push(self, token_id: int) -> str:
        if token_id < self._n_known:
            return self._inner.push(token_id)
        return self._inner.flush() + self._bytes_of(token_id).decode()

    def flush(self) -> str:
        return self._inner.flush()


def fitted(tokenizer: TextTokenizer, vocab_size: int) -> TextTokenizer:
    """The tokenizer for a model with so many rows, as the model was trained to read with it.

    Itself, where they are as many. Where it was published with a token before every text, that
    token is put in front (`slm.tokenizer.beginning`).
    """
    padded: TextTokenizer = tokenizer
    if tokenizer.vocab_size < vocab_size:
        padded = PaddedTokenizer(tokenizer, vocab_size)
    return begun(padded, tokenizer)
