"""Foreign files read in a process of their own, which is ended when it costs too much.

A parser of PDF, HTML or Parquet may crash, hang, or ask for all the memory there is.
So none runs in the server or in a job: a child process parses (`ingest_worker`), and
here its documents arrive. A file that breaks it costs a sentence; in a folder or an
archive the next file is then read by a new child (`ingest_process`). Knows no formats.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pydantic import Field

from slm.config import Config
from slm.data.reading import frames
from slm.data.reading.content import Tally, plain_name
from slm.data.reading.folders import SourcedText
from slm.data.reading.frames import Head
from slm.data.reading.ingest_process import Limits, ReaderEndedError, Spent, frames_from
from slm.data.reading.previews import Preview
from slm.data.reading.readers import HowToRead
from slm.data.reading.text_files import SplitRule
from slm.errors import DataError

_RESTARTS = 20


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
    spent = Spent()
    try:
        for head, _ in frames_from({**request, "preview": True}, limits, spent, _never):
            if "preview" in head:
                return Preview.from_json(head["preview"])
    except ReaderEndedError as ended:
        raise DataError(_in_words(ended, plain_name(path.name), limits)) from None
    raise AssertionError("a preview, an error or an end")


@dataclass
class _Session:
    """One reading, by as many children as it takes."""

    path: Path
    how: HowToRead
    limits: Limits
    should_stop: Callable[[], bool]
    _tally: Tally = field(default_factory=Tally)
    _ended: Tally = field(default_factory=Tally)
    _spent: Spent = field(default_factory=Spent)
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
        except ReaderEndedError as ended:
            raise DataError(self._words(ended)) from None
        return {}

    def documents(self) -> Iterator[SourcedText]:
        """The documents; after a file that ends its reader, those of the next file."""
        while True:
            try:
                yield from self._from_child()
                return
            except ReaderEndedError as ended:
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
        self._frames = frames_from(
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

    def _may_restart(self, ended: ReaderEndedError) -> bool:
        self._restarts += 1
        return ended.reason not in {"cpu", "wall"} and self._restarts <= _RESTARTS

    def _words(self, ended: ReaderEndedError) -> str:
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


def _in_words(ended: ReaderEndedError, name: str, limits: Limits) -> str:
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
