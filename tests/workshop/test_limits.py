"""What the presenter sets, and what it does to jobs at work: real processes."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from slm import jobs, limits, machine, queueing
from slm.errors import ConfigError, LimitError, RightsError, WorkspaceError
from slm.limits import Limits, Share
from slm.training.runs import require_steps
from slm.workshop import limits as shares
from slm.workshop import people
from slm.workspace import Workspace
from tests.processes import end_all

PATIENCE_SECONDS = 60
SLOW = ["build", "--recipe", "first", "--documents", "50", "--steps", "100000", "--threads", "1"]


@pytest.fixture
def here(tmp_path):
    root = tmp_path / "workspace"
    root.mkdir()
    limits.write(root, Limits(slots=1, everybody=Share(steps=None)))
    yield Workspace(root)
    end_all(Workspace(root))


@pytest.fixture
def ada(here):
    return people.join(here, "Ada").id


@pytest.fixture
def bob(here):
    return people.join(here, "Bob").id


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def started(here, owner, name):
    job = jobs.start(here, SLOW, name=name, owner=owner)
    until(job.is_alive)
    return job


def names(here):
    return [(each.job.name, each.ahead) for each in queueing.line(here)]


def test_what_is_set_for_one_person_goes_before_what_is_set_for_all(here, ada, bob):
    shares.set_for_all(here, steps=900, disk_mb=None)
    shares.set_for_one(here, ada, steps=2_000)
    now = limits.read(here.root)
    assert (now.of(ada).steps, now.of(bob).steps) == (2_000, 900)
    assert now.of(ada).disk_mb is None
    assert shares.as_all(here, ada).of(ada).steps == 900


def test_only_the_presenter_sets_limits_and_only_to_what_can_be(here, ada):
    theirs = here.acting_as(ada)
    deeds = (
        lambda: shares.set_for_all(theirs, steps=10**6),
        lambda: shares.set_for_one(theirs, ada, minutes=9_000.0),
        lambda: shares.set_first(theirs, ada, True),
        lambda: shares.set_slots(theirs, 9),
        lambda: shares.hold_all(theirs),
        lambda: shares.go_on(theirs),
        lambda: queueing.clear(theirs),
    )
    for deed in deeds:
        with pytest.raises(RightsError):
            deed()
    with pytest.raises(ConfigError, match="steps"):
        shares.set_for_all(here, steps=0)
    with pytest.raises(ConfigError, match="colour"):
        shares.set_for_all(here, colour=3)
    for nobody in ("local", "p-0123456789", "../p"):
        with pytest.raises(WorkspaceError, match="nobody"):
            shares.set_for_one(here, nobody, steps=5)
    assert limits.read(here.root) == Limits(slots=1, everybody=Share(steps=None))


def test_changes_by_two_presenters_at_once_are_all_kept(here):
    fields = ("steps", "parameters", "running", "waiting")
    with ThreadPoolExecutor(8) as presenters:
        told = [presenters.submit(shares.set_for_all, here, **{name: 3}) for name in fields[2:]]
        told += [presenters.submit(shares.set_for_all, here, steps=7, parameters=7_000)]
        for each in told:
            each.result()
    share = limits.read(here.root).everybody
    assert (share.running, share.waiting, share.steps, share.parameters) == (3, 3, 7, 7_000)


def test_slots_go_back_to_what_the_machine_carries(here):
    assert shares.set_slots(here, 5).slots == 5
    assert shares.set_slots(here).slots == machine.slots_for_many()


def test_somebody_is_put_first_once_and_taken_back(here, ada, bob):
    shares.set_first(here, ada, True)
    shares.set_first(here, bob, True)
    assert shares.set_first(here, ada, True).first == (bob, ada)
    assert shares.set_first(here, bob, False).first == (ada,)


def test_one_sees_what_one_has_and_what_is_left(here, ada):
    assert shares.standing(here, "local") is None
    shares.set_for_all(here, disk_mb=10.0)
    told = shares.standing(here, ada)
    assert told is not None
    assert (told.disk_bytes, told.disk_left, told.places_left) == (0, 10_000_000, 3)
    started(here, ada, "first")
    until(lambda: names(here) == [("first", 0)])
    told = shares.standing(here, ada)
    assert told is not None
    assert (told.works, told.waits, told.places_left) == (1, 0, 2)


def test_a_fourth_job_of_one_person_is_refused_with_numbers_and_remedy(here, ada, bob):
    for name in ("first", "second", "third"):
        started(here, ada, name)
    with pytest.raises(LimitError, match=r"1 running and 2 waiting.*Take one out"):
        jobs.start(here, SLOW, name="fourth", owner=ada)
    started(here, bob, "his")
    assert [name for name, _ in names(here)] == ["first", "his", "second", "third"]


def test_a_pause_for_all_saves_what_runs_and_lets_it_go_on_first(here, ada, bob):
    first = started(here, ada, "first")
    until(lambda: first.status().state == "running")
    waits = started(here, bob, "waits")
    assert shares.hold_all(here) == 1
    until(lambda: first.status().state == "queued" and first.is_alive())
    time.sleep(1.5)  # three looks at the line
    assert names(here) == [("first", 1), ("waits", 2)]
    shares.go_on(here)
    until(lambda: first.status().state == "running")
    assert waits.status().state == "queued"
    assert not first.held


def test_the_presenters_own_work_goes_on_while_all_others_is_held(here, ada):
    shares.hold_all(here)
    hers = started(here, ada, "hers")
    mine = started(here, "local", "mine")
    until(lambda: mine.status().state == "running")
    assert hers.status().state == "queued"


def test_the_presenter_moves_a_job_up_by_one_and_clears_the_line(here, ada, bob):
    works = started(here, "local", "works")
    until(lambda: works.status().state == "running")
    started(here, ada, "a")
    b = started(here, bob, "b")
    a2 = started(here, ada, "a2")
    assert [name for name, _ in names(here)] == ["works", "a", "b", "a2"]
    queueing.move_up(here, a2.id)
    assert [name for name, _ in names(here)] == ["works", "a", "a2", "b"]
    queueing.move_up(here, b.id)
    assert [name for name, _ in names(here)] == ["works", "a", "b", "a2"]
    assert len({entry.job.place for entry in queueing.line(here)}) == 4
    queueing.move_up(here, b.id)
    queueing.move_up(here, b.id)  # it is the next already
    assert [name for name, _ in names(here)] == ["works", "b", "a", "a2"]
    assert queueing.clear(here) == 3
    until(lambda: names(here) == [("works", 0)])
    assert b.status().state == "stopped"
    assert works.status().state == "running"


def test_a_run_that_is_made_is_lengthened_within_the_limits_of_who_asks(here, ada):
    shares.set_for_all(here, steps=900)
    require_steps(here.acting_as(ada), 900)
    require_steps(here, 10**6)
    with pytest.raises(LimitError, match=r"901 steps.*at most 900"):
        require_steps(here.acting_as(ada), 901)
