"""The compiled engines, and what they cannot do by themselves.

`rustbpe` learns merges and `tiktoken` applies them. Both cut text with one regex
engine, which gives up (by a panic) on half a million blanks in a row or more; such
texts are cut here by other means, and come to the same ids.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Protocol

import numpy as np
import rustbpe
import tiktoken

from slm.tokenizer.bpe import N_BYTES, replay, token_ids
from slm.tokenizer.definition import Definition
from slm.tokenizer.learning import learn
from slm.tokenizer.patterns import chunks, count_chunks, pattern_named
from slm.tokenizer.protocol import Ids, well_formed

_BLANK_BLOCK = 100_000
_MARK = "\uffff\ufffe"
"""Put between texts that are encoded at once. Both code points are reserved for such uses,
and no end of it is also its beginning, so it is found where it was put and nowhere else."""


class Encoder(Protocol):
    """Text to the ranks of its pieces."""

    def encode(self, text: str) -> list[int]:
        """The ranks of the text's pieces; lone surrogates are read as U+FFFD."""

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """The ranks of all texts in a row, and how many each text has."""


class MergeEncoder:
    """Joins the bytes of each chunk by merges."""

    def __init__(self, ranks: Mapping[bytes, int], pattern: str) -> None:
        """`ranks` has the 256 bytes, anywhere, and what merges made, in their order."""
        self._ranks = dict(ranks)
        self._pattern = pattern
        self._mark_rank = max(self._ranks.values()) + 1
        self._engine = self._engine_of(pattern_named(pattern).expression)

    def encode(self, text: str) -> list[int]:
        """See `Encoder`."""
        if not has_vast_blank(text):
            return self._engine.encode_ordinary(text)
        return [
            rank
            for chunk in chunks(text, self._pattern)
            for rank in self._whole_chunks.encode_ordinary(chunk)
        ]

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """See `Encoder`. One call of the engine, during which other threads run."""
        row = well_formed("".join([text + _MARK for text in texts]))
        if row.count(_MARK) != len(texts) or has_vast_blank(row):
            rows = [np.array(self.encode(text), np.uint32) for text in texts]
            return np.concatenate([np.empty(0, np.uint32), *rows]), [len(ids) for ids in rows]
        ranks = self._engine.encode_to_numpy(row, allowed_special={_MARK})
        marks = ranks == self._mark_rank
        lengths = np.diff(np.flatnonzero(marks), prepend=-1) - 1
        return ranks[~marks], lengths.tolist()

    @cached_property
    def _whole_chunks(self) -> tiktoken.Encoding:
        """The same engine for text that is one chunk already."""
        return self._engine_of(r"[\s\S]+")

    def _engine_of(self, expression: str) -> tiktoken.Encoding:
        return tiktoken.Encoding(
            "slm",
            pat_str=expression,
            mergeable_ranks=self._ranks,
            special_tokens={_MARK: self._mark_rank},
        )


class ByteEncoder:
    """Bytes as they are, for a vocabulary without merges: rank and value are one."""

    def encode(self, text: str) -> list[int]:
        """See `Encoder`."""
        return list(well_formed(text).encode())

    def encode_together(self, texts: Sequence[str]) -> tuple[Ids, list[int]]:
        """See `Encoder`."""
        pieces = [well_formed(text).encode() for text in texts]
        ranks = np.frombuffer(b"".join(pieces), np.uint8).astype(np.uint32)
        return ranks, [len(piece) for piece in pieces]


def encoder_of(definition: Definition) -> tuple[Encoder, Ids | None]:
    """An encoder, and what turns its ranks into ids where these are not the ids already.

    The encoder applies merges in the order of their ranks. Ids will do as ranks when
    later merges have larger ids.
    """
    vocab, merges = definition.vocab, definition.merges
    learned = [vocab[left + right] for left, right in merges]
    if merges and learned == sorted(learned):
        return MergeEncoder(vocab, definition.pattern), None
    pieces = [bytes([value]) for value in range(N_BYTES)]
    pieces += [left + right for left, right in merges]
    ids = [vocab[piece] for piece in pieces]
    table = None if ids == list(range(len(ids))) else np.array(ids, np.uint32)
    if not merges:
        return ByteEncoder(), table
    ranks = {piece: rank for rank, piece in enumerate(pieces)}
    return MergeEncoder(ranks, definition.pattern), table


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

    `learning.learn` steps in for texts that the compiled trainer cannot bear.
    """
    engine = rustbpe.Tokenizer()
    expression = pattern_named(pattern).expression
    try:
        if n_merges:
            engine.train_from_iterator(
                map(_bearable, texts), N_BYTES + n_merges, pattern=expression
            )
    except _VastBlankError:
        found = islice(learn(count_chunks(texts, pattern)), n_merges)
        return list(token_ids(step.merge for step in found))
    return [bytes(piece) for piece, _ in engine.get_mergeable_ranks()]


def _bearable(text: str) -> str:
    if len(text) >= _BLANK_BLOCK and has_vast_blank(text):
        raise _VastBlankError
    return text if text.isascii() else well_formed(text)


def pairs_of(pieces: Sequence[bytes]) -> list[tuple[bytes, bytes]]:
    """The pair that each learned piece was joined from, which the engine does not tell.

    Replaying the earlier merges on the piece leaves just those two. Where there is only one
    way to cut it into two older pieces, that must be it.
    """
    ids = {bytes([value]): value for value in range(N_BYTES)}
    ranks: dict[tuple[int, int], int] = {}
    pairs: list[tuple[bytes, bytes]] = []
    for new_id, piece in enumerate(pieces[N_BYTES:], N_BYTES):
        cuts = [at for at in range(1, len(piece)) if piece[:at] in ids and piece[at:] in ids]
        if len(cuts) == 1:
            left, right = ids[piece[: cuts[0]]], ids[piece[cuts[0] :]]
        else:
            left, right = replay(list(piece), ranks)[-1]
        ranks[left, right] = new_id
        ids[piece] = new_id
        pairs.append((pieces[left], pieces[right]))
    return pairs
