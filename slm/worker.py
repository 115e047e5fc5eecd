"""The side of a job that works: it owns the lock, tells how far it is, hears a stop.

`working` is entered by `python -m slm … --job ID` before anything heavy is
imported. It writes the last word of the job's status however the work ends.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from slm import files, jobs, limits, locks, machine, processes, queueing
from slm.errors import DiskFullError, JobError, LimitError, SlmError, WorkspaceError
from slm.jobs import Job, StageStatus
from slm.workspace import Workspace

HEARTBEAT_SECONDS = 5.0
LOG_BYTES = 1_000_000
"""How much of what a worker prints is kept, twice."""
_LOG_SECONDS = 1.0
_RESERVED_BYTES = 65_536
_WRITE_SECONDS = 0.2
_QUEUE_POLL_SECONDS = 0.5
_RARELY_SECONDS = 8.0
_DISK_SECONDS = 20.0
_logger = logging.getLogger(__name__)


@dataclass
class JobReporter:
    """A Reporter that writes `status.json`. `result` names what the job has made so far."""

    job: Job
    result: dict[str, Any] = field(default_factory=dict)
    _state: str = "queued"
    _message: str = ""
    _error: str | None = None
    _stages: dict[str, StageStatus] = field(default_factory=dict)
    _current: str | None = None
    _elapsed_before: float = 0.0
    _began: float = field(default_factory=time.monotonic)
    _stage_began: float = field(default_factory=time.monotonic)
    _last_write: float = 0.0
    _terminated: bool = False
    _turn_ends: float | None = None
    _disk_asked: float | None = None
    _why_paused: str | None = None

    def plan(self, stages: Mapping[str, float]) -> None:
        """Name the stages to come and how much of the whole each is (weights)."""
        self._stages = {name: StageStatus(name, weight=w) for name, w in stages.items()}
        self.write()

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """Say how far the named stage (or the current one) is."""
        name = stage or self._current or self.job.verb
        turned = name != self._current
        if turned:
            self._enter(name)
        old = self._stages[name]
        self._message = message
        self._stages[name] = replace(
            old,
            state="running",
            fraction=fraction,
            message=message,
            elapsed_seconds=time.monotonic() - self._stage_began,
            facts={**old.facts, **facts},
        )
        if turned or time.monotonic() - self._last_write > _WRITE_SECONDS:
            self.write()

    def should_stop(self) -> bool:
        """Whether a page, a person or the system asked the job to end, for now or for good."""
        now = time.monotonic()
        if self._turn_ends is not None and now >= self._turn_ends:
            self._turn_ends = None
            self._pause_for_others()
        if self._disk_asked is not None and now >= self._disk_asked:
            self._disk_asked = now + _DISK_SECONDS
            self._pause_where_disk_is_used_up()
        return self._terminated or self.job.stop_asked or self.job.pause_asked

    def terminate(self) -> None:
        """Ask for an end from inside the process (a signal)."""
        self._terminated = True

    def write(self) -> bool:
        """Write `status.json` now; false when the disk has no room for it.

        How far the work is may go untold: the work itself may need no room just now.
        """
        self._last_write = time.monotonic()
        status = {
            "schema": jobs.SCHEMA,
            "state": self._state,
            "message": self._message,
            "elapsed_seconds": round(self._elapsed_before + time.monotonic() - self._began, 3),
            "stages": [asdict(stage) for stage in self._stages.values()],
            "result": self.result,
            "error": self._error,
        }
        try:
            files.write_json(self.job.folder / "status.json", status, durable=False, checked=True)
        except WorkspaceError:
            return False
        return True

    def turn(self, state: str, error: str | None = None) -> None:
        """Change the job's state and write it, if need be in the room that was held free."""
        self._state, self._error = state, error
        if not self.write():
            reserve(self.job).unlink(missing_ok=True)
            self.write()

    def settle(self, state: str) -> None:
        """The last word: stages that ran are marked as the job ended."""
        for name, stage in self._stages.items():
            if stage.state == "running":
                self._stages[name] = replace(
                    stage, state=state, fraction=1.0 if state == "done" else stage.fraction
                )

    def restore(self, status: jobs.JobStatus) -> None:
        """Take over what an earlier process of this job had reached."""
        self.result = {name: told for name, told in status.result.items() if name != "state"}
        self._elapsed_before = status.elapsed_seconds

    def begin(self) -> None:
        """Start the clock: time in the queue does not count."""
        self._began = time.monotonic()
        minutes = self._share.minutes
        if self.job.heavy and minutes is not None:
            self._turn_ends = self._began + 60 * minutes
        if self.job.heavy and self._share.disk_mb is not None:
            self._disk_asked = self._began + _DISK_SECONDS
        self.turn("running")

    @property
    def why_paused(self) -> str | None:
        """Why the work was paused where nobody asked: its turn is over, its disk used up."""
        return self._why_paused

    @property
    def _share(self) -> limits.Share:
        """What the owner of the work may take of the machine now."""
        return limits.read(self.job.folder.parents[1]).of(self.job.owner)

    def _pause_for_others(self) -> None:
        """A turn is over: save, and let others have theirs."""
        self._why_paused = (
            f"A turn is {self._share.minutes or 0:g} minutes in this room, and this one is over. "
            "Nothing is lost: go on with it, and it stands in the line again."
        )
        self.job.pause()

    def _pause_where_disk_is_used_up(self) -> None:
        """Save and end while that still finds room: nobody fills the disk for all."""
        try:
            used = jobs.used_bytes(Workspace(self.job.folder.parents[1]), self.job.owner)
            limits.require_disk(self._share, used)
        except LimitError as error:
            self._why_paused = f"{error} What was trained is saved; then go on with it."
            self.job.pause()

    def _enter(self, name: str) -> None:
        previous = self._stages.get(self._current or "")
        if previous is not None and previous.state == "running":
            self._stages[previous.name] = replace(previous, state="done", fraction=1.0)
        if name not in self._stages:
            self._stages[name] = StageStatus(name)
        self._current = name
        self._stage_began = time.monotonic()


