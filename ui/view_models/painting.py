"""A row of attention painted over: what is drawn, what a link says of it, and what was done.

Knows weights, edits and how a token looks; no models, no Streamlit.

S key position, from 0 to the query.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from slm.attention.edit_notation import read_edits, write_edits
from slm.attention.interventions import PaintedRow
from slm.attention.maps import Floats
from slm.attention.readings import Reading
from slm.errors import DataError
from slm.lab.ablation import reading_arrays
from slm.model.config import ModelConfig
from slm.workspace import Artefact
from ui.texts import N_, tr
from ui.view_models.attention import Window
from ui.view_models.code import open_lines
from ui.view_models.walk import share

LONGEST_LINK = 500  # characters; a longer row stays with the visit
THIS_HEAD, ALL_HEADS = N_("This head"), N_("All heads of the layer")
_LONGEST_WORD = 24
_MOST = 1e6  # of a weight that a browser sends, before it is renormalised
_HUGE = re.compile(r"[eE]\+?\d|\d{10}")  # numbers whose sum may be none
_SAME = 0.002
"""Weights that are this near, as a part of the larger one, are even: rounding made the gap."""


@dataclass(frozen=True)
class RowPlace:
    """One row of one head's attention."""

    layer: int
    head: int
    query: int

    @property
    def name(self) -> str:
        """As sentences call it.

        >>> RowPlace(0, 1, 7).name
        'layer 0, head 1, query 7'
        """
        return tr("layer {layer}, head {head}, query {query}").format(
            layer=self.layer, head=self.head, query=self.query
        )


@dataclass(frozen=True)
class PaintingView:
    """Everything that the component shows. Arrays are shared: read them only.

    The first `hidden` keys lie outside the model's window and cannot be painted. `words` are
    all tokens of the text, cut to a length that fits below a bar.
    """

    place: RowPlace
    words: tuple[str, ...]
    untouched_S: Floats
    shares_S: Floats
    hidden: int
    painted: bool
    title: str
    sentence: str
    hint: str

    @property
    def rows_2S(self) -> Floats:
        """The untouched row above the painted one; NaN where nothing may be looked at."""
        rows_2S = np.stack([self.untouched_S, self.shares_S]).astype(np.float32)
        rows_2S[:, : self.hidden] = np.nan
        return rows_2S


def painting_view(
    place: RowPlace,
    untouched_S: Floats,
    row: PaintedRow | None,
    tokens: Sequence[str],
    config: ModelConfig,
    *,
    wide: bool = False,
) -> PaintingView:
    """The row as it is drawn. `row` None: nothing is painted; `wide`: for all heads alike."""
    hidden = hidden_keys(place.query, config.window)
    shares_S = untouched_S if row is None else np.array(row.shares_S, dtype=np.float32)
    words = tuple(_cut(token) for token in tokens)
    alone = len(untouched_S) - hidden < 2
    whose = (
        tr("all {n_heads} heads of layer {layer}").format(n_heads=config.n_heads, layer=place.layer)
        if wide and row is not None
        else tr("layer {layer}, head {head}").format(layer=place.layer, head=place.head)
    )
    asks = _named(words, place.query)
    return PaintingView(
        place=place,
        words=words,
        untouched_S=untouched_S,
        shares_S=shares_S,
        hidden=hidden,
        painted=row is not None,
        title=tr("Where {asks} looks: {whose}").format(asks=asks, whose=whose),
        sentence=_alone(asks)
        if alone
        else _untouched(untouched_S, words)
        if row is None
        else _painted(untouched_S, shares_S, hidden, words),
        hint=""
        if alone
        else tr(
            "Drag a bar up or down; the row is renormalised: the others share what is left as "
            "before. Double click gives it all. Keys: ← → another bar, ↑ ↓ more or less (with "
            "Shift faster), Enter all, Delete nothing. A click in the text chooses the query."
        ),
    )


def hidden_keys(query: int, window: int | None) -> int:
    """How many of the first keys a query cannot see, because the model looks back only so far.

    >>> hidden_keys(9, None), hidden_keys(9, 4), hidden_keys(2, 4)
    (0, 6, 0)
    """
    return 0 if window is None else max(0, query + 1 - window)


