"""A tokenizer for a model that was trained with a token before every text.

Llama, TinyLlama and Phi-3 read `<s>` before a text, and write worse without it: much of their
attention rests there. So the token is put in front wherever such a model reads a text. Texts
that become training data, or stand side by side in one row, are framed by `frame`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm.tokenizer.imported import ImportedTokenizer
from slm.tokenizer.protocol import Span, StreamDecoder, TextTokenizer


class BeginningTokenizer:
    """The tokenizer with `begin_id` before every text. It stands for no bytes of the text.

    >>> from slm.tokenizer.fast import Tokenizer
    >>> plain = Tokenizer.train(["aa"], vocab_size=258, special_tokens=("<s>",))
    >>> begun = BeginningTokenizer(plain, 257)
    >>> begun.encode("a"), begun.decode(begun.encode("a")), begun.decode([257])
    ([257, 97], 'a', '<s>')
    """

    def __init__(self, plain: TextTokenizer, begin_id: int) -> None:
        self.plain, self.begin_id = plain, begin_id

    @property
    def kind(self) -> str:
        """See `TextTokenizer`."""
        return self.plain.kind

    @property
    def vocab_size(self) -> int:
        """See `TextTokenizer`."""
        return self.plain.vocab_size

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """See `TextTokenizer`."""
        return self.plain.special_tokens

    @property
    def eos_id(self) -> int | None:
        """See `TextTokenizer`."""
        return self.plain.eos_id

    def encode(self, text: str) -> list[int]:
        """The ids of the text after the token that begins it; that token alone for no text."""
        return [self.begin_id, *self.plain.encode(text)]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """See `encode`."""
        return [[self.begin_id, *ids] for ids in self.plain.encode_batch(texts)]

    def encode_with_spans(self, text: str) -> tuple[list[int], list[Span]]:
        """See `TextTokenizer`; the first token stands for the empty span before the text."""
        ids, spans = self.plain.encode_with_spans(text)
        return [self.begin_id, *ids], [(0, 0), *spans]

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids; the token that begins it is none of it, unless it is alone."""
        known = list(ids)
        return self.plain.decode(known[1:] if self._is_begun(known) else known)

    def token_bytes(self, token_id: int) -> bytes:
        """See `TextTokenizer`."""
        return self.plain.token_bytes(token_id)

    def decoder(self, after: Iterable[int] = ()) -> StreamDecoder:
        """See `TextTokenizer`."""
        known = list(after)
        return self.plain.decoder(known[1:] if known[:1] == [self.begin_id] else known)

    def save(self, folder: Path) -> None:
        """Write the tokenizer as it was published; whoever loads it again learns of the token."""
        self.plain.save(folder)

    def _is_begun(self, ids: Sequence[int]) -> bool:
        return len(ids) > 1 and ids[0] == self.begin_id


@dataclass(frozen=True)
class Frame:
    """What stands around texts that a model is to judge, and what encodes the texts themselves.

    `before` the first text: what a model saw before a text began. `between` two texts, and
    behind the last: the end of one and what begins the next.
    """

    before: tuple[int, ...]
    between: tuple[int, ...]
    plain: TextTokenizer


def frame(tokenizer: TextTokenizer) -> Frame:
    """How texts are joined to one row of tokens for a model with this tokenizer.

    >>> from slm.tokenizer.fast import Tokenizer
    >>> plain = Tokenizer.train(["a"], vocab_size=258, special_tokens=("<|end|>", "<s>"))
    >>> frame(plain).before, frame(plain).between
    ((256,), (256,))
    >>> begun = frame(BeginningTokenizer(plain, 257))
    >>> begun.before, begun.between
    ((257,), (256, 257))
    """
    end = () if tokenizer.eos_id is None else (tokenizer.eos_id,)
    if not isinstance(tokenizer, BeginningTokenizer):
        return Frame(end, end, tokenizer)
    begin = (tokenizer.begin_id,)
    behind = begin if tokenizer.eos_id == tokenizer.begin_id else (*end, *begin)
    return Frame(begin, behind, tokenizer.plain)


def begun(tokenizer: TextTokenizer, published: TextTokenizer) -> TextTokenizer:
    """`tokenizer` with the token before every text that `published` asks for, if it does."""
    if isinstance(published, ImportedTokenizer) and published.begin_id is not None:
        return BeginningTokenizer(tokenizer, published.begin_id)
    return tokenizer
