"""Start, watch, queue and stop work of more than two seconds, each in its own process.

A job is a folder `jobs/<id>/` and a detached process that runs a command-line
verb: `python -m slm VERB … --job ID`. They talk through files alone, so a closed
browser or a killed server harms nothing, and any server finds the jobs again.
Here is the side that starts and watches; `worker.py` is the side that works.
No torch here.

    job.json        what was asked: verb and arguments, owner, ticket, place in the line
    status.json     how far it is (written by the worker)
    heartbeat.json  a counter, once in a few seconds (written by the worker)
    job.lock        held by the worker for life: free means dead
    worker.log      what the worker printed, the newest of it; worker.log.1 what came before
    spawned.json    the process that was started, while it has not taken its lock
    control/stop    exists when somebody asked it to stop
    control/pause   exists when somebody asked it to pause: to save, end, and go on later
    control/held    exists beside it when it is to stand in the line again at once
"""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from slm import files, limits, locks, machine, processes, turns
from slm.errors import JobError, WorkspaceError
from slm.owners import LOCAL_OWNER, maker, may_change, require_right
from slm.utf8 import without_controls
from slm.workspace import KINDS, Workspace, clean_name

SCHEMA = 1
HEAVY_VERBS = frozenset({"train", "build", "rate", "sweep", "race", "find-rate"})
"""Verbs that wait for a free slot, because they keep every core busy."""
LASTING_VERBS = frozenset({"serve"})
"""Verbs that go on until somebody stops them, and so stand in no line."""
ALIVE = frozenset({"queued", "running"})
STATES = ALIVE | {"paused", "done", "stopped", "failed", "interrupted"}
STALLED_SECONDS = 30.0
FORCE_SECONDS = 30.0
_GRACE_SECONDS = 30.0
_ADMISSION_SECONDS = 10.0
_LOG_TAIL_BYTES = 8_000
_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6}")
_children: dict[str, "subprocess.Popen[bytes]"] = {}
_seen: dict[tuple[str, str], tuple[Any, float]] = {}
_LINE_SECONDS = 0.3
_MOST_REMEMBERED = 10_000
_lines: dict[tuple[Path, bool], tuple[float, dict[str, int]]] = {}
_remembered: dict[Path, tuple[tuple[int, int, int], dict[str, Any]]] = {}


class StoppedError(Exception):
    """Somebody asked the work to stop. Leaves drafts uncommitted, and never reaches a page."""


class Reporter(Protocol):
    """What long work calls to say how far it is, and asks whether to go on."""

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """`fraction` is 0 to 1, or None where nobody can know."""

    def plan(self, stages: Mapping[str, float]) -> None:
        """Name the stages to come, and how much of the whole each is (weights)."""

    def should_stop(self) -> bool:
        """Whether to save what is sound and return."""


class _Silent:
    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        return

    def plan(self, stages: Mapping[str, float]) -> None:
        return

    def should_stop(self) -> bool:
        return False


silent: Reporter = _Silent()
"""The reporter for work that nobody watches."""


@dataclass(frozen=True)
class StageOf:
    """Passes reports on as those of one stage; inner stage names go into the message."""

    whole: Reporter
    name: str

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `Reporter`."""
        words = f"{stage}: {message}" if stage and message else message or stage or ""
        self.whole(fraction, words, stage=self.name, **facts)

    def plan(self, stages: Mapping[str, float]) -> None:
        """Inner plans are the inner work's own business."""

    def should_stop(self) -> bool:
        """See `Reporter`."""
        return self.whole.should_stop()


