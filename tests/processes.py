"""No test leaves a process behind."""

import time

from slm import jobs
from slm.workspace import Workspace

_PATIENCE_SECONDS = 30


def end_all(workspace: Workspace) -> None:
    """Kill every job of the workspace that still lives, and wait until it is gone."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    alive = [job for job in jobs.list_jobs(workspace) if job.status().alive]
    while alive and time.monotonic() < deadline:
        for job in alive:
            job.kill()
        time.sleep(0.1)
        alive = [job for job in alive if job.status().alive]
    assert not alive, [job.argv for job in alive]
