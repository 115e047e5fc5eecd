"""A run's past, ready to move through: every snapshot's losses, text and head scores as one view.

Knows moments and records; neither folders, models nor Streamlit.

S snapshots, N texts, T tokens, L layers, H heads, M measures.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slm.workspace import Artefact
from ui.texts import N_, plural, tr
from ui.view_models.chips import visible

if TYPE_CHECKING:
    from slm.attention.timeline import Moment

Floats = NDArray[np.float32]
_MOST_POINTS = 600
_TOLD_PROBLEMS = 2
_MOST_SCORES = 2_000_000  # numbers that travel to the browser; more are thinned by measure
_PLACE = re.compile(r"(\d{1,9}|),(\d{1,3}),([a-z_]{0,30}),(\d{1,3}|),(\d{1,3}|)")


@dataclass(frozen=True)
class Measure:
    """One thing that is measured of every head. `most` is the top of its scale."""

    id: str
    title: str
    meaning: str
    most: float


@dataclass(frozen=True)
class Text:
    """A text that is read at every snapshot: its tokens, foreign text, and their nats."""

    title: str
    tokens: tuple[str, ...]
    nats_ST: Floats


@dataclass(frozen=True)
class Curve:
    """One line of the loss chart."""

    name: str
    steps: tuple[int, ...]
    nats: tuple[float, ...]


@dataclass(frozen=True)
class TimelineView:
    """Everything that the time machine needs to move without asking again."""

    steps: tuple[int, ...]
    last_step: int
    facts: tuple[str, ...]
    texts: tuple[Text, ...]
    prompt: str
    samples: tuple[tuple[str, ...], ...]
    measures: tuple[Measure, ...]
    scores_SLHM: Floats
    curves: tuple[Curve, ...]
    even_nats: float


@dataclass(frozen=True)
class Instant:
    """What is looked at. None: the newest snapshot, the strongest head."""

    step: int | None = None
    text: int = 0
    measure: str = ""
    layer: int | None = None
    head: int | None = None


MEASURES: Mapping[str, tuple[str, str]] = {
    "induction": (
        tr("Induction"),
        tr(
            "On random tokens that come twice: attention to what followed the same token last time."
        ),
    ),
    "previous_token": (tr("Previous token"), tr("Attention to the token just before.")),
    "first_token": (tr("First token"), tr("Attention to the very first token, a place to rest.")),
    "duplicate_token": (
        tr("Duplicate token"),
        tr("On random tokens that come twice: attention to the same token's earlier place."),
    ),
    "positional": (
        tr("Positional"),
        tr("On unlike random tokens: the share of attention that goes to the same places."),
    ),
    "entropy_normalised": (
        tr("Evenness"),
        tr("How evenly attention is spread: 1 is over all that may be seen, 0 on one token."),
    ),
    "distance": (tr("Distance"), tr("How many tokens back attention reaches on average.")),
}


def timeline_view(
    moments: Sequence["Moment"],
    records: Sequence[Mapping[str, Any]],
    *,
    total_steps: int,
    vocab_size: int,
    prompt: str,
    token_bytes: Callable[[int], bytes],
) -> TimelineView:
    """The moments of one run as a view; there must be one at least.

    A moment whose texts are others than the newest one's (of a run that was forked to
    other data) cannot be compared with it and is left out.
    """
    newest = moments[-1]
    kept = [moment for moment in moments if _same_texts(moment, newest)]
    names = {int(token): visible(token_bytes(int(token))) for token in _tokens(kept)}
    measures, scores_SLHM = _measures(kept)
    return TimelineView(
        steps=tuple(moment.step for moment in kept),
        last_step=max(total_steps, newest.step),
        facts=tuple(_fact(moment, total_steps, records) for moment in kept),
        texts=_texts(kept, names),
        prompt=prompt,
        samples=tuple(tuple(names[int(i)] for i in moment.sample_ids) for moment in kept),
        measures=measures,
        scores_SLHM=scores_SLHM,
        curves=curves_of(records),
        even_nats=math.log(vocab_size),
    )


def read_instant(text: str | None) -> Instant:
    """What an address asks to look at; the newest moment for any that asks nothing sensible.

    >>> read_instant("385,1,induction,1,2")
    Instant(step=385, text=1, measure='induction', layer=1, head=2)
    >>> read_instant("yesterday")
    Instant(step=None, text=0, measure='', layer=None, head=None)
    """
    found = _PLACE.fullmatch(text or "")
    if found is None:
        return Instant()
    step, shown, measure, layer, head = found.groups()
    return Instant(
        int(step) if step else None,
        int(shown),
        measure,
        int(layer) if layer else None,
        int(head) if head else None,
    )


def told_instant(told: Any, view: TimelineView) -> str | None:
    """What the browser told, as a text for the address; None when it told nothing sensible."""
    if not isinstance(told, str) or _PLACE.fullmatch(told) is None:
        return None
    instant = read_instant(told)
    known = {measure.id for measure in view.measures} | {""}
    fits = instant.step in {None, *view.steps} and instant.text < len(view.texts)
    return told if fits and instant.measure in known else None


def disk_line(n_snapshots: int, taken_bytes: int, budget_bytes: int) -> str:
    """What snapshots take up, and what they may.

    >>> disk_line(12, 11_100_000, 1_000_000_000)[:36]
    '12 snapshots, 11.1 MB on the disk. A'
    """
    count = plural("{n_snapshots} snapshot", "{n_snapshots} snapshots", n_snapshots).format(
        n_snapshots=n_snapshots
    )
    return tr(
        "{count}, {taken_bytes} on the disk. A run may take "
        "{budget_bytes} for snapshots: 1 GB, or a tenth of the free disk "
        "where that is less; with larger models it keeps fewer."
    ).format(count=count, taken_bytes=_bytes(taken_bytes), budget_bytes=_bytes(budget_bytes))


def code_lines(run: Artefact, root: str, step: int) -> str:
    """The lines that compute what is shown."""
    return f"""from pathlib import Path