@dataclass(frozen=True)
class StageStatus:
    """One stage of a job. `facts` are small numbers and words for its card."""

    name: str
    state: str = "waiting"
    fraction: float | None = 0.0
    message: str = ""
    weight: float = 1.0
    elapsed_seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class JobStatus:
    """How far a job is.

    `state` is queued, running, done, stopped, paused, failed or interrupted. A job that is
    paused waits for somebody to go on with it; its `error` says why where nobody asked for it.
    """

    state: str
    stages: tuple[StageStatus, ...] = ()
    message: str = ""
    elapsed_seconds: float = 0.0
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    queue_position: int = 0
    stopping: bool = False
    silent_seconds: float = 0.0
    stopping_seconds: float = 0.0

    @property
    def stalled(self) -> bool:
        """Whether nothing was heard of its process for long: halted, or the machine slept."""
        return self.state == "running" and self.silent_seconds > STALLED_SECONDS

    @property
    def may_force(self) -> bool:
        """Whether it had time enough to stop by itself."""
        return self.stopping and self.stopping_seconds > FORCE_SECONDS

    @property
    def alive(self) -> bool:
        """Whether a process stands behind it."""
        return self.state in ALIVE

    @property
    def fraction(self) -> float:
        """How much of the whole is done, 0 to 1; stages count by their weights."""
        if self.state == "done":
            return 1.0
        total = sum(stage.weight for stage in self.stages)
        return sum(s.weight * (s.fraction or 0.0) for s in self.stages) / total if total else 0.0

    @property
    def remaining_seconds(self) -> float | None:
        """Time left at the average rate so far; None while that says too little."""
        if self.state != "running" or self.fraction < 0.02:
            return None
        return self.elapsed_seconds * (1 - self.fraction) / self.fraction

    @property
    def stage(self) -> StageStatus | None:
        """The stage that is running now."""
        return next((stage for stage in self.stages if stage.state == "running"), None)


@dataclass(frozen=True)
class Job:
    """One job folder; everything else is read from it when asked.

    `actor` is who looks at it: whoever is neither its owner nor LOCAL_OWNER cannot stop it.
    """

    folder: Path
    id: str
    name: str
    owner: str
    created: str
    argv: tuple[str, ...]
    ticket: int
    key: str | None = None
    place: int = 0
    actor: str = LOCAL_OWNER

    @property
    def heavy(self) -> bool:
        """Whether it waits for its turn, because it keeps every core busy."""
        return self.verb in HEAVY_VERBS

    @property
    def waits_its_turn(self) -> bool:
        """Whether it stands in a line: in a room, participants' shorter work does so too."""
        if self.heavy or self.verb in LASTING_VERBS:
            return self.heavy
        return limits.read(self.folder.parents[1]).of(self.owner) != limits.UNLIMITED

    @property
    def mine(self) -> bool:
        """Whether it belongs to whoever looks."""
        return self.owner == self.actor

    @property
    def can_change(self) -> bool:
        """Whether whoever looks may stop it, go on with it or forget it."""
        return may_change(self.actor, self.owner)

    @property
    def verb(self) -> str:
        """The command-line verb that the job runs."""
        return self.argv[0]

    @property
    def stop_asked(self) -> bool:
        """Whether somebody asked it to stop."""
        return (self.folder / "control" / "stop").exists()

    @property
    def pause_asked(self) -> bool:
        """Whether somebody asked it to pause."""
        return (self.folder / "control" / "pause").exists()

    @property
    def held(self) -> bool:
        """Whether it pauses to stand in the line again, since the presenter holds all back."""
        return (self.folder / "control" / "held").exists()

    def is_alive(self) -> bool:
        """Whether a process holds the job's lock."""
        return locks.is_held(self.folder / "job.lock")

    def status(self) -> JobStatus:
        """How far the job is, as its folder tells it."""
        _reap()
        written = _written_status(self.folder)
        if written.state not in ALIVE or self.is_alive():
            return self._with_queue(written)
        written = _written_status(self.folder)  # it may have ended between the two looks
        if written.state not in ALIVE:
            return written
        if self._still_starting():
            return self._with_queue(written)
        return JobStatus(
            "interrupted",
            written.stages,
            written.message,
            written.elapsed_seconds,
            written.result,
            error=f"The process ended without a word. {self.last_words()}".strip(),
        )

    def require_right(self) -> None:
        """Let through whoever may stop, change or forget this job.

        Raises: RightsError for everybody else.
        """
        require_right(self.actor, self.owner, self.name)

    def stop(self) -> None:
        """Ask the job to save what is sound and end; it looks at every step.

        Raises: RightsError when it is somebody else's.
        """
        self.require_right()
        (self.folder / "control").mkdir(exist_ok=True)
        (self.folder / "control" / "stop").touch()

    def pause(self) -> None:
        """Ask the job to save where it is and end, so that `restart` goes on from there.

        Raises: RightsError when it is somebody else's.
        """
        self.require_right()
        (self.folder / "control").mkdir(exist_ok=True)
        (self.folder / "control" / "pause").touch()

    def hold(self) -> None:
        """Ask the job to save where it is, and to stand in the line again, before all others.

        Raises: RightsError when it is somebody else's.
        """
        self.require_right()
        (self.folder / "control").mkdir(exist_ok=True)
        (self.folder / "control" / "held").touch()
        self.pause()

    def kill(self) -> None:
        """End the job's process at once. What it committed stays.

        A process is touched only if both its id and its birth are those that were written
        down: by the worker, or by who started it a moment ago.

        Raises: RightsError when it is somebody else's.
        """
        self.require_right()
        for told in ("heartbeat.json", "spawned.json"):
            named = _named_process(self.folder / told)
            if named is not None:
                processes.end_all(*named)

    def log_tail(self) -> str:
        """The end of what the worker printed; foreign text, in which no escape code is obeyed."""
        log = self.folder / "worker.log"
        tail = _tail(log)
        if len(tail) < _LOG_TAIL_BYTES:
            tail = (_tail(files.older_part(log)) + tail)[-_LOG_TAIL_BYTES:]
        return without_controls(tail.decode(errors="replace"))

    def last_words(self) -> str:
        """The last line of the log, which for a crash names the error."""
        lines = [line for line in self.log_tail().splitlines() if line.strip()]
        return lines[-1].strip() if lines else ""

    def _still_starting(self) -> bool:
        """A new process needs a moment before it takes its lock."""
        if (self.folder / "heartbeat.json").exists():
            return False
        child = _children.get(self.id)
        if child is not None:
            return child.poll() is None
        named = _named_process(self.folder / "spawned.json")
        if named is not None:
            return processes.is_alive(*named)
        return _unchanged_seconds(self.id, "starting", None) < _GRACE_SECONDS

    def _with_queue(self, status: JobStatus) -> JobStatus:
        ahead = 0
        if status.state == "queued" and self.waits_its_turn:
            ahead = _ahead_of(self)
        stopping = status.alive and (self.stop_asked or self.pause_asked)
        beat = _read_or_empty(self.folder / "heartbeat.json").get("counter")
        return replace(
            status,
            queue_position=ahead,
            stopping=stopping,
            silent_seconds=_unchanged_seconds(self.id, "heartbeat", beat),
            stopping_seconds=_unchanged_seconds(self.id, "stopping", stopping),
        )


