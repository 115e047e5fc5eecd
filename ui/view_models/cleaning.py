"""The list of cleaning rules in words: its text in the address, its history, what each rule did.

Knows neither Streamlit nor files. A list of rules is one text, as the address has it:
entries with commas between, `min_length=100`; one that is switched off begins with "-".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slm.data.cleaning.cleaner import RuleReport
from slm.data.cleaning.rules import DEFAULT_RULES, RULES, Parameter, chosen
from slm.data.removed import BLANK
from slm.errors import DataError
from ui.texts import tr
from ui.view_models.jobs import count

NO_RULES = "none"
_HISTORY = 100
_SWITCHED_OFF = "-"


@dataclass(frozen=True)
class Choice:
    """A rule in the list: its entry as the core reads it, and whether it works."""

    entry: str
    on: bool = True

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.entry.partition("=")[0]


def read_choices(text: str) -> tuple[Choice, ...]:
    """The list that a text stands for; what is no rule is left out, a wrong value the usual one.

    >>> [choice.entry for choice in read_choices("lower_case,shine,-min_length=oops")]
    ['lower_case', 'min_length']
    """
    if text == NO_RULES:
        return ()
    found: dict[str, Choice] = {}
    for part in text.split(","):
        entry = part.strip().removeprefix(_SWITCHED_OFF)
        name = entry.partition("=")[0]
        if name not in RULES or name in found:
            continue
        try:
            entry = chosen(entry).entry
        except DataError:
            entry = name
        found[name] = Choice(entry, on=not part.strip().startswith(_SWITCHED_OFF))
    if not found:
        return tuple(Choice(name) for name in DEFAULT_RULES)
    return tuple(found.values())


def choices_text(choices: Sequence[Choice]) -> str:
    """The text of a list; empty for the usual one.

    >>> choices_text([Choice("lower_case"), Choice("min_length=9", on=False)])
    'lower_case,-min_length=9'
    """
    if not choices:
        return NO_RULES
    text = ",".join(("" if each.on else _SWITCHED_OFF) + each.entry for each in choices)
    return "" if text == ",".join(DEFAULT_RULES) else text


def entries(choices: Iterable[Choice]) -> tuple[str, ...]:
    """The rules that work, for the core."""
    return tuple(choice.entry for choice in choices if choice.on)


def choices_from_browser(sent: Any) -> tuple[Choice, ...] | None:
    """The list that the browser sent: [[name, value or null, on], …]; None for anything else.

    Raises: DataError for a value that a rule cannot take.
    """
    if not isinstance(sent, list):
        return None
    found: dict[str, Choice] = {}
    for row in sent:
        if not isinstance(row, list) or len(row) != 3:
            return None
        name, value, on = row
        if not isinstance(name, str) or name not in RULES or not isinstance(on, bool):
            return None
        entry = name if value is None else f"{name}={str(value)[:200]}"
        found[name] = Choice(chosen(entry).entry, on)
    return tuple(found.values())


@dataclass(frozen=True)
class History:
    """Lists of rules as texts, the oldest first, and which of them is the present one."""

    texts: tuple[str, ...]
    at: int = 0

    @property
    def text(self) -> str:
        """The present list."""
        return self.texts[self.at]

    def then(self, text: str) -> "History":
        """The history after a change; what was undone before is forgotten.

        >>> History(("a",)).then("b").undone().then("c").texts
        ('a', 'c')
        """
        if text == self.text:
            return self
        texts = (*self.texts[: self.at + 1], text)[-_HISTORY:]
        return History(texts, len(texts) - 1)

    def undone(self) -> "History":
        """One step back, where there is one."""
        return replace(self, at=max(0, self.at - 1))

    def redone(self) -> "History":
        """One step forward again, where there is one."""
        return replace(self, at=min(len(self.texts) - 1, self.at + 1))

    @property
    def can_undo(self) -> bool:
        """Whether there is a step back."""
        return self.at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a step forward."""
        return self.at < len(self.texts) - 1


@dataclass(frozen=True)
class Field:
    """How to ask for a rule's value; a number has bounds."""

    label: str
    value: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class RuleRow:
    """A rule of the list, ready to draw. `left` is the share of documents that are still there
    after it, `did` what it did; both empty where it was not tried."""

    name: str
    title: str
    hint: str
    on: bool
    field: Field | None = None
    did: str = ""
    left: float | None = None
    left_words: str = ""
    idle: bool = False


