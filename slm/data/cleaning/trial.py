"""Rules tried on the first documents of a source. Nothing is saved."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import Field

from slm.data.cleaning.cleaner import Cleaned, Example, RuleReport, clean
from slm.data.cleaning.diff import diff
from slm.data.cleaning.rules import DEFAULT_RULES, RULES
from slm.data.corpus import open_documents
from slm.data.sources import Document, OpenSource, SourceConfig
from slm.jobs import Reporter, silent
from slm.workspace import Workspace

FIRST_DOCUMENTS = 500
FIRST_CHARACTERS = 2_000_000


class TrialConfig(SourceConfig):
    """Which rules to try on the first documents of which source."""

    rules: tuple[str, ...] = Field(
        DEFAULT_RULES,
        description="Cleaning rules, in the order in which they are to work; some take a value, "
        "as in min_length=100.",
    )
    first_documents: int = Field(
        FIRST_DOCUMENTS, ge=1, le=100_000, description="How many documents to try them on."
    )


@dataclass(frozen=True)
class FirstDocuments:
    """The first documents of a source. `whole` when there are no more."""

    documents: tuple[Document, ...]
    how_split: str
    whole: bool

    @property
    def characters(self) -> int:
        """Characters of all their texts."""
        return sum(len(document.text) for document in self.documents)


@dataclass(frozen=True)
class Trial:
    """What rules did to the first documents of a source."""

    first: FirstDocuments
    cleaned: Cleaned

    def to_json(self) -> dict[str, Any]:
        """What was read, what is left, and what each rule did, with examples in pieces."""
        kept = self.cleaned.documents
        return {
            "documents_read": len(self.first.documents),
            "characters_read": self.first.characters,
            "whole_source": self.first.whole,
            "how_split": self.first.how_split,
            "documents_left": len(kept),
            "characters_left": sum(len(document.text) for document in kept),
            "rules": [_rule_json(report) for report in self.cleaned.ledger],
        }


def first_documents(opened: OpenSource, at_most: int = FIRST_DOCUMENTS) -> FirstDocuments:
    """The first documents of a source; no more begin once 2 million characters are read."""
    documents: list[Document] = []
    characters = 0
    for document in islice(opened.documents, at_most + 1):
        if len(documents) == at_most or characters > FIRST_CHARACTERS:
            return FirstDocuments(tuple(documents), opened.how_split, whole=False)
        documents.append(document)
        characters += len(document.text)
    return FirstDocuments(tuple(documents), opened.how_split, whole=True)


def try_rules(workspace: Workspace, config: TrialConfig, report: Reporter = silent) -> Trial:
    """Clean the first documents of a source.

    Raises:
        DataError: no such source, no text, or a rule that there is not.
        HubError: the Hub is out of reach or has no such data set.
        WorkspaceError: there is no such corpus.
    """
    first = first_documents(open_documents(workspace, config, report), config.first_documents)
    return Trial(first, clean(first.documents, config.rules))


def _rule_json(report: RuleReport) -> dict[str, Any]:
    values = report.to_json()
    values.pop("examples")
    title = RULES[report.rule].title
    return {"title": title, **values, "examples": [_example_json(e) for e in report.examples]}


def _example_json(example: Example) -> dict[str, Any]:
    if example.after is None:
        return {"document": example.document, "dropped": example.reason, "text": example.before}
    pieces = [list(piece) for piece in diff(example.before, example.after)]
    return {"document": example.document, "diff": pieces}