def start(
    workspace: Workspace,
    argv: Sequence[str],
    *,
    name: str,
    owner: str = LOCAL_OWNER,
    key: str | None = None,
) -> Job:
    """Start `python -m slm *argv` as a job. With a `key` that a living one has, give that one.

    Only a job of the same owner is given instead: what two people ask for is made twice.

    Raises: JobError when the process cannot be started; WorkspaceError for a
    name that cannot be used or a full disk; LimitError when the owner has all that each
    person may have here.
    """
    shelf = workspace.jobs.folder
    owner = maker(workspace.actor, owner)
    with admission(shelf):
        jobs = list_jobs(workspace)
        alike = [job for job in jobs if key is not None and (job.key, job.owner) == (key, owner)]
        same = [job for job in alike if job.status().alive]
        if same:
            return same[0]
        _require_room_for(workspace, owner, argv[0] in HEAVY_VERBS, jobs)
        now = datetime.now(UTC)
        job_id = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        description = {
            "schema": SCHEMA,
            "id": job_id,
            "name": clean_name(name),
            "owner": owner,
            "created": now.isoformat(timespec="milliseconds"),
            "argv": list(argv),
            "ticket": 1 + max((job.ticket for job in jobs), default=0),
            "place": _last_place(jobs) + 1,
            "key": key,
        }
        with files.commit_folder(shelf / job_id, {"schema": SCHEMA, "id": job_id}) as staging:
            files.write_json(staging / "job.json", description, checked=True)
        job = get_job(workspace, job_id)
        assert job is not None
        _spawn(workspace, job)
        return job


