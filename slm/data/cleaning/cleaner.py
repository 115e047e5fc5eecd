"""A pass of cleaning rules over documents, with a count of what each did and examples.

Knows no particular rule. Rules run in the order given; what a rule reports is
its own doing, after the rules before it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from slm.data.cleaning.diff import common_prefix, excerpt
from slm.data.cleaning.rules import chosen_rules
from slm.data.cleaning.rules_filter import Apply, Dropped
from slm.data.sources import Document
from slm.utf8 import well_formed

N_EXAMPLES = 5
LOOK_AHEAD_DOCUMENTS = 1_000
_LOOK_AHEAD_CHARACTERS = 8 * 2**20
_EXAMPLE_CHARACTERS = 600


@runtime_checkable
class LearningRule(Protocol):
    """A rule that looks at the first documents before it judges them."""

    def learn(self, texts: Iterable[str]) -> None:
        """See documents that will come."""

    def __call__(self, text: str) -> str | Dropped:
        """Clean one."""


class Removed(NamedTuple):
    """The rule that dropped a document, and why."""

    rule: str
    reason: str


class Example(NamedTuple):
    """The same passage before and after a change (None: the document was dropped).

    `document` is its place, from 0, among the documents that the pass was given, -1 where
    an earlier version did not say; `reason` is why it was dropped.
    """

    before: str
    after: str | None
    document: int = -1
    reason: str = ""


@dataclass
class RuleReport:
    """What one rule did.

    `entry` is the rule with its value, as it was chosen. A touched document was changed or
    dropped. `characters_changed` counts the characters that are no longer there (replaced or
    removed); `characters_removed` how much shorter the text became. Both include dropped
    documents.
    """

    rule: str
    documents_touched: int = 0
    characters_changed: int = 0
    characters_removed: int = 0
    documents_dropped: int = 0
    examples: list[Example] = field(default_factory=list)
    entry: str = ""

    def __post_init__(self) -> None:
        self.entry = self.entry or self.rule

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, for the corpus's ledger."""
        return {
            "rule": self.rule,
            "entry": self.entry,
            "documents_touched": self.documents_touched,
            "characters_changed": self.characters_changed,
            "characters_removed": self.characters_removed,
            "documents_dropped": self.documents_dropped,
            "examples": [list(example) for example in self.examples],
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "RuleReport":
        """The report that `to_json` wrote, in this version or before; other keys are ignored."""
        examples = [Example(*parts) for parts in values["examples"]]
        known = set(cls.__dataclass_fields__) - {"examples"}
        kept = {name: value for name, value in values.items() if name in known}
        return cls(**kept, examples=examples)

    def count(self, before: str, after: str | Dropped, document: int = -1) -> None:
        """Add one document's change."""
        self.documents_touched += 1
        if isinstance(after, Dropped):
            self.documents_dropped += 1
            self.characters_changed += len(before)
            self.characters_removed += len(before)
        else:
            self.characters_changed += _characters_gone(before, after)
            self.characters_removed += len(before) - len(after)
        if len(self.examples) < N_EXAMPLES:
            self.examples.append(_example(before, after, document))


@dataclass(frozen=True)
class Cleaned:
    """Documents that stayed, and what each rule did, in order."""

    documents: list[Document]
    ledger: list[RuleReport]


class Step(NamedTuple):
    """What one rule made of one document (`after` None: it was dropped, for `reason`)."""

    entry: str
    before: str
    after: str | None
    reason: str = ""


class Cleaner:
    """The rules of one pass over a corpus: give it documents one by one, then read its ledger."""

    def __init__(self, rules: Sequence[str]) -> None:
        """Raises: DataError for an unknown rule, or a value that it cannot take."""
        self._chosen = chosen_rules(rules)
        self.ledger = [RuleReport(each.rule.name, entry=each.entry) for each in self._chosen]
        self._steps = [each.start() for each in self._chosen]
        self._parts: list[tuple[Apply, RuleReport]] = list(
            zip(self._steps, self.ledger, strict=True)
        )
        self._read = 0

    @property
    def looks_ahead(self) -> bool:
        """Whether a rule wants to see the first documents before it judges them."""
        return any(isinstance(step, LearningRule) for step in self._steps)

    def learn(self, texts: Sequence[str]) -> None:
        """Show the first documents to the rules that look ahead, each after the rules before it."""
        learning = [isinstance(step, LearningRule) for step in self._steps]
        for place, (step, each) in enumerate(zip(self._steps, self._chosen, strict=True)):
            if isinstance(step, LearningRule):
                step.learn(texts)
            if not any(learning[place + 1 :]):
                return
            rehearsal = each.start()  # what it remembers of these texts is not kept
            if isinstance(rehearsal, LearningRule):
                rehearsal.learn(texts)
            texts = [text for text in map(rehearsal, texts) if not isinstance(text, Dropped)]

    def run(self, text: str) -> str | Removed:
        """The text after all rules, or which of them dropped it."""
        place = self._read
        self._read += 1
        for step, report in self._parts:
            cleaned = step(text)
            if cleaned is text:
                continue
            if isinstance(cleaned, Dropped):
                report.count(text, cleaned, place)
                return Removed(report.rule, cleaned.reason)
            if cleaned != text:
                report.count(text, cleaned, place)
                text = cleaned
        return text

    def trace(self, text: str) -> list[Step]:
        """What each rule makes of a text; no report counts it."""
        steps: list[Step] = []
        for step, report in self._parts:
            made = step(text)
            if isinstance(made, Dropped):
                return [*steps, Step(report.entry, text, None, made.reason)]
            steps.append(Step(report.entry, text, made))
            text = made
        return steps

    def run_all(self, documents: Iterable[Document]) -> Iterator[tuple[Document, str | Removed]]:
        """Each document as it came, and what `run` gives for it.

        Where a rule looks ahead, the first 1,000 documents (or 8 million characters) are held.
        """
        waiting = iter(documents)
        if self.looks_ahead:
            held = list(_first(waiting))
            self.learn([text for text, _ in held])
            for document in held:
                yield document, self.run(document.text)
        for document in waiting:
            yield document, self.run(document.text)

    def clean(self, text: str) -> str | None:
        """The text after all rules, or None when one dropped it."""
        cleaned = self.run(text)
        return None if isinstance(cleaned, Removed) else cleaned


def clean(documents: Iterable[Document], rules: Sequence[str]) -> Cleaned:
    """All documents after all rules; those that become blank stay, unless a rule drops them.

    Raises: DataError for an unknown rule, or a value that it cannot take.
    """
    cleaner = Cleaner(rules)
    kept = [
        Document(made, document.source)
        for document, made in cleaner.run_all(map(storable, documents))
        if not isinstance(made, Removed)
    ]
    return Cleaned(kept, cleaner.ledger)


def follow(documents: Sequence[Document], rules: Sequence[str], place: int) -> list[Step]:
    """What each rule makes of the document at a place, in a pass over all of them.

    The list ends with the rule that drops it.
    """
    given = [storable(document) for document in documents]
    cleaner = Cleaner(rules)
    if cleaner.looks_ahead:
        cleaner.learn([text for text, _ in _first(iter(given))])
    for document in given[:place]:
        cleaner.run(document.text)
    return cleaner.trace(given[place].text)


def storable(document: Document) -> Document:
    """The document with halves of surrogate pairs, which no file can hold, as U+FFFD."""
    text = well_formed(document.text)
    return document if text is document.text else Document(text, document.source)


def _first(documents: Iterator[Document]) -> Iterator[Document]:
    """The documents that rules may look ahead at; takes no more than it gives."""
    characters = 0
    for _ in range(LOOK_AHEAD_DOCUMENTS):
        document = next(documents, None)
        if document is None:
            return
        yield document
        characters += len(document.text)
        if characters >= _LOOK_AHEAD_CHARACTERS:
            return


def _characters_gone(before: str, after: str) -> int:
    """How many of a text's characters are no longer there, wherever they stood.

    >>> _characters_gone("“a” b", '"a" c')
    3
    """
    start = common_prefix(before, after)
    had, has = _tally(before[start:]), _tally(after[start:])
    if had.size > has.size:
        has.resize(had.size, refcheck=False)
    return int(np.maximum(had - has[: had.size], 0).sum())


def _tally(text: str) -> NDArray[np.int64]:
    """How often each code point occurs (much faster than a dictionary of characters)."""
    if text.isascii():
        return np.bincount(np.frombuffer(text.encode(), dtype=np.uint8), minlength=1)
    points = np.frombuffer(text.encode("utf-32-le", errors="surrogatepass"), dtype="<u4")
    return np.bincount(points)


def _example(before: str, after: str | Dropped, document: int) -> Example:
    if isinstance(after, Dropped):
        return Example(before[:_EXAMPLE_CHARACTERS], None, document, after.reason)
    return Example(*excerpt(before, after, limit=_EXAMPLE_CHARACTERS), document)
