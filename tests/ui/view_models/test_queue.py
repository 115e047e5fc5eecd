"""The line in words, for whom it belongs to, for others, for the presenter."""

import pytest

from slm.jobs import Job, JobStatus
from slm.limits import Limits
from slm.queueing import Waiting
from ui.view_models.queue import headline, queue_rows, rows_to_show

NAMES = {"p-a": "Ada", "p-b": "Bob", "local": "Grace"}


@pytest.fixture
def line(tmp_path):
    def entry(name, owner, ahead):
        job = Job(tmp_path, name, name, owner, "", ("train",), ahead, None, ahead)
        return Waiting(job, JobStatus("queued" if ahead else "running"), ahead)

    return [
        entry("one", "p-b", 0),
        entry("two", "p-a", 1),
        entry("three", "local", 2),
        entry("four", "p-a", 3),
    ]


STARTS = [0.0, 30.0, 60.0, 90.0]


def test_a_participant_sees_all_names_and_may_change_the_order_of_their_own(line):
    rows = queue_rows(line, STARTS, "p-a", NAMES)
    assert [row.told for row in rows] == [
        "▶ one (training, Bob) · runs now",
        "1. two (training, yours) · begins in about 30 s",
        "2. three (training, Grace) · begins in about 1 min",
        "3. four (training, yours) · begins in about 1 min 30 s",
    ]
    assert [row.can_leave for row in rows] == [False, True, False, True]
    assert [row.can_move for row in rows] == [False, False, False, True]


def test_the_presenter_may_move_and_take_out_everybodys(line):
    rows = queue_rows(line, STARTS, "local", NAMES)
    assert [row.can_leave for row in rows] == [False, True, True, True]
    assert [row.can_move for row in rows] == [False, False, True, True]
    assert rows[2].told.startswith("2. three (training) ")


def test_of_a_long_line_one_sees_the_first_and_always_ones_own(line):
    rows = queue_rows(line, STARTS, "p-a", NAMES)
    shown, left_out = rows_to_show(rows, most=1)
    assert [row.id for row in shown] == ["one", "two", "four"]
    assert left_out == 1


def test_the_headline_says_how_turns_are_given_and_who_holds_them_back(line):
    rows = queue_rows(line, STARTS, "p-a", NAMES)
    assert headline(rows).startswith("One heavy job runs at a time")
    assert headline(rows, Limits(slots=4), "p-a").startswith("4 heavy jobs run at a time")
    assert headline(rows, Limits(paused=True), "p-a").startswith("The presenter holds the work")
    assert headline(rows, Limits(paused=True)).startswith("You hold everybody's work back")
    assert headline(rows).endswith("3 jobs wait:")
