"""The cleaning rules by name: what each does to one text, and what may be set of it.

An entry of a list of rules is a name, or a name with a value: `lower_case`,
`min_length=100`. What the rules compute is in the files `rules_…` and
`near_duplicates`, by what they look at.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from slm.data.cleaning import (
    rules_filter,
    rules_html,
    rules_lines,
    rules_private,
    rules_text,
)
from slm.data.cleaning.near_duplicates import NearDuplicates
from slm.data.cleaning.rules_filter import Apply, Dropped
from slm.errors import DataError

Group = Literal["characters", "lines", "documents"]


@dataclass(frozen=True)
class Parameter:
    """The one number or list of names that may be set of a rule."""

    label: str
    default: int | float | str
    low: float = 0
    high: float = 0
    step: float = 1
    unit: str = ""

    def read(self, text: str) -> int | float | str:
        """The value that a text stands for.

        Raises: DataError for one that it cannot be.
        """
        if isinstance(self.default, str):
            return "+".join(rules_filter.script_names(text))
        kind = type(self.default)
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not self.low <= value <= self.high:  # NaN is not between them
            whole = "a whole number" if kind is int else "a number"
            raise DataError(
                f"it takes {whole} from {self.low:,.9g} to {self.high:,.9g}, not {text!r}."
            )
        return value


@dataclass(frozen=True)
class Rule:
    """One way to clean.

    `start` takes the parameter's value (None without one) and gives a function for one pass
    over a corpus: text in, cleaned text out, or `Dropped`. `idempotent`: what it gives, it
    leaves alone from then on. `remembers` says what grows with the corpus; `harms` where the
    rule should not be used.
    """

    name: str
    title: str
    description: str
    group: Group
    start: Callable[[Any], Apply]
    parameter: Parameter | None = None
    idempotent: bool = True
    remembers: str = ""
    harms: str = ""

    def apply(self, text: str) -> str | None:
        """The rule, as it is without settings, on a single text; None: dropped."""
        cleaned = self.start(self.parameter.default if self.parameter else None)(text)
        return None if isinstance(cleaned, Dropped) else cleaned


@dataclass(frozen=True)
class ChosenRule:
    """A rule and the value that was chosen for its parameter, if it has one."""

    rule: Rule
    value: int | float | str | None

    def start(self) -> Apply:
        """The function for one pass over a corpus."""
        return self.rule.start(self.value)

    @property
    def entry(self) -> str:
        """How a list of rules names it; a value that is the usual one is left out.

        >>> chosen("min_length=20").entry, chosen("min_length=21").entry
        ('min_length', 'min_length=21')
        """
        parameter = self.rule.parameter
        if parameter is None or self.value == parameter.default:
            return self.rule.name
        return f"{self.rule.name}={self.value}"


def chosen(entry: str) -> ChosenRule:
    """What an entry of a list of rules means.

    Raises: DataError for an unknown rule, or a value that it cannot take.
    """
    name, equals, text = entry.partition("=")
    rule = RULES.get(name)
    if rule is None:
        raise DataError(f"There is no cleaning rule {name!r}. The rules are: {', '.join(RULES)}.")
    if not equals:
        return ChosenRule(rule, rule.parameter.default if rule.parameter else None)
    if rule.parameter is None:
        raise DataError(f"The rule {name} takes no value; write {name} alone, not {entry!r}.")
    try:
        return ChosenRule(rule, rule.parameter.read(text.strip()))
    except DataError as error:
        raise DataError(f"The rule {name} ({rule.title}): {error}") from None


def chosen_rules(entries: Sequence[str]) -> list[ChosenRule]:
    """What every entry of a list means, in order.

    Raises: DataError as `chosen`.
    """
    return [chosen(entry) for entry in entries]


def _each(apply: Apply) -> Callable[[Any], Apply]:
    """The start of a rule without parameter or memory."""
    return lambda _: apply


RULES: dict[str, Rule] = {
    rule.name: rule
    for rule in (
        Rule(
            "strip_html",
            "Text of web pages",
            "Tags, scripts and styles of HTML go; `&amp;` and the like become their characters. "
            "A text without HTML tags keeps its angle brackets.",
            "lines",
            _each(rules_html.strip_html),
            idempotent=False,  # a page may show markup: &lt;b&gt;
            harms="Text about HTML loses its examples.",
        ),
        Rule(
            "mojibake",
            "Mend misread letters",
            "Letters that were read in a wrong encoding are put right: cafÃ© becomes café.",
            "characters",
            _each(rules_text.mojibake),
        ),
        Rule(
            "unicode_nfc",
            "One form for each character",
            "Letters written as letter plus accent become one character (Unicode NFC).",
            "characters",
            _each(rules_text.unicode_nfc),
        ),
        Rule(
            "unicode_nfkc",
            "Plain forms of characters",
            "As the rule before, and ligatures, full-width letters, superscripts and the like "
            "become plain letters and digits (Unicode NFKC).",
            "characters",
            _each(rules_text.unicode_nfkc),
            harms="Formulas: x² becomes x2.",
        ),
        Rule(
            "control_characters",
            "No control characters",
            "Invisible control characters go, newline and tab excepted; line ends become newlines.",
            "characters",
            _each(rules_text.control_characters),
        ),
        Rule(
            "straight_quotes",
            "Straight quotes",
            "Curly and angled quotation marks become ' and \".",
            "characters",
            _each(rules_text.straight_quotes),
        ),
        Rule(
            "boilerplate",
            "No boilerplate",
            "Lines that many documents share go: menus, cookie notices, page headers. A line goes "
            "when it stands in so many percent of the documents (and in 5 at least), numbers "
            "taken as equal, or is a phrase known for it.",
            "lines",
            rules_lines.Boilerplate,
            Parameter("Share of documents", 20, 1, 100, unit="%"),
            idempotent=False,  # what was rare before may now be in many
            remembers="A hash and a count for each of at most 200,000 lines.",
            harms="Code and tables, whose short lines recur; dialogue below some 10%.",
        ),
        Rule(
            "unwrap_lines",
            "Whole paragraphs",
            "Lines broken to fit a page's width are joined, words broken by a hyphen too. Verse, "
            "lists, quotations, tables and indented code stay.",
            "lines",
            _each(rules_lines.unwrap_lines),
            harms="Verse with long lines that begin in small letters.",
        ),
        Rule(
            "whitespace",
            "Single blanks",
            "Tabs and odd spaces become blanks, runs within a line one; indentation stays.",
            "lines",
            _each(rules_text.whitespace),
            harms="Tables that are aligned with blanks.",
        ),
        Rule(
            "blank_lines",
            "One blank line at most",
            "Several blank lines in a row become one; those at both ends go.",
            "lines",
            _each(rules_text.blank_lines),
        ),
        Rule(
            "mask_pii",
            "Mask personal data",
            "Mail and IP addresses, phone, card and account numbers become <EMAIL>, <IP>, "
            "<PHONE>, <CARD>, <IBAN>. Cards and accounts must pass their check digits.",
            "characters",
            _each(rules_private.mask_pii),
            harms="It is no anonymisation: names and addresses stay, unusual phone numbers too, "
            "and some other numbers look like one.",
        ),
        Rule(
            "lower_case",
            "Lower case",
            "Every letter becomes small: a smaller vocabulary, and no names by their capitals.",
            "characters",
            _each(rules_text.lower_case),
        ),
        Rule(
            "min_length",
            "No scraps",
            "Documents of fewer characters than this are dropped.",
            "documents",
            rules_filter.min_length,
            Parameter("At least", 20, 1, 1_000_000, step=10, unit="characters"),
        ),
        Rule(
            "max_length",
            "None too long",
            "Documents of more characters than this are dropped, whole.",
            "documents",
            rules_filter.max_length,
            Parameter("At most", 100_000, 1, 1_000_000_000, step=1000, unit="characters"),
        ),
        Rule(
            "scripts",
            "Only these scripts",
            "Documents most of whose letters are of other scripts are dropped. Name them as "
            "Unicode does: Latin, Greek, Cyrillic, Arabic, Devanagari, Han, Hangul and so on.",
            "documents",
            rules_filter.scripts,
            Parameter("Scripts", "Latin"),
        ),
        Rule(
            "repetition",
            "No repeating documents",
            "Documents in which more than this share of the lines repeat an earlier line of "
            "theirs are dropped.",
            "documents",
            rules_filter.repetition,
            Parameter("Repeated lines", 0.3, 0, 1, step=0.05),
            harms="Verse with refrains, code.",
        ),
        Rule(
            "exact_duplicates",
            "No exact duplicates",
            "A document that came before, character for character, is dropped.",
            "documents",
            lambda _: rules_filter.exact_duplicates(),
            remembers="About 80 bytes for each different document.",
        ),
        Rule(
            "near_duplicates",
            "No near duplicates",
            "A document that is nearly the same as one before it is dropped: at least this share "
            "of their runs of 5 words are the same (Jaccard similarity, estimated by MinHash).",
            "documents",
            NearDuplicates,
            Parameter("Alike", 0.8, 0.3, 1, step=0.05),
            remembers="About 2.5 kB for each document that stays.",
        ),
    )
}
"""All rules, in the order in which they work best."""

DEFAULT_RULES = ("unicode_nfc", "control_characters", "exact_duplicates")
"""Rules that harm no text: indentation, line breaks and capitals stay as they are."""