def painted_row(sent: object, place: RowPlace, hidden: int) -> PaintedRow | None:
    """The row that a browser sent as a list of shares; None for anything that is no such row.

    Weights are thousandths with three digits, so that links stay short. What is drawn and
    computed afterwards is the rounded row.

    >>> painted_row([1, 2], RowPlace(0, 0, 1), 0).weights_S
    (333.0, 667.0)
    """
    if not isinstance(sent, list) or len(sent) != place.query + 1:
        return None
    if not all(type(each) in (int, float) and 0 <= each <= _MOST for each in sent):
        return None
    seen = [0.0] * hidden + [float(each) for each in sent[hidden:]]
    total = math.fsum(seen)
    if total == 0:
        return None
    weights_S = tuple(float(f"{round(1000 * each / total, 3):.3g}") for each in seen)
    return PaintedRow(place.layer, place.head, place.query, weights_S)


def edits_of(row: PaintedRow | None, n_heads: int, *, wide: bool) -> tuple[PaintedRow, ...]:
    """The row as edits: for its head, or for every head of its layer."""
    if row is None:
        return ()
    heads = range(n_heads) if wide else [row.head]
    return tuple(PaintedRow(row.layer, head, row.query, row.weights_S) for head in heads)


def link_of(row: PaintedRow | None, n_heads: int, *, wide: bool) -> str:
    """The row as a link and the command line write it; empty for none.

    >>> link_of(PaintedRow(0, 1, 1, (250.0, 750.0)), 4, wide=True)
    '0.*@1:250,750'
    """
    return write_edits(edits_of(row, n_heads, wide=wide), n_heads)


def rows_of_link(link: str | None, config: ModelConfig) -> tuple[PaintedRow, ...]:
    """The rows that a link paints.

    Raises: DataError for a link that cannot be read, or that says something else.
    """
    if _HUGE.search(link or ""):
        raise DataError(tr("A weight in this link is too large to be added up. Write thousandths."))
    edits = read_edits(link or "", config)
    rows = tuple(edit for edit in edits if isinstance(edit, PaintedRow))
    if len(rows) < len(edits):
        raise DataError(
            tr(
                "This link changes parts of the model, and no row of attention. Open it under "
                "Switchboard, or paint a row here."
            )
        )
    return rows


def row_at(rows: Sequence[PaintedRow], place: RowPlace) -> PaintedRow | None:
    """The row that is painted at this place, if one is."""
    return next((row for row in rows if _place_of(row) == place), None)


def is_wide(rows: Sequence[PaintedRow], row: PaintedRow, n_heads: int) -> bool:
    """Whether every head of the layer is given this same row.

    >>> one, two = PaintedRow(0, 0, 0, (1.0,)), PaintedRow(0, 1, 0, (1.0,))
    >>> is_wide([one, two], one, 2), is_wide([one], one, 2), is_wide([one], one, 1)
    (True, False, False)
    """
    alike = {
        each.head
        for each in rows
        if (each.layer, each.query, each.weights_S) == (row.layer, row.query, row.weights_S)
    }
    return n_heads > 1 and len(alike) == n_heads


def proposed(rows: Sequence[PaintedRow], n_tokens: int) -> RowPlace | None:
    """The first painted row that this text has; it is opened where nobody chose another."""
    return next((_place_of(row) for row in rows if row.query < n_tokens), None)


def query_of(rows: Sequence[PaintedRow], layer: int, head: int, n_tokens: int) -> int | None:
    """The query that is painted for this head, if the text has it."""
    found = (each for each in rows if (each.layer, each.head) == (layer, head))
    return next((each.query for each in found if each.query < n_tokens), None)


def elsewhere(rows: Sequence[PaintedRow], place: RowPlace, n_tokens: int) -> str | None:
    """What to say of rows that are painted, while another one is open; None where none is."""
    if not rows or row_at(rows, place) is not None:
        return None
    other = _place_of(rows[0])
    if other.query >= n_tokens:
        return tr(
            "The painted row is {name}, and this text ends with token "
            "{n_tokens}. The row below is untouched."
        ).format(name=other.name, n_tokens=n_tokens - 1)
    return tr("The painted row is {name}. The row below is untouched.").format(name=other.name)


