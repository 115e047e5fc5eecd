"""Where text comes from: embedded corpora, files, the Hub; all give the same plain documents.

Knows origins and limits. What is done to the text afterwards is the business of
`cleaning` and `corpus`.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from slm.config import Config
from slm.data.catalogue import EMBEDDED, PUBLISHED
from slm.data.hub import data_sets as hub
from slm.data.hub import spool as hub_spool
from slm.data.hub.data_sets import HubRequest
from slm.data.reading import folders, ingest, uploads
from slm.data.reading.content import Tally, plain_name
from slm.data.reading.ingest_process import Limits
from slm.data.reading.readers import HowToRead
from slm.data.reading.text_files import SplitRule
from slm.errors import DataError
from slm.jobs import Reporter, silent

_SEEDS_PER_CORPUS = 10_000_000  # corpora with neighbouring seeds share no tale
_ARTICLE_TITLE = re.compile(r"= (?!=).*[^=] =")  # "= = Section = =" is none


class Document(NamedTuple):
    """One text that belongs together, and a word on where it is from."""

    text: str
    source: str


class SourceConfig(Config):
    """Which text to read, and how much of it."""

    source: str = Field(
        "tales",
        min_length=1,
        description="A name that `sources` lists, as tales or tinystories; hub:OWNER/NAME; "
        "corpus:NAME, a saved corpus as it came; or the path of a file (text, table, HTML, PDF, "
        "Word, zip) or of a folder.",
    )
    documents: int | None = Field(
        None, ge=2, description="Read at most this many documents (all there are without it)."
    )
    max_megabytes: float | None = Field(
        None, gt=0, description="Read at most this much text, in millions of UTF-8 bytes."
    )
    seed: int = Field(
        0, ge=0, lt=2**31, description="Which tales the generator tells; no other source uses it."
    )
    hub_config: str | None = Field(None, description="Configuration of a Hub data set.")
    hub_split: str = Field("train", description="Split of a Hub data set to read.")
    hub_revision: str | None = Field(
        None, description="Commit of a Hub data set to read; its newest without it."
    )
    hub_offline: bool = Field(
        False, description="Use only what has been downloaded of a Hub data set; no network."
    )
    text_column: str | None = Field(
        None,
        description="Column of a table or a Hub data set that holds the text; found without it.",
    )
    split_rule: SplitRule = Field(
        "auto",
        description="How the documents of a file are told apart: by separator lines, by lines, by "
        "paragraphs, by sections (two blank lines), by chunks of whole paragraphs, or each file "
        "as one; auto lets the text decide. Rows of tables are documents in any case.",
    )


@dataclass(frozen=True)
class Original:
    """A file that documents came from: a local path, or an upload's bytes."""

    name: str
    content: Path | bytes


@dataclass(frozen=True)
class OpenSource:
    """Documents to be read once, and what is known before: their rule, their files, facts.

    `findings` tells, once the documents have been read, what became of the rest: rows left
    out, places that could not be decoded. They are facts too.
    """

    documents: Iterator[Document]
    how_split: str
    originals: tuple[Original, ...] = ()
    facts: tuple[tuple[str, str | int], ...] = ()
    expected_documents: int | None = None
    expected_bytes: int | None = None
    findings: Callable[[], tuple[tuple[str, str | int], ...]] = tuple


def read_documents(config: SourceConfig, report: Reporter = silent) -> Iterator[Document]:
    """The documents that a config asks for, within its limits.

    Raises: as `open_source`, also while they are read.
    """
    return open_source(config, report).documents


def open_source(
    config: SourceConfig,
    report: Reporter = silent,
    upload: tuple[str, bytes] | None = None,
    downloads: Path | None = None,
) -> OpenSource:
    """A source ready to be read; an upload is a file's name and bytes.

    What comes from the Hub is kept below `downloads` (`hub/spool.py`), where there is one.

    Raises:
        DataError: no such source or file, or a file that is no text.
        HubError: the Hub is out of reach or has no such data set.
    """
    if upload is not None:
        opened = _open_upload(*upload, config, report)
    elif config.source in EMBEDDED:
        opened = _open_embedded(config)
    elif config.source in PUBLISHED or config.source.startswith(hub.PREFIX):
        opened = _open_hub(config, report, downloads)
    else:
        opened = _open_path(Path(config.source).expanduser(), config, report)
    return limited(opened, config)


def source_title(config: SourceConfig) -> str:
    """A short name for what the config reads."""
    known = EMBEDDED.get(config.source) or PUBLISHED.get(config.source)
    if known:
        return known.title
    if config.source.startswith(hub.PREFIX):
        return config.source.removeprefix(hub.PREFIX)
    return Path(config.source).stem or config.source


def limited(opened: OpenSource, config: SourceConfig) -> OpenSource:
    """The same source, cut at the config's limits."""
    documents: Iterable[Document] = opened.documents
    expected_bytes = opened.expected_bytes
    if config.max_megabytes is not None:
        most = round(config.max_megabytes * 1e6)
        documents = _first_bytes(documents, most)
        expected_bytes = min(most, expected_bytes or most)
    expected = opened.expected_documents
    if config.documents is not None:
        expected = min(config.documents, expected or config.documents)
    return OpenSource(
        islice(documents, config.documents),
        opened.how_split,
        opened.originals,
        opened.facts,
        expected,
        expected_bytes,
        opened.findings,
    )


def _first_bytes(documents: Iterable[Document], most: int) -> Iterator[Document]:
    """Whole documents until the next would exceed the limit; the first one in any case."""
    total = 0
    for document in documents:
        size = len(document.text.encode(errors="replace"))
        if total and total + size > most:
            return
        total += size
        yield document


