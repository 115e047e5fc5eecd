"""From a source to a corpus on disk: read, cleaned, split and saved in one pass.

Knows the order of the work and what it leaves behind; the folder's form is `stored`'s, the
rules are `cleaning`'s. What text is good for what is for others to judge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from slm.data.cleaning.cleaner import Cleaner, Removed, storable
from slm.data.cleaning.rules import DEFAULT_RULES
from slm.data.documents import Counts, DocumentWriter, RowWriter, utf8_bytes
from slm.data.hub import spool as hub_spool
from slm.data.ledger import keep_originals, write_ledger
from slm.data.removed import BLANK, removed_writer
from slm.data.sources import (
    Document,
    OpenSource,
    SourceConfig,
    limited,
    open_source,
    source_title,
)
from slm.data.splitting import Split
from slm.data.stored import DOCUMENTS
from slm.data.stored import Corpus as Corpus
from slm.data.stored import open_corpus as open_corpus
from slm.errors import DataError
from slm.jobs import Reporter, StoppedError, silent
from slm.workspace import MAX_NAME, Artefact, Workspace

CORPUS_PREFIX = "corpus:"
"""Before the id of a corpus, where a source is named."""
_REPORT_EVERY = 50


class PrepareConfig(SourceConfig):
    """Which text becomes a corpus, and how it is cleaned and split."""

    name: str = Field(
        "", max_length=MAX_NAME, description="Name of the corpus; that of its source without one."
    )
    rules: tuple[str, ...] = Field(
        DEFAULT_RULES,
        description="Cleaning rules, in the order in which they are to work; some take a value, "
        "as in min_length=100.",
    )
    validation_fraction: float = Field(
        0.1,
        ge=0.001,
        le=0.5,
        description="Share of the documents that are kept from training, to validate with.",
        json_schema_extra={"ui": {"step": 0.01}},
    )
    keep_original: bool = Field(
        True, description="Keep the files as they were given inside the corpus."
    )
    keep_removed: bool = Field(
        True,
        description="Keep what cleaning changes and drops inside the corpus, so that it can be "
        "undone. Takes about as much room again as the documents it touches.",
    )


def open_documents(
    workspace: Workspace,
    config: SourceConfig,
    report: Reporter = silent,
    upload: tuple[str, bytes] | None = None,
) -> OpenSource:
    """As `open_source`, and the source `corpus:ID` (or its name): a corpus's texts as they came.

    Raises:
        DataError: as `open_source`, or a corpus that did not keep its texts.
        HubError: the Hub is out of reach or has no such data set.
        WorkspaceError: there is no such corpus.
    """
    parent = None if upload else parent_of(workspace, config)
    if parent is None:
        return open_source(config, report, upload, workspace.root / hub_spool.FOLDER)
    corpus = open_corpus(parent)
    total = corpus.count + sum(corpus.removed_counts.values())
    how_split = str(parent.details.get("how_split", ""))
    facts = (("corpus", parent.id),)
    opened = OpenSource(corpus.original_documents(), how_split, (), facts, total)
    return limited(opened, config)


def parent_of(workspace: Workspace, config: SourceConfig) -> Artefact | None:
    """The corpus that a source names as `corpus:ID` or by its name; None for other sources.

    Raises: WorkspaceError when there is none.
    """
    if not config.source.startswith(CORPUS_PREFIX):
        return None
    return workspace.corpora.get(config.source.removeprefix(CORPUS_PREFIX))


def prepare_corpus(
    workspace: Workspace,
    config: PrepareConfig,
    report: Reporter = silent,
    *,
    upload: tuple[str, bytes] | None = None,
    owner: str = "local",
) -> Corpus | None:
    """Read, clean, split and save a corpus, a block of documents in memory at a time.

    An upload (file name, bytes) is read instead of the config's source. At least
    one document trains and one validates, even where the hash of a few documents
    would leave a side empty. Asked to stop, it saves nothing and returns None.

    Raises:
        DataError: no such source, no text, or fewer than two different documents.
        HubError: the Hub is out of reach or has no such data set.
        WorkspaceError: the disk is full or the name cannot be used.
    """
    cleaner = Cleaner(config.rules)
    report(0.0, "Opening the source", stage="prepare")
    parent = None if upload else parent_of(workspace, config)
    opened = open_documents(workspace, config, report, upload)
    name = config.name or _usual_name(config, upload, parent)
    details = {"config": config.to_json(), "how_split": opened.how_split, **dict(opened.facts)}
    parents = {"corpus": parent} if parent else {}
    try:
        with workspace.corpora.create(name, owner=owner, parents=parents, details=details) as draft:
            taken = _Taken(config.keep_removed)
            with (
                DocumentWriter(draft.folder / DOCUMENTS, config.validation_fraction) as writer,
                removed_writer(draft.folder) as removed,
            ):
                documents = _watched(opened, report)
                _write_documents(documents, cleaner, writer, removed, taken)
                _require_two_texts(writer, cleaner)
                report(None, "Splitting and saving")
                removed.close()
                moved = writer.finish()
            originals = keep_originals(draft.folder, opened.originals, config.keep_original)
            split = _split_record(config, moved) | taken.to_json()
            write_ledger(draft.folder, config.source, opened, cleaner.ledger, originals, split)
            found = dict(opened.findings())
            draft.details.update(_counts(writer), **found, **taken.to_json())
    except StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    corpus = open_corpus(workspace.corpora.get(draft.id))
    report(1.0, f"{corpus.count:,} documents, {corpus.n_bytes / 1e6:,.1f} MB")
    return corpus


def _usual_name(
    config: PrepareConfig, upload: tuple[str, bytes] | None, parent: Artefact | None
) -> str:
    if parent is not None:
        return f"{parent.name[: MAX_NAME - 14]}, cleaned anew"
    return (Path(upload[0]).stem if upload else source_title(config))[:MAX_NAME]


@dataclass
class _Taken:
    """How much cleaning took out, and whether it is kept."""

    kept: bool
    changed: int = 0
    dropped: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        by_rule = dict(sorted(self.dropped.items()))
        restorable = self.kept or not (self.changed or by_rule)
        return {
            "documents_changed": self.changed,
            "documents_removed": by_rule,
            "restorable": restorable,
        }


def _watched(opened: OpenSource, report: Reporter) -> Iterator[Document]:
    """The documents of a source as files can hold them; says how far it is.

    Raises: StoppedError when asked to stop.
    """
    read_bytes = 0
    for read, document in enumerate(opened.documents):
        if read % _REPORT_EVERY == 0:
            if report.should_stop():
                raise StoppedError
            fraction = _fraction(read, read_bytes, opened)
            report(fraction, f"{read:,} documents read", documents=read, bytes=read_bytes)
        document = storable(document)
        read_bytes += utf8_bytes(document.text)
        yield document
    if report.should_stop():
        raise StoppedError


def _write_documents(
    documents: Iterator[Document],
    cleaner: Cleaner,
    writer: DocumentWriter,
    removed: RowWriter,
    taken: _Taken,
) -> None:
    """Clean and write every document; keep what was changed, dropped or is blank aside."""
    for place, ((text, source), made) in enumerate(cleaner.run_all(documents)):
        if not isinstance(made, Removed) and (made.isspace() or not made):
            made = Removed(BLANK, "no text" if made is text else "nothing was left of it")
        if isinstance(made, Removed):
            taken.dropped[made.rule] = taken.dropped.get(made.rule, 0) + 1
            if taken.kept:
                removed.add((place, text, source, made.rule, made.reason), len(text))
        elif made is text or made == text:
            writer.add(text, source)
        else:
            taken.changed += 1
            writer.add(made, source, text if taken.kept else None)


def _fraction(read: int, read_bytes: int, opened: OpenSource) -> float | None:
    """How much was read, 0 to 1, by whichever limit is nearer."""
    shares = []
    if opened.expected_documents:
        shares.append(read / opened.expected_documents)
    if opened.expected_bytes:
        shares.append(read_bytes / opened.expected_bytes)
    return min(1.0, max(shares)) if shares else None


def _require_two_texts(writer: DocumentWriter, cleaner: Cleaner) -> None:
    if writer.has_two_texts:
        return
    dropped = sum(entry.documents_dropped for entry in cleaner.ledger)
    by_rules = f" after the rules dropped {dropped:,}" if dropped else ""
    raise DataError(
        "A corpus needs at least 2 different documents, one to train on and one to validate "
        f"with; this one has {min(writer.count, 1)}{by_rules}. "
        f"Add text{', or leave out a rule' if dropped else ''}."
    )


def _counts(writer: DocumentWriter) -> dict[str, Any]:
    """Documents, characters and bytes, in all and of each split, for the manifest."""
    splits: dict[str, dict[str, int]] = {
        split: vars(counts).copy() for split, counts in writer.counts.items()
    }
    totals = {key: sum(counts[key] for counts in splits.values()) for key in vars(Counts())}
    return {**totals, **splits}


def _split_record(config: PrepareConfig, moved: tuple[int, Split] | None) -> dict[str, Any]:
    """How it was split, for the ledger."""
    copies, to = moved or (0, None)
    return {
        "validation_fraction": config.validation_fraction,
        "documents_moved": copies,
        "moved_to": to,
    }
