"""The line of heavy jobs, with real processes that wait for each other."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from slm import jobs, limits, queueing, worker
from slm.errors import JobError, LimitError, RightsError
from slm.limits import Limits, Share
from slm.workspace import Workspace
from tests.processes import end_all

PATIENCE_SECONDS = 60
SLOW = ["build", "--recipe", "first", "--documents", "50", "--steps", "100000", "--threads", "1"]


@pytest.fixture
def workspace(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    yield Workspace(root)
    end_all(Workspace(root))


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def names(workspace):
    return [(each.job.name, each.ahead) for each in queueing.line(workspace)]


@pytest.fixture
def three(workspace):
    """One that works and two that wait behind it, each a process."""
    first = jobs.start(workspace, SLOW, name="first")
    until(lambda: first.status().state == "running")
    second = jobs.start(workspace, SLOW, name="second")
    third = jobs.start(workspace, SLOW, name="third")
    until(lambda: second.is_alive() and third.is_alive())
    return first, second, third


def test_a_job_that_is_moved_to_the_front_is_the_next_to_run(workspace, three):
    first, second, third = three
    assert names(workspace) == [("first", 0), ("second", 1), ("third", 2)]
    queueing.move_to_front(workspace, third.id)
    assert names(workspace) == [("first", 0), ("third", 1), ("second", 2)]
    assert (second.status().queue_position, third.status().queue_position) == (2, 1)
    first.kill()
    until(lambda: third.status().state == "running")
    assert second.status().state == "queued"


def test_a_job_that_is_taken_out_never_begins_and_those_behind_it_move_up(workspace, three):
    _, second, _ = three
    queueing.take_out(workspace, second.id)
    until(lambda: second.status().state == "stopped")
    assert second.status().result == {}
    assert names(workspace) == [("first", 0), ("third", 1)]


def test_what_works_already_is_neither_moved_nor_taken_out(workspace, three):
    first, *_ = three
    for change in (queueing.move_to_front, queueing.take_out):
        with pytest.raises(JobError, match="does not wait any more"):
            change(workspace, first.id)
    assert not first.stop_asked
    with pytest.raises(JobError, match="not there any more"):
        queueing.take_out(workspace, "20260101-000000-abcdef")


def test_many_visitors_who_move_jobs_at_once_leave_every_job_with_a_place_of_its_own(
    workspace, three
):
    _, *waiting = three
    with ThreadPoolExecutor(8) as visitors:
        done = [
            visitors.submit(queueing.move_to_front, workspace, waiting[n % 2].id) for n in range(16)
        ]
    problems = [each.exception() for each in done if each.exception()]
    assert not [problem for problem in problems if not isinstance(problem, JobError)]
    places = [each.job.place for each in queueing.line(workspace)]
    assert len(set(places)) == 3
    assert [ahead for _, ahead in names(workspace)] == [0, 1, 2]


def test_a_job_that_goes_on_stands_at_the_end_of_the_line(workspace, three):
    first, second, _ = three
    first.kill()
    until(lambda: second.status().state == "running")
    until(lambda: first.status().state == "interrupted")
    jobs.restart(workspace, first)
    until(first.is_alive)
    assert names(workspace) == [("second", 0), ("third", 1), ("first", 2)]


def test_going_on_twice_starts_one_process(workspace, three):
    *_, third = three
    queueing.take_out(workspace, third.id)
    until(lambda: third.status().state == "stopped" and not third.is_alive())
    jobs.restart(workspace, third)
    jobs.restart(workspace, third)
    until(third.is_alive)
    assert names(workspace)[-1] == ("third", 2)


def test_in_a_room_people_take_turns_and_each_may_wait_with_two(workspace):
    limits.write(workspace.root, Limits(everybody=Share(disk_mb=100, steps=None)))
    ada, ben = workspace.acting_as("p-ada"), workspace.acting_as("p-ben")
    first = jobs.start(ada, SLOW, name="ada 1")
    until(lambda: first.status().state == "running")
    more = [jobs.start(ada, SLOW, name=f"ada {n}") for n in (2, 3)]
    with pytest.raises(LimitError, match="1 running and 2 waiting here"):
        jobs.start(ada, SLOW, name="ada 4")
    his = jobs.start(ben, SLOW, name="ben 1")
    until(lambda: his.is_alive() and all(job.is_alive() for job in more))
    assert names(workspace) == [("ada 1", 0), ("ben 1", 1), ("ada 2", 2), ("ada 3", 3)]
    with pytest.raises(RightsError):
        queueing.move_to_front(ben, more[0].id)
    queueing.move_to_front(ada, more[1].id)
    assert [name for name, _ in names(workspace)] == ["ada 1", "ben 1", "ada 3", "ada 2"]
    queueing.move_to_front(workspace, more[0].id)
    assert [name for name, _ in names(workspace)] == ["ada 1", "ada 2", "ben 1", "ada 3"]


def test_two_slots_let_two_people_work_and_a_held_line_lets_nobody_begin(workspace):
    limits.write(workspace.root, Limits(slots=2, paused=True, everybody=Share(steps=None)))
    started = [
        jobs.start(workspace.acting_as(owner), SLOW, name=owner)
        for owner in ("p-ada", "p-ada", "p-ben")
    ]
    until(lambda: all(job.is_alive() for job in started))
    assert [ahead for _, ahead in names(workspace)] == [1, 2, 3]
    limits.write(workspace.root, Limits(slots=2, everybody=Share(steps=None)))
    until(lambda: [ahead for _, ahead in names(workspace)] == [0, 0, 1])
    assert [name for name, ahead in names(workspace) if not ahead] == ["p-ada", "p-ben"]


def test_a_turn_that_is_over_is_paused_with_the_reason_and_can_go_on(workspace):
    limits.write(workspace.root, Limits(everybody=Share(minutes=0.05, steps=None)))
    job = jobs.start(workspace.acting_as("p-ada"), SLOW, name="long")
    until(lambda: job.status().state == "paused")
    assert "A turn is 0.05 minutes in this room" in (job.status().error or "")
    until(lambda: not job.is_alive())
    limits.write(workspace.root, Limits(everybody=Share(minutes=None, steps=None)))
    jobs.restart(workspace.acting_as("p-ada"), job)
    until(lambda: job.status().state == "running" and job.status().fraction > 0)


def test_who_has_used_up_their_disk_is_paused_with_what_was_trained_saved(workspace, monkeypatch):
    limits.write(workspace.root, Limits(everybody=Share(disk_mb=50)))
    ada = workspace.acting_as("p-ada")
    job = jobs.start(ada, SLOW, name="long")
    job.kill()
    until(lambda: not job.status().alive)
    monkeypatch.setattr(worker, "_hear_signals", lambda report: None)
    monkeypatch.setattr(worker, "_DISK_SECONDS", 0.0)
    with worker.working(job) as report:
        assert not report.should_stop()
        run = ada.runs.open_folder("large", {})
        os.truncate(run.folder / "manifest.json", 0)  # a damaged one is nobody's
        assert not report.should_stop()
        run = ada.runs.open_folder("another", {})
        with (run.folder / "weights").open("wb") as weights:
            weights.truncate(51_000_000)
        assert report.should_stop()
    status = job.status()
    assert status.state == "paused"
    assert "takes 51 MB; in this room each may use 50 MB" in (status.error or "")
    assert "What was trained is saved" in (status.error or "")
    with pytest.raises(LimitError, match="Delete something"):
        jobs.restart(ada, job)


def test_in_a_room_shorter_work_of_one_person_goes_one_after_the_other(workspace):
    limits.write(workspace.root, Limits(everybody=Share(steps=None)))
    prepare = ["prepare", "--source", "tales", "--documents", "400000", "--name"]
    ada, ben = workspace.acting_as("p-ada"), workspace.acting_as("p-ben")
    heavy = jobs.start(ada, SLOW, name="heavy")
    first, second = (jobs.start(ada, [*prepare, name], name=name) for name in ("one", "two"))
    his = jobs.start(ben, [*prepare, "his"], name="his")
    until(lambda: "running" in {first.status().state, second.status().state})
    until(lambda: his.status().state == "running" and heavy.status().state == "running")
    assert {first.status().state, second.status().state} == {"running", "queued"}
    waits = first if first.status().state == "queued" else second
    until(lambda: waits.status().queue_position == 2)
    mine = jobs.start(workspace, [*prepare, "mine"], name="mine")
    until(lambda: mine.status().state == "running")
    assert waits.status().state == "queued"
    waits.stop()
    until(lambda: waits.status().state == "stopped")
