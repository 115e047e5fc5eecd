"""Tokenizers compared, in words and ready to draw. Knows neither Streamlit nor files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slm.data.embedded.languages import DOMAINS
from slm.tokenizer.comparison import (
    LanguageMeasured,
    Measured,
    by_domain,
    by_language,
    measure,
    side_by_side,
)
from slm.tokenizer.protocol import TextTokenizer, well_formed
from ui.texts import tr
from ui.view_models.chips import visible

MEASURES: Mapping[str, str] = {
    "premium": tr("Premium over English"),
    "words": tr("Tokens per 1,000 words"),
    "bytes": tr("Bytes per token"),
}


@dataclass(frozen=True)
class ColumnToken:
    """A token in its column; start and end are bytes of the whole text."""

    text: str
    id: int
    start: int
    end: int


@dataclass(frozen=True)
class SideBySide:
    """The text as rows of lines and columns of tokenizers."""

    names: tuple[str, ...]
    facts: tuple[str, ...]
    rows: tuple[tuple[tuple[ColumnToken, ...], ...], ...]


def side_by_side_view(tokenizers: Mapping[str, TextTokenizer], text: str) -> SideBySide:
    """The same text by each tokenizer, line beside line."""
    data = well_formed(text).encode()
    rows = side_by_side(list(tokenizers.values()), text)
    return SideBySide(
        tuple(tokenizers),
        tuple(_facts(measure(tokenizer, text)) for tokenizer in tokenizers.values()),
        tuple(
            tuple(
                tuple(
                    ColumnToken(visible(data[t.start : t.end]), t.id, t.start, t.end)
                    for t in tokens
                    if t.end > t.start
                )
                for tokens in row
            )
            for row in rows
        ),
    )


def _facts(found: Measured) -> str:
    lost = "" if found.lossless else tr(" · some of the text is lost or changed")
    return tr("{tokens:,} tokens · {bytes_per_token:.2f} bytes per token{lost}").format(
        tokens=found.tokens, bytes_per_token=found.bytes_per_token, lost=lost
    )


@dataclass(frozen=True)
class Grid:
    """Figures as a table: a row a text, a column a tokenizer. `cells` are the figures in words.

    `worst_is_high`: whether large figures are the bad ones.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]
    cells: tuple[tuple[str, ...], ...]
    hovers: tuple[tuple[str, ...], ...]
    title: str
    worst_is_high: bool


def language_grid(tokenizers: Mapping[str, TextTokenizer], what: str = "premium") -> Grid:
    """The parallel story: languages by script, the tokenizers beside each other."""
    columns = {name: by_language(tokenizer) for name, tokenizer in tokenizers.items()}
    rows = list(zip(*columns.values(), strict=True))
    return Grid(
        rows=tuple(_row_name(row[0]) for row in rows),
        columns=tuple(columns),
        values=tuple(tuple(_value(each, what) for each in row) for row in rows),
        cells=tuple(tuple(_cell(each, what) for each in row) for row in rows),
        hovers=tuple(tuple(_hover(each) for each in row) for row in rows),
        title=MEASURES[what],
        worst_is_high=what != "bytes",
    )


def _row_name(row: LanguageMeasured) -> str:
    same = row.script in (row.language, "Latin")
    return row.language if same else f"{row.language} ({row.script})"


def _value(each: LanguageMeasured, what: str) -> float:
    if what == "premium":
        return each.premium
    return each.measured.per_1000_words if what == "words" else each.measured.bytes_per_token


def _cell(each: LanguageMeasured, what: str) -> str:
    value = _value(each, what)
    shown = f"{value:,.0f}" if what == "words" else f"{value:.2f}"
    return shown if each.measured.lossless else f"{shown} *"


def _hover(each: LanguageMeasured) -> str:
    found = each.measured
    lost = "" if found.lossless else tr("<br>* it cannot write this text: some of it is lost")
    return tr(
        "{language}: {tokens:,} tokens for {bytes:,} "
        "bytes<br>{premium:.2f} times those of "
        "English<br>{per_1000_words:,.0f} tokens per 1,000 "
        "words<br>{bytes_per_token:.2f} bytes per token{lost}"
    ).format(
        language=each.language,
        tokens=found.tokens,
        bytes=found.bytes,
        premium=each.premium,
        per_1000_words=found.per_1000_words,
        bytes_per_token=found.bytes_per_token,
        lost=lost,
    )


def domain_grid(tokenizers: Mapping[str, TextTokenizer]) -> Grid:
    """Kinds of text: bytes per token."""
    columns = {name: by_domain(tokenizer) for name, tokenizer in tokenizers.items()}
    found = [[measured[domain.key] for measured in columns.values()] for domain in DOMAINS]
    return Grid(
        rows=tuple(domain.title for domain in DOMAINS),
        columns=tuple(columns),
        values=tuple(tuple(each.bytes_per_token for each in row) for row in found),
        cells=tuple(
            tuple(f"{m.bytes_per_token:.2f}" + ("" if m.lossless else " *") for m in row)
            for row in found
        ),
        hovers=tuple(
            tuple(
                tr("{tokens:,} tokens for {bytes:,} bytes").format(tokens=m.tokens, bytes=m.bytes)
                for m in row
            )
            for row in found
        ),
        title=MEASURES["bytes"],
        worst_is_high=False,
    )


def premium_note(tokenizers: Mapping[str, TextTokenizer]) -> list[str]:
    """For each tokenizer who pays most, in a sentence."""
    notes = []
    for name, tokenizer in tokenizers.items():
        rows = [row for row in by_language(tokenizer) if row.measured.lossless]
        if len(rows) < 2:
            notes.append(tr("{name} can write English alone.").format(name=name))
            continue
        worst = max(rows, key=lambda row: row.premium)
        mean = sum(row.premium for row in rows[1:]) / (len(rows) - 1)
        notes.append(
            tr(
                "{name}: {language} pays most, {premium:.1f} times the tokens of "
                "English; {mean:.1f} times on average."
            ).format(name=name, language=worst.language, premium=worst.premium, mean=mean)
        )
    return notes


def default_choice(known: Sequence[str], current: str | None) -> list[str]:
    """Which tokenizers stand side by side at first: the current one, another, and plain bytes."""
    first = [key for key in known if key == current]
    others = [key for key in known if key not in first]
    return [*first, *others][:3]
