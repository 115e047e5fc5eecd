"""The reading process with a parser that misbehaves as the file's name says.

crash ends the process, hang computes for ever, sleep waits for ever, eat takes memory,
panic raises what no `except Exception` catches, talk prints, tell gives the environment.
"""

import ctypes
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from slm.data.reading import ingest_worker, readers
from slm.data.reading.content import Content, Tally


class PanicError(BaseException):
    """As compiled libraries raise."""


def odd_lines(content: Content, tally: Tally) -> tuple[Iterator[str], dict[str, str | int]]:
    held = []
    if "crash" in content.name:
        ctypes.string_at(0)
    while "hang" in content.name:
        sum(range(10_000))
    while "sleep" in content.name:
        time.sleep(1)
    while "eat" in content.name:
        held.append(bytearray(b"x" * 10_000_000))
    if "panic" in content.name:
        raise PanicError("index out of bounds")
    if "talk" in content.name:
        sys.stdout.write("a library says hello\n" * 100)
        os.write(1, b"and writes to the pipe itself")
    if "tell" in content.name:
        return iter([json.dumps(dict(os.environ))]), {}
    if "write" in content.name:
        Path(content.name + ".made").write_text("x")
    return true_lines(content, tally)


if __name__ == "__main__":
    true_lines = readers.open_lines
    readers.open_lines = odd_lines
    sys.stdout.flush()
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    ingest_worker.main(json.loads(sys.argv[1]), output)
    os._exit(0)
