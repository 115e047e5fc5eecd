"""The settings in force, step by step: what the run began with, and what changed since.

The trainer's side of `events`: takes up requests, writes them down, and gives, for every
step, the settings of that step, also when the step is reached for a second time.
"""

import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

from slm import files
from slm.errors import ConfigError
from slm.training import ranks
from slm.training.config import TrainConfig
from slm.training.events import (
    CONTROL,
    Event,
    Request,
    config_at,
    drop_damaged,
    now,
    pending_requests,
    read_events,
    record_event,
)

_logger = logging.getLogger(__name__)


class Changes:
    """The changes of one run, those to come included."""

    def __init__(self, run_folder: Path, base: TrainConfig) -> None:
        self.folder, self.base = run_folder, base
        if ranks.rank() == 0:
            _finish_what_was_begun(run_folder)
        ranks.wait()
        self.events = read_events(run_folder)
        self._steps = {event.step for event in self.events}

    def asked(self) -> bool:
        """Whether somebody asked for a change. Process 0 looks, at every step."""
        if ranks.rank() > 0:
            return False
        try:
            with os.scandir(self.folder / CONTROL) as entries:
                return any(entry.name.startswith("change-") for entry in entries)
        except FileNotFoundError:
            return False

    def take(self, step: int) -> None:
        """Put in force from update number `step` on what was asked for; all processes call it.

        A request that does not fit any more is refused, and that is written down too.

        Raises: WorkspaceError when the disk is full; the request then stays.
        """
        new: list[Event] = []
        if ranks.rank() == 0:
            drop_damaged(self.folder)
            for request in pending_requests(self.folder):
                new += self._granted(request, step, [*self.events, *new])
        told = ranks.text_from_first(json.dumps([asdict(event) for event in new]))
        self.events += [Event(**event) for event in json.loads(told)]
        self._steps = {event.step for event in self.events}

    def at(self, step: int) -> TrainConfig:
        """The settings in force for update number `step`."""
        return config_at(self.base, self.events, step)

    def begin_at(self, step: int) -> bool:
        """Whether some settings are in force from just this update on."""
        return step in self._steps

    def _granted(self, request: Request, step: int, before: list[Event]) -> list[Event]:
        config = config_at(self.base, before, step)
        asked, old = dict(request.changes), config.to_json()
        note = ""
        try:
            if isinstance(asked.get("steps"), int):
                asked["steps"] = max(asked["steps"], step)  # what is done is done
            new = config.replace(**asked).to_json()
            require_rows(config.replace(**asked))
        except ConfigError as error:
            _logger.warning("a change was refused: %s", error)
            new, note = old, f"refused: {error}"
        events = [
            Event(step, name, old.get(name), new.get(name), now(), note, request.id)
            for name in asked
        ]
        for event in events:
            record_event(self.folder, event)
            files.reach("event.logged")
        request.path.unlink(missing_ok=True)
        files.reach("request.done")
        return events


def _finish_what_was_begun(run_folder: Path) -> None:
    """A process that was killed while it wrote a request down has left the request behind."""
    events = read_events(run_folder)
    for request in pending_requests(run_folder):
        logged = [event for event in events if event.request == request.id]
        if not logged:
            continue
        first, written = logged[0], {event.field for event in logged}
        for name in request.changes.keys() - written:
            new = request.changes[name]
            event = Event(first.step, name, None, new, now(), first.note, request.id)
            if not first.note:
                record_event(run_folder, event)
        request.path.unlink(missing_ok=True)


def require_rows(config: TrainConfig) -> None:
    """Every process must have rows of each micro-batch.

    Raises: ConfigError with the numbers where there are too few.
    """
    shares = config.grad_accum_steps * ranks.world_size()
    if config.batch_size < shares:
        raise ConfigError(
            f"batch_size ({config.batch_size}) must be at least grad_accum_steps × "
            f"processes ({config.grad_accum_steps} × {ranks.world_size()})."
        )
