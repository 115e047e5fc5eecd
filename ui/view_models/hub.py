"""What the Hub told of a data set, and what is kept of it, in words; the Hub's are foreign."""

from collections.abc import Iterable
from dataclasses import dataclass

from slm.data.hub.columns import CONVERSATION, TEXT, USABLE
from slm.data.hub.data_sets import HubDescription
from slm.data.hub.spool import Download
from ui.texts import counted, tr
from ui.view_models.jobs import count, size

_SHOWN_COLUMNS = 6
_KINDS = {
    TEXT: tr("text"),
    CONVERSATION: tr("a conversation; turns are joined as “role: what was said”"),
    "number": tr("numbers, no text"),
    "nested": tr("several fields; choose one of them"),
    "list": tr("a list, which cannot be read as text"),
    "empty": tr("nothing in the first row"),
}


@dataclass(frozen=True)
class ColumnRow:
    """A column of a data set for a table."""

    name: str
    kind: str
    readable: bool


def facts(told: HubDescription) -> str:
    """Licence, language and size of what is chosen, in a line."""
    split = told.size_of(told.config, told.split)
    parts = [
        told.title,
        tr("licence: {licence}").format(licence=told.licence or tr("not told; see its page")),
        tr("language: {language}").format(language=told.language) if told.language else "",
        tr("{rows} rows").format(rows=count(split.rows)) if split.rows else "",
        size(split.bytes) if split.bytes else "",
        tr("commit {revision}").format(revision=told.revision[:7]),
    ]
    return " · ".join(part for part in parts if part)


def columns(told: HubDescription) -> list[ColumnRow]:
    """The columns, those that can be read first."""
    rows = [
        ColumnRow(name, _KINDS.get(kind, kind), kind in USABLE)
        for name, kind in told.columns.items()
    ]
    return sorted(rows, key=lambda row: not row.readable)


def readable_columns(told: HubDescription) -> list[str]:
    """Names of the columns that can be read, the one that would be read first."""
    names = [row.name for row in columns(told) if row.readable]
    return sorted(names, key=lambda name: name != told.column)


def config_options(told: HubDescription) -> list[str]:
    """Configurations with what is chosen first."""
    return sorted(told.configs, key=lambda name: name != told.config)


def more_configs(told: HubDescription) -> str:
    """That not all configurations are listed, if so."""
    if not told.more_configs:
        return ""
    return tr(
        "{more_configs:,} more configurations are not listed; type a name to choose one."
    ).format(more_configs=told.more_configs)


def first_rows(told: HubDescription) -> list[dict[str, str]]:
    """The first rows for a table, readable columns first."""
    shown = [row.name for row in columns(told)][:_SHOWN_COLUMNS]
    ordered = sorted(shown, key=lambda name: name != told.column)
    return [{name: row.get(name, "") for name in ordered} for row in told.first_rows]


def kept(download: Download) -> str:
    """How much of a data set is here, in a sentence."""
    whole = tr("all of it") if download.complete else tr("not all of it")
    where = f"{download.asked.config}, " if download.asked.config else ""
    return tr(
        "Here already: {download} ({bytes} of text) of {where}{split}, "
        "{whole}, at commit {revision}."
    ).format(
        download=_rows(download),
        bytes=size(download.bytes),
        where=where,
        split=download.asked.split,
        whole=whole,
        revision=download.revision[:7],
    )


def kept_after_failure(download: Download) -> str:
    """What a download that ended early has left, and what can be done."""
    return tr(
        "{download} ({bytes}) of {name} arrived and stay here. Go on "
        "from there, or save what has arrived."
    ).format(download=_rows(download), bytes=size(download.bytes), name=download.asked.name)


def download_title(download: Download) -> str:
    """A download in a line of a list."""
    part = " · ".join(filter(None, (download.asked.config, download.asked.split)))
    state = (
        tr("fetching now") if download.busy else tr("whole") if download.complete else tr("begun")
    )
    return f"{download.asked.name} · {part} · {_rows(download)} · {state}"


def downloads_label(downloads: Iterable[Download]) -> str:
    """What the list of downloads is called, with its size on the disk.

    >>> downloads_label([])
    'Downloads'
    """
    each = list(downloads)
    total = sum(download.disk_bytes for download in each)
    return (
        tr("Downloads ({n_each}, {total})").format(n_each=len(each), total=size(total))
        if each
        else tr("Downloads")
    )


def _rows(download: Download) -> str:
    return counted("{n:,} row", "{n:,} rows", download.texts)
