"""Waits for a job that a page has started."""

import time

from slm import jobs
from slm.jobs import Job
from slm.workspace import Workspace

PATIENCE_SECONDS = 120


def finished(workspace: Workspace, verb: str) -> Job:
    """The newest job of that verb, once no process stands behind it any more."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        job = next(job for job in jobs.list_jobs(workspace) if job.verb == verb)
        if not job.status().alive:
            return job
        time.sleep(0.2)
    raise AssertionError(f"{verb} did not end within {PATIENCE_SECONDS} s")
