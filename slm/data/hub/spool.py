"""What arrived from the Hub, kept on disk, so that a broken download goes on where it broke.

    downloads/<key>/manifest.json        which rows of what, how many are here, where to go on
    downloads/<key>/part-00000.parquet   text, in the order of the data set's rows

A part is written whole before the manifest counts it. Rows are read from here first;
the Hub is asked only for what is missing, at the same commit. Knows rows, not documents
that some data sets spread over several rows.
"""

import hashlib
import io
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from slm import files, locks
from slm.data.hub import data_sets as hub
from slm.data.hub import process as hub_process
from slm.data.hub.data_sets import HubRequest, HubStream, Place, Row
from slm.data.reading.content import Tally
from slm.errors import DataError, HubError, WorkspaceError
from slm.utf8 import well_formed

FOLDER = "downloads"
SCHEMA = 1
_LOCK = "download.lock"
_KEY = re.compile(r"[0-9a-f]{24}")
_PART_BYTES = 4 * 2**20
_PART_SECONDS = 10.0  # a killed download loses at most so much
_TABLE = pa.schema({"text": pa.large_string()})


@dataclass(frozen=True)
class Download:
    """What is kept of one split at one commit. `asked` is the request as it was made.

    `column` is the one that was read; `rows` of the split were seen, `texts` of them held text.
    `cut` are the places, among the texts, of those that were too long to be kept whole.
    """

    folder: Path
    asked: HubRequest
    revision: str
    column: str
    rows: int = 0
    texts: int = 0
    bytes: int = 0
    complete: bool = False
    parts: int = 0
    state: dict[str, Any] | None = None
    updated: str = ""
    cut: Sequence[int] = ()

    @property
    def key(self) -> str:
        """Names its folder."""
        return self.folder.name

    @property
    def disk_bytes(self) -> int:
        """Bytes that its files take."""
        return sum(path.stat().st_size for path in self.folder.glob("*") if path.is_file())

    @property
    def busy(self) -> bool:
        """Whether some process fetches rows into it now."""
        return locks.is_held(self.folder / _LOCK)

    def answers(self, request: HubRequest) -> bool:
        """Whether these are the rows that a request asks for."""
        mine = self.asked
        return (
            (request.name, request.config, request.split) == (mine.name, mine.config, mine.split)
            and request.text_column in {mine.text_column, self.column}
            and request.revision in {None, self.revision}
        )

    def to_json(self) -> dict[str, Any]:
        """What stands in `manifest.json`."""
        values = {**vars(self), "asked": asdict(self.asked), "schema": SCHEMA}
        del values["folder"]
        return values


def downloads_in(folder: Path) -> list[Download]:
    """All downloads that are kept, the newest first; damaged ones are left out."""
    if not folder.is_dir():
        return []
    found = [_read(path) for path in folder.iterdir() if _KEY.fullmatch(path.name)]
    return sorted(filter(None, found), key=lambda each: each.updated, reverse=True)


def find_download(folder: Path, request: HubRequest) -> Download | None:
    """The newest download that answers a request."""
    return next((each for each in downloads_in(folder) if each.answers(request)), None)


def delete_download(folder: Path, key: str) -> None:
    """Remove a download; corpora that were made from it stay.

    Raises: DataError while rows are fetched into it, or when there is none.
    """
    if not _KEY.fullmatch(key) or not (folder / key).is_dir():
        raise DataError(f"There is no download {key!r}. Look at the list again.")
    if locks.is_held(folder / key / _LOCK):
        raise DataError("This download is running. Stop the job that fetches it first.")
    files.remove_folder(folder / key)