def _open_embedded(config: SourceConfig) -> OpenSource:
    info = EMBEDDED[config.source]
    if config.source in {"tales", "tales-with-echoes"}:
        count = config.documents or info.documents or 0
        tell = _tales if config.source == "tales" else _tales_with_echoes
        return OpenSource(tell(config.seed, count), "Each tale is a document.", (), (), count)
    if config.source == "python-docs":
        from slm.data.embedded import python_docs

        found, how_split = python_docs.documents(), "Each topic is a document."
    else:
        from slm.data.embedded import python_code

        found, how_split = python_code.documents(), "Each source file is a document."
    documents = (Document(text, source) for text, source in found)
    return OpenSource(documents, how_split, (), (), info.documents)


def _tales(seed: int, count: int) -> Iterator[Document]:
    from slm.data.embedded import tales

    first = seed * _SEEDS_PER_CORPUS
    for tale_seed in range(first, first + count):
        yield Document(tales.generate(tale_seed).text, f"tale {tale_seed}")


def _tales_with_echoes(seed: int, count: int) -> Iterator[Document]:
    """Tales, every fourth place taken by an echo game."""
    from slm.data.embedded import echoes

    for place, tale in enumerate(_tales(seed, count)):
        if place % 4 == 3:
            number = seed * _SEEDS_PER_CORPUS + place
            yield Document(echoes.generate(number), f"echo game {number}")
        else:
            yield tale


def _open_upload(filename: str, data: bytes, config: SourceConfig, report: Reporter) -> OpenSource:
    """Bytes at hand, laid down for as long as they are read."""
    folder = tempfile.TemporaryDirectory(prefix="slm-upload-")
    path = Path(folder.name) / uploads.safe_name(filename)
    path.write_bytes(data)
    opened = _open_path(path, config, report, ingest.UPLOAD)

    def documents() -> Iterator[Document]:
        with folder:
            yield from opened.documents

    return replace(opened, documents=documents(), originals=(Original(filename, data),))


def _open_path(
    path: Path, config: SourceConfig, report: Reporter, limits: Limits | None = None
) -> OpenSource:
    """A file or a folder, read by a process of its own; less is allowed to one that was sent."""
    if not path.is_file() and not path.is_dir():
        known = ", ".join([*EMBEDDED, *PUBLISHED])
        raise DataError(
            f"There is no source {str(path)!r}. Use one of {known}, hub:OWNER/NAME, "
            "or the path of a file or folder."
        )
    reading = ingest.open_documents(
        path,
        HowToRead(config.text_column, config.split_rule),
        limits or (ingest.UPLOAD if uploads.is_upload(path) else ingest.LOCAL),
        report.should_stop,
    )
    return OpenSource(
        (Document(text, source) for text, source in reading.documents),
        reading.how_split,
        _originals(path),
        reading.facts,
        reading.expected_documents,
        reading.expected_bytes,
        reading.findings,
    )


def _originals(path: Path) -> tuple[Original, ...]:
    if path.is_file():
        return (Original(plain_name(path.name), path),)
    inside = ((item.relative_to(path).as_posix(), item) for item in folders.files_of(path))
    return tuple(Original(plain_name(name), item) for name, item in inside)


def _open_hub(config: SourceConfig, report: Reporter, downloads: Path | None) -> OpenSource:
    known = PUBLISHED.get(config.source)
    request = hub_request(config)
    report(None, f"Opening {request.name} of the Hub")
    stop = report.should_stop
    tally = Tally()
    findings = tally.facts
    if downloads is not None:
        kept = hub_spool.open_kept(downloads, request, offline=config.hub_offline, should_stop=stop)
        revision, texts = (kept.download.revision, kept.texts()) if kept else ("", iter(()))
        findings = kept.findings if kept else findings
    elif config.hub_offline:
        raise DataError("Without a workspace nothing is kept of the Hub. Leave hub_offline out.")
    else:
        stream = hub.open_stream(request, should_stop=stop)
        revision, texts = (
            (stream.revision, hub.texts_of(stream, tally)) if stream else ("", iter(()))
        )
    how_split = "Each row is a document."
    if request.name == "Salesforce/wikitext":
        texts, how_split = _articles(texts), "Each article is a document."
    return OpenSource(
        (Document(text, f"{hub.PREFIX}{request.name}") for text in texts),
        how_split,
        facts=(("hub_name", request.name), ("hub_revision", revision)),
        expected_documents=known.documents if known and not config.hub_config else None,
        findings=findings,
    )


def hub_request(config: SourceConfig) -> HubRequest:
    """What a config asks of the Hub; for a published corpus with its own settings filled in."""
    own = (config.hub_config, config.hub_split, config.text_column)
    known = PUBLISHED.get(config.source)
    if known is None:
        return HubRequest(config.source.removeprefix(hub.PREFIX), *own, config.hub_revision)
    return HubRequest(
        known.hub_name or "",
        config.hub_config or known.hub_config,
        known.hub_split if config.hub_split == "train" else config.hub_split,
        config.text_column or known.text_column,
        config.hub_revision,
    )


def _articles(rows: Iterable[str]) -> Iterator[str]:
    """WikiText's rows are paragraphs; an article begins at a row ` = Title = `."""
    held: list[str] = []
    for row in rows:
        if held and _ARTICLE_TITLE.fullmatch(row.strip()):
            yield "".join(held)
            held = []
        held.append(row)
    if held:
        yield "".join(held)
