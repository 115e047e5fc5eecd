"""What is left of a shared machine, told before it is refused."""

from slm.limits import UNLIMITED, Share
from slm.workshop.limits import Standing
from ui.view_models.shares import share_sentence, start_problem, training_problem

SHARE = Share(running=1, waiting=2, parameters=20_000_000, steps=5_000, minutes=15, disk_mb=1_000)
FRESH = Standing(SHARE, disk_bytes=250_000_000, works=1, waits=0)


def test_on_ones_own_computer_nothing_is_told_and_nothing_refused():
    assert share_sentence(None) == ""
    assert share_sentence(Standing(UNLIMITED, 5, 0, 0)) == ""
    assert training_problem(None, 10**12, 10**9) is None
    assert start_problem(None, heavy=True) is None


def test_what_is_left_is_told_with_its_limits():
    assert share_sentence(FRESH) == (
        "Your share of this room: models up to 20.00 M parameters · 5,000 steps · 15 min a turn · "
        "750.0 MB of 1.0 GB disk left · 2 more jobs."
    )
    full = Standing(SHARE, 2_000_000_000, works=1, waits=2)
    assert share_sentence(full).endswith("0 B of 1.0 GB disk left · no more jobs for now.")


def test_what_would_be_refused_is_told_with_value_limit_and_remedy():
    assert training_problem(FRESH, 20_000_000, 5_000) is None
    assert "31,991,296 parameters" in str(training_problem(FRESH, 31_991_296, 100))
    assert "at most 5,000" in str(training_problem(FRESH, 1_000, 5_001))
    busy = Standing(SHARE, 0, works=1, waits=2)
    assert "1 running and 2 waiting" in str(training_problem(busy, 1_000, 10))
    assert start_problem(busy) is None  # a corpus may still be prepared
    assert "Delete something" in str(start_problem(Standing(SHARE, 10**9, 0, 0)))
