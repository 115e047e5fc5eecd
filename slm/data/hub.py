"""Data sets of the Hugging Face Hub as streams of text, one row at a time.

Only `owner/name` is accepted, never a path or an address, and no code of a data
set is run. Everything that waits for the network does so in a thread of its own,
so that a Hub that does not answer costs a message and not the job.
"""

import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from slm.errors import DataError, HubError

PREFIX = "hub:"
PATIENCE_SECONDS = 25.0
TEXT_COLUMNS = ("text", "story", "content", "document", "passage", "article")
REMEDY = "The embedded corpora (tales, python-docs, python-code) need no network."
_NAME = re.compile(
    r"(?P<owner>[A-Za-z0-9][A-Za-z0-9_.-]{0,95})/(?P<name>[A-Za-z0-9][\w.-]{0,95})", re.A
)
_NETWORK_PACKAGES = frozenset({"httpx", "httpx2", "httpcore", "aiohttp", "huggingface_hub"})
_QUEUE_ROWS = 256
_STOP_POLL_SECONDS = 0.2

Row = Mapping[str, Any]


@dataclass(frozen=True)
class HubRows:
    """A data set opened for streaming: its commit, and which columns hold text."""

    name: str
    revision: str
    columns: Mapping[str, bool]
    rows: Iterable[Row]


Opener = Callable[[str, str | None, str], HubRows]


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


def find_text_column(columns: Mapping[str, bool], wanted: str | None = None) -> str:
    """The column that holds the text; columns maps each name to whether it holds strings.

    Without a wish: a column with a usual name, else the only one with strings.

    >>> find_text_column({"id": False, "summary": True})
    'summary'

    Raises:
        DataError: none fits; names the columns.
    """
    listed = ", ".join(map(repr, columns)) or "none"
    if wanted:
        if columns.get(wanted):
            return wanted
        what = "holds no text" if wanted in columns else "does not exist"
        raise DataError(f"Column {wanted!r} {what}. The data set's columns are: {listed}.")
    with_text = [name for name, is_text in columns.items() if is_text]
    for name in TEXT_COLUMNS:
        if name in with_text:
            return name
    if len(with_text) == 1:
        return with_text[0]
    raise DataError(
        f"Which column holds the text? The data set's columns are: {listed}. Name one of them."
    )


def hub_texts(
    name: str,
    *,
    config: str | None = None,
    split: str = "train",
    text_column: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    patience_seconds: float = PATIENCE_SECONDS,
    open_rows: Opener | None = None,
) -> tuple[str, Iterator[str]]:
    """The data set's commit, and its texts row by row; rows without text are left out.

    Raises:
        HubError: no such data set, config or split; no answer within patience_seconds,
            now or between two rows.
        DataError: no text column.
    """
    check_hub_name(name)
    opener = open_rows or open_dataset
    opened: list[HubRows] = []

    def rows() -> Iterator[Row]:
        opened.append(opener(name, config, split))
        yield {}
        yield from opened[0].rows

    arriving = _in_background(rows(), name, patience_seconds, should_stop)
    if next(arriving, None) is None:
        return "", iter(())
    column = find_text_column(opened[0].columns, text_column)
    return opened[0].revision, (
        row[column] for row in arriving if isinstance(row[column], str) and row[column].strip()
    )


def open_dataset(name: str, config: str | None, split: str) -> HubRows:
    """Ask the Hub for a data set and begin to stream it; raises what the libraries raise."""
    import datasets
    from huggingface_hub import HfApi

    revision = HfApi().dataset_info(name, timeout=10).sha or "main"
    # hf:// keeps a folder of the same name beside the program from being read instead.
    stream = datasets.load_dataset(
        f"hf://datasets/{name}", config, split=split, revision=revision, streaming=True
    )
    return HubRows(name, revision, *_columns_and_rows(stream))


def _columns_and_rows(stream: Any) -> tuple[dict[str, bool], Iterable[Row]]:
    """Which columns hold strings, told by the declared features or by the first row."""
    if stream.features:
        kinds = {name: getattr(kind, "dtype", "") for name, kind in stream.features.items()}
        return {name: kind in ("string", "large_string") for name, kind in kinds.items()}, stream
    first = next(iter(stream), None)
    if first is None:
        return {}, ()
    return {name: isinstance(value, str) for name, value in first.items()}, stream


def _brief(error: BaseException) -> str:
    """The first line of what went wrong, ended as a sentence."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return (line[:300] or type(error).__name__).rstrip(".:") + "."


def _in_background(
    rows: Iterator[Row], name: str, patience_seconds: float, should_stop: Callable[[], bool]
) -> Iterator[Row]:
    """The same rows, fetched ahead by a thread; ends when should_stop says so.

    Raises:
        HubError: nothing came for patience_seconds, or the network failed midway.
    """
    arrived: queue.Queue[Row | BaseException | None] = queue.Queue(maxsize=_QUEUE_ROWS)
    abandoned = threading.Event()

    def put(item: Row | BaseException | None) -> None:
        while not abandoned.is_set():
            try:
                arrived.put(item, timeout=_STOP_POLL_SECONDS)
            except queue.Full:
                continue
            return

    def fetch() -> None:
        try:
            for row in rows:
                put(row)
                if abandoned.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - handed to the reader, who raises it
            put(error)
        else:
            put(None)

    threading.Thread(target=fetch, name=f"hub {name}", daemon=True).start()
    count = 0
    waited = 0.0
    try:
        while not should_stop():
            try:
                item = arrived.get(timeout=_STOP_POLL_SECONDS)
            except queue.Empty:
                waited += _STOP_POLL_SECONDS
                if waited < patience_seconds:
                    continue
                raise HubError(
                    f"The Hub gave no answer about {name} for {patience_seconds:.0f} seconds"
                    f"{f' after {count - 1:,} documents' if count > 1 else ''}. "
                    f"Check the network and try again. {REMEDY}"
                ) from None
            waited = 0.0
            if item is None:
                return
            if isinstance(item, BaseException):
                raise _told(item, name, count - 1) from item
            count += 1
            yield item
    finally:
        abandoned.set()


def _told(error: BaseException, name: str, n_documents: int) -> BaseException:
    """What the libraries raised, as a HubError with a remedy; a bug stays what it is."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return HubError(
            f"{name} asks its readers to accept terms first. Choose an open data set. {REMEDY}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return HubError(f"The Hub has no public data set {name}. Check owner and name. {REMEDY}")
    package = type(error).__module__.split(".")[0]
    if package == "datasets" or isinstance(error, (ValueError, RuntimeError, FileNotFoundError)):
        return HubError(
            f"{name} cannot be read: {_brief(error)} Choose what it has, or another data set."
        )
    if package in _NETWORK_PACKAGES or isinstance(error, (OSError, EOFError)):
        after = f" after {n_documents:,} documents" if n_documents > 0 else ""
        return HubError(
            f"The Hub cannot be reached for {name}{after}: {_brief(error)} "
            f"Check the network and try again. {REMEDY}"
        )
    return error
