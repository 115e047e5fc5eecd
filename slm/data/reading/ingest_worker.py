"""The process that reads foreign files: `python -m slm.data.reading.ingest_worker REQUEST`.

REQUEST is a JSON object: path, text_column, split_rule, most_bytes, start, preview,
and the limits of `ingest_process.Limits`. Frames (`frames.py`) go to standard output:
{"ready"}, {"opened"} with what is known, {"file"} before each file of many,
{"runs"} with documents, at last {"end"}; or {"error"}. The tally goes with each.

A parser may crash, hang or fill the memory; then this process ends, and that is all.
It can write no file, it ends with its parent, and the kernel ends it at its limits.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import IO, Any

from slm import children
from slm.data.reading import frames
from slm.data.reading.content import Tally
from slm.data.reading.folders import open_path, to_facts
from slm.data.reading.previews import look
from slm.data.reading.readers import HowToRead
from slm.errors import DataError

_SPARE_BYTES = 300_000_000  # what the kernel counts beyond the memory in use


class _Voice:
    """Writes frames. Silent for too long, it ends this process, so that no hang outlives it.

    The alarm is off while the parent is slow to take what is written. POSIX alone has it.
    """

    def __init__(self, stream: IO[bytes], silence_seconds: float | None) -> None:
        self._stream = stream
        self._seconds = silence_seconds if hasattr(signal, "setitimer") else None

    def say(self, head: frames.Head, body: bytes = b"") -> None:
        """Write one frame, and count the silence anew."""
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, 0)
        frames.write_frame(self._stream, head, body)
        if self._seconds:
            signal.setitimer(signal.ITIMER_REAL, self._seconds)


def main(request: dict[str, Any], stream: IO[bytes]) -> None:
    """Answer one request."""
    tally = Tally()
    _limit(request)
    voice = _Voice(stream, request.get("silence_seconds"))
    voice.say({"ready": True})
    try:
        (_preview if request.get("preview") else _documents)(request, tally, voice)
        voice.say({"end": True, "tally": tally.to_json()})
    except DataError as error:
        voice.say({"error": str(error), "tally": tally.to_json()})
    except MemoryError:
        voice.say({"memory": True})
    except BrokenPipeError:
        os._exit(1)  # nobody reads any more


def _documents(request: dict[str, Any], tally: Tally, voice: _Voice) -> None:
    """Write the documents as they come."""
    batch = _Batch(voice, tally, request.get("most_bytes"))

    def next_file(place: int, name: str) -> None:
        batch.flush()
        voice.say({"file": name, "place": place, "tally": tally.to_json()})

    start = int(request.get("start", 0))
    opened = open_path(Path(request["path"]), _how(request), tally, start, next_file)
    voice.say({"opened": to_facts(opened)})
    for text, source in opened.documents:
        batch.add(text, source)
    batch.flush()


def _preview(request: dict[str, Any], tally: Tally, voice: _Voice) -> None:
    """Write what the file shows of itself."""
    shown = look(Path(request["path"]), _how(request), tally)
    voice.say({"preview": shown.to_json()})


def _how(request: dict[str, Any]) -> HowToRead:
    return HowToRead(
        request.get("text_column"), request.get("split_rule") or "auto", request.get("most_bytes")
    )


class _Batch:
    """Documents gathered until they fill a frame. Counts decoded bytes against the limit."""

    def __init__(self, voice: _Voice, tally: Tally, most_bytes: int | None) -> None:
        self._voice, self._tally, self._most_bytes = voice, tally, most_bytes
        self._total = self._held = 0
        self._texts: list[bytes] = []
        self._runs: list[tuple[str, int]] = []

    def add(self, text: str, source: str) -> None:
        """Take one document.

        Raises: DataError when all of them together are more than is allowed.
        """
        data, n_replaced = frames.encoded(text)
        self._tally.replaced_characters += n_replaced
        self._held += len(data)
        self._total += len(data)
        if self._most_bytes is not None and self._total > self._most_bytes:
            raise DataError(
                f"{source} brings this upload to more than {self._most_bytes / 1e6:,.0f} MB of "
                "text, more than one of its size may hold. Send a part of it, or read the file "
                "from the command line: python -m slm prepare --source FILE."
            )
        if not self._runs or self._runs[-1][0] != source:
            self._runs.append((source, 0))
        self._runs[-1] = (source, self._runs[-1][1] + 1)
        self._texts.append(data)
        if self._held >= frames.FRAME_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered."""
        if self._texts:
            head = {"runs": self._runs, "tally": self._tally.to_json()}
            self._voice.say(head, frames.pack(self._texts))
            self._texts, self._runs, self._held = [], [], 0


def _limit(request: dict[str, Any]) -> None:
    """Let the kernel hold the limits where it can; the parent watches them too."""
    sys.dont_write_bytecode = True
    children.end_with_parent()
    if sys.platform == "win32":
        return
    import resource

    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_CORE, 0)
    if request.get("cpu_seconds"):
        _lower(resource.RLIMIT_CPU, int(request["cpu_seconds"]) + 1)
    if sys.platform == "linux" and request.get("memory_bytes"):
        _lower(resource.RLIMIT_DATA, int(request["memory_bytes"]) + _SPARE_BYTES)


def _lower(limit: int, value: int) -> None:
    import resource

    _, hard = resource.getrlimit(limit)
    if hard == resource.RLIM_INFINITY or value <= hard:
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no frame
    main(json.loads(sys.argv[1]), output)
    os._exit(0)
