"""What a SentencePiece `tokenizer.model` says: pieces with scores, and how text is prepared.

Reads the file's bytes; what they mean for cutting is for `sentencepiece.py`. Files come from
strangers, so every length is checked and nothing is executed.

Source: the file is the message ModelProto of sentencepiece_model.proto in the SentencePiece
repository; its encoding is described in the Protocol Buffers documentation ("Encoding").
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from slm.errors import TokenizerError

MODEL_FILE = "tokenizer.model"
MOST_PIECES = 1_000_000
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE = 1, 2


@dataclass
class Pieces:
    """What the file says: pieces by id with scores and kinds, and how text is prepared.

    Ids of marks are -1 where there is none. `charsmap` are Unicode rules as the file has them.
    """

    texts: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    algorithm: int = UNIGRAM
    byte_fallback: bool = False
    space_behind: bool = False
    unk_id: int = 0
    bos_id: int = 1
    eos_id: int = 2
    charsmap: bytes = b""
    space_in_front: bool = True
    joins_spaces: bool = True
    escapes_spaces: bool = True


def read_pieces(data: bytes) -> Pieces:
    """The pieces and rules of a `tokenizer.model`.

    Raises: TokenizerError for bytes that are none.
    """
    try:
        return _read(data)
    except (IndexError, struct.error, UnicodeDecodeError, _NotProtobufError):
        raise TokenizerError(
            f"{MODEL_FILE} is damaged, or no SentencePiece model. Fetch it again."
        ) from None


class _NotProtobufError(Exception):
    """These bytes are no message."""


def _read(data: bytes) -> Pieces:
    pieces = Pieces()
    for number, value in _fields(data):
        if number == 1:
            _read_piece(_part(value), pieces)
        elif number == 2:
            trainer = dict(_fields(_part(value)))
            pieces.algorithm = _whole(trainer.get(3, UNIGRAM))
            pieces.space_behind = bool(trainer.get(24, 0))
            pieces.byte_fallback = bool(trainer.get(35, 0))
            pieces.unk_id = _whole(trainer.get(40, 0))
            pieces.bos_id = _whole(trainer.get(41, 1))
            pieces.eos_id = _whole(trainer.get(42, 2))
        elif number == 3:
            rules = dict(_fields(_part(value)))
            pieces.charsmap = _part(rules.get(2, b""))
            pieces.space_in_front = bool(rules.get(3, 1))
            pieces.joins_spaces = bool(rules.get(4, 1))
            pieces.escapes_spaces = bool(rules.get(5, 1))
    return pieces


def _read_piece(data: bytes, pieces: Pieces) -> None:
    if len(pieces.texts) >= MOST_PIECES:
        raise _NotProtobufError
    told = dict(_fields(data))
    pieces.texts.append(_part(told.get(1, b"")).decode())
    (score,) = struct.unpack("<f", _part(told.get(2, bytes(4))))
    pieces.scores.append(score)
    pieces.kinds.append(_whole(told.get(3, NORMAL)))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbered fields of a message: whole numbers, and everything else as its bytes.

    >>> list(_fields(bytes([0x08, 0x96, 0x01, 0x12, 0x02]) + b"ab"))
    [(1, 150), (2, b'ab')]
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        width = {1: 8, 5: 4}.get(kind)
        if kind == 2:
            width, at = _varint(data, at)
        if width is None or at + width > len(data):
            raise _NotProtobufError
        yield key >> 3, data[at : at + width]
        at += width


def _varint(data: Sequence[int], at: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and where it ends. Negative ones wrap at 64 bits."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise _NotProtobufError


def _part(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise _NotProtobufError
    return value


def _whole(value: int | bytes) -> int:
    """The number; ids that are not there are written as -1."""
    if not isinstance(value, int):
        raise _NotProtobufError
    return value - 2**64 if value >= 2**63 else value
