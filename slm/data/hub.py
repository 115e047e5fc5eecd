"""Data sets of the Hugging Face Hub as streams of text, one row at a time.

Only `owner/name` is accepted, never a path or an address. The libraries that talk
to the Hub run in a process of their own (`hub_stream.py`): one that hangs or
crashes costs a sentence, not the job, because a process can be ended at any time.
"""

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from slm.errors import DataError, HubError

PREFIX = "hub:"
PATIENCE_SECONDS = 20.0
REMEDY = "The embedded corpora (tales, python-docs, python-code) need no network."
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}")
_READER = (sys.executable, "-m", "slm.data.hub_stream")
_QUEUE_RECORDS = 256
_POLL_SECONDS = 0.2
_START_SECONDS = 90.0  # for the reader to load its libraries on a busy machine

Record = dict[str, Any]


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


def hub_texts(
    name: str,
    *,
    config: str | None = None,
    split: str = "train",
    text_column: str | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    patience_seconds: float = PATIENCE_SECONDS,
    reader: Sequence[str] = _READER,
) -> tuple[str, Iterator[str]]:
    """The data set's commit, and its texts row by row; rows without text are left out.

    Asked to stop before the Hub answers, it gives no commit and no texts.

    Raises:
        HubError: no such data set, config or split; no answer within patience_seconds,
            now or between two rows.
        DataError: no text column.
    """
    check_hub_name(name)
    request = {"name": name, "config": config, "split": split, "text_column": text_column}
    records = _records([*reader, json.dumps(request)], name, patience_seconds, should_stop)
    first = next(records, None)
    if first is None:
        return "", iter(())
    return str(first["revision"]), (str(record["text"]) for record in records)


def _records(
    command: Sequence[str], name: str, patience_seconds: float, should_stop: Callable[[], bool]
) -> Iterator[Record]:
    """The records that a reader process writes, until it ends or should_stop says so.

    Raises: HubError or DataError as the reader told, or when it is silent or crashes.
    """
    arrived: queue.Queue[Record | None] = queue.Queue(maxsize=_QUEUE_RECORDS)
    abandoned = threading.Event()
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert process.stdout is not None
    listener = threading.Thread(
        target=_listen, args=(process.stdout, arrived, abandoned), name=f"hub {name}", daemon=True
    )
    listener.start()
    n_documents = -1  # the first record tells the commit
    waited, patience = 0.0, _START_SECONDS
    try:
        while not should_stop():
            try:
                record = arrived.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                waited += _POLL_SECONDS
                if waited >= patience:
                    raise _silent(name, patience, n_documents) from None
                continue
            waited, patience = 0.0, patience_seconds
            if record is None:
                raise HubError(
                    f"{name} cannot be read: its reader ended with status {process.wait()}. "
                    "The log has more. Choose another data set."
                )
            if "end" in record:
                return
            if "error" in record:
                raise (DataError if record["kind"] == "DataError" else HubError)(record["error"])
            if "ready" not in record:
                n_documents += 1
                yield record
    finally:
        abandoned.set()
        process.kill()
        process.wait()
        listener.join()
        process.stdout.close()


def _listen(
    stream: IO[bytes], arrived: "queue.Queue[Record | None]", abandoned: threading.Event
) -> None:
    """Put each line's record into the queue, and None at the end."""
    for line in stream:
        if not line.endswith(b"\n"):
            break
        _put(arrived, json.loads(line), abandoned)
    _put(arrived, None, abandoned)


def _put(
    arrived: "queue.Queue[Record | None]", record: Record | None, abandoned: threading.Event
) -> None:
    while not abandoned.is_set():
        try:
            arrived.put(record, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return


def _silent(name: str, patience_seconds: float, n_documents: int) -> HubError:
    after = f" after {n_documents:,} documents" if n_documents > 0 else ""
    return HubError(
        f"The Hub gave no answer about {name} for {patience_seconds:.0f} seconds{after}. "
        f"Check the network and try again. {REMEDY}"
    )
