"""A run's record as rows for its charts: thinned, in the unit that is asked, with marks.

Every chart takes one table with the columns of `Rows`; `kind` says what a row is drawn as:

    done       a point of a curve        planned  a point of what is still to come
    measured   a point that stands out   now      where the run stands
    level      a line across the chart   mark     something that happened at a step
    stretch    from `step` to `end`: what a finding is about

Knows records and settings; no charts, no browser.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from slm.training.config import TrainConfig, rate_factor
from ui.texts import tr

Records = Sequence[Mapping[str, Any]]
Unit = Literal["nats", "perplexity", "bits"]
Kind = Literal["done", "planned", "measured", "now", "level", "mark", "stretch"]
Floats = NDArray[np.float64]

UNITS: Mapping[Unit, str] = MappingProxyType(
    {"nats": tr("nats per token"), "perplexity": tr("perplexity"), "bits": tr("bits per byte")}
)
TRAINING, VALIDATION = tr("training"), tr("validation")
BASELINES: Mapping[str, str] = MappingProxyType(
    {"unigram_nats": tr("counting tokens (unigram)"), "bigram_nats": tr("counting pairs (bigram)")}
)
USUAL_RATIO = (1e-4, 1e-2)
"""Where updates over weights lie in most healthy runs, about 1e-3 in the middle."""
INSIDE = tr(
    "At each evaluation: how far a step moves each part of the model against its size (most "
    "healthy runs lie in the green band), how steep the loss is in it, and how much attention and "
    "feed-forward of each layer add to the stream. A line that falls away from the others is a "
    "part that learns nothing."
)
_LARGEST_EXPONENT = 50.0
_EXAMINED = 50  # times in which a record grows e-fold
_MOST_POINTS = 600
_PLANNED_POINTS = 200


@dataclass
class Rows:
    """The rows of one chart, by columns."""

    kind: list[str] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    step: list[float | None] = field(default_factory=list)
    end: list[float | None] = field(default_factory=list)
    value: list[float | None] = field(default_factory=list)
    note: list[str] = field(default_factory=list)

    def curve(self, kind: Kind, series: str, steps: Iterable[float], values: Floats) -> None:
        """Add points of one series; a lone one is no line, so that it is drawn as a point."""
        points = [float(value) for value in values]
        if len(points) == 1 and kind == "done":
            kind = "measured"
        self.step += [float(step) for step in steps]
        self.value += points
        self.kind += [kind] * len(points)
        self.series += [series] * len(points)
        self.end += [None] * len(points)
        self.note += [""] * len(points)

    def level(self, series: str, value: float, note: str) -> None:
        """Add a line across the chart."""
        self._one("level", series, None, None, value, note)

    def mark(self, step: float, note: str, end: float | None = None, series: str = "") -> None:
        """Add something that happened at a step, or a stretch of steps up to `end`."""
        self._one("mark" if end is None else "stretch", series, step, end, None, note)

    def columns(self) -> dict[str, list[Any]]:
        """The table, as a data frame takes it."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def _one(
        self,
        kind: Kind,
        series: str,
        step: float | None,
        end: float | None,
        value: float | None,
        note: str,
    ) -> None:
        self.kind.append(kind)
        self.series.append(series)
        self.step.append(step)
        self.end.append(end)
        self.value.append(value)
        self.note.append(note)


@dataclass(frozen=True)
class Mark:
    """What happened at a step, in words; with `end`, what is found about a stretch of steps.

    `severity` is that of a finding, "" for an event.
    """

    step: int
    note: str
    end: int | None = None
    severity: str = ""


def column(records: Records, name: str) -> tuple[Floats, Floats]:
    """Steps and values of one field, where it was measured.

    >>> column([{"step": 0, "x": None}, {"step": 1, "x": 2.0}, {"step": 2}], "x")
    (array([1.]), array([2.]))
    """
    values = np.array([record.get(name) for record in records], dtype=np.float64)  # None is NaN
    measured = np.isfinite(values)
    steps = np.array([record["step"] for record in records], dtype=np.float64)
    return steps[measured], values[measured]