def reach(query: int, n_tokens: int) -> str:
    """Which of what the model says a row of this query can change.

    >>> reach(7, 8)
    'The query is the last token, so only what follows the text can change.'
    """
    if query == n_tokens - 1:
        return tr("The query is the last token, so only what follows the text can change.")
    return tr(
        "What query {query} takes can change what is said after tokens "
        "{query} to {n_tokens}, and nothing before."
    ).format(query=query, n_tokens=n_tokens - 1)


def saved_arrays(
    view: PaintingView, ids_T: Sequence[int], readings: tuple[Reading, Reading] | None
) -> dict[str, Any]:
    """Both rows, and the text read with each, for a file."""
    place = view.place
    return {
        "ids_T": np.array(ids_T),
        "place": np.array([place.layer, place.head, place.query]),
        "row_untouched_S": view.untouched_S,
        "row_painted_S": view.shares_S,
        **({} if readings is None else reading_arrays(*readings)),
    }


def painting_code(
    run: Artefact, step: int | None, text: str, window: Window, place: RowPlace, link: str
) -> str:
    """The lines that compute what is shown; `link` as `link_of` gives it."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    lines = f"""{opened}
from slm.attention.edit_notation import read_edits
from slm.attention.maps import attention_maps
from slm.attention.readings import reading

text = {text!r}
ids = opened.tokenizer.encode(text){part}
weights_LHTT = attention_maps(opened.model, ids, layers=[{place.layer}], heads=[{place.head}])
print(weights_LHTT[0, 0, {place.query}, : {place.query + 1}].round(3))
"""
    if not link:
        return lines
    return f"""{lines}
edits = read_edits({link!r}, opened.model.config)
print([round(share, 3) for share in edits[0].shares_S])
looked_at = sorted({{{place.query}, len(ids) - 1}})
before = reading(opened.model, ids, positions=looked_at)
after = reading(opened.model, ids, edits, positions=looked_at)
print(before.mean_nats, after.mean_nats, before.divergence_P(after))
"""


def _place_of(row: PaintedRow) -> RowPlace:
    return RowPlace(row.layer, row.head, row.query)


def _cut(token: str) -> str:
    return token if len(token) <= _LONGEST_WORD else token[: _LONGEST_WORD - 1] + "…"


def _named(words: Sequence[str], at: int) -> str:
    return f"“{words[at]}” ({at})"


def _alone(asks: str) -> str:
    return tr(
        "{asks} sees only itself, so its weight is always 1. Choose a later token as query."
    ).format(asks=asks)


def _untouched(untouched_S: Floats, words: Sequence[str]) -> str:
    best = int(untouched_S.argmax())
    return tr("Nothing is painted yet. By itself it gives most, {untouched_s}, to {words}.").format(
        untouched_s=share(float(untouched_S[best])), words=_named(words, best)
    )


def _painted(untouched_S: Floats, shares_S: Floats, hidden: int, words: Sequence[str]) -> str:
    """What was done to the row, in one or two sentences."""
    change_S = shares_S.astype(np.float64) - untouched_S
    moved = tr("{sum} of its attention has moved").format(
        sum=share(float(np.abs(change_S).sum() / 2))
    )
    seen_S = shares_S[hidden:]
    best = int(shares_S.argmax())
    if seen_S.max() == seen_S.sum():
        was = share(float(untouched_S[best]))
        return tr("All of its attention goes to {words}, which had {was}: {moved}.").format(
            words=_named(words, best), was=was, moved=moved
        )
    if seen_S.max() - seen_S.min() <= _SAME * seen_S.max():
        each = share(float(seen_S.mean()))
        return tr(
            "Each of the {n_seen_s} tokens that it sees has the same share, {each}: {moved}."
        ).format(n_seen_s=len(seen_S), each=each, moved=moved)
    up, down = int(change_S.argmax()), int(change_S.argmin())
    if change_S[up] <= 0 or change_S[down] >= 0:
        return f"{moved}."
    return tr(
        "{moved}. Most was given to {words}: {untouched_s} became "
        "{shares_s}. Most was taken from {loser}: {loser_before} "
        "became {loser_now}."
    ).format(
        moved=moved,
        words=_named(words, up),
        untouched_s=share(float(untouched_S[up])),
        shares_s=share(float(shares_S[up])),
        loser=_named(words, down),
        loser_before=share(float(untouched_S[down])),
        loser_now=share(float(shares_S[down])),
    )
