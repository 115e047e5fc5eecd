"""The line of heavy jobs: who works, who waits, in which order; a visitor may change it.

Heavy jobs keep every core busy, so a machine runs one after the other. The order is that
of the jobs' *places*, which grow with each start. Every change of the line (a start, a
turn that begins, a move, a job taken out) happens under one lock, `admission.lock`, so
that a job is either still waiting when somebody moves it, or has begun for good.
No torch here.
"""

from dataclasses import dataclass

from slm import jobs, locks
from slm.errors import JobError
from slm.jobs import Job, JobStatus
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
    alive = [(job, status) for job, status in found if status.alive]
    alive.sort(key=lambda entry: (entry[1].state == "queued", entry[0].place))
    ahead = 0
    told = []
    for job, status in alive:
        ahead += status.state == "queued"
        told.append(Waiting(job, status, ahead))
    return told


def claim(job: Job, slots: int) -> locks.FileLock | None:
    """The lock of a free slot if it is this job's turn now; call it under `admission`."""
    if not jobs.may_run(job, slots):
        return None
    for index in range(slots):
        slot = locks.FileLock(job.folder.parent / f"slot-{index}.lock")
        if slot.acquire():
            return slot
    return None


def move_to_front(workspace: Workspace, job_id: str) -> None:
    """Let a waiting job be the next whose turn comes.

    Raises: JobError when it does not wait any more.
    """
    with jobs.admission(workspace.jobs.folder):
        job = _still_waiting(workspace, job_id)
        waiting = [each.job for each in line(workspace) if not each.works]
        before = [other for other in waiting if other.place < job.place]
        places = [other.place for other in (*before, job)]
        for other, place in zip((job, *before), places, strict=True):
            jobs.give_place(other, place)


def take_out(workspace: Workspace, job_id: str) -> None:
    """End a waiting job before it begins. Nothing of it is lost: it had done nothing yet.

    Raises: JobError when it does not wait any more, so that a slow click stops no work.
    """
    with jobs.admission(workspace.jobs.folder):
        _still_waiting(workspace, job_id).stop()


def _still_waiting(workspace: Workspace, job_id: str) -> Job:
    job = jobs.get_job(workspace, job_id)
    if job is None:
        raise JobError("This job is not there any more.")
    if job.status().state != "queued":
        raise JobError(f"{job.name!r} does not wait any more; use its own buttons.")
    return job