def thinned(steps: Floats, values: Floats, most: int = _MOST_POINTS) -> tuple[Floats, Floats]:
    """At most about `most` points: of each stretch the lowest and the highest, so that no spike
    is lost, and always the last.

    Stretches are as long as a power of two, so that a curve that grows keeps its older points.
    """
    if steps.size <= most:
        return steps, values
    length = 2 ** math.ceil(math.log2(2 * steps.size / most))
    whole = steps.size // length * length
    blocks = values[:whole].reshape(-1, length)
    first = np.arange(0, whole, length)
    rest = np.arange(min(whole, steps.size - 1), steps.size)
    lowest, highest = first + blocks.argmin(axis=1), first + blocks.argmax(axis=1)
    places = np.unique(np.concatenate([lowest, highest, rest]))
    return steps[places], values[places]


def in_unit(nats: Floats, unit: Unit, bytes_per_token: float | None) -> Floats:
    """Losses in the unit that is asked; bits per byte need the bytes that a token stands for.

    >>> in_unit(np.array([math.log(8)]), "bits", 4.0).round(3)
    array([0.75])
    """
    if unit == "perplexity":
        return np.exp(np.minimum(nats, _LARGEST_EXPONENT))
    if unit == "bits":
        assert bytes_per_token, tr("a run without this number offers no bits per byte")
        return nats / (math.log(2) * bytes_per_token)
    return nats


def units_of(records: Records) -> tuple[Unit, ...]:
    """The units in which this run's losses can be told."""
    known: tuple[Unit, ...] = get_args(Unit)
    return known if bytes_per_token(records) else known[:2]


def bytes_per_token(records: Records) -> float | None:
    """Bytes of validation text that a token stands for, where the run counted them."""
    return _at_start(records, "val_bytes_per_token")


def baselines(records: Records) -> dict[str, float]:
    """What counting gives on the same text, in nats, by the names of `BASELINES`."""
    found = {name: _at_start(records, name) for name in BASELINES}
    return {name: nats for name, nats in found.items() if nats is not None}


def loss_rows(
    records: Records,
    marks: Sequence[Mark],
    *,
    unit: Unit = "nats",
    log_steps: bool = False,
    counted: Mapping[str, float] = MappingProxyType({}),
) -> Rows:
    """Training loss (thin), validation loss, and the baselines that were counted."""
    rows = Rows()
    per_token = bytes_per_token(records)
    for series, name in ((TRAINING, "train_nats"), (VALIDATION, "val_nats")):
        steps, nats = _on_axis(*column(records, name), log_steps)
        rows.curve(
            "done" if series == TRAINING else "measured",
            series,
            *thinned(steps, in_unit(nats, unit, per_token)),
        )
    for name, nats_counted in {**counted, **baselines(records)}.items():
        value = float(in_unit(np.array([nats_counted]), unit, per_token)[0])
        rows.level(name, value, f"{BASELINES[name]}: {_short(value)}")
    return with_marks(rows, marks, log_steps)


def field_rows(
    records: Records,
    name: str,
    marks: Sequence[Mark],
    *,
    log_steps: bool = False,
    over: float = 1.0,
    positive: bool = False,
) -> Rows:
    """One field of the record as a curve, divided by `over`; `positive` leaves out what a
    logarithmic axis cannot show."""
    rows = Rows()
    steps, values = _on_axis(*column(records, name), log_steps)
    if positive:
        steps, values = steps[values > 0], values[values > 0]
    rows.curve("done", "", *thinned(steps, values / over))
    return with_marks(rows, marks, log_steps)


def part_rows(
    records: Records,
    name: str,
    parts: Sequence[str],
    marks: Sequence[Mark],
    *,
    log_steps: bool = False,
) -> Rows:
    """A curve for each part of the model, from a field that holds an object (by the names of
    `parts`) or a list (in their order)."""
    measured = [record for record in records if record.get(name)]
    rows = Rows()
    for place, part in enumerate(parts):
        found = [
            (record["step"], value)
            for record in measured
            if _is_number(value := _entry(record[name], part, place)) and value > 0
        ]
        pairs: Floats = np.array(found, dtype=np.float64).reshape(-1, 2)
        rows.curve(
            "done", part_label(part), *thinned(*_on_axis(pairs[:, 0], pairs[:, 1], log_steps), 200)
        )
    return with_marks(rows, marks, log_steps)


