"""The compiled engines, and what they cannot do by themselves.

`rustbpe` learns merges and `tiktoken` applies them. Both cut text with one regex
engine, which gives up (by a panic) on half a million blanks in a row or more; such
texts are cut here by other means, and come to the same ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice

import rustbpe
import tiktoken

from slm.tokenizer.bpe import N_BYTES, learn, replay, token_ids
from slm.tokenizer.patterns import chunks, count_chunks, pattern_named
from slm.tokenizer.protocol import well_formed

_BLANK_BLOCK = 100_000


class Encoder:
    """Text to the ranks of its pieces."""

    def __init__(self, ranks: Mapping[bytes, int], pattern: str) -> None:
        """`ranks` has the 256 bytes, anywhere, and what merges made, in their order."""
        self._ranks = dict(ranks)
        self._pattern = pattern
        self._engine = _engine(pattern_named(pattern).expression, self._ranks)

    def encode(self, text: str) -> list[int]:
        """The ranks of the text's pieces; lone surrogates are read as U+FFFD."""
        if not has_vast_blank(text):
            return self._engine.encode_ordinary(text)
        return [
            rank
            for chunk in chunks(text, self._pattern)
            for rank in self._whole_chunks.encode_ordinary(chunk)
        ]

    @cached_property
    def _whole_chunks(self) -> tiktoken.Encoding:
        """The same engine for text that is one chunk already."""
        return _engine(r"[\s\S]+", self._ranks)


def _engine(expression: str, ranks: dict[bytes, int]) -> tiktoken.Encoding:
    return tiktoken.Encoding("slm", pat_str=expression, mergeable_ranks=ranks, special_tokens={})


def has_vast_blank(text: str) -> bool:
    """Whether the text may hold more white space in a row than the regex engine can bear.

    So long a run covers one of the blocks whole; one look at each block tells, at
    next to no cost.
    """
    return any(
        text[start].isspace() and text[start : start + _BLANK_BLOCK].isspace()
        for start in range(0, len(text) - _BLANK_BLOCK + 1, _BLANK_BLOCK)
    )


class _VastBlankError(Exception):
    """A text that the compiled trainer cannot bear."""


def learn_pieces(texts: Iterable[str], n_merges: int, pattern: str) -> list[bytes]:
    """The pieces of the vocabulary in the order of their ids, as many as the texts give.

    The readable trainer steps in for texts that the compiled one cannot bear.
    """
    engine = rustbpe.Tokenizer()
    expression = pattern_named(pattern).expression
    try:
        if n_merges:
            engine.train_from_iterator(
                (_bearable(text) for text in texts), N_BYTES + n_merges, pattern=expression
            )
    except _VastBlankError:
        merges = islice(learn(count_chunks(texts, pattern)), n_merges)
        return list(token_ids(merges))
    return [bytes(piece) for piece, _ in engine.get_mergeable_ranks()]


def _bearable(text: str) -> str:
    if has_vast_blank(text):
        raise _VastBlankError
    return well_formed(text)


def pairs_of(pieces: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """The pair that each learned piece was joined from, which the engine does not tell.

    Replaying the earlier merges on the piece leaves just those two.
    """
    ranks: dict[tuple[int, int], int] = {}
    pairs: list[tuple[bytes, bytes]] = []
    for new_id, piece in enumerate(pieces[N_BYTES:], N_BYTES):
        left, right = replay(list(piece), ranks)[-1]
        ranks[left, right] = new_id
        pairs.append((pieces[left], pieces[right]))
    return pairs
