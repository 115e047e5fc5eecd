"""A text through a run's snapshots, ready to move through: maps, scores, lens and losses at each.

Knows readings and records; neither folders, models nor Streamlit.

S snapshots, L layers, H heads, M measures, N depths, T tokens.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.attention.heads import CLEAR, label
from slm.attention.history import Halves, Reading, Rise, first_reaching, steepest_rise
from slm.attention.maps import Floats
from slm.attention.timeline import Moment
from slm.workspace import Artefact
from ui.texts import N_, plural, tr
from ui.view_models.attention import KINDS, Window
from ui.view_models.chips import visible
from ui.view_models.code import open_lines
from ui.view_models.timeline import MEASURES, Curve, curves_of, fact_of

ORDER = ("induction", "previous_token", "first_token", *MEASURES)
"""The habits that one can watch being learned, first; then what else is measured."""
_SENT_WEIGHTS = 1_000_000  # of the open head, all snapshots together: 2 MB in half precision
_KEPT_BYTES = 24_000_000  # of all heads, all snapshots, of one text
_LONGEST = 200  # tokens
_LONGEST_NAME = 60  # characters of a token that are drawn
_NAMED = {measure: kind for kind, (measure, _) in KINDS.items() if measure}


@dataclass(frozen=True)
class Course:
    """One measure over training. `rise_words` says where it grew most, and which head it was."""

    id: str
    title: str
    meaning: str
    most: float
    rise: Rise | None
    rise_words: str


@dataclass(frozen=True)
class Place:
    """What is looked at. None: the newest snapshot, all queries."""

    step: int | None
    layer: int
    head: int
    query: int | None = None
    measure: str = ""


@dataclass(frozen=True)
class AttentionTime:
    """Everything that the browser needs to move and to play without asking again.

    `tokens` and `names` are foreign text; top_places_SNT counts in `names`, kinds_SLH in `kinds`.
    """

    steps: tuple[int, ...]
    last_step: int
    facts: tuple[str, ...]
    even_nats: float
    curves: tuple[Curve, ...]
    tokens: tuple[str, ...]
    names: tuple[str, ...]
    stops: tuple[str, ...]
    courses: tuple[Course, ...]
    kinds: tuple[str, ...]
    layer: int
    head: int
    window: int | None
    samples: tuple[str, ...]
    scores_SLHM: Floats
    kinds_SLH: NDArray[np.uint8]
    nats_ST1: Floats
    top_places_SNT: NDArray[np.int64]
    top_shares_SNT: Floats
    maps_STT: Halves


def longest_text(n_snapshots: int) -> int:
    """So many tokens that the maps of the open head at all snapshots travel at once.

    >>> longest_text(24), longest_text(0)
    (200, 200)
    """
    return min(_LONGEST, isqrt(_SENT_WEIGHTS // max(1, n_snapshots)))


def all_heads_fit(n_snapshots: int, n_heads: int, n_tokens: int) -> bool:
    """Whether the maps of all heads (of all layers) at all snapshots may stay in memory.

    >>> all_heads_fit(12, 8, 64), all_heads_fit(24, 144, 204)
    (True, False)
    """
    return 2 * n_snapshots * n_heads * n_tokens**2 <= _KEPT_BYTES


def first_head(readings: Sequence[Reading]) -> tuple[int, int]:
    """The head to open when nobody has chosen: whose induction score rose most steeply.

    Where nothing rises (one snapshot, no such score): the strongest in the newest snapshot.
    """
    scores = readings[-1].scores
    measure = "induction" if "induction" in scores.measures else scores.measures[0]
    rise = steepest_rise(np.stack([each.scores[measure] for each in readings]))
    if rise is not None:
        return rise.layer, rise.head
    layer, head = divmod(int(scores[measure].argmax()), scores[measure].shape[1])
    return layer, head


def attention_time(
    steps: Sequence[int],
    readings: Sequence[Reading],
    records: Sequence[Mapping[str, Any]],
    *,
    tokens_T: Sequence[str],
    opened: tuple[int, int],
    total_steps: int,
    vocab_size: int,
    window: int | None,
    samples: Sequence[Sequence[int]],
    token_bytes: Callable[[int], bytes],
) -> AttentionTime:
    """The readings of one text, a snapshot each, as a view; there must be one at least."""
    newest = readings[-1]
    shown = [name for name in dict.fromkeys(ORDER) if name in newest.scores.measures]
    scores_SLHM = np.stack(
        [np.stack([each.scores[name] for name in shown], axis=-1) for each in readings]
    )
    kinds_SLH = np.stack([label(each.scores) for each in readings])
    kinds, places_SLH = np.unique(kinds_SLH, return_inverse=True)
    tops_SNT = np.stack([each.top_ids_NT for each in readings])
    ids, places_SNT = np.unique(tops_SNT, return_inverse=True)
    nats_ST1 = np.stack([each.nats_T1 for each in readings])
    return AttentionTime(
        steps=tuple(steps),
        last_step=max(total_steps, steps[-1]),
        facts=tuple(
            tr("{step} · this text {mean:.2f} nats").format(
                step=fact_of(step, total_steps, records), mean=nats_T1.mean()
            )
            for step, nats_T1 in zip(steps, nats_ST1, strict=True)
        ),
        even_nats=math.log(vocab_size),
        curves=_curves(steps, nats_ST1, records),
        tokens=tuple(short(token) for token in tokens_T),
        names=tuple(short(visible(token_bytes(int(token)))) for token in ids),
        stops=newest.stops,
        courses=tuple(
            _course(name, steps, scores_SLHM[..., place]) for place, name in enumerate(shown)
        ),
        kinds=tuple(str(kind) for kind in kinds),
        layer=opened[0],
        head=opened[1],
        window=window,
        samples=tuple("".join(visible(token_bytes(int(i))) for i in each) for each in samples),
        scores_SLHM=scores_SLHM.astype(np.float32),
        kinds_SLH=places_SLH.reshape(kinds_SLH.shape).astype(np.uint8),
        nats_ST1=nats_ST1,
        top_places_SNT=places_SNT.reshape(tops_SNT.shape),
        top_shares_SNT=np.stack([each.top_shares_NT for each in readings]),
        maps_STT=np.stack([_map_of(each, opened) for each in readings]),
    )


def short(token: str) -> str:
    """A token as it is drawn: a very long one is cut.

    >>> short("a" * 100)[-4:], short("·mill")
    ('aaa…', '·mill')
    """
    return token if len(token) <= _LONGEST_NAME else token[: _LONGEST_NAME - 1] + "…"


def begin_at(view: AttentionTime, step: int | None, query: int | None, measure: str) -> Place:
    """Where the browser is to stand; the newest snapshot is None, so that it follows."""
    known = step if step in view.steps[:-1] else None
    fits = query if query is not None and query < len(view.tokens) else None
    return Place(known, view.layer, view.head, fits, measure or view.courses[0].id)


def samples_of(moments: Sequence[Moment], steps: Sequence[int]) -> tuple[Sequence[int], ...]:
    """What the model wrote at each of these steps; nothing where one of them kept nothing."""
    written = {moment.step: moment.sample_ids.tolist() for moment in moments}
    if not all(written.get(step) for step in steps):
        return ()
    return tuple(written[step] for step in steps)


def how_it_plays(view: AttentionTime) -> str:
    """What was computed, and where it plays."""
    count = len(view.steps)
    return plural(
        "The text was read by {count} snapshot. The maps of the open "
        "head are in your browser ({nbytes:.2g} MB), so moving and "
        "playing asks the server nothing; another head does.",
        "The text was read by {count} snapshots. The maps of the open "
        "head are in your browser ({nbytes:.2g} MB), so moving and "
        "playing asks the server nothing; another head does.",
        count,
    ).format(count=count, nbytes=view.maps_STT.nbytes / 1e6)


def without_snapshots(imported: bool, alive: bool) -> str:
    """Why there is no training to go through, and what can be done here all the same."""
    if imported:
        return tr(
            "This model was trained elsewhere, so nothing of its training is here. You can compare "
            "it with another model that cuts the text into the same tokens."
        )
    if alive:
        return tr(
            "This run has kept no snapshot yet; the first one comes with its first evaluation, and "
            "this view with it."
        )
    return tr(
        "This run has kept no snapshots, so its training cannot be gone through. You can compare "
        "it with another model."
    )


def read_place(told: Any, shape: tuple[int, int], steps: Sequence[int], n_tokens: int) -> Any:
    """What the browser told, [step, layer, head, query, measure], as a Place; None for nonsense.

    >>> read_place([8, 0, 1, None, "induction"], (2, 4), (0, 8), 5)
    Place(step=8, layer=0, head=1, query=None, measure='induction')
    >>> read_place([9, 0, 1, None, ""], (2, 4), (0, 8), 5) is None
    True
    """
    if not isinstance(told, list) or len(told) != 5:
        return None
    step, layer, head, query, measure = told
    if step is not None and (type(step) is not int or step not in steps):
        return None
    limits = ((layer, shape[0]), (head, shape[1]), (0 if query is None else query, n_tokens))
    if not all(type(at) is int and 0 <= at < limit for at, limit in limits):
        return None
    known = isinstance(measure, str) and measure in {"", *ORDER}
    return Place(step, layer, head, query, measure if known else "")


def saved_arrays(view: AttentionTime, ids_T: Sequence[int]) -> dict[str, NDArray[Any]]:
    """Scores of all heads at every snapshot, losses, lens and the open head's maps, for a file."""
    return {
        "steps": np.array(view.steps),
        "ids": np.array(ids_T),
        "measures": np.array([course.id for course in view.courses]),
        "scores_SLHM": view.scores_SLHM,
        "nats_ST1": view.nats_ST1,
        "stops": np.array(view.stops),
        "top_tokens_SNT": np.array(view.names)[view.top_places_SNT],
        "top_shares_SNT": view.top_shares_SNT,
        "head": np.array([view.layer, view.head]),
        "weights_STT": view.maps_STT,
    }