def rule_rows(
    choices: Sequence[Choice], reports: Sequence[RuleReport] | None, documents: int
) -> list[RuleRow]:
    """The rows of the list; reports are of those that are on, tried on so many documents."""
    by_name = {report.rule: report for report in reports or ()}
    rows: list[RuleRow] = []
    remaining = documents
    for choice in choices:
        rule = RULES[choice.name]
        row = RuleRow(
            choice.name, tr(rule.title), rule_hint(choice.name), choice.on, _field(choice)
        )
        report = by_name.get(choice.name) if choice.on else None
        if report is not None and documents:
            remaining -= report.documents_dropped
            row = replace(
                row,
                did=did_words(report),
                left=remaining / documents,
                left_words=tr("{remaining:,} of {documents:,} documents left").format(
                    remaining=remaining, documents=documents
                ),
                idle=not report.documents_touched,
            )
        rows.append(row)
    return rows


def rules_to_add(choices: Sequence[Choice]) -> list[RuleRow]:
    """The rules that are not in the list, in the order in which they work best."""
    held = {choice.name for choice in choices}
    return [
        RuleRow(name, tr(rule.title), rule_hint(name), on=False)
        for name, rule in RULES.items()
        if name not in held
    ]


def rule_hint(name: str) -> str:
    """What a rule does, where it does harm, what it remembers; for a tip."""
    rule = RULES[name]
    parts = [tr(rule.description)]
    if rule.harms:
        parts.append(tr("Harms: {harms}").format(harms=_in_sentence(rule.harms)))
    if rule.remembers:
        parts.append(
            tr("Keeps in memory: {remembers}").format(remembers=_in_sentence(rule.remembers))
        )
    return " ".join(parts)


def _in_sentence(text: str) -> str:
    told = tr(text)
    return told[:1].lower() + told[1:]


def rule_title(name: str) -> str:
    """What a rule is called on screen; one that this version lacks keeps its name.

    >>> rule_title("min_length=30")
    'No scraps (30 characters)'
    """
    if name == BLANK:
        return tr("Without any text")
    rule = RULES.get(name.partition("=")[0])
    if rule is None:
        return name
    if "=" not in name or rule.parameter is None:
        return tr(rule.title)
    value = name.partition("=")[2]
    return f"{tr(rule.title)} ({value}{_unit(rule.parameter)})"


def did_words(report: RuleReport) -> str:
    """What a rule did, in a few words.

    >>> did_words(RuleReport("lower_case", documents_touched=3, characters_changed=9))
    '3 changed · 9 characters'
    """
    changed = report.documents_touched - report.documents_dropped
    parts = []
    if changed:
        parts.append(tr("{changed} changed").format(changed=count(changed)))
    if report.documents_dropped:
        parts.append(
            tr("{documents_dropped} dropped").format(
                documents_dropped=count(report.documents_dropped)
            )
        )
    if report.characters_changed:
        parts.append(
            tr("{characters_changed} characters").format(
                characters_changed=count(report.characters_changed)
            )
        )
    return " · ".join(parts) or tr("nothing to do")


def left_sentence(
    reports: Sequence[RuleReport], documents: int, characters: int, *, whole: bool
) -> str:
    """What all rules together leave of what they were tried on, in a sentence."""
    of = tr("Of {whole} {documents:,} documents").format(
        whole=tr("all") if whole else tr("the first"), documents=documents
    )
    dropped = sum(report.documents_dropped for report in reports)
    shorter = sum(report.characters_removed for report in reports)
    if not any(report.documents_touched for report in reports):
        return tr("{of}, these rules change nothing.").format(of=of)
    left = characters - shorter
    share = f"{left / characters:.1%}" if characters else "0%"
    return tr(
        "{of}, **{documents:,} are left**, with {left} of {characters} characters ({share})."
    ).format(
        of=of,
        documents=documents - dropped,
        left=count(left),
        characters=count(characters),
        share=share,
    )


def selected_rule(
    choices: Sequence[Choice], reports: Sequence[RuleReport], asked: str | None
) -> str | None:
    """The rule to look at: the one asked for, else the first that did something, else the first."""
    on = [choice.name for choice in choices if choice.on]
    if asked in on:
        return asked
    busy = [report.rule for report in reports if report.documents_touched]
    return next(iter([*busy, *on]), None)


def sample_note(documents: int, whole: bool) -> str:
    """How much of a source stands behind a preview."""
    if whole:
        return tr("All {documents:,} documents of the source.").format(documents=documents)
    return tr("The first {documents:,} documents of the source.").format(documents=documents)


def _field(choice: Choice) -> Field | None:
    parameter = RULES[choice.name].parameter
    if parameter is None:
        return None
    value = str(chosen(choice.entry).value)
    if isinstance(parameter.default, str):
        return Field(parameter.label, value)
    return Field(
        parameter.label,
        value,
        parameter.low,
        parameter.high,
        parameter.step,
        parameter.unit,
    )


def _unit(parameter: Parameter) -> str:
    return (
        ""
        if not parameter.unit
        else parameter.unit
        if parameter.unit == "%"
        else " " + (parameter.unit)
    )
