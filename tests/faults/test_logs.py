"""What a worker prints: kept, never without bound, and told when it dies early."""

import sys
import time
from pathlib import Path

import pytest

from slm import files, jobs, worker
from slm.jobs import Job
from slm.workspace import Workspace
from tests.processes import end_all

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


def started(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, *command: str) -> Job:
    """A job whose process is that Python command; `{job}` is its id."""
    workspace.root.mkdir(exist_ok=True)
    spawn = jobs.subprocess.Popen

    def stand_in(ours: list[str], **settings: object) -> object:
        words = [word.format(job=ours[-1]) for word in command]
        return spawn([sys.executable, *words], **{**settings, "cwd": ROOT})

    with monkeypatch.context() as patch:
        patch.setattr(jobs.subprocess, "Popen", stand_in)
        return jobs.start(workspace, ["prepare"], name="job")


def ended(job: Job, patience_seconds: float = PATIENCE_SECONDS) -> jobs.JobStatus:
    deadline = time.monotonic() + patience_seconds
    while job.status().alive or job.is_alive():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
    return job.status()


@pytest.mark.parametrize("megabytes", ["5", pytest.param("100", marks=pytest.mark.slow)])
def test_a_job_that_prints_many_megabytes_keeps_the_newest_two(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, megabytes: str
):
    flood = ["-m", "tests.faults.flooding", str(workspace.root), "{job}", megabytes]
    job = started(workspace, monkeypatch, *flood)
    assert ended(job).state == "done"
    log = job.folder / "worker.log"
    kept = [path.stat().st_size for path in (log, files.older_part(log)) if path.exists()]
    assert sum(kept) <= 2 * worker.LOG_BYTES
    assert job.last_words() == "the last line"
    assert len(job.log_tail()) == 8_000


def test_a_worker_that_dies_before_it_is_ready_is_told_with_its_last_words(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
):
    job = started(workspace, monkeypatch, "-c", "raise ImportError('libtorch is missing')")
    monkeypatch.setattr(jobs, "_children", {})  # as a server sees it that did not start it
    status = ended(job, patience_seconds=30)
    assert status.state == "interrupted"
    assert "libtorch is missing" in (status.error or "")
    end_all(workspace)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"state": "exploded"}',
        '{"state": "running", "stages": 3}',
        '{"state": "running", "stages": [{"name": "a", "weight": "heavy"}]}',
        '{"state": "running", "result": "none", "elapsed_seconds": null}',
        '{"schema": 99, "state": "running", "stages": [{"name": "a", "from": "later"}]}',
    ],
)
def test_a_status_that_cannot_be_understood_costs_that_job_alone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, text: str
):
    workspace.root.mkdir(exist_ok=True)
    monkeypatch.setattr(jobs, "_spawn", lambda workspace, job: None)
    odd, sound = (jobs.start(workspace, ["prepare"], name=name) for name in ("odd", "sound"))
    files.write_json(sound.folder / "status.json", {"state": "done"})
    (odd.folder / "heartbeat.json").write_text('{"pid": "many"}')
    (odd.folder / "status.json").write_text(text)
    states = {job.name: job.status().state for job in jobs.list_jobs(workspace)}
    assert states == {"odd": "interrupted", "sound": "done"}
    odd.kill()
