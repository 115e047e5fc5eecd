"""The Data page in words: sources to choose from, figures of a text, what rules did.

Knows neither Streamlit nor files.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.data.cleaning import Example, RuleReport
from slm.data.hub import PREFIX
from slm.data.rules import RULES
from slm.data.sources import EMBEDDED, PUBLISHED
from ui.view_models.chips import visible
from ui.view_models.preparing import arguments as arguments
from ui.view_models.preparing import work_key as work_key

_BEGINNING_CHARACTERS = 60


def sample_note(documents: int, whole: bool) -> str:
    """How much of a source stands behind a preview."""
    if whole:
        return f"All {documents:,} documents of the source."
    return f"The first {documents:,} documents of the source."


def beginning(text: str) -> str:
    r"""The first words of a document on one line.

    >>> beginning("One\n\n two.")
    'One two.'
    """
    line = " ".join(text[: 4 * _BEGINNING_CHARACTERS].split())
    return line if len(line) <= _BEGINNING_CHARACTERS else line[:_BEGINNING_CHARACTERS] + "…"


@dataclass(frozen=True)
class LedgerRow:
    """What one rule did, ready for a table."""

    rule: str
    title: str
    touched: str
    dropped: str
    characters: str


def ledger_rows(reports: Iterable[RuleReport]) -> list[LedgerRow]:
    """A row a rule, in the order in which they worked; nothing done is a dash."""
    return [
        LedgerRow(
            report.rule,
            rule_title(report.rule),
            _or_dash(report.documents_touched),
            _or_dash(report.documents_dropped),
            _or_dash(report.characters_changed),
        )
        for report in reports
    ]


def rule_title(name: str) -> str:
    """What a rule is called on screen; one that this version lacks keeps its name."""
    return RULES[name].title if name in RULES else name


def cleaned_sentence(documents: int, whole: bool, reports: Sequence[RuleReport]) -> str:
    """What all rules together did, in a sentence."""
    dropped = sum(report.documents_dropped for report in reports)
    changed = sum(report.documents_touched - report.documents_dropped for report in reports)
    shorter = sum(report.characters_removed for report in reports)
    of = f"Of {'all' if whole else 'the first'} {documents:,} documents"
    if not dropped and not changed:
        return f"{of}, these rules change nothing."
    times = "change" if changed == 1 else "changes"
    parts = [f"{changed:,} {times} in documents that stay" if changed else ""]
    parts.append(f"{dropped:,} dropped" if dropped else "")
    if shorter:
        parts.append(f"{abs(shorter):,} characters {'fewer' if shorter > 0 else 'more'}")
    return f"{of}: {', '.join(part for part in parts if part)}."


def shown(text: str) -> str:
    r"""A passage in which blanks, line ends and control characters can be seen.

    >>> shown("a  b\n\tc")
    'a··b⏎\n→c'
    """
    lines = text.split("\n")
    marked = [visible(line.encode(errors="replace")) if line else "" for line in lines]
    return "⏎\n".join(marked)


def example_after(example: Example) -> str:
    """What stands there afterwards, or that the document is gone."""
    return "(the document is dropped)" if example.after is None else shown(example.after)


def corpus_facts(details: Mapping[str, Any]) -> str:
    """Where a corpus is from and how its documents were told apart; foreign text."""
    source = str(details.get("config", {}).get("source", "unknown"))
    known = EMBEDDED.get(source) or PUBLISHED.get(source)
    name = known.title if known else source.replace("\\", "/").rsplit("/uploads/", 1)[-1]
    if not known and "/" in name and not name.startswith(PREFIX):
        name = name.rsplit("/", 1)[-1]
    parts = [f"Source: {name}.", str(details.get("how_split", ""))]
    if details.get("replaced_characters"):
        parts.append(f"{details['replaced_characters']:,} unreadable bytes became U+FFFD.")
    return " ".join(part for part in parts if part)


def _or_dash(number: int) -> str:
    return f"{number:,}" if number else "–"