@contextmanager
def admission(shelf: Path) -> Iterator[None]:
    """Hold the line of jobs still for the length of the block; `shelf` is the folder of all jobs.

    Every change of the line happens under this one lock: a start, a turn that begins, a move.

    Raises: JobError when somebody else holds it for too long.
    """
    shelf.mkdir(parents=True, exist_ok=True)
    lock = locks.FileLock(shelf / "admission.lock")
    if not lock.acquire(patience_seconds=_ADMISSION_SECONDS):
        raise JobError("Another start is taking its time; wait a moment and try again.")
    try:
        yield
    finally:
        for heavy in (True, False):
            _lines.pop((shelf, heavy), None)
        lock.release()


def restart(workspace: Workspace, job: Job) -> Job:
    """Run an ended job again in its folder; the worker goes on from what its result names.

    It stands at the end of the line, as one that is started now. Asked for twice, it is
    started once.

    Raises: JobError when it is still running; RightsError when it is somebody else's;
    LimitError when its owner has as many as each may have.
    """
    job.require_right()
    with admission(workspace.jobs.folder):
        if job.is_alive():
            raise JobError(f"{job.name!r} is still running; stop it first.")
        if not job.status().alive:
            _require_room_for(workspace, job.owner, job.heavy, list_jobs(workspace))
            _start_again(workspace, job)
    return job


def stand_in_line_again(workspace: Workspace, job: Job) -> None:
    """Let a job that was held go on when its turn comes, before all that had not begun.

    Called by the process that worked on it, as its last act.
    """
    with admission(workspace.jobs.folder):
        if job.held and not job.stop_asked and job.status().state == "paused":
            _start_again(workspace, job, place=first_place(list_jobs(workspace)))


def first_place(known: Sequence[Job]) -> int:
    """A place before those of all these jobs, given by the presenter."""
    return min([0, *(job.place - 1 for job in known)])


def _start_again(workspace: Workspace, job: Job, place: int | None = None) -> None:
    last = _last_place(list_jobs(workspace))
    give_place(job, last + 1 if place is None else place)
    for asked in ("stop", "pause", "held"):
        (job.folder / "control" / asked).unlink(missing_ok=True)
    for told in ("heartbeat.json", "spawned.json"):
        (job.folder / told).unlink(missing_ok=True)
    status = _read_or_empty(job.folder / "status.json")
    queued = {**status, "state": "queued", "error": None}
    files.write_json(job.folder / "status.json", queued, durable=False, checked=True)
    os.utime(job.folder / "job.json")
    _spawn(workspace, job)


def list_jobs(workspace: Workspace) -> list[Job]:
    """All jobs of the workspace, newest first. Damaged folders are left out."""
    return [replace(job, actor=workspace.actor) for job in _jobs_in(workspace.jobs.folder)]


def get_job(workspace: Workspace, job_id: str) -> Job | None:
    """The job with that id, or None when there is none."""
    if not _ID.fullmatch(job_id):
        return None
    job = _read_job(workspace.jobs.folder / job_id)
    return None if job is None else replace(job, actor=workspace.actor)


def delete_job(workspace: Workspace, job_id: str) -> None:
    """Remove an ended job's folder; what it made stays.

    Raises: JobError while it runs; RightsError when it is somebody else's.
    """
    job = get_job(workspace, job_id)
    if job is not None:
        job.require_right()
    if job is not None and job.is_alive():
        raise JobError(f"{job.name!r} is still running; stop it first.")
    if job is not None:
        files.remove_folder(job.folder)


def begins_now(job: Job) -> bool:
    """Whether it is this job's turn: a slot is free, and nobody stands before it."""
    working, waiting = _in_line(job.folder.parent, job.heavy)
    told = limits.read(job.folder.parents[1])
    if not job.heavy:
        return any(
            other.id == job.id for other in turns.beginning(waiting, working, _of_short_work(told))
        )
    last = _last_turns(job.folder.parent)
    return any(other.id == job.id for other in turns.beginning(waiting, working, told, last))


