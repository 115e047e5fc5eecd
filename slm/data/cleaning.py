"""A pass of cleaning rules over documents, with a count of what each did and examples.

Knows no particular rule. Rules run in the order given; what a rule reports is
its own doing, after the rules before it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm.data.rules import RULES as RULES
from slm.data.sources import Document
from slm.errors import DataError

N_EXAMPLES = 5
_BEFORE_CHARACTERS = 40
_AFTER_CHARACTERS = 120


class Example(NamedTuple):
    """What stood around the first change, and what stands there now (None: dropped)."""

    before: str
    after: str | None


@dataclass
class RuleReport:
    """What one rule did.

    A touched document was changed or dropped. `characters_changed` counts the
    characters that are no longer there (replaced or removed); `characters_removed`
    how much shorter the text became. Both include dropped documents.
    """

    rule: str
    documents_touched: int = 0
    characters_changed: int = 0
    characters_removed: int = 0
    documents_dropped: int = 0
    examples: list[Example] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for the corpus's ledger."""
        return {
            "rule": self.rule,
            "documents_touched": self.documents_touched,
            "characters_changed": self.characters_changed,
            "characters_removed": self.characters_removed,
            "documents_dropped": self.documents_dropped,
            "examples": [list(example) for example in self.examples],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RuleReport":
        """The report that `to_json` wrote; other keys are ignored."""
        examples = [Example(before, after) for before, after in values["examples"]]
        kept = {name: values[name] for name in cls.__dataclass_fields__ if name != "examples"}
        return cls(**kept, examples=examples)

    def count(self, before: str, after: str | None) -> None:
        """Add one document's change."""
        if after == before:
            return
        self.documents_touched += 1
        self.documents_dropped += after is None
        self.characters_changed += _characters_gone(before, after or "")
        self.characters_removed += len(before) - len(after or "")
        if len(self.examples) < N_EXAMPLES:
            self.examples.append(_example(before, after))


@dataclass(frozen=True)
class Cleaned:
    """Documents that stayed, and what each rule did, in order."""

    documents: list[Document]
    ledger: list[RuleReport]


class Cleaner:
    """The rules of one pass over a corpus: give it documents one by one, then read its ledger."""

    def __init__(self, rules: Sequence[str]) -> None:
        """Raises: DataError for an unknown rule."""
        unknown = [name for name in rules if name not in RULES]
        if unknown:
            raise DataError(
                f"There is no cleaning rule {unknown[0]!r}. The rules are: {', '.join(RULES)}."
            )
        self.ledger = [RuleReport(name) for name in rules]
        self._steps = [RULES[name].start() for name in rules]

    def clean(self, text: str) -> str | None:
        """The text after all rules, or None when one dropped it."""
        for step, report in zip(self._steps, self.ledger, strict=True):
            cleaned = step(text)
            report.count(text, cleaned)
            if cleaned is None:
                return None
            text = cleaned
        return text


def clean(documents: Iterable[Document], rules: Sequence[str]) -> Cleaned:
    """All documents after all rules; those that become blank stay, unless a rule drops them.

    Raises: DataError for an unknown rule.
    """
    cleaner = Cleaner(rules)
    kept = [
        Document(text, document.source)
        for document in documents
        if (text := cleaner.clean(document.text)) is not None
    ]
    return Cleaned(kept, cleaner.ledger)


def _characters_gone(before: str, after: str) -> int:
    """How many of a text's characters are no longer there, wherever they stood.

    >>> _characters_gone("“a” b", '"a" c')
    3
    """
    had, has = _tally(before), _tally(after)
    has.resize(had.size, refcheck=False)
    return int(np.maximum(had - has, 0).sum())


def _tally(text: str) -> NDArray[np.int64]:
    """How often each code point occurs (much faster than a dictionary of characters)."""
    points = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    return np.bincount(points)


def _example(before: str, after: str | None) -> Example:
    if after is None:
        return Example(before[: _BEFORE_CHARACTERS + _AFTER_CHARACTERS], None)
    shorter = min(len(before), len(after))
    first = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    window = slice(max(0, first - _BEFORE_CHARACTERS), first + _AFTER_CHARACTERS)
    return Example(before[window], after[window])
