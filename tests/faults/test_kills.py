"""Jobs and servers are killed at any moment: nothing half is listed, and a retry works."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slm import files, jobs
from slm.jobs import Job
from slm.training.launch import train_in_processes
from slm.workspace import KINDS, Workspace
from tests.processes import end_all
from tests.training.small_runs import MakeRun

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")

PREPARE = ("prepare", "--source", "tales", "--documents", "4000", "--name", "tales")
TOKENIZE = ("tokenize", "--corpus", "tales", "--vocab-size", "512", "--name", "bpe")
BUILD = ("build", "--recipe", "first", "--documents", "60", "--steps", "6", "--name", "model")


def until(condition: Callable[[], object], patience_seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + patience_seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture()
def here(tmp_path: Path) -> Iterator[Workspace]:
    root = tmp_path / "workspace"
    root.mkdir()
    yield Workspace(root)
    end_all(Workspace(root))


def assert_only_whole_artefacts(workspace: Workspace) -> None:
    """What is listed holds every file that its manifest names, with its size."""
    for kind in KINDS:
        for artefact in workspace.shelf(kind).list():
            if kind != "jobs":
                assert artefact.problem is None
            for name, entry in artefact.manifest.files.items():
                assert (artefact.folder / name).stat().st_size == entry["size"]


def killed_until_done(workspace: Workspace, argv: tuple[str, ...], delays: list[float]) -> int:
    """Kill the job after each delay and let it go on; how many of the kills struck."""
    job, struck = jobs.start(workspace, argv, name=argv[-1]), 0
    for delay in delays:
        until(lambda: job.is_alive() or not job.status().alive)
        time.sleep(delay)
        if not job.status().alive:
            break
        job.kill()
        until(lambda: not job.is_alive())
        struck += job.status().state == "interrupted"
        assert_only_whole_artefacts(workspace)
        if job.status().alive or job.status().state == "done":
            break
        jobs.restart(workspace, job)
    until(lambda: not job.status().alive)
    assert job.status().state == "done", job.log_tail()
    return struck


def hidden(workspace: Workspace) -> list[Path]:
    """What killed writers left on the shelves."""
    return [path for kind in KINDS for path in (workspace.root / kind).glob(".*")]


def test_a_killed_corpus_is_never_listed_and_its_job_goes_on_to_a_whole_one(here: Workspace):
    assert killed_until_done(here, PREPARE, [0.3]) == 1
    assert [corpus.name for corpus in here.corpora.list()] == ["tales"]
    assert hidden(here) == []


@pytest.mark.slow
def test_corpora_tokenizers_and_models_survive_kills_at_any_time(here: Workspace):
    rng, struck = random.Random(3), 0
    for argv in (PREPARE, TOKENIZE, BUILD):
        struck += killed_until_done(here, argv, sorted(rng.uniform(0.1, 4.0) for _ in range(8)))
        assert_only_whole_artefacts(here)
    assert struck >= 8
    assert hidden(here) == []
    # A job that was killed between its artefact and its last word makes another one.
    assert len(here.tokenizers.list()) >= 2
    assert len(here.runs.list()) >= 1


SERVER = """
import sys, time
from pathlib import Path
from slm import jobs
from slm.workspace import Workspace
print(jobs.start(Workspace(Path(sys.argv[1])), sys.argv[2:], name="job").id, flush=True)
time.sleep(1000)
"""


def test_a_job_goes_on_when_the_server_that_started_it_is_killed(here: Workspace):
    argv = ["prepare", "--source", "tales", "--documents", "500000", "--name", "long"]
    command = [sys.executable, "-c", SERVER, str(here.root), *argv]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as server:
        assert server.stdout is not None
        job_id = server.stdout.readline().strip()
        until(lambda: _job(here, job_id).status().state == "running")
        server.send_signal(signal.SIGKILL)
    fraction = _job(here, job_id).status().fraction
    until(lambda: _job(here, job_id).status().fraction > fraction)
    assert _job(here, job_id).status().state == "running"


def _job(workspace: Workspace, job_id: str) -> Job:
    """As a server finds it that knows nothing of it."""
    jobs._children.pop(job_id, None)
    (job,) = [job for job in jobs.list_jobs(Workspace(workspace.root)) if job.id == job_id]
    return job


@pytest.mark.slow
def test_the_processes_of_a_run_end_with_the_one_that_started_them(make_run: MakeRun):
    """Else they would train on, own the run, and belong to no job."""
    from tests.training.test_processes import Listener

    run = make_run(steps=1_000_000)
    starter = os.fork()
    if starter == 0:
        train_in_processes(run, 2, report=Listener())
        os._exit(0)
    until(lambda: len(files.read_records(run / "metrics.jsonl").records) > 2)
    os.kill(starter, signal.SIGKILL)
    os.waitpid(starter, 0)
    from slm import locks

    until(lambda: not locks.is_held(run / "run.lock"), patience_seconds=30)