@dataclass
class KeptStream:
    """A split's texts: those that are kept, then those that the Hub still has.

    Read `texts` once. `download` tells at any time what is kept.
    """

    download: Download
    fresh: HubStream | None = None
    offline: bool = False
    should_stop: Callable[[], bool] = lambda: False
    patience_seconds: float = hub_process.PATIENCE_SECONDS
    reader: Sequence[str] = hub_process.READER
    _held: list[str] = field(default_factory=list)
    _held_bytes: int = 0
    _given: int = 0
    _written: float = field(default_factory=time.monotonic)

    def texts(self) -> Iterator[str]:
        """Every text in the order of the rows.

        Raises:
            HubError: the Hub is silent or breaks off; what arrived is kept.
            DataError: a part is damaged.
            WorkspaceError: the disk is full.
        """
        known = self.download.parts
        yield from self._kept(0)
        if self.offline or self.download.complete:
            return
        lock = locks.FileLock(self.download.folder / _LOCK)
        self.download.folder.mkdir(parents=True, exist_ok=True)
        if not lock.acquire():
            raise HubError(
                f"Another job fetches {self.download.asked.name} at this moment. Wait until it "
                "has ended, or use only what is here."
            )
        try:
            self.download = _read(self.download.folder) or self.download
            yield from self._kept(known)  # another job may have left more since
            if not self.download.complete:
                yield from self._fetched()
        finally:
            try:
                if self._held or self.download.complete:
                    self._write()
            finally:
                lock.release()

    def findings(self) -> tuple[tuple[str, str | int], ...]:
        """What is worth telling of the texts that were given so far: how many were cut."""
        tally = Tally()
        hub.count_cut(tally, sum(place < self._given for place in self.download.cut))
        return tally.facts()

    def _kept(self, first_part: int) -> Iterator[str]:
        for number in range(first_part, self.download.parts):
            for text in _texts_of(self.download.folder / _part(number)):
                self._given += 1
                yield text

    def _fetched(self) -> Iterator[str]:
        place = Place(self.download.rows, self.download.texts, self.download.state)
        try:
            stream = self._stream(place)
            if stream is None:
                return
            with closing(stream.rows) as rows:
                for item in rows:
                    if isinstance(item, Place):
                        rows_seen = max(self.download.rows, item.rows)
                        state = dict(item.state) if item.state else None
                        self.download = replace(self.download, rows=rows_seen, state=state)
                    else:
                        text = well_formed(item.text)
                        self._hold(item._replace(text=text))
                        self._given += 1
                        yield text
                    self._write_if_due()
        except HubError as error:
            raise HubError(f"{error}{_kept_in_words(self.download)}") from None
        if not self.should_stop():
            self.download = replace(self.download, complete=True)

    def _stream(self, place: Place) -> HubStream | None:
        """The rows from a place on. The stream that was opened first begins at row 0, so it
        serves only where nothing was kept, be it under a request in other words."""
        fresh, self.fresh = self.fresh, None
        return fresh if fresh is not None and not place.rows else self._open(place)

    def _open(self, place: Place) -> HubStream | None:
        asked = replace(
            self.download.asked,
            text_column=self.download.column,
            revision=self.download.revision,
        )
        return hub.open_stream(
            asked,
            place,
            should_stop=self.should_stop,
            patience_seconds=self.patience_seconds,
            reader=self.reader,
        )

    def _hold(self, row: Row) -> None:
        self._held.append(row.text)
        cut = (self.download.texts,) if row.left_out else ()
        size = len(row.text.encode())
        self._held_bytes += size
        self.download = replace(
            self.download,
            rows=row.row + 1,
            texts=self.download.texts + 1,
            bytes=self.download.bytes + size,
            cut=(*self.download.cut, *cut),
        )

    def _write_if_due(self) -> None:
        waited = time.monotonic() - self._written
        if self._held_bytes >= _PART_BYTES or (self._held and waited >= _PART_SECONDS):
            self._write()

    def _write(self) -> None:
        """Put the held rows into a part of their own, then count it."""
        self.download.folder.mkdir(parents=True, exist_ok=True)
        if self._held:
            buffer = io.BytesIO()
            table = pa.table({"text": pa.array(self._held, pa.large_string())}, schema=_TABLE)
            pq.write_table(table, buffer, compression="zstd")
            path = self.download.folder / _part(self.download.parts)
            files.write_bytes(path, buffer.getvalue())
            self.download = replace(self.download, parts=self.download.parts + 1)
            self._held, self._held_bytes = [], 0
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.download = replace(self.download, updated=now)
        files.write_json(self.download.folder / files.MANIFEST, self.download.to_json())
        self._written = time.monotonic()


def open_kept(
    folder: Path,
    request: HubRequest,
    *,
    offline: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    patience_seconds: float = hub_process.PATIENCE_SECONDS,
    reader: Sequence[str] = hub_process.READER,
) -> KeptStream | None:
    """The texts that a request asks for, kept below `folder` as they arrive.

    What is kept already is read without any network, and only that with `offline`. None when
    it was asked to stop before the Hub answered.

    Raises:
        HubError: nothing is kept and the Hub is not to be asked, or does not answer.
        DataError: no text column.
    """
    hub.check_hub_name(request.name)
    known = find_download(folder, request)
    fresh = None
    if known is None:
        if offline:
            raise HubError(
                f"Nothing of {request.name} ({request.split}) has been downloaded yet. Fetch it "
                f"first, with the network. {hub_process.REMEDY}"
            )
        fresh = hub.open_stream(
            request, should_stop=should_stop, patience_seconds=patience_seconds, reader=reader
        )
        if fresh is None:
            return None
        place = folder / _key(request, fresh.revision, fresh.column)
        known = Download(place, request, fresh.revision, fresh.column)
    return KeptStream(known, fresh, offline, should_stop, patience_seconds, reader)


def _key(request: HubRequest, revision: str, column: str) -> str:
    told = [request.name, revision, request.config, request.split, column]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:24]


def _part(number: int) -> str:
    return f"part-{number:05d}.parquet"


def _texts_of(path: Path) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as part:
            for batch in part.iter_batches(columns=["text"]):
                yield from (str(text) for text in batch.column(0).to_pylist())
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"The download is damaged in {path.name} ({error}). Delete it and fetch it again."
        ) from error


def _read(folder: Path) -> Download | None:
    """The download in a folder; None when there is none, or one of another version."""
    try:
        values = files.read_json(folder / files.MANIFEST)
        if values.pop("schema") != SCHEMA:
            return None
        return Download(folder, HubRequest(**values.pop("asked")), **values)
    except (WorkspaceError, KeyError, TypeError):
        return None


def _kept_in_words(download: Download) -> str:
    if not download.texts:
        return ""
    return f" What arrived is kept ({download.texts:,} rows): go on from there, or save it."
