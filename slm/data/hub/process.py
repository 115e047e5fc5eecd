"""A process of its own for whatever talks to the Hub, heard line by line.

The Hub's libraries may hang or crash: then that process is ended and costs a
sentence, not the job. Knows records and patience, not what the records mean.
"""

import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import IO, Any

from slm import children
from slm.errors import DataError, HubError

READER = (sys.executable, "-m", "slm.data.hub.stream")
PATIENCE_SECONDS = 20.0
START_SECONDS = 90.0  # for the reader to load its libraries on a busy machine
REMEDY = "The embedded corpora (tales, python-docs, python-code) need no network."
_MOST_WAITING_RECORDS = 256
_MOST_WAITING_BYTES = 16 * 2**20
_POLL_SECONDS = 0.2
_OF_THE_HUB = (  # of the environment: its settings, and the way to it
    *("HF_*", "HUGGINGFACE_*", "HUGGING_FACE_*", "XDG_CACHE_HOME"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
)
_QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "10",
}

Record = dict[str, Any]


def records(
    request: Mapping[str, Any],
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    deadline_seconds: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    reader: Sequence[str] = READER,
    remedy: str = REMEDY,
) -> Generator[Record]:
    """What a reader process answers to a request, until it ends or should_stop says so.

    It may be silent for patience_seconds at a time (longer while it starts), and work for
    deadline_seconds in all. Closing the iterator ends the process. What goes wrong with the Hub
    is told with `remedy`.

    Raises: HubError or DataError as the reader told, or when it is silent or crashes.
    """
    name = str(request["name"])
    arrived = _Waiting()
    process = subprocess.Popen(
        [*reader, json.dumps(request)],
        stdin=subprocess.PIPE,  # held for life: at its end the reader ends too
        stdout=subprocess.PIPE,
        env=children.environment(_QUIET, _OF_THE_HUB),
    )
    assert process.stdin is not None and process.stdout is not None
    listener = threading.Thread(
        target=_listen, args=(process.stdout, arrived), name=f"hub {name}", daemon=True
    )
    listener.start()
    began = heard = time.monotonic()
    patience, paused = START_SECONDS, 0.0
    try:
        while not should_stop():
            now = time.monotonic()
            late = deadline_seconds is not None and now - began >= deadline_seconds
            if late or now - heard >= patience:
                raise _silent(name, deadline_seconds or patience, paused, remedy)
            try:
                record = arrived.take(_POLL_SECONDS)
            except TimeoutError:
                continue
            heard, patience = time.monotonic(), patience_seconds
            if record is None:
                raise HubError(
                    f"{name} cannot be read: its reader ended with status {process.wait()}. "
                    f"The log has more. {remedy}"
                )
            if "end" in record:
                return
            if "error" in record:
                raise (DataError if record["kind"] == "DataError" else HubError)(record["error"])
            if "paused" in record:
                paused = float(record["paused"])
                if paused >= patience_seconds:
                    raise _silent(name, patience_seconds, paused, remedy)
            elif "ready" not in record:
                paused = 0.0
                yield record
                heard = time.monotonic()  # the time that our side took is not the Hub's silence
    finally:
        arrived.abandon()
        process.kill()
        process.wait()
        listener.join()
        for pipe in (process.stdin, process.stdout):
            pipe.close()


class _Waiting:
    """Records that arrived and were not yet taken: some, of some bytes, or one of any size."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: deque[tuple[Record | None, int]] = deque()
        self._bytes = 0
        self._abandoned = False

    def put(self, record: Record | None, size: int = 0) -> None:
        """Add a record of so many bytes when there is room; nothing once nobody takes any."""
        with self._changed:
            self._changed.wait_for(lambda: self._abandoned or self._has_room(size))
            if not self._abandoned:
                self._held.append((record, size))
                self._bytes += size
                self._changed.notify_all()

    def take(self, seconds: float) -> Record | None:
        """The next record.

        Raises: TimeoutError when none arrives in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._held, seconds):
                raise TimeoutError
            record, size = self._held.popleft()
            self._bytes -= size
            self._changed.notify_all()
            return record

    def abandon(self) -> None:
        """Say that no more will be taken, so that nobody waits for room."""
        with self._changed:
            self._abandoned = True
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        fits = self._bytes + size <= _MOST_WAITING_BYTES
        return not self._held or (fits and len(self._held) < _MOST_WAITING_RECORDS)


def _listen(stream: IO[bytes], arrived: _Waiting) -> None:
    """Let each line's record wait to be taken, and None at the end."""
    for line in stream:
        if not line.endswith(b"\n"):
            break
        if (record := _record_of(line)) is not None:
            arrived.put(record, len(line))
    arrived.put(None)


def _record_of(line: bytes) -> Record | None:
    """The record of a line; None for what a library printed."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) else None


def _silent(name: str, seconds: float, paused: float, remedy: str) -> HubError:
    if paused:
        return HubError(
            f"The Hub asks for a pause of {paused:.0f} seconds (429 Too Many Requests) before it "
            f"says more about {name}. Wait so long and go on. {remedy}"
        )
    return HubError(
        f"The Hub gave no answer about {name} for {seconds:.0f} seconds. "
        f"Check the network and try again. {remedy}"
    )