def rate_rows(
    records: Records,
    config: TrainConfig,
    marks: Sequence[Mark],
    *,
    log_steps: bool = False,
) -> Rows:
    """The learning rates as they were, and as the settings in force plan them from here on."""
    rows = Rows()
    now = max((int(record["step"]) for record in records), default=0)
    for series, name, peak in _rates_of(config):
        steps, values = _on_axis(*column(records, name), log_steps)
        # earlier versions recorded one rate, and both moved together; a fork begins with theirs
        older = [r for r in records if name not in r] if name != "learning_rate" else []
        if older:
            early, rates = _on_axis(*column(older, "learning_rate"), log_steps)
            steps = np.concatenate([early, steps])
            values = np.concatenate([rates * (peak / config.learning_rate), values])
        rows.curve("done", series, *thinned(steps, values))
        to_come = _planned_steps(now, config.steps)
        planned = np.array([peak * rate_factor(config, max(0, step - 1)) for step in to_come])
        rows.curve("planned", series, to_come, planned)
        if now and to_come:
            rows.curve("now", series, to_come[:1], planned[:1])
    return with_marks(rows, marks, log_steps)


def with_marks(rows: Rows, marks: Sequence[Mark], log_steps: bool = False) -> Rows:
    """The rows, and the marks that every chart of the run carries."""
    for mark in marks:
        step = max(mark.step, 1) if log_steps else mark.step
        rows.mark(step, mark.note, mark.end, mark.severity)
    return rows


def record_key(records: Records, steps: int) -> tuple[int, int, bool]:
    """What tells apart the records of one run that are worth examining anew.

    >>> a, b = [{"step": 1}] * 1_000, [{"step": 1}] * 1_001
    >>> record_key(a, 9) == record_key(b, 9), record_key(a, 9) == record_key(a[:900], 9)
    (True, False)
    """
    if not records:
        return 0, 0, False
    ended = records[-1]["step"] if records[-1]["step"] >= steps else 0
    return round(_EXAMINED * math.log(len(records))), ended, bool(records[-1].get("diverged"))


def parts_of(n_layers: int) -> tuple[str, ...]:
    """The parts of a model that the record tells apart, from the first to the last.

    >>> parts_of(2)
    ('token_embedding', 'blocks.0', 'blocks.1', 'output')
    """
    return ("token_embedding", *(f"blocks.{layer}" for layer in range(n_layers)), "output")


def part_label(part: str) -> str:
    """A part of the model as its curve is called.

    >>> part_label("blocks.0"), part_label("token_embedding")
    ('layer 0', 'embedding')
    """
    if part.startswith("blocks."):
        return tr("layer {removeprefix}").format(removeprefix=part.removeprefix("blocks."))
    return {"token_embedding": tr("embedding"), "output": tr("output")}.get(part, part)


def nothing_inside(records: Records, config: TrainConfig) -> str:
    """Why a run has no curves of its layers."""
    evaluated = sum(record.get("val_nats") is not None for record in records[-2_000:])
    if evaluated > 1:
        return tr("This run was trained before the inside of its layers was recorded.")
    return tr("They are measured at each evaluation, first after {evaluate_every:,} steps.").format(
        evaluate_every=config.evaluate_every
    )


def has(records: Records, name: str) -> bool:
    """Whether the field was ever recorded. Looks at both ends, and at evaluations between."""
    return any(record.get(name) for record in (*records[:2], *records[-200:], *records[:200]))


def _rates_of(config: TrainConfig) -> tuple[tuple[str, str, float], ...]:
    adamw = ("AdamW", "learning_rate", config.learning_rate)
    if config.optimizer == "adamw":
        return (adamw,)
    return (adamw, (tr("Muon"), "muon_learning_rate", config.muon_learning_rate))


def _planned_steps(now: int, last: int) -> list[int]:
    """Steps from here to the end, evenly, with both ends.

    >>> _planned_steps(3, 5), _planned_steps(5, 5)
    ([3, 4, 5], [])
    """
    if now >= last:
        return []
    every = max(1, (last - now) // _PLANNED_POINTS)
    return [*range(now, last, every), last]


def _on_axis(steps: Floats, values: Floats, log_steps: bool) -> tuple[Floats, Floats]:
    """A logarithmic axis has no place for step 0."""
    return (steps[steps > 0], values[steps > 0]) if log_steps else (steps, values)


def _entry(held: Any, part: str, place: int) -> Any:
    if isinstance(held, Mapping):
        return held.get(part)
    return held[place] if isinstance(held, list) and place < len(held) else None


def _at_start(records: Records, name: str) -> float | None:
    return next((float(r[name]) for r in records[:3] if _is_number(r.get(name))), None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _short(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"
