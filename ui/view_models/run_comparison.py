"""Several runs side by side: which they are, what differs between them, what changed on the way.

Knows runs and their traces; no charts, no browser.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.lab.experiments import group_of
from slm.lab.lanes import Lane
from slm.lab.standings import Axis, Trace
from slm.training.events import CHANGEABLE, RESUMED, Event
from slm.training.runs import RunSettings
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.jobs import duration
from ui.view_models.lane_rows import shown

MOST = 6
AT_FIRST = 3
_NOT_TOLD = frozenset({"vocab_size"})


@dataclass(frozen=True)
class Group:
    """The runs of a sweep or a race that are still there. `name` is foreign text."""

    id: str
    name: str
    kind: str
    runs: tuple[str, ...]


def labels(runs: Sequence[Artefact]) -> dict[str, str]:
    """A name for each run that no other has, by its id."""
    names = Counter(run.name for run in runs)
    return {
        run.id: run.name if names[run.name] == 1 else f"{run.name} · {run.id[:13]}" for run in runs
    }


def groups(runs: Sequence[Artefact]) -> tuple[Group, ...]:
    """The sweeps and races that these runs belong to; runs come newest first."""
    found: dict[str, Group] = {}
    for run in reversed(runs):
        told = group_of(run)
        if told is not None:
            group_id = str(told["id"])
            before = found[group_id].runs if group_id in found else ()
            found[group_id] = Group(
                group_id, str(told["name"]), str(told.get("kind", "")), (*before, run.id)
            )
    return tuple(reversed(found.values()))


def chosen_runs(
    known: Sequence[Artefact], picked: Sequence[str], current: str | None
) -> list[Artefact]:
    """Those picked, in the order of all; without any, the current one and the newest."""
    if picked:
        return [run for run in known if run.id in picked]
    first = [run for run in known if run.id == current]
    return [*first, *(run for run in known if run not in first)][:AT_FIRST]


def lane_of_run(label: str, settings: RunSettings) -> Lane:
    """A run as a lane of a comparison."""
    return Lane(label, "", settings.model, settings.train)


def mark_rows(
    traces: Sequence[Trace], events: Mapping[str, Sequence[Event]], axis: Axis
) -> list[dict[str, Any]]:
    """What was changed in mid-run, where it was: points (x, run, note); `events` by label."""
    rows = []
    for trace in traces:
        for event in events.get(trace.lane.name, ()):
            if event.field == RESUMED:
                continue
            place = next((point for point in trace.points if point.step >= event.step), trace.last)
            if place is not None:
                note = tr("step {step:,}: {field} {old} → {new}").format(
                    step=event.step, field=event.field, old=_told(event.old), new=_told(event.new)
                )
                name = trace.lane.name
                rows.append({"x": place.at(axis), "run": name, "name": name, "note": note})
    return rows


def event_rows(events: Mapping[str, Sequence[Event]]) -> list[dict[str, str]]:
    """The same as a table."""
    return [
        {
            tr("run"): label,
            tr("after step"): f"{event.step:,}",
            tr("what"): event.field
            if event.field in CHANGEABLE
            else tr("{field} (of the machine)").format(field=event.field),
            tr("from"): _told(event.old),
            tr("to"): _told(event.new),
            tr("note"): event.note,
        }
        for label, found in events.items()
        for event in found
        if event.field != RESUMED  # nothing changed
    ]


def difference_rows(
    runs: Sequence[tuple[str, RunSettings]],
    traces: Sequence[Trace],
    names: Mapping[str, str],
) -> list[dict[str, str]]:
    """What the runs came to, then a row for each setting in which they differ.

    `names` tells ids of corpora and tokenizers apart in words.
    """
    best = {trace.lane.name: _best(trace) for trace in traces}
    took = {
        trace.lane.name: duration(trace.last.seconds) if trace.last else "–" for trace in traces
    }
    rows = [
        {tr("setting"): tr("best validation loss (nats)"), **best},
        {tr("setting"): tr("training time"), **took},
    ]
    told = [(label, _flat(settings, names)) for label, settings in runs]
    every = dict.fromkeys(name for _, values in told for name in values)
    return rows + [
        {tr("setting"): name, **{label: values.get(name, "") for label, values in told}}
        for name in every
        if name not in _NOT_TOLD and len({values.get(name, "") for _, values in told}) > 1
    ]


def _best(trace: Trace) -> str:
    best = trace.best
    if best is None:
        return tr("not measured")
    return tr("{val_nats:.3f} at step {step:,}").format(val_nats=best.val_nats, step=best.step)


def _flat(settings: RunSettings, names: Mapping[str, str]) -> dict[str, str]:
    values = {**settings.model.to_json(), **settings.train.to_json()}
    values |= {"corpus": settings.corpus, "tokenizer": settings.tokenizer}
    return {
        name: names.get(value, value) if isinstance(value, str) else shown(value)
        for name, value in values.items()
    }


def _told(value: Any) -> str:
    return shown(value) if value is None or isinstance(value, int | float) else str(value)[:60]
