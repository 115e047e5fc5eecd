"""Data sets of the Hugging Face Hub: what they have, and their rows one at a time.

Only `owner/name` is accepted, never a path or an address. The libraries that talk
to the Hub run in a process of their own (`stream.py`), which can be ended at any time.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from slm.data.hub import process as hub_process
from slm.data.hub.columns import find_text_column
from slm.data.hub.process import PATIENCE_SECONDS, READER, Record
from slm.data.reading.content import Tally
from slm.data.reading.text_files import MAX_DOCUMENT
from slm.errors import DataError, HubError

PREFIX = "hub:"
DESCRIBE_SECONDS = 29.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")


@dataclass(frozen=True)
class HubRequest:
    """Which rows of which data set; None is what the Hub has by itself."""

    name: str
    config: str | None = None
    split: str = "train"
    text_column: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class Place:
    """How far a stream was read: `rows` of the split, and where its reader stood then."""

    rows: int = 0
    documents: int = 0
    state: Mapping[str, Any] | None = None


class Row(NamedTuple):
    """A row that holds text; `row` is its place in the split, from 0.

    Of a text of more than MAX_DOCUMENT characters the end is missing: `left_out` of them.
    """

    row: int
    text: str
    left_out: int = 0


@dataclass(frozen=True)
class HubStream:
    """Rows of a data set at one commit. `place` tells how far they were read."""

    revision: str
    column: str
    rows: Generator[Row | Place]


@dataclass(frozen=True)
class HubSplit:
    """A split, with its size where the data set's page tells it."""

    name: str
    rows: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class HubDescription:
    """What a data set has, as the Hub tells it: foreign text throughout.

    Columns map names to kinds: text and conversation can be read. `column` is the one
    that would be read; where it is empty, `problem` says why.
    """

    name: str
    revision: str
    gated: bool
    licence: str
    language: str
    title: str
    configs: Mapping[str, tuple[HubSplit, ...]] = field(default_factory=dict)
    more_configs: int = 0
    config: str = ""
    splits: tuple[str, ...] = ()
    split: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    column: str = ""
    first_rows: tuple[Mapping[str, str], ...] = ()
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)

    def size_of(self, config: str, split: str) -> HubSplit:
        """How large a split is; unknown sizes are None."""
        found = (each for each in self.configs.get(config, ()) if each.name == split)
        return next(found, HubSplit(split))


def check_hub_name(name: str) -> str:
    """The name, when it has the form owner/name.

    >>> check_hub_name("roneneldan/TinyStories")
    'roneneldan/TinyStories'

    Raises:
        HubError: anything else: paths, addresses, names with `..`.
    """
    if not _NAME.fullmatch(name) or ".." in name or "--" in name or name.endswith((".", ".git")):
        raise HubError(
            f"{name!r} is no name of a Hub data set. Use owner/name, as in roneneldan/TinyStories."
        )
    return name


def open_stream(
    request: HubRequest,
    start: Place = Place(),
    *,
    should_stop: Callable[[], bool] = lambda: False,
    patience_seconds: float = PATIENCE_SECONDS,
    reader: Sequence[str] = READER,
) -> HubStream | None:
    """The rows of a split from a place on, and places that one can go on from; rows without
    text are left out. None when it was asked to stop before the Hub answered.

    Raises:
        HubError: no such data set, config or split; no answer within patience_seconds,
            now or between two rows.
        DataError: no text column.
    """
    check_hub_name(request.name)
    asked = {**asdict(request), **asdict(start), "kind": "read"}
    records = hub_process.records(
        asked, patience_seconds=patience_seconds, should_stop=should_stop, reader=reader
    )
    first = next(records, None)
    if first is None:
        return None
    return HubStream(str(first["revision"]), str(first["column"]), _rows(records, start.documents))


def _rows(records: Generator[Record], documents: int) -> Generator[Row | Place]:
    with closing(records):
        for record in records:
            if "text" in record:
                documents += 1
                left_out = int(record.get("left_out", 0))
                yield Row(int(record["row"]), str(record["text"]), left_out)
            else:
                yield Place(int(record["rows"]), documents, record["state"])


def texts_of(stream: HubStream, tally: Tally) -> Generator[str]:
    """The texts of a stream's rows; those that were cut are counted."""
    with closing(stream.rows) as rows:
        for item in rows:
            if isinstance(item, Row):
                count_cut(tally, item.left_out > 0)
                yield item.text


def count_cut(tally: Tally, rows: int) -> None:
    """Count rows that were cut, and say so once."""
    if rows and not tally.documents_cut:
        tally.note(f"a row of more than {MAX_DOCUMENT:,} characters, of which the end is left out")
    tally.documents_cut += rows


def describe(
    name: str,
    *,
    config: str | None = None,
    split: str | None = None,
    text_column: str | None = None,
    deadline_seconds: float = DESCRIBE_SECONDS,
    reader: Sequence[str] = READER,
) -> HubDescription:
    """What a data set has: configurations, splits, columns, first rows, licence, size.

    Raises:
        HubError: no such data set, config or split; no answer within deadline_seconds.
    """
    check_hub_name(name)
    asked = {"kind": "describe", "name": name, "config": config, "split": split}
    told: Record = {"about": {}, "configs": [], "more_configs": 0, "part": {}, "first": []}
    for record in hub_process.records(
        asked,
        patience_seconds=deadline_seconds,
        deadline_seconds=deadline_seconds,
        reader=reader,
    ):
        told |= record
    column, problem = _column_or_why(told["part"].get("columns", {}), text_column)
    if told["about"]["gated"]:
        problem = f"{name} asks its readers to accept terms first. Choose an open data set."
    return HubDescription(
        name=name,
        **told["about"],
        configs={
            part["name"]: tuple(HubSplit(**each) for each in part["splits"])
            for part in told["configs"]
        },
        more_configs=told["more_configs"],
        config=told["part"].get("config", ""),
        splits=tuple(told["part"].get("splits", ())),
        split=told["part"].get("split", ""),
        columns=told["part"].get("columns", {}),
        column=column,
        first_rows=tuple(told["first"]),
        problem=problem,
    )


def _column_or_why(columns: Mapping[str, str], wanted: str | None) -> tuple[str, str]:
    try:
        return find_text_column(columns, wanted), ""
    except DataError as problem:
        return "", str(problem)
