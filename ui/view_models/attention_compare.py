"""Two models on one text, in words: how far heads moved, what scores changed, which tokens gained.

Knows readings; neither folders, models nor Streamlit. A and B are the two sides; differences
are B less A.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slm.attention.comparison import Alike, map_distances, most_alike, partners, score_changes
from slm.attention.heads import label
from slm.attention.history import Reading
from slm.attention.maps import Floats
from slm.model.pictures import picture
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.attention import COLUMNS, Window
from ui.view_models.code import open_lines
from ui.view_models.part_panel import HeatMap

_MOST_PAIRS = 64 * 64  # pairs of heads that are compared for a table of partners
_HEIGHT = 330
_SCORES = ("induction", "previous_token", "first_token", "duplicate_token", "entropy_normalised")


@dataclass(frozen=True)
class Side:
    """One of the two: whose it is, at which step, and what it made of the text."""

    name: str
    step: int
    reading: Reading

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads."""
        n_layers, n_heads = self.reading.maps_LHTT.shape[:2]
        return n_layers, n_heads


@dataclass(frozen=True)
class Heats:
    """The map of a head of A, that of a head of B, and what B gives more or less."""

    a: HeatMap
    b: HeatMap
    difference: HeatMap


@dataclass(frozen=True)
class LossChange:
    """Each token after the first: its loss in B less that in A, in nats. Tokens are foreign."""

    tokens: tuple[str, ...]
    a_T1: Floats
    b_T1: Floats
    words: str

    @property
    def change_T1(self) -> Floats:
        """B less A: below 0, B expected the token more."""
        change: Floats = self.b_T1 - self.a_T1
        return change


def most_changed(a: Side, b: Side) -> tuple[int, int]:
    """The head to open when nobody chose: of one shape, the one that moved most; else the first."""
    if a.shape != b.shape:
        return 0, 0
    distances_LH = map_distances(a.reading.maps_LHTT, b.reading.maps_LHTT)
    layer, head = divmod(int(distances_LH.argmax()), a.shape[1])
    return layer, head


def partner(a: Side, b: Side, head: tuple[int, int]) -> Alike:
    """The head of B that looks most like this one of A."""
    return most_alike(a.reading.maps_LHTT[head].astype(np.float32), b.reading.maps_LHTT)


def heats(
    a: Side, b: Side, a_head: tuple[int, int], b_head: tuple[int, int], tokens: Sequence[str]
) -> Heats:
    """The three pictures; A and B share one scale, the difference is centred at 0."""
    a_TT, b_TT = a.reading.maps_LHTT[a_head], b.reading.maps_LHTT[b_head]
    hidden_TT = np.triu(np.ones(a_TT.shape, dtype=bool), 1)
    drawn = [
        _heat(values.astype(np.float32), hidden_TT, tokens, title, shares)
        for values, title, shares in (
            (a_TT, f"A: {where(a_head)}", True),
            (b_TT, f"B: {where(b_head)}", True),
            (b_TT.astype(np.float32) - a_TT, tr("B less A"), False),
        )
    ]
    top = max(drawn[0].picture.limit, drawn[1].picture.limit)
    same = [replace(heat, picture=replace(heat.picture, limit=top)) for heat in drawn[:2]]
    return Heats(same[0], same[1], drawn[2])


def head_words(
    a: Side, b: Side, a_head: tuple[int, int], b_head: tuple[int, int], distance: float
) -> str:
    """The two heads in a sentence."""
    changes = [
        f"{COLUMNS[name].lower()} {a.reading.scores[name][a_head]:.2f} → "
        f"{b.reading.scores[name][b_head]:.2f}"
        for name in _SCORES[:3]
        if name in a.reading.scores.measures and name in b.reading.scores.measures
    ]
    return tr(
        "**{distance:.0%}** of its attention would have to move for A's "
        "{a_head} to look as B's {b_head} does. {changes}."
    ).format(
        distance=distance,
        a_head=where(a_head),
        b_head=where(b_head),
        changes="; ".join(changes).capitalize(),
    )


def head_rows(a: Side, b: Side, *, same_run: bool) -> pd.DataFrame | None:
    """Every head of A beside its partner in B; None where there are too many to compare.

    In one run a head's partner is itself at another step; in another, the one most alike.
    """
    n_pairs = int(np.prod(a.shape)) * (1 if same_run else int(np.prod(b.shape)))
    if n_pairs > _MOST_PAIRS:
        return None
    if same_run and a.shape == b.shape:
        distances_LH = map_distances(a.reading.maps_LHTT, b.reading.maps_LHTT)
        found = [
            [Alike(layer, head, float(apart)) for head, apart in enumerate(row)]
            for layer, row in enumerate(distances_LH)
        ]
    else:
        found = partners(a.reading.maps_LHTT, b.reading.maps_LHTT)
    kinds_a, kinds_b = label(a.reading.scores), label(b.reading.scores)
    rows = [
        {
            tr("Head of A"): where((layer, head)),
            tr("Head of B"): where((other.layer, other.head)),
            tr("Attention moved"): round(other.distance, 3),
            tr("Kind in A"): str(kinds_a[layer, head]),
            tr("Kind in B"): str(kinds_b[other.layer, other.head]),
            **_changes(a, b, (layer, head), (other.layer, other.head)),
        }
        for layer, row in enumerate(found)
        for head, other in enumerate(row)
    ]
    return pd.DataFrame(rows).sort_values(tr("Attention moved"), ascending=False, kind="stable")


