"""How documents reach the model, ready to draw: rows of windows, totals, and a word of advice.

Knows lengths, ids and a tokenizer; no browser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm.data.layout import Layout, Stretch, Totals
from slm.data.windows import WindowMode
from slm.tokenizer.documents import EncodedDocuments
from slm.tokenizer.protocol import TextTokenizer
from slm.tokenizer.separators import Separator
from ui.texts import counted, tr
from ui.view_models.chips import Chip, chip
from ui.view_models.jobs import count

MODES: Mapping[WindowMode, str] = MappingProxyType(
    {
        "documents": tr("From document to document"),
        "packed": tr("Side by side"),
        "one_document": tr("One document each"),
    }
)
MEANINGS: Mapping[WindowMode, str] = MappingProxyType(
    {
        "documents": tr("A window begins where a document begins, as far as that covers all text."),
        "packed": tr("The text is one long row, cut every context length."),
        "one_document": tr("Nothing crosses from one document into the next; the rest is padding."),
    }
)
SEPARATORS: Mapping[Separator, str] = MappingProxyType(
    {
        "end_of_text": tr("End-of-text token"),
        "blank_line": tr("Blank line"),
        "none": tr("Nothing"),
    }
)
CONTEXTS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096)
ROWS = 12
_BEGINNING_TOKENS = 24
_BEGINNING_CHARACTERS = 70
_MUCH_PADDING = 0.25
_MANY_CUTS = 0.2


@dataclass(frozen=True)
class Segment:
    """Tokens of one document in a window. `number` counts documents from 1; `begins` and `ends`
    say whether the document does so here, or was cut."""

    number: int
    first: int
    length: int
    from_token: int
    of_tokens: int
    begins: bool
    ends: bool


@dataclass(frozen=True)
class Row:
    """One window. `marks` are the places of separators; `again`, how many of its first targets an
    earlier window had."""

    number: int
    segments: tuple[Segment, ...]
    marks: tuple[int, ...]
    held: int
    again: int


@dataclass(frozen=True)
class Picture:
    """Windows to draw: so many places wide, and how the documents in them begin."""

    places: int
    rows: tuple[Row, ...]
    beginnings: Mapping[int, str]


def picture(
    documents: EncodedDocuments,
    layout: Layout,
    tokenizer: TextTokenizer,
    first: int,
    n_rows: int = ROWS,
) -> Picture:
    """The windows from number `first` (1 is the first of the text) on."""
    numbers = range(first - 1, min(first - 1 + n_rows, layout.starts_W.size))
    rows = tuple(_row(documents, layout, number) for number in numbers)
    shown = sorted({segment.number for row in rows for segment in row.segments})
    beginnings = {number: _beginning(documents, layout, tokenizer, number - 1) for number in shown}
    return Picture(layout.context_length + 1, rows, beginnings)


def _row(documents: EncodedDocuments, layout: Layout, number: int) -> Row:
    segments, marks = [], []
    for stretch in layout.stretches(number):
        length = int(layout.lengths_D[stretch.document])
        segments.append(
            Segment(
                stretch.document + 1,
                stretch.first,
                stretch.length,
                stretch.offset + 1,
                length,
                begins=stretch.offset == 0,
                ends=stretch.offset + stretch.length == length,
            )
        )
        marks += _marks(documents, layout, stretch)
    return Row(
        number + 1,
        tuple(segments),
        tuple(marks),
        int(layout.targets_W[number]) + 1,
        int(layout.again_W[number]),
    )


def _marks(documents: EncodedDocuments, layout: Layout, stretch: Stretch) -> list[int]:
    """Places in the window where the separator of the stretch's document stands."""
    is_last = stretch.document == layout.lengths_D.size - 1
    if not documents.n_between or (is_last and not documents.whole):
        return []
    behind_text = int(layout.lengths_D[stretch.document]) - documents.n_between
    from_place = max(0, behind_text - stretch.offset)
    return [stretch.first + place for place in range(from_place, stretch.length)]


def _beginning(
    documents: EncodedDocuments, layout: Layout, tokenizer: TextTokenizer, document: int
) -> str:
    start = int(layout.begins_D[document])
    ids = documents.ids_N[start : start + int(layout.lengths_D[document])][:_BEGINNING_TOKENS]
    text = " ".join(tokenizer.decode(ids.tolist()).split())
    return text[:_BEGINNING_CHARACTERS] + ("…" if len(text) > _BEGINNING_CHARACTERS else "")


