"""What every tokenizer of this project can do, however it was made.

The other chapters know this page only. Nothing here knows how text is cut.
"""

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from slm.utf8 import well_formed as well_formed

Ids: TypeAlias = NDArray[np.uint32]
"""Token ids of one text or of many, in a row."""

Span = tuple[int, int]
"""Where a token begins and ends in the UTF-8 bytes of the text."""


class StreamDecoder:
    """Text from ids that come one at a time: no character is shown before it is whole.

    >>> stream = StreamDecoder({0: b"caf\\xc3", 1: b"\\xa9"}.__getitem__)
    >>> stream.push(0), stream.push(1), stream.flush()
    ('caf', 'é', '')
    """

    def __init__(
        self, token_bytes: Callable[[int], bytes], *, drops_leading_space: bool = False
    ) -> None:
        """`drops_leading_space`: the first text begins with a space that the encoder added."""
        self._token_bytes = token_bytes
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._drops_leading_space = drops_leading_space

    def push(self, token_id: int) -> str:
        """The text that this id completes; empty while a character is still open.

        Raises: TokenizerError when the vocabulary has no such id.
        """
        return self._without_added_space(self._utf8.decode(self._token_bytes(token_id)))

    def flush(self) -> str:
        """What is left at the end: U+FFFD for a character that was never finished."""
        return self._without_added_space(self._utf8.decode(b"", final=True))

    def _without_added_space(self, text: str) -> str:
        if text and self._drops_leading_space:
            self._drops_leading_space = False
            return text.removeprefix(" ")
        return text


class TextTokenizer(Protocol):
    """Text to ids and back.

    Ids run from 0 to `vocab_size` − 1. Text that spells a special token stays text:
    `encode` never gives a special id. A lone surrogate, which has no UTF-8 form,
    is read as U+FFFD, see `well_formed`.
    """

    @property
    def kind(self) -> str:
        """How it cuts: bpe, bytes, characters or imported."""

    @property
    def vocab_size(self) -> int:
        """The largest id plus one."""

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """Tokens that mark structure and stand for no text, with their ids."""

    @property
    def eos_id(self) -> int | None:
        """The id that ends a document; None when the vocabulary has none."""

    def encode(self, text: str) -> list[int]:
        """The ids of the text."""

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of many texts, on all cores where the engine can."""

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """The ids, and for each the bytes of `well_formed(text)` that it stands for.

        Spans lie side by side and cover the text from its first byte to its last.
        """

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; bytes that are no UTF-8 become U+FFFD.

        Raises: TokenizerError for an id outside the vocabulary.
        """

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes that a token stands for; a special token stands for its name.

        Raises: TokenizerError for an id outside the vocabulary.
        """

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """A decoder for a stream of ids that goes on `after` these (a prompt's, say)."""

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and what else belongs to it; `loading.load_tokenizer` reads it."""


@runtime_checkable
class EncodesTogether(Protocol):
    """A tokenizer whose engine writes ids into arrays, and lets other threads run meanwhile."""

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """The ids of all texts in a row, and how many each text has."""


def primed(stream: StreamDecoder, after: Iterable[int]) -> StreamDecoder:
    """`stream` as it stands when the ids of `after` have gone through it."""
    for token_id in after:
        stream.push(token_id)
    return stream
