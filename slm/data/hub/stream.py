"""The process that talks to the Hub: `python -m slm.data.hub.stream REQUEST`.

REQUEST is a JSON object. One JSON object a line goes to standard output: first
{"ready"}, when the libraries are loaded; at last {"end"}, or {"error", "kind"}. Between:

    kind "read"      {"revision", "column"}, a {"row", "text"} per row that has text (with
                     "left_out" characters, where it was cut at MAX_DOCUMENT), and about once
                     a second {"state", "rows"}: where the stream is, to go on there
    kind "describe"  {"about"}, {"configs"}, {"part"}, {"first"}: what the data set has

{"paused": SECONDS} may come at any time: the Hub asked for a pause. Code of a data
set is never run. The process ends with its parent.
"""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from slm import children
from slm.data.hub.columns import cell, find_text_column, is_turn, kinds_of_row, text_of
from slm.data.hub.data_sets import check_hub_name
from slm.data.hub.process import REMEDY, Record
from slm.data.reading.text_files import MAX_DOCUMENT
from slm.errors import HubError, SlmError

FIRST_ROWS = 5
_CELL_CHARACTERS = 400
_STATE_SECONDS = 1.0
_STATE_ROWS = 1_000
_MOST_CONFIGS = 400
_ERROR_NUMBER = re.compile(r"\[Errno -?\d+\] ")
_NETWORK_PACKAGES = frozenset({"httpx", "httpx2", "httpcore", "aiohttp", "huggingface_hub"})
_PAUSE = re.compile(r"Waiting ([0-9.]+)s")


def answer(request: Mapping[str, Any]) -> Iterator[Record]:
    """The records that answer a request."""
    import datasets

    # The parent ends this process after 20 s of silence; give up in words before that.
    datasets.config.STREAMING_READ_MAX_RETRIES = 3
    datasets.config.STREAMING_READ_RETRY_INTERVAL = 2
    datasets.config.STREAMING_READ_SERVER_UNAVAILABLE_RETRY_INTERVAL = 4
    datasets.config.STREAMING_READ_RATE_LIMIT_RETRY_INTERVAL = 5
    yield {"ready": True}
    name, told = check_hub_name(request["name"]), 0
    try:
        records = _describe(request) if request.get("kind") == "describe" else _read(request)
        for record in records:
            told += "text" in record
            yield record
    except Exception as error:  # foreign libraries raise many kinds; a bug is raised again
        said = in_words(error, name, told + int(request.get("documents") or 0))
        if said is None:
            raise
        yield {"error": str(said), "kind": type(said).__name__}
        return
    yield {"end": told}


def _read(request: Mapping[str, Any]) -> Iterator[Record]:
    """Rows of one split from row `rows` on, in the order of the data set's files."""
    import datasets
    from huggingface_hub import HfApi

    name = request["name"]
    revision = request.get("revision") or HfApi().dataset_info(name, timeout=10).sha or "main"
    stream = _load(name, request["config"], revision, request["split"])
    column = find_text_column(_columns_of(stream), request["text_column"])
    yield {"revision": revision, "column": column}
    first, state, row = int(request.get("rows") or 0), request.get("state"), -1
    begin = 0
    if state and state["version"] == datasets.__version__:
        stream.load_state_dict(state["stream"])
        begin = int(state["rows"])
    sent = time.monotonic()
    for row, values in enumerate(stream, begin):
        if row >= first:
            text = text_of(cell(values, column))
            if text.strip():
                yield _row(row, text)
        if (row + 1) % _STATE_ROWS == 0 or time.monotonic() - sent >= _STATE_SECONDS:
            sent = time.monotonic()
            yield _state(stream, row + 1)
    yield _state(stream, max(row + 1, begin, first))


def _row(row: int, text: str) -> Record:
    """A row's text, cut where it would fill the memory of whoever reads it."""
    told = {"row": row, "text": text[:MAX_DOCUMENT]}
    left_out = len(text) - MAX_DOCUMENT
    return {**told, "left_out": left_out} if left_out > 0 else told


def _state(stream: Any, rows: int) -> Record:
    import datasets

    held = {"version": datasets.__version__, "rows": rows, "stream": stream.state_dict()}
    return {"state": held, "rows": rows}


def _describe(request: Mapping[str, Any]) -> Iterator[Record]:
    """Facts of the data set's page, its configurations, and one split's columns and first rows."""
    import datasets
    from huggingface_hub import HfApi

    name = request["name"]
    info = HfApi().dataset_info(name, timeout=10)
    card = vars(info.card_data) if info.card_data else {}
    revision = info.sha or "main"
    yield {
        "about": {
            "revision": revision,
            "gated": bool(info.gated),
            "licence": _listed(card.get("license")),
            "language": _listed(card.get("language")),
            "title": str(card.get("pretty_name") or ""),
        }
    }
    if info.gated:
        return
    place = f"hf://datasets/{name}"
    configs = datasets.get_dataset_config_names(place, revision=revision)
    sizes = _sizes(card.get("dataset_info"))
    yield {
        "configs": [{"name": c, "splits": sizes.get(c, [])} for c in configs[:_MOST_CONFIGS]],
        "more_configs": max(0, len(configs) - _MOST_CONFIGS),
    }
    config = request["config"] or ("default" if "default" in configs else configs[0])
    streams = _load(name, config, revision, None)
    split = request["split"] or ("train" if "train" in streams else next(iter(streams)))
    if split not in streams:
        raise HubError(f"{name} has no split {split!r}; it has: {', '.join(streams)}.")
    columns = _columns_of(streams[split])
    yield {"part": {"config": config, "splits": list(streams), "split": split, "columns": columns}}
    rows = [
        {column: _cell_in_brief(row, column) for column in columns}
        for row in streams[split].take(FIRST_ROWS)
    ]
    yield {"first": rows}


