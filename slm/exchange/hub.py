"""Models from the Hugging Face Hub, by `owner/name`: what one needs, and its files as a folder.

Only settings, safetensors and tokenizer files are fetched; whatever code a repository holds
is never fetched, let alone run. The library that talks to the Hub runs in a process of its own
(`hub_child.py`), which can be ended at any time: what arrived is kept in the Hub's own cache.
"""

import re
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm.data.hub import process as hub_process
from slm.data.hub.process import PATIENCE_SECONDS
from slm.errors import HubError
from slm.jobs import Reporter, StoppedError, silent

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "README.md",  # its head says the licence
    "LICENSE",
)
REMEDY = "A model that is on this machine needs no network; what was fetched so far is kept."
LOOK_SECONDS = 29.0
READER = (sys.executable, "-m", "slm.exchange.hub_child")
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,119}")


@dataclass(frozen=True)
class OnTheHub:
    """What a repository holds at one commit. Names and settings are foreign text.

    `sizes` in bytes, of the files that belong to a model. `others` are not fetched, such as
    pickles and code. `settings` is the text of config.json; `cached`: all of it is here already.
    """

    name: str
    commit: str
    sizes: Mapping[str, int]
    others: tuple[str, ...]
    licence: str | None
    settings: str
    cached: bool


def is_hub_id(text: str) -> bool:
    """Whether `text` has the form owner/name.

    >>> is_hub_id("HuggingFaceTB/SmolLM2-135M"), is_hub_id("../secrets"), is_hub_id("https://x/y")
    (True, False, False)
    """
    return bool(_HUB_ID.fullmatch(text)) and ".." not in text


def require_hub_id(hub_id: str, revision: str | None = None) -> None:
    """Raises: HubError for what is no owner/name, or no revision; nothing is opened or asked."""
    if not is_hub_id(hub_id):
        raise HubError(f"{hub_id[:100]!r} is no model on the Hub; write owner/name.")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise HubError(f"{revision[:100]!r} is no revision; use a branch, a tag or a commit.")


def look_on_hub(hub_id: str, revision: str | None = None) -> OnTheHub:
    """What the Hub has under a name, within 30 seconds; no weights are fetched.

    Raises: HubError for a wrong name, or a Hub that does not answer.
    """
    require_hub_id(hub_id, revision)
    request = {"kind": "look", "name": hub_id, "revision": revision}
    with closing(
        hub_process.records(request, deadline_seconds=LOOK_SECONDS, reader=READER, remedy=REMEDY)
    ) as records:
        for record in records:
            if "model" in record:
                return _told(hub_id, record["model"])
    raise HubError(f"The Hub said nothing about {hub_id}. Try again. {REMEDY}")


def download_model(
    hub_id: str,
    revision: str | None = None,
    report: Reporter = silent,
    *,
    check: Callable[[OnTheHub], None] = lambda _: None,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Path:
    """The folder that holds the model, in the Hub's own cache; fetched where it is not there yet.

    `check` is called with what there is, before anything large is fetched, and may raise. A
    download that was broken off goes on where it stopped.

    Raises: HubError for a wrong name, or a Hub that does not answer; what `check` raises;
        StoppedError when the report says so.
    """
    require_hub_id(hub_id, revision)
    request = {"kind": "fetch", "name": hub_id, "revision": revision}
    folder: Path | None = None
    with closing(
        hub_process.records(
            request,
            patience_seconds=patience_seconds,
            should_stop=report.should_stop,
            reader=READER,
            remedy=REMEDY,
        )
    ) as records:
        for record in records:
            if "model" in record:
                check(_told(hub_id, record["model"]))
            elif "bytes" in record:
                _tell(report, record)
            elif "folder" in record:
                folder = Path(record["folder"])
    if folder is None:
        if report.should_stop():
            raise StoppedError
        raise HubError(f"{hub_id} was not fetched to its end. Try again. {REMEDY}")
    return folder


def _told(name: str, told: Mapping[str, Any]) -> OnTheHub:
    return OnTheHub(
        name,
        str(told["commit"]),
        {str(file): int(size) for file, size in told["sizes"].items()},
        tuple(map(str, told["others"])),
        told["licence"],
        str(told["settings"]),
        bool(told["cached"]),
    )


def _tell(report: Reporter, record: Mapping[str, Any]) -> None:
    here, total = int(record["bytes"]), max(1, int(record["of"]))
    report(here / total, f"Fetching {here / 1e6:,.1f} of {total / 1e6:,.1f} MB: {record['file']}")
