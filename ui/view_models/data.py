"""The Data page in words: sources to choose from, figures of a text, what rules did.

Knows neither Streamlit nor files.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.config import Config
from slm.data.cleaning import Example, RuleReport
from slm.data.corpus import PrepareConfig
from slm.data.hub import PREFIX, check_hub_name
from slm.data.rules import RULES
from slm.data.sources import EMBEDDED, PUBLISHED, SourceConfig, SourceInfo
from slm.data.splitting import Leakage
from slm.data.statistics import CorpusStatistics
from ui.view_models import glossary
from ui.view_models.chips import visible
from ui.view_models.jobs import count, size

UPLOAD = "upload"
HUB = "hub"
GENERATED = frozenset({"tales", "tales-with-echoes"})
DOCUMENTS_A_PAGE = 8
_BEGINNING_CHARACTERS = 60


@dataclass(frozen=True)
class SourceCard:
    """A source to choose. `facts` are language, licence and size in one line."""

    key: str
    title: str
    facts: str
    description: str
    good_for: str
    needs_network: bool


@dataclass(frozen=True)
class Figure:
    """A number ready to show, and what it means."""

    label: str
    value: str
    meaning: str


def source_cards() -> dict[str, SourceCard]:
    """Every source that a visitor can choose, the ones that need no network first."""
    yours = SourceCard(
        UPLOAD,
        "A file of yours",
        "any language · your licence · .txt or .md",
        "A text file from your computer. Its bytes are kept as they are, beside the corpus.",
        "Anything: a novel, notes, another language.",
        needs_network=False,
    )
    other = SourceCard(
        HUB,
        "Another data set of the Hub",
        "language, licence and size as its page says",
        "Any public data set of the Hugging Face Hub that has a column of text.",
        "More text than a first model needs, in many languages.",
        needs_network=True,
    )
    cards = [
        *(_card(info, needs_network=False) for info in EMBEDDED.values()),
        yours,
        *(_card(info, needs_network=True) for info in PUBLISHED.values()),
        other,
    ]
    return {card.key: card for card in cards}


def _card(info: SourceInfo, *, needs_network: bool) -> SourceCard:
    facts = f"{info.language} · {info.licence} · about {info.documents:,} documents"
    return SourceCard(
        info.key, info.title, facts, info.description, info.good_for, needs_network=needs_network
    )


def source_config(
    choice: str,
    *,
    upload: str | None = None,
    hub_name: str = "",
    hub_config: str = "",
    hub_split: str = "",
    text_column: str = "",
    seed: int = 0,
) -> SourceConfig | None:
    """The settings behind a choice; None while a file or a name is still missing.

    Raises: HubError for a name that is not owner/name.
    """
    if choice == UPLOAD:
        return SourceConfig(source=upload) if upload else None
    if choice != HUB:
        return SourceConfig(source=choice, seed=seed if choice in GENERATED else 0)
    name = hub_name.strip().removeprefix(PREFIX)
    if not name:
        return None
    return SourceConfig(
        source=PREFIX + check_hub_name(name),
        hub_config=hub_config.strip() or None,
        hub_split=hub_split.strip() or "train",
        text_column=text_column.strip() or None,
    )


def prepare_argv(config: PrepareConfig) -> list[str]:
    """The command line that prepares this corpus; settings at their defaults are left out.

    >>> prepare_argv(PrepareConfig(name="Mine", rules=("lower_case",)))
    ['prepare', '--source=tales', '--name=Mine', '--rules', 'lower_case']
    """
    values = config.to_json()
    plain = PrepareConfig().to_json()
    argv = ["prepare", f"--source={config.source}"]
    for field, value in values.items():
        if field in {"source", "rules"} or value == plain[field]:
            continue
        argv.append(f"--{field.replace('_', '-')}={value}")
    if values["rules"] != plain["rules"]:
        argv += ["--rules", *config.rules]
    return argv


def work_key(argv: Sequence[str]) -> str:
    """The same for the same work, so that starting it twice starts it once."""
    return hashlib.sha256("\0".join(argv).encode(errors="replace")).hexdigest()[:24]


def text_figures(statistics: CorpusStatistics) -> tuple[Figure, ...]:
    """The first numbers that a person wants of a text."""
    more = "at least " if statistics.sampled else ""
    return (
        Figure("Documents", count(statistics.documents), glossary.meaning("document")),
        Figure("Text", size(statistics.bytes), "Its size in bytes, written as UTF-8."),
        Figure(
            "Typical length",
            count(statistics.median_characters),
            "Characters: half of the documents have at most so many.",
        ),
        Figure(
            "Different words",
            count(statistics.unique_words),
            f"There are {more}so many, capitals and small letters taken as one.",
        ),
    )


def examined_note(statistics: CorpusStatistics) -> str:
    """Of how much of the text words and characters were counted."""
    if not statistics.sampled:
        return f"Counted over all {statistics.documents:,} documents."
    return (
        f"Words and characters were counted in {statistics.examined_documents:,} of the "
        f"{statistics.documents:,} documents, chosen at random."
    )


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


def page_start(document: int) -> int:
    """The first document (from 1) of the page that holds this one.

    >>> page_start(8), page_start(9)
    (1, 9)
    """
    return (document - 1) // DOCUMENTS_A_PAGE * DOCUMENTS_A_PAGE + 1


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


def shown_character(character: str) -> str:
    """One character as a label; a quotation by name so that a chart can be read.

    >>> shown_character(" "), shown_character("e")
    ('·', 'e')
    """
    return visible(character.encode(errors="replace"))


def example_after(example: Example) -> str:
    """What stands there afterwards, or that the document is gone."""
    return "(the document is dropped)" if example.after is None else shown(example.after)


@dataclass(frozen=True)
class SplitView:
    """The two splits ready to show, and whether any text stands in both."""

    rows: tuple[tuple[str, int, str, str], ...]
    leakage: str
    leaks: bool


def split_view(
    train: Mapping[str, int], val: Mapping[str, int], found: Leakage, validation_fraction: float
) -> SplitView:
    """Counts of both splits; the hash decides, so the share is only about the one asked for."""
    total = train["documents"] + val["documents"]
    rows = tuple(
        (
            name,
            counts["documents"],
            f"{counts['documents'] / total:.1%}" if total else "–",
            size(counts["bytes"]),
        )
        for name, counts in (("training", train), ("validation", val))
    )
    if found.leaked_documents:
        said = (
            f"{found.leaked_documents:,} of {found.val_documents:,} validation documents "
            f"({found.fraction:.1%}) also stand in the training text, word for word. "
            "Prepare the corpus again with the rule “No exact duplicates”."
        )
    else:
        said = (
            f"None of the {found.val_documents:,} validation documents stands in the training "
            f"text word for word. Asked for: about {validation_fraction:.0%} held out."
        )
    return SplitView(rows, said, bool(found.leaked_documents))


def share_rows(counts: Sequence[tuple[str, int]]) -> list[tuple[str, float]]:
    """Names with their share of the whole, 0 to 1."""
    total = sum(number for _, number in counts) or 1
    return [(name, number / total) for name, number in counts]


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


def plan(config: PrepareConfig) -> str:
    """How much will be saved and held out, in a sentence."""
    limits = [f"the first {config.documents:,} documents" if config.documents else ""]
    limits.append(f"at most {config.max_megabytes:g} MB" if config.max_megabytes else "")
    much = ", ".join(limit for limit in limits if limit) or "all documents"
    held_out = f"{config.validation_fraction:.0%} held out"
    return f"Saves {much}, about {held_out}. It goes on when this page closes."


def arguments(config: Config, plain: Config) -> str:
    """The settings that differ from `plain`, as Python writes them in a call.

    >>> arguments(PrepareConfig(seed=3), PrepareConfig())
    'seed=3'
    """
    fields = type(config).model_fields
    values = {name: getattr(config, name) for name in fields}
    return ", ".join(f"{k}={v!r}" for k, v in values.items() if v != getattr(plain, k))


def default_name(choice: str, source: str) -> str:
    """What to call the corpus until the visitor says otherwise."""
    last = source.replace("\\", "/").rsplit("/", 1)[-1]
    if choice == UPLOAD:
        return last.rsplit(".", 1)[0] or "My text"
    if choice == HUB:
        return last or "Hub text"
    return source_cards()[choice].title


def corpus_summary(details: Mapping[str, Any]) -> str:
    """How large a saved corpus is, in a sentence."""
    train, val = details["train"]["documents"], details["val"]["documents"]
    return f"{size(details['bytes'])} of text: {train:,} documents to train on, {val:,} held out."


def _or_dash(number: int) -> str:
    return f"{number:,}" if number else "–"
