"""Where the loss is, ready to show: by place, frequency, source and document.

Knows what `slm.lab.evaluation` gives; neither models nor Streamlit.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ui.texts import tr

Kind = Literal["by_place", "by_frequency", "by_source"]


@dataclass(frozen=True)
class Bar:
    """One slice: its label (foreign text, for sources), nats a token, and tokens in it.

    `tick` is the label as short as an axis needs it.
    """

    label: str
    tick: str
    nats_per_token: float
    tokens: int
    share: float


@dataclass(frozen=True)
class SlicesView:
    """The three slicings as bars, and a sentence on each."""

    by_place: tuple[Bar, ...]
    by_frequency: tuple[Bar, ...]
    by_source: tuple[Bar, ...]
    mean: float
    place_words: str
    frequency_words: str
    frequency_title: str


@dataclass(frozen=True)
class DocumentRow:
    """One document, numbered from 1; `begins` and `source` are foreign text."""

    document: int
    bits_per_byte: float
    perplexity: float | None
    tokens: int
    begins: str
    source: str


def slices_view(figures: Mapping[str, Any]) -> SlicesView | None:
    """The slices of a measurement; None for one from before there were any."""
    told = figures.get("slices")
    if not told:
        return None
    by_place = _bars(told["by_place"], _end)
    by_frequency = _bars(told["by_frequency"], _start)
    of_training = told.get("frequency_in") == "training"
    return SlicesView(
        by_place,
        by_frequency,
        _bars(told["by_source"]),
        figures["model"]["nats_per_token"],
        _place_words(by_place),
        _frequency_words(by_frequency, of_training),
        tr("times in the training text") if of_training else tr("times in this text"),
    )


def document_rows(figures: Mapping[str, Any]) -> tuple[DocumentRow, ...]:
    """The listed documents, the most surprising first."""
    return tuple(
        DocumentRow(
            each["document"],
            each["bits_per_byte"],
            each["perplexity"],
            each["tokens"],
            each["begins"],
            each["source"],
        )
        for each in figures.get("documents", ())
    )


def documents_words(rows: Sequence[DocumentRow], of: int) -> str:
    """What the list shows, and how far its ends lie apart."""
    if len(rows) < 2:
        return ""
    worst, best = rows[0].bits_per_byte, rows[-1].bits_per_byte
    listed = (
        tr("all {of:,}").format(of=of)
        if len(rows) == of
        else tr("{n_rows:,} of {of:,}, from both ends").format(n_rows=len(rows), of=of)
    )
    times = (
        tr(", {worst:.1f} times as much as the least").format(worst=worst / best)
        if best > 0.01
        else ""
    )
    return tr(
        "Documents by surprise ({listed}). The most surprising takes "
        "{worst:.2f} bits a byte{times}."
    ).format(listed=listed, worst=worst, times=times)


def _end(label: str) -> str:
    """A span by its end: 33–64 is "64"."""
    return label.split("–")[-1]


def _start(label: str) -> str:
    """A span by its start: 1,000–9,999 is "1k+", 0 is "0".

    >>> _start("0"), _start("10–99"), _start("1,000–9,999"), _start("1,000,000 or more")
    ('0', '10+', '1k+', '1M+')
    """
    start = label.split("–")[0].removesuffix(" or more").replace(",", "")
    short = start.removesuffix("000000") + "M" if start.endswith("000000") else start
    short = short.removesuffix("000") + "k" if short.endswith("000") else short
    return short if short == label else f"{short}+"


def _bars(slices: Sequence[Mapping[str, Any]], tick: Callable[[str], str] = str) -> tuple[Bar, ...]:
    total = sum(each["tokens"] for each in slices) or 1
    return tuple(
        Bar(
            each["label"],
            tick(each["label"]),
            each["nats_per_token"],
            each["tokens"],
            each["tokens"] / total,
        )
        for each in slices
    )


def _place_words(bars: Sequence[Bar]) -> str:
    """From where on more context stops helping: the first place within 5% of the best."""
    if len(bars) < 3:
        return tr("The text is shorter than the context, so little can be said of it.")
    best = min(bar.nats_per_token for bar in bars)
    first = next(bar for bar in bars if bar.nats_per_token <= best * 1.05)
    told = tr(
        "Right at a window's start a token takes {nats_per_token:.2f} "
        "nats, behind {label} tokens {rare_nats:.2f}."
    ).format(
        nats_per_token=bars[0].nats_per_token,
        label=first.label,
        rare_nats=first.nats_per_token,
    )
    if first is bars[-1]:
        return tr("{told} The model uses all that it can see.").format(told=told)
    return tr("{told} What lies farther back than that helps it little.").format(told=told)


def _frequency_words(bars: Sequence[Bar], of_training: bool) -> str:
    if len(bars) < 2:
        return ""
    rare, common = bars[0], bars[-1]
    share = f"{rare.share:.1%}" if rare.share >= 0.001 else tr("less than 0.1%")
    where = tr("in training") if of_training else tr("in this text")
    return tr(
        "Tokens seen {label} times {where} take {nats_per_token:.2f} "
        "nats, those seen {rare} times {rare_nats:.2f}; the "
        "rare ones are {share} of the text."
    ).format(
        label=rare.label,
        where=where,
        nats_per_token=rare.nats_per_token,
        rare=common.label,
        rare_nats=common.nats_per_token,
        share=share,
    )
