"""The line of heavy jobs: who works, who waits, in which order; a visitor may change it.

Heavy jobs keep cores busy, so a machine runs as many as it has *slots*: one, unless it is
shared (`slm.limits`). The order is fair between people (`slm.turns`), and among one person's
jobs that of their *places*, which grow with each start. Every change of the line (a start, a
turn that begins, a move, a job taken out) happens under one lock, `admission.lock`, so
that a job is either still waiting when somebody moves it, or has begun for good.
No torch here.
"""

from dataclasses import dataclass

from slm import jobs, locks
from slm.errors import JobError
from slm.jobs import Job, JobStatus
from slm.owners import LOCAL_OWNER, require_right
from slm.workspace import Workspace


@dataclass(frozen=True)
class Waiting:
    """A heavy job in the line. `ahead` is 0 for those that work, and counts from 1 behind them."""

    job: Job
    status: JobStatus
    ahead: int

    @property
    def works(self) -> bool:
        """Whether its turn has begun."""
        return self.ahead == 0


def line(workspace: Workspace) -> list[Waiting]:
    """Heavy jobs that live: first those that work, then those that wait, in their order."""
    found = [(job, job.status()) for job in jobs.list_jobs(workspace) if job.heavy]
    alive = {job.id: (job, status) for job, status in found if status.alive}
    waiting = [job for job, status in alive.values() if status.state == "queued"]
    working = [job for job, status in alive.values() if status.state != "queued"]
    told = [Waiting(job, alive[job.id][1], 0) for job in sorted(working, key=lambda j: j.place)]
    ordered = jobs.in_order(workspace.jobs.folder, working, waiting)
    return told + [Waiting(job, alive[job.id][1], n) for n, job in enumerate(ordered, 1)]


def claim(job: Job) -> locks.FileLock | None:
    """The lock of a free slot if it is this job's turn now; call it under `admission`."""
    if not jobs.begins_now(job):
        return None
    kind, slots = jobs.slots_for(job)
    for index in range(slots):
        slot = locks.FileLock(job.folder.parent / f"{kind}-{index}.lock")
        if slot.acquire():
            if job.heavy:
                jobs.note_turn(job)
            return slot
    return None


def move_to_front(workspace: Workspace, job_id: str) -> None:
    """Let a waiting job be the next: of all when the presenter asks, else of its owner's own.

    Raises: JobError when it does not wait any more; RightsError when it is somebody else's.
    """
    with jobs.admission(workspace.jobs.folder):
        job = _still_waiting(workspace, job_id)
        job.require_right()
        waiting = _waiting(workspace)
        if workspace.actor == LOCAL_OWNER:
            jobs.give_place(job, jobs.first_place(waiting))
            return
        before = [o for o in waiting if o.owner == job.owner and o.place < job.place]
        before.sort(key=lambda other: other.place)
        places = [other.place for other in (*before, job)]
        for other, place in zip((job, *before), places, strict=True):
            jobs.give_place(other, place)


def move_up(workspace: Workspace, job_id: str) -> None:
    """Let a waiting job begin before the one ahead of it; those before both stay before it.

    Raises: JobError when it does not wait any more; RightsError for all but the presenter.
    """
    require_right(workspace.actor, LOCAL_OWNER, "The order of the line")
    with jobs.admission(workspace.jobs.folder):
        job = _still_waiting(workspace, job_id)
        waiting = _waiting(workspace)
        index = [other.id for other in waiting].index(job.id)
        if index == 0:
            return
        waiting[index - 1 : index + 1] = [job, waiting[index - 1]]
        n_moved = sum(other is job or other.place <= 0 for other in waiting)
        moved = waiting[: max(index, n_moved)]
        for place, other in enumerate(moved, 1 - len(moved)):
            jobs.give_place(other, place)


def clear(workspace: Workspace) -> int:
    """Take everything that waits out of the line; how many that were.

    Raises: RightsError for all but the presenter.
    """
    require_right(workspace.actor, LOCAL_OWNER, "The line")
    with jobs.admission(workspace.jobs.folder):
        waiting = _waiting(workspace)
        for job in waiting:
            job.stop()
    return len(waiting)


def take_out(workspace: Workspace, job_id: str) -> None:
    """End a waiting job before it begins. Nothing of it is lost: it had done nothing yet.

    Raises: JobError when it does not wait any more, so that a slow click stops no work.
    """
    with jobs.admission(workspace.jobs.folder):
        _still_waiting(workspace, job_id).stop()


def _waiting(workspace: Workspace) -> list[Job]:
    return [each.job for each in line(workspace) if not each.works]


def _still_waiting(workspace: Workspace, job_id: str) -> Job:
    job = jobs.get_job(workspace, job_id)
    if job is None:
        raise JobError("This job is not there any more.")
    if job.status().state != "queued":
        raise JobError(f"{job.name!r} does not wait any more; use its own buttons.")
    return job
