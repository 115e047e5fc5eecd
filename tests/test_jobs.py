"""Jobs are real processes here: started, watched, stopped, killed and gone on with."""

import time

import pytest

from slm import jobs, locks, worker
from slm.errors import DiskFullError, JobError
from slm.jobs import JobStatus, StageStatus
from slm.workspace import Workspace
from tests.processes import end_all

PATIENCE_SECONDS = 60


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    yield Workspace(root)
    end_all(Workspace(root))


def _long(name="long"):
    return ["prepare", "--source", "tales", "--documents", "500000", "--name", name]


def _few():
    return ["prepare", "--source", "tales", "--documents", "40", "--name", "few"]


def _until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def _start_long(workspace, **kwargs):
    job = jobs.start(workspace, _long(), name="long", **kwargs)
    _until(lambda: job.status().state == "running")
    return job


def test_a_job_runs_a_verb_and_names_what_it_made(workspace):
    job = jobs.start(workspace, _few(), name="few")
    _until(lambda: not job.status().alive)
    status = job.status()
    assert (status.state, status.fraction, status.error) == ("done", 1.0, None), job.log_tail()
    assert workspace.corpora.get("few").id == status.result["corpus"]


def test_any_server_finds_a_running_job_and_can_stop_it(workspace):
    started = _start_long(workspace)
    found = jobs.list_jobs(Workspace(workspace.root))
    assert [job.id for job in found] == [started.id]
    found[0].stop()
    _until(lambda: not started.status().alive)
    assert started.status().state == "stopped"


def test_a_job_is_paused_and_goes_on(workspace):
    job = _start_long(workspace)
    job.pause()
    assert job.status().stopping or not job.status().alive
    _until(lambda: not job.status().alive)
    assert (job.status().state, job.status().error) == ("paused", None)
    jobs.restart(workspace, job)
    assert not job.pause_asked
    _until(lambda: job.status().state == "running")
    job.pause()
    job.stop()  # for good, whatever was asked before
    _until(lambda: not job.status().alive)
    assert job.status().state == "stopped"


@pytest.fixture
def as_worker(monkeypatch):
    """Work in this process, without taking over what it does at Ctrl+C."""
    monkeypatch.setattr(worker, "_hear_signals", lambda report: None)


def test_a_full_disk_pauses_a_job_and_says_what_it_needs(workspace, as_worker):
    job = jobs.start(workspace, _few(), name="few")
    _until(lambda: not job.status().alive)
    with pytest.raises(DiskFullError), worker.working(job):
        raise DiskFullError("A checkpoint needs 212 MB; the disk has 3 MB free.")
    status = job.status()
    assert (status.state, status.error) == (
        "paused",
        "A checkpoint needs 212 MB; the disk has 3 MB free.",
    )


def test_work_that_was_done_before_it_heard_a_stop_is_done(workspace, as_worker):
    job = jobs.start(workspace, _few(), name="few")
    _until(lambda: not job.status().alive)
    with worker.working(job) as report:
        job.pause()
        assert report.should_stop()
        report.result["state"] = "done"
    assert job.status().state == "done"


def test_a_killed_job_is_interrupted_and_can_go_on(workspace):
    job = _start_long(workspace)
    job.kill()
    _until(lambda: job.status().state == "interrupted")
    jobs.restart(workspace, job)
    _until(lambda: job.status().state == "running")
    job.stop()
    _until(lambda: not job.status().alive)
    assert job.status().state == "stopped"


def test_a_job_that_has_only_just_started_is_killed_too(workspace):
    job = jobs.start(workspace, _long(), name="long")
    assert not (job.folder / "heartbeat.json").exists()
    job.kill()
    _until(lambda: job.status().state == "interrupted")


def test_starting_twice_with_one_key_starts_once(workspace):
    first = _start_long(workspace, key="the same click")
    second = jobs.start(workspace, _long(), name="long", key="the same click")
    assert second.id == first.id
    assert len(jobs.list_jobs(workspace)) == 1
    first.kill()


def test_a_running_job_cannot_be_deleted_or_started_again(workspace):
    job = _start_long(workspace)
    with pytest.raises(JobError, match="still running"):
        jobs.delete_job(workspace, job.id)
    with pytest.raises(JobError, match="still running"):
        jobs.restart(workspace, job)
    job.kill()
    _until(lambda: not job.is_alive())
    jobs.delete_job(workspace, job.id)
    assert jobs.list_jobs(workspace) == []


def test_a_mistake_of_the_user_ends_the_job_with_its_sentence(workspace):
    job = jobs.start(workspace, ["train", "--corpus", "no such corpus"], name="wrong")
    _until(lambda: not job.status().alive)
    assert job.status().state == "failed"
    assert "no such corpus" in (job.status().error or "")


def test_a_wrong_command_line_is_told_with_the_last_words_of_the_log(workspace):
    job = jobs.start(workspace, ["prepare", "--no-such-flag", "1"], name="wrong")
    _until(lambda: not job.status().alive)
    assert job.status().state in {"failed", "interrupted"}
    assert job.status().error


def test_heavy_jobs_run_one_after_the_other(workspace):
    slow = ["build", "--recipe", "first", "--documents", "50", "--steps", "100000"]
    first = jobs.start(workspace, slow, name="first")
    _until(lambda: first.status().state == "running")
    second = jobs.start(workspace, slow, name="second")
    _until(second.is_alive)
    time.sleep(1.5)
    assert second.status().state == "queued"
    assert second.status().queue_position == 1
    first.kill()
    _until(lambda: second.status().state == "running")
    second.kill()


def test_a_pid_that_belongs_to_a_stranger_is_never_signalled(workspace):
    """The lock is held by this test, and the heartbeat names it with a wrong start time."""
    import os

    from slm import files

    job = _start_long(workspace)
    job.kill()
    _until(lambda: not job.is_alive())
    lock = locks.FileLock(job.folder / "job.lock")
    assert lock.acquire()
    forged = {"counter": 1, "pid": os.getpid(), "process_started": 1.0}
    files.write_json(job.folder / "heartbeat.json", forged)
    job.kill()
    lock.release()


@pytest.mark.parametrize("wrong", ["../x", "", "20260101-000000-zzzzzz", "a" * 400])
def test_an_id_from_outside_opens_nothing(workspace, wrong):
    assert jobs.get_job(workspace, wrong) is None


def test_stages_count_by_their_weights():
    status = JobStatus(
        "running",
        (
            StageStatus("tokens", "done", 1.0, weight=1.0),
            StageStatus("training", "running", 0.5, weight=3.0),
        ),
        elapsed_seconds=25.0,
    )
    assert status.fraction == pytest.approx(0.625)
    assert status.remaining_seconds == pytest.approx(15.0)


def test_a_lock_is_free_again_when_its_holder_is_killed(workspace):
    job = _start_long(workspace)
    assert locks.is_held(job.folder / "job.lock")
    job.kill()
    _until(lambda: not locks.is_held(job.folder / "job.lock"))
