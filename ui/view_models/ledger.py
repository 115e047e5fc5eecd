"""The ledger of a saved corpus in words: what each rule did, what was removed, the way back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.data.cleaning.cleaner import RuleReport
from slm.data.corpus import Corpus
from slm.data.removed import BLANK, RemovedDocument
from ui.texts import plural, tr
from ui.view_models.cleaning import rule_title
from ui.view_models.data import beginning


@dataclass(frozen=True)
class LedgerRow:
    """What one rule did to a saved corpus, ready for a table; `left` is a share, 0 to 1."""

    entry: str
    title: str
    changed: int
    dropped: int
    characters: int
    left: float


def ledger_rows(reports: Sequence[RuleReport], documents: int | None = None) -> list[LedgerRow]:
    """A row a rule, in the order in which they worked. `documents` are those that came in."""
    rows = []
    remaining = documents or 0
    for report in reports:
        remaining -= report.documents_dropped
        rows.append(
            LedgerRow(
                report.entry,
                rule_title(report.entry),
                report.documents_touched - report.documents_dropped,
                report.documents_dropped,
                report.characters_changed,
                remaining / documents if documents else 1.0,
            )
        )
    return rows


def documents_that_came(corpus: Corpus) -> int:
    """How many documents a saved corpus was made from, dropped ones included."""
    dropped = sum(report.documents_dropped for report in corpus.rule_reports())
    return corpus.count + dropped + corpus.removed_counts.get(BLANK, 0)


def way_back(is_restorable: bool, details: Mapping[str, Any]) -> str:
    """Whether the texts can be had back as they came, and how."""
    if not is_restorable:
        return tr(
            "What cleaning changed here was not kept, so it cannot be undone. Collect the text "
            "anew from its source."
        )
    changed = int(details.get("documents_changed", 0))
    dropped = sum(details.get("documents_removed", {}).values())
    if not changed and not dropped:
        return tr("Cleaning changed no document, so every text is as it came.")
    return tr(
        "{changed:,} documents were changed and {dropped:,} removed. All "
        "of them are kept as they came: a new corpus with other rules "
        "can be made from them."
    ).format(changed=changed, dropped=dropped)


def removed_words(counts: Mapping[str, int]) -> str:
    """How many documents were removed, in a sentence."""
    total = sum(counts.values())
    return plural("{total:,} document removed.", "{total:,} documents removed.", total).format(
        total=total
    )


def removed_rows(found: Sequence[RemovedDocument]) -> list[tuple[int, str, str, str]]:
    """Removed documents for a table: place (from 1), beginning, rule, reason."""
    return [
        (each.place + 1, beginning(each.text), rule_title(each.rule), each.reason) for each in found
    ]


def removed_caption(document: RemovedDocument) -> str:
    """Where a removed document stood, and why it went; foreign text."""
    place = tr("Document {place:,} as it came").format(place=document.place + 1)
    why = ": ".join(part for part in (rule_title(document.rule), document.reason) if part)
    parts = [
        place,
        document.source,
        tr("{n_text:,} characters").format(n_text=len(document.text)),
        why,
    ]
    return " · ".join(part for part in parts if part)


def picked(found: Sequence[RemovedDocument], rows: Sequence[int]) -> RemovedDocument | None:
    """The row that was clicked, else the first; None where there is none."""
    at = rows[0] if rows and rows[0] < len(found) else 0
    return found[at] if found else None