@contextmanager
def working(job: Job) -> Iterator[JobReporter]:
    """Own `job` for the length of the block and tell its folder how the block ends.

    A heavy job waits here for its turn. A normal end is `done` (or `stopped` or `paused`,
    when that was asked for before the work was done); a full disk is `paused`, since the
    work can go on; any other SlmError is `failed` with its text; anything else is `failed`
    too, and goes on as the bug that it is.

    Raises: JobError when another process works on the job already.
    """
    lock = locks.FileLock(job.folder / "job.lock")
    if not lock.acquire(patience_seconds=2):
        raise JobError(f"{job.name!r} is already being worked on.")
    Workspace(job.folder.parents[1]).sweep()
    report = JobReporter(job)
    report.restore(job.status())
    slot = None
    stopped = threading.Event()
    try:
        _hear_signals(report)
        _start_heartbeat(job, stopped)
        report.turn("queued")
        slot = _wait_for_slot(job, report) if job.waits_its_turn else None
        if slot is None:
            report.begin()
        yield report
        state = _ended(report)
        report.settle(state)
        report.turn(state, report.why_paused if state == "paused" else None)
    except DiskFullError as error:
        report.settle("paused")
        report.turn("paused", str(error))
        raise
    except SlmError as error:
        report.settle("failed")
        report.turn("failed", str(error))
        raise
    finally:
        if sys.exc_info()[0] is not None and not isinstance(sys.exc_info()[1], SlmError):
            report.settle("failed")
            report.turn("failed", f"A bug ended the work: {sys.exc_info()[1]!r}. The log has more.")
        stopped.set()
        with suppress(WorkspaceError):
            files.keep_newest(job.folder / "worker.log", LOG_BYTES)
        if slot is not None:
            slot.release()
        lock.release()


def _ended(report: JobReporter) -> str:
    """How work ended that raised nothing; what was done before the stop was heard is done."""
    if not report.should_stop() or report.result.get("state") == "done":
        return "done"
    paused = report.job.pause_asked and not report.job.stop_asked
    return "paused" if paused else "stopped"


def _wait_for_slot(job: Job, report: JobReporter) -> locks.FileLock | None:
    """The lock of a free slot once it is this job's turn; None when asked to stop first.

    The whole line is read rarely by those far back: a hundred that wait would keep a core busy.
    """
    asks_next = 0.0
    seen: object = None
    while not report.should_stop():
        changed = _changes_of_line(job)
        if changed != seen or time.monotonic() >= asks_next:
            seen = changed
            if jobs.begins_now(job):
                slot = _claim(job, report)
                if slot is not None:
                    return slot
            ahead = job.status().queue_position
            asks_next = time.monotonic() + min(_QUEUE_POLL_SECONDS * max(1, ahead), _RARELY_SECONDS)
        time.sleep(_QUEUE_POLL_SECONDS)
    return None


def _changes_of_line(job: Job) -> tuple[int, ...]:
    """Differs once somebody moved this job, or changed the limits."""
    paths = (job.folder / "job.json", job.folder.parents[1] / limits.FILE)
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in paths)


def _claim(job: Job, report: JobReporter) -> locks.FileLock | None:
    """Begin this job's turn, if it still is its turn now that nobody else can change the line."""
    try:
        with jobs.admission(job.folder.parent):
            slot = None if report.should_stop() else queueing.claim(job)
            if slot is not None:
                report.begin()
                _keep_to_share(job, slot)
            return slot
    except JobError:  # a long start holds the line; ask again
        return None


def _keep_to_share(job: Job, slot: locks.FileLock) -> None:
    """Of the cores as many as each slot has; of several GPUs the one of this slot.

    A job that asks for several processes has all GPUs. Called before torch looks at any.
    """
    machine.share_cores(jobs.slots_for(job)[1])
    n_gpus = machine.count_gpus()
    if job.heavy and n_gpus > 1 and not any(part.startswith("--processes") for part in job.argv):
        number = int(slot.path.stem.removeprefix("slot-"))
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", str(number % n_gpus))


def _start_heartbeat(job: Job, stopped: threading.Event) -> None:
    """Say who works on the job, at once, and that the process lives, every few seconds."""
    born = processes.birth(os.getpid())
    log = job.folder / "worker.log"

    def beat(counter: int) -> None:
        told = {"counter": counter, "pid": os.getpid(), "process_started": born}
        files.write_json(job.folder / "heartbeat.json", told, durable=False)

    def keep_beating() -> None:
        counter, next_beat = 1, time.monotonic() + HEARTBEAT_SECONDS
        while not stopped.wait(_LOG_SECONDS):
            try:
                files.keep_newest(log, LOG_BYTES)
                if time.monotonic() >= next_beat:
                    beat(counter)
                    counter, next_beat = counter + 1, time.monotonic() + HEARTBEAT_SECONDS
            except SlmError:  # the disk is full for now; the work itself may need none of it
                continue

    beat(0)
    reserve(job).write_bytes(bytes(_RESERVED_BYTES))
    threading.Thread(target=keep_beating, name="heartbeat", daemon=True).start()


def reserve(job: Job) -> Path:
    """Room on the disk for the last word, given up when there is no other."""
    return job.folder / "reserve"


def _hear_signals(report: JobReporter) -> None:
    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        _logger.info("signal %d: stopping at the next step", number)
        report.terminate()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
