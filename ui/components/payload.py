"""The one form in which components receive data: ``[u32 length][JSON header][raw values]``.

Little-endian. Raw bytes reach the browser as they are; lists of floats in JSON would be four to
ten times larger. ``shared/payload.js`` reads the same form.
"""

import json
import struct
from typing import Any


def pack(header: dict[str, Any], values: bytes = b"") -> bytes:
    """Header and values in one piece.

    >>> unpack(pack({"tokens": 2}, b"ab"))
    ({'tokens': 2}, b'ab')
    """
    text = json.dumps(header, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    encoded = text.encode("utf-8", errors="replace")
    return struct.pack("<I", len(encoded)) + encoded + values


def unpack(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and values as they were packed."""
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), data[4 + length :]