from slm.attention.timeline import Timeline
from slm.workspace import Workspace

run = Workspace(Path({root!r})).runs.get({run.id!r})
timeline = Timeline(run.folder)
for step in timeline.steps:
    moment = timeline.moment(step)
    print(step, moment.text_nats_NT.mean(), moment.head_scores_LHM.max(axis=(0, 1)))
model = timeline.load_model({step})  # the model as it was at that step
"""


def _same_texts(moment: "Moment", newest: "Moment") -> bool:
    return (
        np.array_equal(moment.text_ids_NT, newest.text_ids_NT)
        and np.array_equal(moment.repeat_ids_T, newest.repeat_ids_T)
        and moment.head_scores_LHM.shape[:2] == newest.head_scores_LHM.shape[:2]
    )


def _tokens(moments: Sequence["Moment"]) -> NDArray[np.int64]:
    newest = moments[-1]
    every = [newest.text_ids_NT.ravel(), newest.repeat_ids_T]
    return np.unique(np.concatenate([*every, *(moment.sample_ids for moment in moments)]))


def _texts(moments: Sequence["Moment"], names: Mapping[int, str]) -> tuple[Text, ...]:
    newest, found = moments[-1], []
    for place, ids_T in enumerate(newest.text_ids_NT):
        nats_ST = np.stack([moment.text_nats_NT[place] for moment in moments])
        title = tr("Held-out text {place}").format(place=place + 1)
        found.append(Text(title, tuple(names[int(i)] for i in ids_T), nats_ST))
    if newest.repeat_ids_T.size > 1:
        nats_ST = np.stack([moment.repeat_nats_T for moment in moments])
        tokens = tuple(names[int(i)] for i in newest.repeat_ids_T)
        found.append(Text(tr("Random tokens that come twice"), tokens, nats_ST))
    return tuple(found)


def _measures(moments: Sequence["Moment"]) -> tuple[tuple[Measure, ...], Floats]:
    """What is shown of heads, most telling first, and its scores.

    A run that went on under a later version may have measures that its first moments lack: what
    all have is shown.
    """
    newest = moments[-1]
    if not newest.head_scores_LHM.size:
        return (), np.zeros((len(moments), 0, 0, 0), dtype=np.float32)
    shown = [name for name in MEASURES if all(name in moment.measures for moment in moments)]
    if not shown:
        return (), np.zeros((len(moments), 0, 0, 0), dtype=np.float32)
    each = len(moments) * newest.head_scores_LHM[..., 0].size
    shown = shown[: max(1, _MOST_SCORES // each)]
    scores_SLHM = np.stack([_scores(moment, shown) for moment in moments])
    scores_SLHM = np.nan_to_num(scores_SLHM.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    measures = tuple(
        Measure(name, *MEASURES[name], _most(name, scores_SLHM[..., place]))
        for place, name in enumerate(shown)
    )
    return measures, scores_SLHM


def _scores(moment: "Moment", measures: Sequence[str]) -> Floats:
    """scores_LHM of these measures, in this order."""
    return moment.head_scores_LHM[..., [moment.measures.index(name) for name in measures]]


def _most(name: str, scores_SLH: Floats) -> float:
    return max(1.0, float(np.ceil(scores_SLH.max()))) if name == "distance" else 1.0


def curves_of(records: Sequence[Mapping[str, Any]]) -> tuple[Curve, ...]:
    """Training and validation loss as lines, of a run's records; those that it has."""
    found = []
    for name, field in ((N_("training"), "train_nats"), (N_("validation"), "val_nats")):
        points = [
            (int(record["step"]), float(record[field]))
            for record in records
            if isinstance(record.get(field), int | float) and "step" in record
        ]
        every = max(1, -(-len(points) // _MOST_POINTS))
        kept = [*points[::every], *points[-1:]] if every > 1 else points
        if kept:
            steps, nats = zip(*kept, strict=True)
            found.append(Curve(name, steps, nats))
    return tuple(found)


def _fact(moment: "Moment", total: int, records: Sequence[Mapping[str, Any]]) -> str:
    """Where a snapshot stands in its training, in one line."""
    here = fact_of(moment.step, total, records)
    if not _has_loss(_record_of(moment.step, records)) and moment.text_nats_NT.size:
        here += tr(" · {mean:.2f} nats per token on the held-out texts").format(
            mean=float(moment.text_nats_NT.mean())
        )
    return here


def fact_of(step: int, total: int, records: Sequence[Mapping[str, Any]]) -> str:
    """Where a step stands in a training, and what its records say of it.

    >>> fact_of(8, 3600, [{"step": 8, "tokens": 24576, "val_nats": 6.912}])
    'Step 8 of 3,600 · 24,576 tokens read · validation loss 6.91 nats per token'
    """
    here = tr("Step {step:,} of {total:,}").format(step=step, total=total)
    record = _record_of(step, records)
    tokens = record.get("tokens")
    if isinstance(tokens, int):
        here += tr(" · {tokens:,} tokens read").format(tokens=tokens)
    if _has_loss(record):
        here += tr(" · validation loss {nats:.2f} nats per token").format(nats=record["val_nats"])
    return here


def _record_of(step: int, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((each for each in records if each.get("step") == step), {})


def _has_loss(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("val_nats"), int | float)


def _bytes(count: int) -> str:
    if count >= 1_000_000_000:
        return tr("{count:.3g} GB").format(count=count / 1e9)
    return (
        tr("{count:.3g} MB").format(count=count / 1e6)
        if count >= 100_000
        else tr("{count:.3g} kB").format(count=count / 1000.0)
    )


def left_out(problems: Sequence[str]) -> tuple[str, ...]:
    """What cannot be read, in a few lines however much it is.

    >>> left_out(["0 is damaged.", "1 is damaged."])
    ('0 is damaged.', '1 is damaged.')
    >>> left_out([f"{step} is damaged." for step in range(15)])
    ('0 is damaged.', '1 is damaged.', 'So it is with 13 others.')
    """
    if len(problems) <= _TOLD_PROBLEMS + 1:
        return tuple(problems)
    further = len(problems) - _TOLD_PROBLEMS
    return (
        *problems[:_TOLD_PROBLEMS],
        tr("So it is with {further} others.").format(further=further),
    )


def nothing_to_show(problems: Sequence[str]) -> str:
    """Why there is no moment to show.

    >>> nothing_to_show(["The probes of snapshot 0 are damaged."])
    'Of this run no snapshot can be read.'
    """
    if problems:
        return tr("Of this run no snapshot can be read.")
    return tr(
        "This run has kept no snapshot yet. The first one comes with its first evaluation; "
        "with “snapshots” set to 0 it keeps none."
    )