def code_lines(run: Artefact, text: str, window: Window, layer: int, head: int) -> str:
    """The lines that compute what is shown."""
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    return f"""{open_lines(run)}
import numpy as np

from slm.attention.history import read_text, steepest_rise
from slm.attention.timeline import Timeline

text = {text!r}
ids = opened.tokenizer.encode(text){part}
timeline = Timeline(run.folder)
readings = [
    read_text(timeline.load_model(step), ids, eos_id=opened.tokenizer.eos_id)
    for step in timeline.steps
]
for step, reading in zip(timeline.steps, readings):
    score = reading.scores["previous_token"][{layer}, {head}]
    print(step, reading.nats_T1.mean().round(3), score.round(3))
print(steepest_rise(np.stack([reading.scores["previous_token"] for reading in readings])))
"""


def _map_of(reading: Reading, opened: tuple[int, int]) -> Halves:
    alone = reading.maps_LHTT.shape[:2] == (1, 1)
    found: Halves = reading.maps_LHTT[0, 0] if alone else reading.maps_LHTT[opened]
    return found


def _curves(
    steps: Sequence[int], nats_ST1: Floats, records: Sequence[Mapping[str, Any]]
) -> tuple[Curve, ...]:
    own = Curve(N_("this text"), tuple(steps), tuple(float(mean) for mean in nats_ST1.mean(axis=1)))
    return (*curves_of(records), own)


