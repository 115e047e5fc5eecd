"""Foreign files read in a process of their own, which is ended when it costs too much.

A parser of PDF, HTML or Parquet may crash, hang, or ask for all the memory there is.
So none runs in the server or in a job: a child process parses (`ingest_worker`), and
here its documents arrive. A file that breaks it costs a sentence; in a folder or an
archive the next file is then read by a new child. Knows processes, no formats.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Literal

import psutil
from pydantic import Field

from slm.config import Config
from slm.data import frames
from slm.data.content import Tally, plain_name
from slm.data.frames import Head
from slm.data.previews import Preview
from slm.data.readers import HowToRead, SourcedText
from slm.data.text_files import SplitRule
from slm.errors import DataError

_WORKER = ("-P", "-m", "slm.data.ingest_worker")
_PASSED_ON = (  # of the environment; no token, no key
    *("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONHOME"),
    *("SYSTEMROOT", "USERPROFILE", "APPDATA", "TEMP", "TMP"),
)
_QUEUED_FRAMES = 4
_POLL_SECONDS = 0.1
_START_SECONDS = 90.0  # for the child to load its libraries on a busy machine
_RESTARTS = 20
_MAX_GROWTH = 200  # times the size of the file; text packs to a tenth of its size
_SMALL_BYTES = 50_000_000


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


LOCAL = Limits()
"""For files that the owner of this machine names."""
UPLOAD = Limits(cpu_seconds=60, wall_seconds=120, text_bytes=500_000_000)
"""For files that a browser sent."""
PREVIEW = Limits(cpu_seconds=10, wall_seconds=30, text_bytes=500_000_000, silence_seconds=30)
"""For a first look."""


class PreviewConfig(Config):
    """Which file to look into, and how it is to be read."""

    source: str = Field(min_length=1, description="Path of a file or a folder.")
    text_column: str | None = Field(
        None, description="Column of a table that holds the text; found without it."
    )
    split_rule: SplitRule = Field(
        "auto", description="How documents are told apart; auto lets the text decide."
    )


Reason = Literal["memory", "cpu", "wall", "silence", "crash"]


@dataclass
class Reading:
    """Documents that a child process reads, to be taken once.

    `findings` tells what became of the rest: rows left out, places not decoded; it is
    complete when all documents were taken. Closing or dropping `documents` ends the child.
    """

    documents: Iterator[SourcedText]
    how_split: str
    facts: tuple[tuple[str, str | int], ...]
    expected_bytes: int | None
    expected_documents: int | None
    findings: Callable[[], tuple[tuple[str, str | int], ...]]


def _never() -> bool:
    return False


def open_documents(
    path: Path,
    how: HowToRead | None = None,
    limits: Limits = LOCAL,
    should_stop: Callable[[], bool] = _never,
) -> Reading:
    """The documents of a file, a folder or an archive.

    Asked to stop, it gives no more documents.

    Raises:
        DataError: the file cannot be read, or costs more than its limits; also while the
            documents are taken.
    """
    session = _Session(path, how or HowToRead(), limits, should_stop)
    known = session.open()
    return Reading(
        session.documents(),
        str(known.get("how_split", "")),
        tuple(known.get("facts", {}).items()),
        known.get("expected_bytes"),
        known.get("expected_documents"),
        session.findings,
    )


def preview(path: Path, how: HowToRead | None = None, limits: Limits = PREVIEW) -> Preview:
    """What a file, a folder or an archive shows of itself, within seconds.

    Raises: DataError when it cannot be read, or costs more than its limits.
    """
    if not path.exists():
        raise DataError(f"There is no file {str(path)!r}. Check its path.")
    request = _request(path, how or HowToRead(), limits)
    spent = _Spent()
    try:
        for head, _ in _frames({**request, "preview": True}, limits, spent, _never):
            if "preview" in head:
                return Preview.from_json(head["preview"])
    except _ReaderEndedError as ended:
        raise DataError(_in_words(ended, plain_name(path.name), limits)) from None
    raise AssertionError("a preview, an error or an end")


class _ReaderEndedError(Exception):
    """The child ended without having said all; never seen outside this file."""

    def __init__(self, reason: Reason, words: str = "") -> None:
        super().__init__(reason)
        self.reason, self.words = reason, words


@dataclass
class _Spent:
    """What all the children of one reading have cost so far."""

    waited_seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class _Session:
    """One reading, by as many children as it takes."""

    path: Path
    how: HowToRead
    limits: Limits
    should_stop: Callable[[], bool]
    _tally: Tally = field(default_factory=Tally)
    _ended: Tally = field(default_factory=Tally)
    _spent: _Spent = field(default_factory=_Spent)
    _text_bytes: int = 0
    _restarts: int = 0
    _file: tuple[int, str] | None = None
    _frames: Iterator[tuple[Head, bytes]] = field(default_factory=lambda: iter(()))

    def open(self) -> Head:
        """Start the first child; what it knows before reading. Nothing when asked to stop."""
        self._start(0)
        try:
            for head, _ in self._frames:
                if "opened" in head:
                    known: Head = head["opened"]
                    return known
        except _ReaderEndedError as ended:
            raise DataError(self._words(ended)) from None
        return {}

    def documents(self) -> Iterator[SourcedText]:
        """The documents; after a file that ends its reader, those of the next file."""
        while True:
            try:
                yield from self._from_child()
                return
            except _ReaderEndedError as ended:
                if self._file is None or not self._may_restart(ended):
                    raise DataError(self._words(ended)) from None
                self._ended.add(self._tally)
                self._ended.files_skipped += 1
                self._ended.note(self._words(ended))
                self._tally = Tally()
                self._start(self._file[0] + 1)

    def findings(self) -> tuple[tuple[str, str | int], ...]:
        """What is worth telling of the files beside their documents."""
        together = Tally()
        together.add(self._ended)
        together.add(self._tally)
        return together.facts()

    def _start(self, place: int) -> None:
        request = _request(self.path, self.how, self.limits)
        if request["most_bytes"] is not None:
            request["most_bytes"] = max(1, request["most_bytes"] - self._text_bytes)
        if self.limits.cpu_seconds is not None:
            request["cpu_seconds"] = max(1.0, self.limits.cpu_seconds - self._spent.cpu_seconds)
        self._file = None
        self._frames = _frames(
            {**request, "start": place}, self.limits, self._spent, self.should_stop
        )

    def _from_child(self) -> Iterator[SourcedText]:
        for head, body in self._frames:
            if "tally" in head:
                self._tally = Tally.from_json(head["tally"])
            if "file" in head:
                self._file = (int(head["place"]), str(head["file"]))
            if "runs" not in head:
                continue
            self._text_bytes += len(body)
            texts = iter(frames.unpack(body))
            for source, n_texts in head["runs"]:
                for _ in range(n_texts):
                    yield next(texts), source

    def _may_restart(self, ended: _ReaderEndedError) -> bool:
        self._restarts += 1
        return ended.reason not in {"cpu", "wall"} and self._restarts <= _RESTARTS

    def _words(self, ended: _ReaderEndedError) -> str:
        name = plain_name(self.path.name)
        inside = f"{self._file[1]} in {name}" if self._file else name
        return _in_words(ended, inside, self.limits)


def _request(path: Path, how: HowToRead, limits: Limits) -> Head:
    return {
        "path": str(path.absolute()),
        "text_column": how.text_column,
        "split_rule": how.split_rule,
        "most_bytes": limits.most_bytes(path),
        **asdict(limits),
    }


def _in_words(ended: _ReaderEndedError, name: str, limits: Limits) -> str:
    """What it cost to try, and the remedy."""
    if ended.reason == "memory":
        return (
            f"{name} needs more than {limits.memory_bytes / 1e9:g} GB of memory to be read. "
            "Split it into smaller files, or save its text as .txt."
        )
    if ended.reason == "cpu":
        return (
            f"{name} could not be read within {limits.cpu_seconds:g} s of computing. "
            "Split it into smaller files, or save its text as .txt."
        )
    if ended.reason in {"wall", "silence"}:
        seconds = limits.wall_seconds if ended.reason == "wall" else limits.silence_seconds
        return (
            f"{name} could not be read within {seconds:g} s. "
            "Split it into smaller files, or save its text as .txt."
        )
    return (
        f"{name} broke its reader ({ended.words}), so it is probably damaged. Open it in "
        "the program that made it and save it again, or save its text as .txt."
    )


def _frames(
    request: Head, limits: Limits, spent: _Spent, should_stop: Callable[[], bool]
) -> Iterator[tuple[Head, bytes]]:
    """The frames of one child, until its end or until should_stop says so.

    Raises: DataError as the child told; _ReaderEndedError when it ended before its last word.
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
                    raise _ReaderEndedError("wall") from None
                if silent > (limits.silence_seconds if ready else _START_SECONDS):
                    raise _ReaderEndedError("silence") from None
                continue
            silent = 0.0
            if frame is None:
                raise _ended(process, guard, words)
            head, _ = frame
            ready = True
            if "memory" in head:
                raise _ReaderEndedError("memory")
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
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    few_threads = dict.fromkeys(("OMP_NUM_THREADS", "ARROW_NUM_THREADS"), "1")
    return subprocess.Popen(
        [sys.executable, *_WORKER, json.dumps(request)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,  # it may write no file, and a log is one
        env={
            **passed_on,
            **few_threads,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONUTF8": "1",
            "ARROW_DEFAULT_MEMORY_POOL": "system",
        },
    )


class _Guard(threading.Thread):
    """Looks at what the child uses, and ends it when that is too much."""

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        limits: Limits,
        spent: _Spent,
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
) -> _ReaderEndedError:
    """Why a child ended before its last word."""
    status = process.wait()
    guard.join()
    words.join()
    if guard.reason is not None:
        return _ReaderEndedError(guard.reason)
    by_signal: dict[int, Reason] = {}
    if sys.platform != "win32":
        by_signal = {
            -signal.SIGXCPU: "cpu",
            -signal.SIGALRM: "silence",
            -signal.SIGKILL: "memory",  # the kernel's own guard
        }
    return _ReaderEndedError(
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
