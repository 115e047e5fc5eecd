"""A run's record for other programs that draw curves: row by row, afterwards or while it trains.

Nothing here is part of the training. The record is read from the run's folder, a block at a
time, so that old runs can be shown as well as one that is at work, and a tracker that fails
harms no run. Knows no tracker: `tensorboard.py` writes for one; for others this is the hook:

    from slm.exchange.trackers import follow

    for row in follow(run.folder, live=True):
        mlflow.log_metrics(dict(row.numbers), step=row.step)

A run that goes on from a checkpoint makes some steps again. A row with `again` and nothing else
comes before those: what was told of its step and of later ones is replaced by what follows.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slm import files
from slm.locks import is_held
from slm.training.events import CHANGEABLE, EVENTS, RESUMED
from slm.training.runs import METRICS, SAMPLES

POLL_SECONDS = 2.0
_BLOCK_BYTES = 2**20
_LAST_BYTES = 64
_NOT_NUMBERS = frozenset({"step", "diverged"})


@dataclass(frozen=True)
class Row:
    """What was recorded of a step.

    numbers   by name, as in `metrics.jsonl`; those of parts and layers as "name/part"
    texts     what the model wrote, by the prompt that it began with
    changes   settings that changed: the old value and the new one
    seconds   since the training began; None where the record does not say
    again     the run went on from the step before: what was told of this one and of those after
              it does not count any more
    """

    step: int
    numbers: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    seconds: float | None = None
    again: bool = False


def follow(
    run_folder: Path,
    *,
    live: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
    poll_seconds: float = POLL_SECONDS,
) -> Iterator[Row]:
    """The rows of a run, in their order. `live`: those to come as well, until nobody trains it.

    The numbers of a step come before its texts, and each stands in a row of its own.

    Raises: WorkspaceError when a file is there and cannot be read.
    """
    reading = _Reading(run_folder)
    while not should_stop():
        at_work = live and is_held(run_folder / "run.lock")
        for row in reading.fresh():
            yield row
            if should_stop():
                return
        if not at_work:  # it was so before the last look, which has seen all
            return
        _wait(poll_seconds, should_stop)


def numbers_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record, one name each.

    >>> numbers_of({"step": 3, "train_nats": 2.5, "val_nats": None, "update_ratios": {"a": 0.1},
    ...             "attention_share": [0.5, 0.25]})
    {'train_nats': 2.5, 'update_ratios/a': 0.1, 'attention_share/0': 0.5, 'attention_share/1': 0.25}
    """
    found: dict[str, float] = {}
    for name, value in record.items():
        if name in _NOT_NUMBERS:
            continue
        if isinstance(value, Mapping):
            parts = {f"{name}/{part}": each for part, each in value.items()}
        elif isinstance(value, list):
            parts = {f"{name}/{place}": each for place, each in enumerate(value)}
        else:
            parts = {name: value}
        found |= {key: float(each) for key, each in parts.items() if _is_number(each)}
    return found


@dataclass
class _Log:
    """One of the run's logs, read from where the last look ended. `told`: its last step."""

    path: Path
    told: int = -1
    _known: int = -1
    _end: int = 0
    _file: int | None = None
    _last_bytes: bytes = b""

    def was_cut(self) -> bool:
        """Whether another file stands in its place, as when a run that goes on cuts its logs."""
        try:
            file = self.path.stat().st_ino
            last_bytes = self._before_end()
        except FileNotFoundError:
            return False
        # A file system may give a number again, so the last line is looked at too.
        cut = self._file is not None and (file != self._file or last_bytes != self._last_bytes)
        self._file = file
        return cut

    def go_back_to(self, step: int) -> None:
        """Tell again what is recorded after that step."""
        self.told = self._known = min(self.told, step)
        self._end, self._last_bytes = 0, b""

    def fresh(self) -> Iterator[dict[str, Any]]:
        """The records that were not told yet, a block at a time."""
        while True:
            found = files.read_records(self.path, self._end, _BLOCK_BYTES)
            for record in found.records:
                if record["step"] > self._known:
                    self.told = max(self.told, record["step"])
                    yield record
            if found.end <= self._end:
                return
            self._end = found.end
            self._last_bytes = self._before_end()

    def _before_end(self) -> bytes:
        """The end of the last line that was read, which holds its checksum."""
        with self.path.open("rb") as stream:
            stream.seek(max(0, self._end - _LAST_BYTES))
            return stream.read(min(self._end, _LAST_BYTES))


class _Reading:
    """One reader's place in a run's logs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._metrics, self._samples = _Log(folder / METRICS), _Log(folder / SAMPLES)
        self._events_told = 0
        self._resumed = len(_resumptions(self._events()))

    def fresh(self) -> Iterator[Row]:
        """What there is since the last look."""
        logs = (self._metrics, self._samples)
        cut = [log.was_cut() for log in logs]
        events = self._events()
        after: int | None = None
        if any(cut):
            after = self._went_back_to(events)
            if after < max(log.told for log in logs):
                yield Row(after + 1, again=True)
            for log in logs:
                log.go_back_to(after)
        for record in self._metrics.fresh():
            numbers = numbers_of(record)
            yield Row(int(record["step"]), numbers, seconds=numbers.get("elapsed_seconds"))
        for record in self._samples.fresh():
            yield Row(int(record["step"]), texts={str(record["prompt"]): str(record["text"])})
        yield from self._changes(events, after)

    def _changes(self, events: list[dict[str, Any]], after: int | None) -> Iterator[Row]:
        """Changes that are new, and those to come again after the step gone back to."""
        for number, event in enumerate(events):
            step, field = int(event["step"]), event.get("field")
            old, new = event.get("old"), event.get("new")
            fresh = number >= self._events_told or (after is not None and step > after)
            if fresh and field in CHANGEABLE and old != new:
                yield Row(step, changes={str(field): (old, new)})
        self._events_told = len(events)

    def _went_back_to(self, events: list[dict[str, Any]]) -> int:
        """The step from which the run went on since the last look; -1 where nobody knows."""
        steps = _resumptions(events)
        new, self._resumed = steps[self._resumed :], len(steps)
        return min(new, default=-1)

    def _events(self) -> list[dict[str, Any]]:
        """The run's events, which are never cut, and few."""
        return files.read_records(self._folder / EVENTS).records


def _resumptions(events: list[dict[str, Any]]) -> list[int]:
    return [int(event["new"]) for event in events if event.get("field") == RESUMED]


def _wait(seconds: float, should_stop: Callable[[], bool]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until and not should_stop():
        time.sleep(min(0.1, seconds))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