def loss_change(a: Side, b: Side, tokens: Sequence[str]) -> LossChange:
    """Losses token by token, and in a sentence."""
    a_T1, b_T1 = a.reading.nats_T1, b.reading.nats_T1
    better, count = int((b_T1 < a_T1).sum()), len(a_T1)
    words = tr(
        "B expects {better} of {count} tokens better than A: {mean:.2f} "
        "→ {mean_b:.2f} nats per token on this text."
    ).format(better=better, count=count, mean=a_T1.mean(), mean_b=b_T1.mean())
    return LossChange(tuple(tokens[1:]), a_T1, b_T1, words)


def arrays(a: Side, b: Side) -> dict[str, NDArray[np.generic]]:
    """Both readings by name, for a file; score changes where the two have heads of one place."""
    named: dict[str, NDArray[np.generic]] = {}
    for letter, side in (("a", a), ("b", b)):
        named[f"{letter}_step"] = np.array(side.step)
        named[f"{letter}_weights_LHTT"] = side.reading.maps_LHTT
        named[f"{letter}_scores_LHM"] = side.reading.scores.values_LHM
        named[f"{letter}_measures"] = np.array(side.reading.scores.measures)
        named[f"{letter}_nats_T1"] = side.reading.nats_T1
    if a.shape == b.shape:
        named["score_changes_LHM"] = score_changes(a.reading.scores, b.reading.scores).values_LHM
    return named


def where(head: tuple[int, int]) -> str:
    """A head's name.

    >>> where((1, 2))
    'layer 1, head 2'
    """
    return tr("layer {layer}, head {head}").format(layer=head[0], head=head[1])


def other_tokens(name_a: str, name_b: str) -> str:
    """Why two models cannot be compared on a text."""
    return tr(
        "{name_a} and {name_b} cut this text into different tokens, so "
        "their maps have different rows. Choose a model that was trained "
        "with the same tokenizer."
    ).format(name_a=name_a, name_b=name_b)


def code_lines(
    run: Artefact, other: Artefact, steps: tuple[int | None, int | None], question: "Question"
) -> str:
    """The lines that compute what is shown."""
    part = (
        "" if question.window.note is None else f"[{question.window.start}:{question.window.stop}]"
    )
    second = open_lines(other).splitlines()
    opens = "\n".join(line for line in second if line.startswith(("workspace =", "run =")))
    return f"""{open_lines(run).replace("opened = open_run(run)", f"a = open_run(run, {steps[0]})")}
{opens}
b = open_run(run, {steps[1]})

from slm.attention.comparison import map_distances, score_changes
from slm.attention.history import read_text

ids = a.tokenizer.encode({question.text!r}){part}
first, second = (read_text(each.model, ids, eos_id=each.tokenizer.eos_id) for each in (a, b))
print(map_distances(first.maps_LHTT, second.maps_LHTT).round(3))
print(score_changes(first.scores, second.scores)["previous_token"].round(3))
print((second.nats_T1 - first.nats_T1).round(2))
"""


@dataclass(frozen=True)
class Question:
    """The text, and the part of it that both read."""

    text: str
    window: Window


def _changes(
    a: Side, b: Side, a_head: tuple[int, int], b_head: tuple[int, int]
) -> dict[str, float]:
    shared = set(a.reading.scores.measures) & set(b.reading.scores.measures)
    return {
        tr("{columns}, change").format(columns=COLUMNS[name]): round(
            float(b.reading.scores[name][b_head] - a.reading.scores[name][a_head]), 3
        )
        for name in _SCORES
        if name in shared
    }


def _heat(
    values_TT: Floats, hidden_TT: NDArray[np.bool_], tokens: Sequence[str], title: str, shares: bool
) -> HeatMap:
    shown = picture(
        np.where(hidden_TT, np.nan, values_TT),
        most_rows=len(tokens),
        most_columns=len(tokens),
        cell="largest",
    )
    return HeatMap(
        picture=shown,
        label=title,
        row_title="query",
        column_title="key",
        axis="keys",
        row_names=tuple(tokens),
        column_names=tuple(tokens),
        cell="largest",
        shares=shares,
        height=_HEIGHT,
    )