def chips(
    documents: EncodedDocuments, layout: Layout, tokenizer: TextTokenizer, number: int
) -> list[Chip]:
    """The tokens of a window (1 is the first), each with the document that it is from."""
    ids = documents.window(layout, number - 1).tolist()
    notes: list[str] = []
    for stretch in layout.stretches(number - 1):
        of = tr("of {lengths_d:,}").format(lengths_d=int(layout.lengths_D[stretch.document]))
        notes += [
            tr("document {document:,}, token {offset:,} {of}").format(
                document=stretch.document + 1, offset=stretch.offset + place + 1, of=of
            )
            for place in range(stretch.length)
        ]
    told = [
        tr("read, and not asked for")
        if place == 0
        else tr("asked for, and not read")
        if place == len(ids) - 1
        else ""
        for place in range(len(ids))
    ]
    return [
        chip(token, tokenizer.token_bytes(token), notes=[note, more] if more else [note])
        for token, note, more in zip(ids, notes, told, strict=True)
    ]


@dataclass(frozen=True)
class Figure:
    """One total of an epoch. `meaning` explains it."""

    label: str
    value: str
    meaning: str


def figures(totals: Totals) -> tuple[Figure, ...]:
    """What an epoch comes to, for the chosen way."""
    return (
        Figure(
            tr("Windows"),
            count(totals.windows),
            tr("In one epoch over the text that is looked at."),
        ),
        Figure(
            tr("Padded"),
            _percent(totals.padded_share),
            tr("Share of all places that hold no token. They take time and teach nothing."),
        ),
        Figure(
            tr("Documents cut"),
            _percent(totals.cut_share),
            tr(
                "Documents that no window holds whole. Behind a cut, the model cannot see how the "
                "text began."
            ),
        ),
        Figure(
            tr("Windows per document"),
            f"{totals.windows_per_document:.2f}",
            tr("In how many windows a document is asked for, on average."),
        ),
        Figure(
            tr("Asked twice"),
            _percent(totals.again_share),
            tr(
                "Share of the targets that an earlier window of the epoch asked for already. An "
                "epoch is longer by that much."
            ),
        ),
    )


def comparison(by_mode: Mapping[WindowMode, Totals]) -> dict[str, list[str]]:
    """The ways beside each other, as columns of a table."""
    totals = list(by_mode.values())
    return {
        tr("Windows"): [MODES[mode] for mode in by_mode],
        tr("An epoch"): [f"{each.windows:,}" for each in totals],
        tr("Padded"): [_percent(each.padded_share) for each in totals],
        tr("Documents cut"): [_percent(each.cut_share) for each in totals],
        tr("Asked twice"): [_percent(each.again_share) for each in totals],
        tr("Targets"): [f"{each.targets:,}" for each in totals],
    }


def advice(by_mode: Mapping[WindowMode, Totals]) -> str:
    """Which way suits these documents in windows of this length."""
    packed = by_mode["packed"]
    alone = by_mode.get("one_document")
    if alone is None:
        return tr(
            "Without a special token between documents, training cannot tell where one begins. "
            "Keep the end-of-text token unless you want to see what its absence does."
        )
    typical = packed.tokens / packed.documents
    if typical > 2 * packed.context_length:
        return tr(
            "A document has {typical:,.0f} tokens on average, far more than "
            "a window, so most windows lie inside one whichever way is "
            "chosen. Side by side asks for nothing twice."
        ).format(typical=typical)
    if alone.padded_share < _MUCH_PADDING and alone.cut_share < _MANY_CUTS:
        return tr(
            "These documents nearly fill a window: one document each pads "
            "{padded_share} and shows no text behind another. From document "
            "to document pads nothing, and also shows what follows a "
            "document's end."
        ).format(padded_share=_percent(alone.padded_share))
    if packed.cut_share > _MANY_CUTS:
        return tr(
            "Side by side would cut {cut_share} of the documents, and one "
            "document each would pad {padded_share}. From document to "
            "document is the better bargain: it asks for some tokens twice "
            "instead."
        ).format(cut_share=_percent(packed.cut_share), padded_share=_percent(alone.padded_share))
    return tr(
        "Many documents fit into a window, so few are cut in any way. "
        "Side by side wastes nothing; one document each would pad "
        "{padded_share}."
    ).format(padded_share=_percent(alone.padded_share))


def seen_note(documents: EncodedDocuments) -> str:
    """How much of the training split is looked at."""
    n_documents, n_tokens = documents.lengths_D.size, documents.ids_N.size
    what = counted("one document", "{n:,} documents", n_documents)
    if documents.whole:
        return tr("The whole training split: {what}, {n_tokens:,} tokens.").format(
            what=what, n_tokens=n_tokens
        )
    return tr("The beginning of the training split: {what}, {n_tokens:,} tokens.").format(
        what=what, n_tokens=n_tokens
    )


def context_options(wanted: int) -> list[int]:
    """Context lengths to choose from, the wanted one among them.

    >>> context_options(200)[5:8]
    [128, 192, 200]
    """
    return sorted({*CONTEXTS, wanted})


def chosen_row(picked: str | None, rows: Sequence[Row]) -> int | None:
    """The number of the window that is open, if it is one of those shown."""
    return next((row.number for row in rows if str(row.number) == picked), None)


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "<0.1%"
    return f"{share:.1%}" if share < 0.1 else f"{share:.0%}"
