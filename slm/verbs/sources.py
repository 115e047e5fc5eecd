"""The verbs that tell where text can come from: the library, the Hub, what was downloaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from slm.verbs.common import Context, Result, parse


@dataclass(frozen=True)
class SourcesSettings:
    """What to look for in the library of sources."""

    query: str = ""
    """Words that must all occur in a source's facts: german stories, code, CC0."""
    embedded: bool = False
    """Only sources that need no network."""


@dataclass(frozen=True)
class HubSettings:
    """Which data set of the Hugging Face Hub to ask about."""

    name: str
    """owner/name, as in roneneldan/TinyStories."""
    config: str | None = None
    """Configuration whose columns are shown; its default without one."""
    split: str | None = None
    """Split whose columns are shown; train, or its first, without one."""
    text_column: str | None = None
    """Column that is to hold the text; found without one."""


@dataclass(frozen=True)
class DownloadsSettings:
    """What to do with what was downloaded."""

    delete: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """Key of a download to delete; may be given several times."""


def sources(arguments: Sequence[str], context: Context) -> Result:
    """List the library of sources: embedded corpora and well-known sets of the Hub."""
    from slm.data.catalogue import find_sources

    del context
    settings = parse(SourcesSettings, sources, arguments)
    found = find_sources(settings.query, embedded_only=settings.embedded)
    return {"sources": {info.key: info.to_json() for info in found}}


def hub(arguments: Sequence[str], context: Context) -> Result:
    """Ask what a data set of the Hub has: configurations, splits, columns, first rows, licence."""
    from slm.data.hub.data_sets import describe

    settings = parse(HubSettings, hub, arguments)
    context.report(None, f"Asking the Hub for {settings.name}")
    told = describe(
        settings.name,
        config=settings.config,
        split=settings.split,
        text_column=settings.text_column,
    )
    return told.to_json()


def downloads(arguments: Sequence[str], context: Context) -> Result:
    """List what was downloaded of the Hub, or delete some of it."""
    from slm.data.hub.spool import FOLDER, delete_download, downloads_in

    settings = parse(DownloadsSettings, downloads, arguments)
    folder = context.workspace.root / FOLDER
    for key in settings.delete:
        delete_download(folder, key)
    listed: dict[str, Any] = {
        each.key: {
            "name": each.asked.name,
            "config": each.asked.config,
            "split": each.asked.split,
            "text_column": each.column,
            "revision": each.revision,
            "rows": each.rows,
            "texts": each.texts,
            "text_bytes": each.bytes,
            "disk_bytes": each.disk_bytes,
            "complete": each.complete,
        }
        for each in downloads_in(folder)
    }
    return {"downloads": listed}
