"""The vocabulary browser in words: rows of a table, what stands out, places in the text.

Knows neither Streamlit nor files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slm.tokenizer.usage import Context
from slm.tokenizer.vocabulary import Entry, Kind, Order, Standing, Which
from ui.texts import tr
from ui.view_models.chips import visible

MOST_ROWS = 5_000
_MOST_POINTS = 1_500
_WIDE = 48
WHICH: Mapping[Which, str] = {
    "all": tr("All"),
    "unused": tr("Never used"),
    "glitch": tr("Glitch-prone"),
    "partial": tr("Parts of characters"),
    "special": tr("Special"),
}
ORDERS: Mapping[Order, str] = {
    "frequent": tr("most frequent first"),
    "rare": tr("rarest first"),
    "id": tr("by id, as learned"),
    "longest": tr("longest first"),
}
KINDS: Mapping[Kind, str] = {
    "byte": tr("byte"),
    "character": tr("character"),
    "merge": tr("merge"),
    "special": tr("special"),
    "other": tr("whole piece"),
}


@dataclass(frozen=True)
class Searchable:
    """The vocabulary with what a search looks at, made once."""

    entries: tuple[Entry, ...]
    shown: tuple[str, ...]
    folded: tuple[str, ...]


def searchable(entries: Sequence[Entry]) -> Searchable:
    """All tokens as they are shown, and in one letter case."""
    shown = tuple(visible(entry.piece) for entry in entries)
    return Searchable(tuple(entries), shown, tuple(text.casefold() for text in shown))


def search(vocabulary: Searchable, wanted: str) -> list[Entry]:
    """The tokens whose text holds what was typed; a number finds its id too.

    Blanks match the dots that stand for them, so that " the" finds "·the".
    """
    if not wanted:
        return list(vocabulary.entries)
    marked = visible(wanted.encode(errors="replace")).casefold()
    number = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 10 else None
    return [
        entry
        for entry, text in zip(vocabulary.entries, vocabulary.folded, strict=True)
        if marked in text or entry.id == number
    ]


def columns(found: Sequence[Entry], standing: Standing | None) -> dict[str, list[object]]:
    """The table's columns, at most MOST_ROWS rows; frequency and rank where they are known."""
    rows = found[:MOST_ROWS]
    table: dict[str, list[object]] = {
        tr("Id"): [entry.id for entry in rows],
        tr("Token"): [visible(entry.piece) for entry in rows],
    }
    if standing is not None:
        ranks = standing.ranks
        table[tr("Frequency")] = [int(standing.counts[entry.id]) for entry in rows]
        table[tr("Rank")] = [int(ranks[entry.id]) or None for entry in rows]
    return table | {
        tr("Length"): [len(entry.piece) for entry in rows],
        tr("Merge"): [entry.merge for entry in rows],
        tr("Count then"): [entry.pair_count for entry in rows],
        tr("Kind"): [KINDS[entry.kind] for entry in rows],
    }


def how_many(shown: int, found: int, all_tokens: int) -> str:
    """How much of the vocabulary the table holds.

    >>> how_many(12, 12, 1024), how_many(5000, 9000, 50257)
    ('12 of 1,024 tokens', '9,000 of 50,257 tokens; the first 5,000 are listed')
    """
    note = tr("{found:,} of {all_tokens:,} tokens").format(found=found, all_tokens=all_tokens)
    return (
        note
        if shown == found
        else tr("{note}; the first {shown:,} are listed").format(note=note, shown=shown)
    )


@dataclass(frozen=True)
class Points:
    """Tokens as points of a chart: used ones by rank or id, and those that never occur."""

    x: NDArray[np.int64]
    frequency: NDArray[np.int64]
    ids: NDArray[np.int64]
    texts: tuple[str, ...]
    unused_x: NDArray[np.int64]
    unused_ids: NDArray[np.int64]
    unused_texts: tuple[str, ...]
    unused: int


def points(vocabulary: Searchable, standing: Standing, by: str = "rank") -> Points:
    """At most some thousand points, spread evenly over the chart's logarithmic axis.

    By rank, those that never occur stand behind the last rank; by id where they are.
    """
    ids = np.array([entry.id for entry in vocabulary.entries], dtype=np.int64)
    texts = np.array(vocabulary.shown, dtype=object)
    counts = standing.counts[ids]
    order = np.argsort(-counts, kind="stable") if by == "rank" else np.arange(ids.size)
    place = np.arange(1, ids.size + 1) if by == "rank" else ids + 1
    used = counts[order] > 0
    kept, left = _spread(np.flatnonzero(used)), _spread(np.flatnonzero(~used))
    return Points(
        x=place[kept],
        frequency=counts[order][kept],
        ids=ids[order][kept],
        texts=tuple(texts[order][kept]),
        unused_x=place[left],
        unused_ids=ids[order][left],
        unused_texts=tuple(texts[order][left]),
        unused=int((~used).sum()),
    )


def _spread(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The first ones all, later ones ever more sparsely."""
    if places.size <= _MOST_POINTS:
        return places
    chosen = np.unique(np.geomspace(1, places.size, 3 * _MOST_POINTS).astype(int)) - 1
    kept: NDArray[np.int64] = places[chosen]
    return kept


def usage_note(standing: Standing, corpus: str, *, sampled: bool) -> str:
    """On what text the frequencies were counted."""
    where = (
        tr(
            "Counted on the first million characters of {corpus}, since it "
            "was not yet encoded with this tokenizer"
        ).format(corpus=corpus)
        if sampled
        else tr("Counted over the whole training split of {corpus}").format(corpus=corpus)
    )
    return tr("{where}: {tokens:,} tokens.").format(where=where, tokens=standing.tokens)


def standing_note(entry: Entry, standing: Standing, *, glitch: bool) -> str:
    """How often one token occurs, in a sentence or two."""
    count = int(standing.counts[entry.id])
    if count == 0:
        told = tr("It never occurs in this text.")
    else:
        rank = int(standing.ranks[entry.id])
        told = tr("It occurs {count:,} times, once in {tokens:,.0f} tokens; rank {rank:,}.").format(
            count=count, tokens=standing.tokens / count, rank=rank
        )
    if glitch:
        told += tr(
            " A model trained on it hardly learns what the token means, yet a prompt can spell it."
        )
    elif count == 0 and entry.kind == "merge":
        told += tr(" Larger tokens took its place wherever it stood.")
    return told


@dataclass(frozen=True)
class ContextRow:
    """A place in the text, as it is shown: at most some dozen characters on each side."""

    before: str
    token: str
    after: str


def context_rows(found: Sequence[Context]) -> list[ContextRow]:
    """The places with their surroundings, cut to what fits a line."""
    return [
        ContextRow(
            visible(place.before)[-_WIDE:] if place.before else "",
            visible(place.piece),
            visible(place.after)[:_WIDE] if place.after else "",
        )
        for place in found
    ]
