"""Texts with their changes, ready to draw: what stayed, what went, what came.

Knows two texts and words about them; how they are drawn is the component's business.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from slm.data.cleaning.cleaner import Example, RuleReport, Step
from slm.data.cleaning.diff import diff
from slm.data.cleaning.rules import RULES
from ui.texts import tr
from ui.view_models.chips import visible
from ui.view_models.cleaning import did_words, rule_title

MOST_SHOWN = 20_000
"""Characters of one text that are shown with their changes."""

PieceKind = Literal["same", "removed", "added"]


@dataclass(frozen=True)
class Piece:
    """A stretch of text to draw; in changed ones invisible characters are made visible."""

    kind: PieceKind
    text: str


@dataclass(frozen=True)
class DiffCard:
    """A passage with its changes. `note` says why a document was dropped; `document` is its
    place among those tried, from 0, -1 where it is not known."""

    label: str
    pieces: tuple[Piece, ...]
    note: str = ""
    document: int = -1


def diff_card(example: Example, sources: Sequence[str] = ()) -> DiffCard:
    """An example as a card; `sources` says where the documents are from, by their places."""
    place = example.document
    label = tr("Document {place:,}").format(place=place + 1) if place >= 0 else tr("A document")
    if 0 <= place < len(sources) and sources[place]:
        label += f" · {sources[place]}"
    if example.after is None:
        note = (
            tr("dropped: {reason}").format(reason=example.reason)
            if example.reason
            else tr("dropped")
        )
        return DiffCard(label, (Piece("same", example.before),), note, place)
    return DiffCard(label, pieces(example.before, example.after), "", place)


def pieces(before: str, after: str) -> tuple[Piece, ...]:
    r"""Both texts in one, what went and what came marked.

    >>> [(piece.kind, piece.text) for piece in pieces("a  b", "a b")]
    [('same', 'a '), ('removed', '·'), ('same', 'b')]
    """
    return tuple(
        Piece(kind, text if kind == "same" else shown(text)) for kind, text in diff(before, after)
    )


def shown(text: str) -> str:
    r"""A passage in which blanks, line ends and control characters can be seen.

    >>> shown("a  b\n\tc")
    'a··b⏎\n→c'
    """
    lines = text.split("\n")
    marked = [visible(line.encode(errors="replace")) if line else "" for line in lines]
    return "⏎\n".join(marked)


@dataclass(frozen=True)
class RuleView:
    """What one rule did, in words, and some places where it did."""

    words: str
    cards: tuple[DiffCard, ...]


def rule_view(
    rule: str | None, reports: Sequence[RuleReport], sources: Sequence[str] = ()
) -> RuleView:
    """What a rule did; `sources` says where the documents are from, by their places."""
    report = next((each for each in reports if each.rule == rule), None)
    if report is None:
        return RuleView(tr("Add a rule above to see what it would change."), ())
    title = rule_title(report.entry)
    did = tr(RULES[report.rule].description) if report.rule in RULES else ""
    cards = tuple(diff_card(example, sources) for example in report.examples)
    if not cards:
        return RuleView(
            tr("**{title}.** {did} It changes nothing in these documents.").format(
                title=title, did=did
            ),
            (),
        )
    return RuleView(
        tr("**{title}.** {did} {report}; for example:").format(
            title=title, did=did, report=did_words(report).capitalize()
        ),
        cards,
    )


@dataclass(frozen=True)
class WholeDocument:
    """One document through the rules: the text with its changes, and its size in words."""

    card: DiffCard
    characters: str


def whole_document(
    steps: Sequence[Step], rule: str | None, document: int, source: str
) -> WholeDocument:
    """A document before and after one rule that touched it, or all of them (None)."""
    touched = [step for step in steps if step.after != step.before]
    asked = [step for step in touched if step.entry == rule] if rule else touched
    before = asked[0].before if asked else (steps[0].before if steps else "")
    last = asked[-1] if asked else None
    after = before if last is None else last.after
    reason = last.reason if last is not None else ""
    if after is None and last is not None and last.before != before:
        before_drop = pieces(before[:MOST_SHOWN], last.before[:MOST_SHOWN])
        card = diff_card(Example(before[:MOST_SHOWN], None, document, reason), ())
        card = replace(card, pieces=before_drop)
    else:
        cut = None if after is None else after[:MOST_SHOWN]
        card = diff_card(Example(before[:MOST_SHOWN], cut, document, reason))
    label = tr("Document {document:,}").format(document=document + 1) + (
        f" · {source}" if source else ""
    )
    now = tr("dropped") if after is None else tr("{n_after:,} after").format(n_after=len(after))
    more = (
        tr("; the first {most_shown:,} are shown").format(most_shown=MOST_SHOWN)
        if len(before) > MOST_SHOWN
        else ""
    )
    said = tr("{n_before:,} characters before, {now}{more}.").format(
        n_before=len(before), now=now, more=more
    )
    if not asked:
        said = tr("{n_before:,} characters; no rule changes it.").format(n_before=len(before))
    return WholeDocument(replace(card, label=label), said)


def touching(steps: Sequence[Step]) -> list[str]:
    """The rules that changed a document, or dropped it."""
    return list(dict.fromkeys(step.entry for step in steps if step.after != step.before))