def slots_for(job: Job) -> tuple[str, int]:
    """Which kind of slot a job works in, and how many there are of these."""
    told = limits.read(job.folder.parents[1])
    return ("slot", told.slots) if job.heavy else ("short", _of_short_work(told).slots)


def _of_short_work(told: limits.Limits) -> limits.Limits:
    """The limits of shorter work: slots of its own, and never held back."""
    return told.replace(slots=machine.slots_for_short_work(), paused=False)


def in_order(shelf: Path, working: Sequence[Job], waiting: Sequence[Job]) -> list[Job]:
    """Those that wait, in the order in which their turns come; `shelf` is the folder of jobs."""
    return turns.order(waiting, working, limits.read(shelf.parent), _last_turns(shelf))


def note_turn(job: Job) -> None:
    """Write down that this job's owner has a turn from now on; call it under admission."""
    last = _last_turns(job.folder.parent)
    told = {**last, job.owner: 1 + max(last.values(), default=0)}
    files.write_json(job.folder.parent / "turns.json", told, durable=False)


def give_place(job: Job, place: int) -> None:
    """Write another place in the line into the job's folder; call it under admission."""
    told = {**files.read_json(job.folder / "job.json"), "place": place}
    files.write_json(job.folder / "job.json", told, checked=True)


def _last_turns(shelf: Path) -> Mapping[str, int]:
    """The number of each person's last turn; what is damaged was never."""
    told = _read_or_empty(shelf / "turns.json")
    return {owner: number for owner, number in told.items() if isinstance(number, int)}


def _last_place(known: Sequence[Job]) -> int:
    return max((job.place for job in known), default=0)


def _in_line(shelf: Path, heavy: bool) -> tuple[list[Job], list[Job]]:
    """Jobs of a line with a living process: those whose turn has begun, and those that wait."""
    working: list[Job] = []
    waiting: list[Job] = []
    for job in _jobs_in(shelf):
        state = _written_status(job.folder).state if job.heavy == heavy else "done"
        if state in ALIVE and job.waits_its_turn and job.is_alive():
            (waiting if state == "queued" else working).append(job)
    return working, waiting


def _ahead_of(job: Job) -> int:
    """How many jobs of its line work, or have their turn earlier.

    The line is read a few times a second at most: thirty pages that tell of a hundred jobs
    would otherwise read it all the time.
    """
    shelf, now = job.folder.parent, time.monotonic()
    read, places = _lines.get((shelf, job.heavy), (-_LINE_SECONDS, {}))
    if now - read > _LINE_SECONDS or job.id not in places:
        working, waiting = _in_line(shelf, job.heavy)
        ordered = in_order(shelf, working, waiting)
        places = {other.id: len(working) + n for n, other in enumerate(ordered)}
        places.setdefault(job.id, len(working) + len(ordered))
        _lines[shelf, job.heavy] = (now, places)
    return places[job.id]


def _require_room_for(workspace: Workspace, owner: str, heavy: bool, known: Sequence[Job]) -> None:
    """Let `owner` begin something more.

    Raises: LimitError when they have all that one person may have.
    """
    share = limits.read(workspace.root).of(owner)
    if share == limits.UNLIMITED:
        return
    states = [job.status().state for job in known if job.owner == owner and job.heavy == heavy]
    works, waits = states.count("running"), states.count("queued")
    if heavy:
        limits.require_place(share, works, waits)
    else:
        limits.require_light_place(share, works + waits)
    limits.require_disk(share, used_bytes(workspace, owner))


def used_bytes(workspace: Workspace, owner: str) -> int:
    """What all that this person made takes on the disk."""
    shelves = [workspace.extra_shelf(kind) for kind in KINDS if kind != "jobs"]
    made = [each for shelf in shelves for each in shelf.list() if not each.problem]
    own = [each.folder for each in made if each.manifest.owner == owner and not each.read_only]
    own += [job.folder for job in list_jobs(workspace) if job.owner == owner]
    return limits.folder_bytes(own)


