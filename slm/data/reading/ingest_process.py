"""One child process that reads a file: started, listened to, watched, ended.

Knows processes and limits; not what the frames that arrive mean.
"""

import json
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import psutil

from slm import children
from slm.data.reading import frames
from slm.data.reading.frames import Head
from slm.errors import DataError

_WORKER = ("-P", "-m", "slm.data.reading.ingest_worker")
_GIVEN = {
    "OMP_NUM_THREADS": "1",
    "ARROW_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "PYTHONUTF8": "1",
}
_QUEUED_FRAMES = 4
_POLL_SECONDS = 0.1
_START_SECONDS = 90.0  # for the child to load its libraries on a busy machine
_MAX_GROWTH = 200  # times the size of the file; text packs to a tenth of its size
_SMALL_BYTES = 50_000_000
_PARTING_SECONDS = 10.0  # between a child's last frame and its end

Reason = Literal["memory", "cpu", "wall", "silence", "crash"]


@dataclass(frozen=True)
class Limits:
    """What reading may cost. Time is that of the child, or waited for it; None is no limit."""

    memory_bytes: int = 1_000_000_000
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    text_bytes: int | None = None
    silence_seconds: float = 120.0

    def most_bytes(self, path: Path) -> int | None:
        """How much text may come out of this file: of a small one not the whole of text_bytes."""
        if self.text_bytes is None or not path.is_file():
            return self.text_bytes
        return min(self.text_bytes, max(_SMALL_BYTES, _MAX_GROWTH * path.stat().st_size))


class ReaderEndedError(Exception):
    """The child ended without having said all."""

    def __init__(self, reason: Reason, words: str = "") -> None:
        super().__init__(reason)
        self.reason, self.words = reason, words


@dataclass
class Spent:
    """What all the children of one reading have cost so far."""

    waited_seconds: float = 0.0
    cpu_seconds: float = 0.0


def frames_from(
    request: Head, limits: Limits, spent: Spent, should_stop: Callable[[], bool]
) -> Iterator[tuple[Head, bytes]]:
    """The frames of one child, until its end or until should_stop says so.

    Raises: DataError as the child told; ReaderEndedError when it ended before its last word.
    """
    arrived: queue.Queue[tuple[Head, bytes] | None] = queue.Queue(_QUEUED_FRAMES)
    abandoned = threading.Event()
    process = _child(request)
    assert process.stdin and process.stdout and process.stderr
    guard = _Guard(process, limits, spent, abandoned)
    listener = threading.Thread(
        target=_listen, args=(process.stdout, arrived, abandoned), name="ingest", daemon=True
    )
    words = _LastWords(process.stderr)
    threads = (guard, listener, words)
    for thread in threads:
        thread.start()
    silent, ready = 0.0, False
    try:
        while not should_stop():
            begun = time.monotonic()
            try:
                frame = arrived.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                waited = time.monotonic() - begun
                silent += waited
                spent.waited_seconds += waited if ready else 0.0
                if limits.wall_seconds and spent.waited_seconds > limits.wall_seconds:
                    raise ReaderEndedError("wall") from None
                if silent > (limits.silence_seconds if ready else _START_SECONDS):
                    raise ReaderEndedError("silence") from None
                continue
            silent = 0.0
            if frame is None:
                raise _ended(process, guard, words)
            head, _ = frame
            ready = True
            if "memory" in head:
                raise ReaderEndedError("memory")
            if "error" in head:
                raise DataError(str(head["error"]))
            if "end" in head:
                yield frame
                return
            if "ready" not in head:
                yield frame
    finally:
        abandoned.set()
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def _child(request: Head) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, *_WORKER, json.dumps(request)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # it may write no file, and a log is one
        env=children.environment(_GIVEN),
    )


class _Guard(threading.Thread):
    """Looks at what the child uses, and ends it when that is too much."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        limits: Limits,
        spent: Spent,
        abandoned: threading.Event,
    ) -> None:
        super().__init__(name="ingest guard", daemon=True)
        self.reason: Reason | None = None
        self._process, self._limits, self._abandoned = process, limits, abandoned
        self._spent, self._before = spent, spent.cpu_seconds

    def run(self) -> None:
        """Look a few times a second until the child has ended."""
        try:
            child = psutil.Process(self._process.pid)
            while not self._abandoned.wait(_POLL_SECONDS):
                times = child.cpu_times()
                self._spent.cpu_seconds = self._before + times.user + times.system
                if child.memory_info().rss > self._limits.memory_bytes:
                    self.reason = "memory"
                elif self._spent.cpu_seconds > (self._limits.cpu_seconds or float("inf")):
                    self.reason = "cpu"
                if self.reason is not None or self._process.poll() is not None:
                    self._process.kill()
                    return
        except psutil.Error:
            return  # it has ended


class _LastWords(threading.Thread):
    """Takes what the child writes to standard error, and keeps the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(name="ingest words", daemon=True)
        self._stream, self._kept = stream, b""

    def run(self) -> None:
        """Take all there is."""
        while block := self._stream.read1(4_096):  # type: ignore[attr-defined]
            self._kept = (self._kept + block)[-4_096:]

    def last(self) -> str:
        """The last line, which for a crash names the error; foreign text."""
        lines = self._kept.decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")


def _ended(
    process: "subprocess.Popen[bytes]", guard: _Guard, words: _LastWords
) -> ReaderEndedError:
    """Why a child ended before its last word."""
    try:
        status = process.wait(timeout=_PARTING_SECONDS)
    except subprocess.TimeoutExpired:  # it said what is no frame, and goes on
        process.kill()
        process.wait()
        return ReaderEndedError("crash", "what it wrote cannot be understood")
    guard.join()
    words.join()
    if guard.reason is not None:
        return ReaderEndedError(guard.reason)
    by_signal: dict[int, Reason] = {}
    if sys.platform != "win32":
        by_signal = {
            -signal.SIGXCPU: "cpu",
            -signal.SIGALRM: "silence",
            -signal.SIGKILL: "memory",  # the kernel's own guard
        }
    return ReaderEndedError(
        by_signal.get(status, "crash"), (status > 0 and words.last()) or f"status {status}"
    )


def _listen(
    stream: IO[bytes],
    arrived: "queue.Queue[tuple[Head, bytes] | None]",
    abandoned: threading.Event,
) -> None:
    """Put each frame into the queue, and None at the end."""
    while not abandoned.is_set():
        frame = frames.read_frame(stream)
        while not abandoned.is_set():
            try:
                arrived.put(frame, timeout=_POLL_SECONDS)
                break
            except queue.Full:
                continue
        if frame is None:
            return