def _load(name: str, config: str | None, revision: str, split: str | None) -> Any:
    import datasets

    # hf:// keeps a folder of the same name beside the program from being read instead.
    return datasets.load_dataset(
        f"hf://datasets/{name}", config, split=split, revision=revision, streaming=True
    )


def _columns_of(stream: Any) -> dict[str, str]:
    """Each column's kind by the declared features, else by the first row."""
    if stream.features:
        return _kinds(stream.features)
    return kinds_of_row(next(iter(stream), {}))


def _kinds(features: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    kinds: dict[str, str] = {}
    for name, feature in features.items():
        kinds[prefix + name] = _kind_of_feature(feature)
        if isinstance(feature, Mapping):
            kinds |= _kinds(feature, f"{prefix}{name}.")
    return kinds


def _kind_of_feature(feature: Any) -> str:
    if isinstance(feature, Mapping):
        return "nested"
    inner = feature[0] if isinstance(feature, list) else getattr(feature, "feature", None)
    if inner is not None:
        is_conversation = isinstance(inner, Mapping) and is_turn(inner)
        return "conversation" if is_conversation else "list"
    dtype = str(getattr(feature, "dtype", ""))
    if type(feature).__name__ != "Value":
        return type(feature).__name__.lower()
    if dtype in {"string", "large_string", "string_view"}:
        return "text"
    return "number" if re.match("u?int|float|bool|decimal", dtype) else dtype


def _sizes(told: Any) -> dict[str, list[Record]]:
    """Rows and bytes of every split of every configuration, as the data set's page tells them."""
    parts = told if isinstance(told, list) else [told] if isinstance(told, dict) else []
    return {
        str(part.get("config_name") or "default"): [
            {
                "name": str(split.get("name")),
                "rows": _whole(split.get("num_examples")),
                "bytes": _whole(split.get("num_bytes")),
            }
            for split in part.get("splits") or []
            if isinstance(split, dict)
        ]
        for part in parts
        if isinstance(part, dict)
    }


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def _listed(value: Any) -> str:
    values = value if isinstance(value, list) else [value] if value else []
    return ", ".join(str(each) for each in values[:12]) + (", …" if len(values) > 12 else "")


def _cell_in_brief(row: Mapping[str, Any], column: str) -> str:
    value = cell(row, column)
    said = text_of(value) or ("" if value is None else repr(value))
    return said if len(said) <= _CELL_CHARACTERS else said[:_CELL_CHARACTERS] + "…"


def in_words(error: Exception, name: str, n_documents: int) -> SlmError | None:
    """What the libraries raised, with a remedy; None for a bug."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, SlmError):
        return error
    if isinstance(error, GatedRepoError):
        return HubError(
            f"{name} asks its readers to accept terms first. Choose an open data set. {REMEDY}"
        )
    if isinstance(error, RepositoryNotFoundError):
        return HubError(f"The Hub has no public data set {name}. Check owner and name. {REMEDY}")
    after = f" after {n_documents:,} rows" if n_documents else ""
    if status_of(error) == 429:
        return HubError(
            f"The Hub asks for a pause (429 Too Many Requests) about {name}{after}. "
            f"Wait a few minutes and go on. {REMEDY}"
        )
    package = type(error).__module__.split(".")[0]
    if status_of(error) == 404:
        return _unreadable(error, name)
    if package in _NETWORK_PACKAGES or isinstance(error, ConnectionError | TimeoutError | EOFError):
        return _out_of_reach(error, name, after)
    if package == "datasets" or isinstance(error, ValueError | RuntimeError | FileNotFoundError):
        return _unreadable(error, name)
    return _out_of_reach(error, name, after) if isinstance(error, OSError) else None


def _out_of_reach(error: Exception, name: str, after: str) -> HubError:
    return HubError(
        f"The Hub cannot be reached for {name}{after}: {brief(error)} "
        f"Check the network and try again. {REMEDY}"
    )


def _unreadable(error: Exception, name: str) -> HubError:
    return HubError(
        f"{name} cannot be read: {brief(error)} Choose what it has, or another data set."
    )


def status_of(error: BaseException | None) -> int | None:
    """The HTTP status behind an error or what caused it."""
    while error is not None:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status is not None:
            return int(status)
        error = error.__cause__ or error.__context__
    return None


def brief(error: BaseException) -> str:
    """The first line of what went wrong, ended as a sentence.

    >>> brief(OSError("[Errno 111] Connection refused"))
    'Connection refused.'
    """
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    words = _ERROR_NUMBER.sub("", line)
    return (words[:300] or type(error).__name__).rstrip(".:") + "."


class PauseTeller(logging.Handler):
    """Tells the parent when the Hub's library waits because it was asked to."""

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        wait = _PAUSE.search(record.getMessage())
        if wait and "Rate limited" in record.getMessage():
            write({"paused": float(wait.group(1))})


def write(record: Record) -> None:
    """One record as a line of standard output, at once."""
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def main(request: Mapping[str, Any]) -> None:
    """Answer on standard output."""
    children.end_with_parent()
    logging.getLogger("huggingface_hub").addHandler(PauseTeller())
    for record in answer(request):
        write(record)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    # Threads of the libraries may still wait for the network, and would abort a normal end.
    os._exit(0)