def _jobs_in(shelf: Path) -> list[Job]:
    if not shelf.is_dir():
        return []
    found = [_read_job(folder) for folder in shelf.iterdir() if _ID.fullmatch(folder.name)]
    return sorted((job for job in found if job), key=lambda job: job.ticket, reverse=True)


def _read_job(folder: Path) -> Job | None:
    values = _read_or_empty(folder / "job.json")
    try:
        return Job(
            folder=folder,
            id=str(values["id"]),
            name=str(values["name"]),
            owner=str(values["owner"]),
            created=str(values["created"]),
            argv=tuple(str(part) for part in values["argv"]),
            ticket=int(values["ticket"]),
            key=values["key"],
            place=int(values.get("place", values["ticket"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _written_status(folder: Path) -> JobStatus:
    """What `status.json` says; one that cannot be understood says as little as none."""
    values = _read_or_empty(folder / "status.json")
    try:
        error = values.get("error")
        return JobStatus(
            state=values["state"] if values.get("state") in STATES else "queued",
            stages=tuple(_stage(stage) for stage in values.get("stages", [])),
            message=str(values.get("message", "")),
            elapsed_seconds=float(values.get("elapsed_seconds", 0.0)),
            result=dict(values.get("result", {})),
            error=None if error is None else str(error),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return JobStatus("queued")


def _stage(values: Mapping[str, Any]) -> StageStatus:
    fraction = values.get("fraction")
    return StageStatus(
        name=str(values["name"]),
        state=str(values.get("state", "waiting")),
        fraction=None if fraction is None else float(fraction),
        message=str(values.get("message", "")),
        weight=float(values.get("weight", 1.0)),
        elapsed_seconds=float(values.get("elapsed_seconds", 0.0)),
        facts=dict(values.get("facts", {})),
    )


def _named_process(path: Path) -> tuple[int, float] | None:
    """Id and birth of the process that a file names; see `slm.processes`."""
    values = _read_or_empty(path)
    pid, born = values.get("pid"), values.get("process_started")
    if isinstance(pid, int) and pid > 0 and isinstance(born, int | float):
        return pid, float(born)
    return None


def _unchanged_seconds(job_id: str, what: str, value: Any) -> float:
    """How long this process has seen that value: by its own clock, which nobody can set."""
    now = time.monotonic()
    seen, since = _seen.get((job_id, what), (value, now))
    if seen != value:
        since = now
    _seen[job_id, what] = (value, since)
    return now - since


def _tail(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - _LOG_TAIL_BYTES))
            return stream.read(_LOG_TAIL_BYTES)
    except FileNotFoundError:
        return b""


def _read_or_empty(path: Path) -> dict[str, Any]:
    """The JSON object at `path`, parsed again only when another file stands there.

    Every write puts a new file in the place of the old one. What is given is not to be changed.
    """
    try:
        now = path.stat()
        stamp = (now.st_ino, now.st_mtime_ns, now.st_size)
        known = _remembered.get(path)
        if known is None or known[0] != stamp:
            known = (stamp, files.read_json(path))
            if len(_remembered) >= _MOST_REMEMBERED:
                _remembered.clear()
            _remembered[path] = known
        return known[1]
    except (OSError, WorkspaceError):
        return {}


def _spawn(workspace: Workspace, job: Job) -> None:
    """Start the worker detached: its own session, its output to a file, no terminal."""
    command = [sys.executable, "-m", "slm", *job.argv]
    command += ["--workspace", str(workspace.root), "--job", job.id]
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
        detached = {"creationflags": flags}
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (job.folder / "worker.log").open("ab") as log:
        try:
            process = _children[job.id] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=workspace.root,
                **detached,
            )
        except OSError as error:
            files.remove_folder(job.folder)
            raise JobError(f"{job.name!r} could not be started: {error}.") from error
    told = {"pid": process.pid, "process_started": processes.birth(process.pid)}
    files.write_json(job.folder / "spawned.json", told, durable=False)


def _reap() -> None:
    """Collect ended children, so that none stays a zombie and looks alive."""
    for child in list(_children.values()):  # another page may start one meanwhile
        child.poll()
