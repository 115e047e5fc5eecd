"""The order of turns, with lines worked out by hand: names are owner and place."""

from collections import Counter
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from slm import turns
from slm.limits import Limits, Share
from slm.owners import LOCAL_OWNER

ONE_EACH = Share(running=1, waiting=2)


@dataclass(frozen=True)
class Entry:
    owner: str
    place: int


def line(*names):
    return [Entry(name[0], int(name[1:])) for name in names]


def told(entries):
    return [f"{entry.owner}{entry.place}" for entry in entries]


def test_on_ones_own_computer_the_earlier_comes_first():
    mine = [Entry(LOCAL_OWNER, place) for place in (3, 1, 2)]
    assert [each.place for each in turns.order(mine, [], Limits())] == [1, 2, 3]


def test_everybodys_first_comes_before_anybodys_second():
    waiting = line("a1", "a2", "a3", "b4", "c5", "b6")
    assert told(turns.order(waiting, [], Limits())) == ["a1", "b4", "c5", "a2", "b6", "a3"]


def test_whoever_has_one_at_work_stands_behind_those_who_have_none():
    assert told(turns.order(line("a2", "b3"), line("a1"), Limits())) == ["b3", "a2"]


def test_people_put_first_come_before_all_others_and_moved_jobs_before_them():
    waiting = [*line("a1", "b2", "c3"), Entry("d", 0)]
    assert told(turns.order(waiting, [], Limits(first=("c",)))) == ["d0", "c3", "a1", "b2"]


def test_as_many_begin_as_slots_are_free_and_nobody_gets_two():
    waiting, limits = line("a1", "a2", "b3", "c4"), Limits(slots=3, everybody=ONE_EACH)
    assert told(turns.beginning(waiting, [], limits)) == ["a1", "b3", "c4"]
    assert told(turns.beginning(waiting, line("b0"), limits)) == ["a1", "c4"]
    assert told(turns.beginning(line("a1", "a2"), [], limits)) == ["a1"]


def test_a_presenter_has_as_many_as_there_are_slots():
    mine = [Entry(LOCAL_OWNER, 1), Entry(LOCAL_OWNER, 2)]
    assert len(turns.beginning(mine, [], Limits(slots=2, everybody=ONE_EACH))) == 2


def test_nothing_begins_while_the_line_is_held():
    assert turns.beginning(line("a1"), [], Limits(slots=2, paused=True)) == []


@given(
    st.lists(st.sampled_from("abcd"), max_size=12),
    st.lists(st.sampled_from("abcd"), max_size=4, unique=True),
    st.integers(1, 5),
)
def test_nobody_waits_with_nothing_at_work_while_another_gets_a_second(owners, at_work, slots):
    waiting = [Entry(owner, place) for place, owner in enumerate(owners, 1)]
    working = [Entry(owner, 100) for owner in at_work]
    begun = turns.beginning(waiting, working, Limits(slots=slots))
    had = Counter(entry.owner for entry in [*working, *begun])
    without = {entry.owner for entry in waiting} - set(had)
    assert not without or all(had[entry.owner] == 1 for entry in begun)
    assert len(begun) == min(len(waiting), max(0, slots - len(working)))
    assert turns.order(waiting, working, Limits())[: len(begun)] == begun


def test_three_quick_clicks_are_not_three_turns_in_a_row():
    """a had a turn, which is over; b came after all of a's clicks and had none."""
    waiting = line("a2", "a3", "b4")
    assert told(turns.order(waiting, [], Limits(), {"a": 1})) == ["b4", "a2", "a3"]
    assert told(turns.order(line("a2", "b5"), [], Limits(), {"b": 1, "a": 2})) == ["b5", "a2"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=60))
def test_who_waits_with_nothing_at_work_sees_nobody_else_begin_twice(happens):
    """Each time somebody clicks, and then the oldest of the jobs at work may end."""
    limits, waiting, working, begun, last = Limits(slots=2, everybody=ONE_EACH), [], [], [], {}
    idle_since: dict[str, int] = {}
    for place, (clicks, ends) in enumerate(happens, 1):
        waiting.append(Entry(clicks, place))
        del working[:ends]
        for job in turns.beginning(waiting, working, limits, last):
            waiting.remove(job)
            working.append(job)
            begun.append(job.owner)
            last[job.owner] = len(begun)
        at_work = {job.owner for job in working}
        idle = {job.owner for job in waiting} - at_work
        idle_since = {owner: idle_since.get(owner, len(begun)) for owner in sorted(idle)}
        for since in idle_since.values():
            assert max(Counter(begun[since:]).values(), default=0) <= 1