def _course(name: str, steps: Sequence[int], scores_SLH: Floats) -> Course:
    title, meaning = MEASURES[name]
    most = max(1.0, math.ceil(float(scores_SLH.max()))) if name == "distance" else 1.0
    rise = steepest_rise(scores_SLH)
    return Course(name, title, meaning, most, rise, _rise_words(name, title, steps, scores_SLH))


def _rise_words(name: str, title: str, steps: Sequence[int], scores_SLH: Floats) -> str:
    rise = steepest_rise(scores_SLH)
    if rise is None:
        few = len(scores_SLH) < 2
        return tr("One snapshot shows no growth yet.") if few else tr("No head's score grew.")
    told = (
        tr(
            "Steepest rise: layer {layer}, head {head}, between step {steps:,} and "
            "{later_step:,}: {title} from {before:.2f} to {after:.2f} tokens."
        )
        if name == "distance"
        else tr(
            "Steepest rise: layer {layer}, head {head}, between step {steps:,} and "
            "{later_step:,}: {title} from {before:.2f} to {after:.2f}."
        )
    )
    words = told.format(
        layer=rise.layer,
        head=rise.head,
        steps=steps[rise.place - 1],
        later_step=steps[rise.place],
        title=title.lower(),
        before=rise.before,
        after=rise.after,
    )
    if name not in _NAMED:
        return words
    born = first_reaching(scores_SLH[:, rise.layer, rise.head], CLEAR)
    if born is None:
        return tr("{words} It stays below {clear:.2f}, too little for a name.").format(
            words=words, clear=CLEAR
        )
    kind = tr("{replace} head").format(replace=_NAMED[name].replace(" ", "-"))
    is_one = (
        tr("{words} From step {steps:,} on it is an {kind} ({clear:.2f} or more).")
        if kind[0] in "aeiou"
        else tr("{words} From step {steps:,} on it is a {kind} ({clear:.2f} or more).")
    )
    return is_one.format(words=words, steps=steps[born], kind=kind, clear=CLEAR)
