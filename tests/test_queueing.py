"""The line of heavy jobs, with real processes that wait for each other."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from slm import jobs, queueing
from slm.errors import JobError
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
