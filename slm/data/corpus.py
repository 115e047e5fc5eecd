"""A corpus on disk: documents that were read, cleaned and split, and the ledger of how.

    documents/part-0.parquet   id, text, source, split, in the order in which they came
    ledger.jsonl               where the text is from, what each rule did, how it was split
    original/<sha256>.<ending> the files as they were given

Knows the folder's form; what text is good for what is for others to judge.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from slm import files
from slm.data import hub_spool
from slm.data.cleaning import Cleaner, RuleReport
from slm.data.documents import Counts, DocumentWriter, StoredDocument, read_columns
from slm.data.rules import DEFAULT_RULES
from slm.data.sources import OpenSource, Original, SourceConfig, open_source, source_title
from slm.data.splitting import Split
from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.workspace import MAX_NAME, Artefact, Draft, Workspace

DOCUMENTS = "documents"
LEDGER = "ledger.jsonl"
ORIGINAL = "original"
_REPORT_EVERY = 50
_SURROGATES = re.compile("[\ud800-\udfff]")


class PrepareConfig(SourceConfig):
    """Which text becomes a corpus, and how it is cleaned and split."""

    name: str = Field(
        "", max_length=MAX_NAME, description="Name of the corpus; that of its source without one."
    )
    rules: tuple[str, ...] = Field(
        DEFAULT_RULES, description="Cleaning rules, in the order in which they are to work."
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


@dataclass(frozen=True)
class Corpus:
    """A corpus of the workspace. Texts are read in blocks, never all at once."""

    artefact: Artefact

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.artefact.folder

    @property
    def count(self) -> int:
        """Documents in all."""
        return int(self.artefact.details["documents"])

    @property
    def n_bytes(self) -> int:
        """UTF-8 bytes of text in all."""
        return int(self.artefact.details["bytes"])

    def counts(self, split: Split) -> Mapping[str, int]:
        """documents, characters and bytes of one split."""
        counts: Mapping[str, int] = self.artefact.details[split]
        return counts

    def texts(self, split: Split | None = None) -> Iterator[str]:
        """The texts of one split, or of both, in the order in which they came."""
        columns = ["text", "split"] if split else ["text"]
        for rows in read_columns(self.folder / DOCUMENTS, columns):
            yield from (row["text"] for row in rows if split is None or row["split"] == split)

    def documents(
        self, split: Split | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[StoredDocument]:
        """Documents with ids from start on, at most limit of them."""
        if limit is not None and limit <= 0:
            return
        given = 0
        for rows in read_columns(self.folder / DOCUMENTS, list(StoredDocument._fields), start):
            for row in rows:
                if row["id"] < start or (split and row["split"] != split):
                    continue
                yield StoredDocument(**row)
                given += 1
                if given == limit:
                    return

    def ledger(self) -> list[dict[str, Any]]:
        """The ledger's records: one of kind "source", one "rule" per rule, one "split"."""
        return files.read_records(self.folder / LEDGER).records

    def rule_reports(self) -> list[RuleReport]:
        """What each cleaning rule did."""
        return [RuleReport.from_json(entry) for entry in self.ledger() if entry["kind"] == "rule"]


def open_corpus(artefact: Artefact) -> Corpus:
    """The corpus that an artefact of the shelf `corpora` holds.

    Raises: DataError when it is none, or damaged.
    """
    details = artefact.details
    if artefact.problem or not {"documents", "bytes", "train", "val"} <= details.keys():
        raise DataError(
            f"{artefact.name!r} is no usable corpus: {artefact.problem or 'its counts are missing'}"
            ". Prepare it again."
        )
    return Corpus(artefact)


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
    downloads = workspace.root / hub_spool.FOLDER
    opened = open_source(config, report, upload, downloads)
    name = config.name or (Path(upload[0]).stem if upload else source_title(config))[:MAX_NAME]
    details = {"config": config.to_json(), "how_split": opened.how_split, **dict(opened.facts)}
    try:
        with workspace.corpora.create(name, owner=owner, details=details) as draft:
            with DocumentWriter(draft.folder / DOCUMENTS, config.validation_fraction) as writer:
                _write_documents(opened, cleaner, writer, report)
                _require_two_texts(writer, cleaner)
                report(None, "Splitting and saving")
                moved = writer.finish()
            originals = _keep_originals(draft, opened.originals, config.keep_original)
            _write_ledger(draft.folder / LEDGER, opened, config, cleaner, originals, moved)
            draft.details.update(_counts(writer), **dict(opened.findings()))
    except _StoppedError:
        report(None, "Stopped; nothing was saved")
        return None
    corpus = open_corpus(workspace.corpora.get(draft.id))
    report(1.0, f"{corpus.count:,} documents, {corpus.n_bytes / 1e6:,.1f} MB")
    return corpus


class _StoppedError(Exception):
    """Leaves the draft uncommitted; never seen outside this file."""


def _write_documents(
    opened: OpenSource, cleaner: Cleaner, writer: DocumentWriter, report: Reporter
) -> None:
    """Clean and write every document that is not blank, and say how far it is."""
    read_bytes = 0
    for read, (text, source) in enumerate(opened.documents):
        if read % _REPORT_EVERY == 0:
            if report.should_stop():
                break
            fraction = _fraction(read, read_bytes, opened)
            report(fraction, f"{read:,} documents read", documents=read, bytes=read_bytes)
        text, n_bytes = _encodable(text)
        read_bytes += n_bytes
        cleaned = cleaner.clean(text)
        if cleaned is not None and cleaned.strip():
            writer.add(cleaned, source)
    if report.should_stop():
        raise _StoppedError


def _encodable(text: str) -> tuple[str, int]:
    """The text with halves of surrogate pairs as U+FFFD, and its size in UTF-8 bytes."""
    try:
        return text, len(text.encode())
    except UnicodeEncodeError:
        text = _SURROGATES.sub("\ufffd", text)
        return text, len(text.encode())


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


def _keep_originals(
    draft: Draft, originals: tuple[Original, ...], keep: bool
) -> list[dict[str, Any]]:
    """Copy the given files into the corpus by their hash; what they were called, for the ledger."""
    kept = []
    if originals:
        (draft.folder / ORIGINAL).mkdir()
    for original in originals:
        staged = draft.folder / ORIGINAL / "incoming"
        digest, size = hashlib.sha256(), 0
        with staged.open("wb") as stream:
            for block in _blocks(original.content):
                digest.update(block)
                size += len(block)
                if keep:
                    stream.write(block)
        name = digest.hexdigest() + Path(original.name).suffix.lower()
        if keep:
            staged.replace(staged.with_name(name))
        else:
            staged.unlink()
        kept.append({"name": original.name, "sha256": digest.hexdigest(), "size": size})
    return kept


def _blocks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as stream:
        while block := stream.read(2**20):
            yield block


def _write_ledger(
    path: Path,
    opened: OpenSource,
    config: PrepareConfig,
    cleaner: Cleaner,
    originals: list[dict[str, Any]],
    moved: tuple[int, Split] | None,
) -> None:
    source = {"kind": "source", "source": config.source, "how_split": opened.how_split}
    facts = {**dict(opened.facts), **dict(opened.findings())}
    files.append_record(path, {**source, **facts, "originals": originals})
    for entry in cleaner.ledger:
        files.append_record(path, {"kind": "rule", **entry.to_json()})
    split = {"kind": "split", "validation_fraction": config.validation_fraction}
    copies, to = moved or (0, None)
    files.append_record(path, {**split, "documents_moved": copies, "moved_to": to})
