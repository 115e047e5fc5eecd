"""What a reading process writes to its parent: small JSON heads, each with bytes after it.

A frame is two lengths (4 bytes each), a JSON object, and bytes. Documents travel
many to a frame as plain UTF-8, because a JSON line each would cost as much as reading.
Knows the form on the pipe; neither files nor processes.
"""

import json
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any

from slm.utf8 import well_formed

FRAME_BYTES = 2**20
"""Documents are gathered into frames of about this size."""
MAX_FRAME = 2**28

Head = dict[str, Any]
_LENGTHS = struct.Struct("<II")


def write_frame(stream: IO[bytes], head: Head, body: bytes = b"") -> None:
    """Write one frame and flush it."""
    encoded = json.dumps(head).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(body)) + encoded)
    stream.write(body)
    stream.flush()


def read_frame(stream: IO[bytes]) -> tuple[Head, bytes] | None:
    """The next frame; None at the end, and for a torn or impossible one."""
    lengths = stream.read(_LENGTHS.size)
    if len(lengths) < _LENGTHS.size:
        return None
    head_length, body_length = _LENGTHS.unpack(lengths)
    if max(head_length, body_length) > MAX_FRAME:
        return None
    encoded, body = stream.read(head_length), stream.read(body_length)
    if len(encoded) < head_length or len(body) < body_length:
        return None
    try:
        head = json.loads(encoded)
    except ValueError:
        return None
    return (head, body) if isinstance(head, dict) else None


def pack(texts: Iterable[bytes]) -> bytes:
    """Texts as one body: how many, the length of each, then all of them.

    >>> unpack(pack([b"one", b"", "zwölf".encode()]))
    ['one', '', 'zwölf']
    """
    held = list(texts)
    lengths = struct.pack(f"<{len(held) + 1}I", len(held), *map(len, held))
    return b"".join((lengths, *held))


def unpack(body: bytes) -> list[str]:
    """The texts that `pack` has put together."""
    (n_texts,) = struct.unpack_from("<I", body)
    lengths = struct.unpack_from(f"<{n_texts}I", body, 4)
    return list(_cut(body, 4 * (n_texts + 1), lengths))


def encoded(text: str) -> tuple[bytes, int]:
    """A text as UTF-8, and how many halves of surrogate pairs had to become U+FFFD.

    >>> encoded("a\\ud800b")
    (b'a\\xef\\xbf\\xbdb', 1)
    """
    try:
        return text.encode(), 0
    except UnicodeEncodeError:
        whole = well_formed(text)
        return whole.encode(), whole.count("\ufffd") - text.count("\ufffd")


def _cut(body: bytes, start: int, lengths: Iterable[int]) -> Iterator[str]:
    for length in lengths:
        yield body[start : start + length].decode(errors="replace")
        start += length
