"""The process that talks to the Hub: `python -m slm.data.hub_stream REQUEST`.

REQUEST is a JSON object: name, config, split, text_column. One JSON object a
line goes to standard output: {"ready"} when the libraries are loaded, {"revision"},
then a {"text"} per row, at last {"end"}; or {"error", "kind"}. Code of a data set
is never run.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from slm.data.hub import REMEDY, Record, check_hub_name
from slm.errors import DataError, HubError, SlmError

TEXT_COLUMNS = ("text", "story", "content", "document", "passage", "article")
_NETWORK_PACKAGES = frozenset({"httpx", "httpx2", "httpcore", "aiohttp", "huggingface_hub"})


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


def answer(request: Mapping[str, Any]) -> Iterator[Record]:
    """The records that answer a request."""
    import datasets
    from huggingface_hub import HfApi

    yield {"ready": True}
    name, n_documents = check_hub_name(request["name"]), 0
    try:
        revision = HfApi().dataset_info(name, timeout=10).sha or "main"
        # hf:// keeps a folder of the same name beside the program from being read instead.
        stream = datasets.load_dataset(
            f"hf://datasets/{name}",
            request["config"],
            split=request["split"],
            revision=revision,
            streaming=True,
        )
        column = find_text_column(_columns_of(stream), request["text_column"])
        yield {"revision": revision}
        for row in stream:
            text = row[column]
            if isinstance(text, str) and text.strip():
                n_documents += 1
                yield {"text": text}
    except Exception as error:  # foreign libraries raise many kinds; a bug is raised again
        told = in_words(error, name, n_documents)
        if told is None:
            raise
        yield {"error": str(told), "kind": type(told).__name__}
        return
    yield {"end": n_documents}


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
    package = type(error).__module__.split(".")[0]
    if package == "datasets" or isinstance(error, (ValueError, RuntimeError, FileNotFoundError)):
        return HubError(
            f"{name} cannot be read: {_brief(error)} Choose what it has, or another data set."
        )
    if package in _NETWORK_PACKAGES or isinstance(error, (OSError, EOFError)):
        after = f" after {n_documents:,} documents" if n_documents else ""
        return HubError(
            f"The Hub cannot be reached for {name}{after}: {_brief(error)} "
            f"Check the network and try again. {REMEDY}"
        )
    return None


def _columns_of(stream: Any) -> dict[str, bool]:
    """Which columns hold strings, by the declared features, else by the first row."""
    if stream.features:
        kinds = {name: getattr(kind, "dtype", "") for name, kind in stream.features.items()}
        return {name: kind in ("string", "large_string") for name, kind in kinds.items()}
    first: Mapping[str, Any] = next(iter(stream), {})
    return {name: isinstance(value, str) for name, value in first.items()}


def _brief(error: BaseException) -> str:
    """The first line of what went wrong, ended as a sentence."""
    line = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    return (line[:300] or type(error).__name__).rstrip(".:") + "."


if __name__ == "__main__":
    for record in answer(json.loads(sys.argv[1])):
        sys.stdout.write(json.dumps(record) + "\n")
        sys.stdout.flush()
    os._exit(
        0
    )  # threads of the libraries may still wait for the network, and would abort a normal end
