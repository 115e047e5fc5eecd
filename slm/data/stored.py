"""A corpus in its folder: its texts, its splits, its ledger, and the way back to what came.

    documents/part-0.parquet   id, text, source, split, original; in the order in which they came
    removed/part-0.parquet     what cleaning dropped, and why (`removed`)
    ledger.jsonl               where the text is from, what each rule did, how it was split
                               (`ledger`: one record "source", one "rule" a rule, one "split")
    original/<sha256>.<ending> the files as they were given

Nothing original is ever overwritten: `original_documents` gives back every text as it came,
and the source `corpus:ID` makes another corpus of them, with other rules.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm.data.cleaning.cleaner import RuleReport
from slm.data.documents import StoredDocument, read_columns
from slm.data.ledger import read_ledger
from slm.data.removed import RemovedDocument, in_first_order, read_removed
from slm.data.sources import Document
from slm.data.splitting import Split
from slm.errors import DataError
from slm.workspace import Artefact

DOCUMENTS = "documents"


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
        """The ledger's records; see `slm.data.ledger`."""
        return read_ledger(self.folder)

    def rule_reports(self) -> list[RuleReport]:
        """What each cleaning rule did."""
        return [RuleReport.from_json(entry) for entry in self.ledger() if entry["kind"] == "rule"]

    def removed(
        self, rule: str | None = None, *, start: int = 0, limit: int | None = None
    ) -> Iterator[RemovedDocument]:
        """The documents that a rule dropped, or any, as they came, in their order.

        The rule "blank" is that of documents without text.
        """
        return read_removed(self.folder, rule, start=start, limit=limit)

    @property
    def removed_counts(self) -> Mapping[str, int]:
        """How many dropped documents are kept, by the rule that dropped them."""
        counts: Mapping[str, int] = self.artefact.details.get("documents_removed", {})
        return counts

    @property
    def is_restorable(self) -> bool:
        """Whether every text can be had back as it came."""
        held = self.artefact.details.get("restorable")
        if held is None:  # an earlier version kept nothing: fine where there was nothing to keep
            return not any(report.documents_touched for report in self.rule_reports())
        return bool(held)

    def original_documents(self) -> Iterator[Document]:
        """Every document as it came, those that were dropped included, in their order.

        Raises: DataError when what cleaning took was not kept.
        """
        if not self.is_restorable:
            raise DataError(
                f"The corpus {self.artefact.name!r} did not keep what its cleaning changed. "
                "Collect it anew from its source."
            )
        columns = ["text", "source", "original"]
        kept = (
            Document(row["text"] if row["original"] is None else row["original"], row["source"])
            for rows in read_columns(self.folder / DOCUMENTS, columns)
            for row in rows
        )
        return in_first_order(kept, self.removed())

    def original_texts(self) -> Iterator[str]:
        """The texts of `original_documents`."""
        return (document.text for document in self.original_documents())

    def changed(self, *, limit: int) -> Iterator[tuple[StoredDocument, str]]:
        """The first documents that cleaning changed, each with its text as it came."""
        columns = [*StoredDocument._fields, "original"]
        for rows in read_columns(self.folder / DOCUMENTS, columns):
            for row in rows:
                original = row.pop("original")
                if original is not None and limit > 0:
                    limit -= 1
                    yield StoredDocument(**row), original
            if limit <= 0:
                return


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
