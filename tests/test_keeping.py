"""Answers that many visitors share, with real threads."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.keeping import Kept, Turns, frozen, size_of

PATIENCE_SECONDS = 20


@dataclass
class Answer:
    values_T: np.ndarray


def array_of(n_bytes):
    return Answer(np.zeros(n_bytes, dtype=np.uint8))


def until(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.002)


def test_thirty_who_ask_the_same_at_once_get_one_object_that_was_made_once():
    kept, made, begin = Kept(10_000, Turns(2, 4)), [], threading.Barrier(30)

    def ask():
        begin.wait()
        return kept.get("question", lambda: made.append(1) or time.sleep(0.05) or array_of(10))

    with ThreadPoolExecutor(30) as visitors:
        answers = [each.result() for each in [visitors.submit(ask) for _ in range(30)]]
    assert len(made) == 1
    assert all(answer is answers[0] for answer in answers)


def test_who_waits_for_anothers_answer_takes_no_turn_from_other_questions():
    kept, release, began = Kept(10_000, Turns(2, 2)), threading.Event(), threading.Event()

    def slow():
        began.set()
        release.wait(PATIENCE_SECONDS)
        return "slow"

    with ThreadPoolExecutor(12) as visitors:
        first = visitors.submit(kept.get, "slow", slow)
        assert began.wait(PATIENCE_SECONDS)
        same = [visitors.submit(kept.get, "slow", slow) for _ in range(10)]
        quick = visitors.submit(kept.get, "quick", lambda: "quick")
        assert quick.result(PATIENCE_SECONDS) == "quick"
        assert not first.done()
        release.set()
        assert {each.result(PATIENCE_SECONDS) for each in same} == {"slow"}


def test_an_error_reaches_the_one_who_computed_and_the_next_asks_anew():
    kept = Kept(100)
    with pytest.raises(ZeroDivisionError):
        kept.get("question", lambda: 1 // 0)
    assert kept.get("question", lambda: 5) == 5


def test_what_was_not_asked_for_longest_is_given_up_first():
    kept = Kept(2 * size_of(array_of(100)))
    kept.get("a", lambda: array_of(100))
    kept.get("b", lambda: array_of(100))
    kept.get("a", lambda: pytest.fail("it is kept"))
    kept.get("c", lambda: array_of(100))
    kept.get("a", lambda: pytest.fail("it was asked for after b"))
    assert len(kept) == 2
    assert kept.get("b", lambda: "made anew") == "made anew"


def test_an_answer_larger_than_all_there_is_room_for_is_given_and_drives_nothing_out():
    kept = Kept(500)
    kept.get("small", lambda: array_of(100))
    assert len(kept.get("large", lambda: array_of(1_000)).values_T) == 1_000
    kept.get("small", lambda: pytest.fail("it is kept"))


def test_what_was_given_up_and_is_still_in_use_is_not_loaded_a_second_time():
    kept = Kept(300)
    model = kept.get("model", lambda: array_of(200))
    kept.get("other", lambda: array_of(200))
    assert kept.get("model", lambda: pytest.fail("somebody holds it")) is model
    del model
    kept.get("other", lambda: pytest.fail("it is kept"))
    assert isinstance(kept.get("model", lambda: array_of(1)), Answer)


def test_an_answer_that_is_nothing_is_an_answer():
    kept = Kept(1_000)
    assert kept.get("question", lambda: None) is None
    kept.get("question", lambda: pytest.fail("it is known"))


def test_at_most_as_many_work_as_there_are_turns_and_all_get_theirs():
    turns, at_once, most_seen = Turns(3, 3), [], []

    def work():
        with turns.turn():
            at_once.append(1)
            most_seen.append(len(at_once))
            time.sleep(0.005)
            at_once.pop()

    with ThreadPoolExecutor(20) as visitors:
        for each in [visitors.submit(work) for _ in range(20)]:
            each.result(PATIENCE_SECONDS)
    assert len(most_seen) == 20
    assert max(most_seen) == 3
    assert turns.at_work == 0


def test_a_slow_question_holds_up_a_quick_one_for_its_patience_and_no_longer():
    turns, release = Turns(1, 2, patience_seconds=0.05), threading.Event()

    def slow():
        with turns.turn():
            release.wait(PATIENCE_SECONDS)

    with ThreadPoolExecutor(3) as visitors:
        first = visitors.submit(slow)
        until(lambda: turns.at_work == 1)
        began = time.monotonic()
        with turns.turn():
            assert 0.05 <= time.monotonic() - began < PATIENCE_SECONDS / 2
            assert turns.at_work == 2
        second = visitors.submit(slow)
        until(lambda: turns.at_work == 2)
        third = visitors.submit(slow)
        time.sleep(0.2)
        assert turns.at_work == 2, "more than the most work at once"
        release.set()
        for each in (first, second, third):
            each.result(PATIENCE_SECONDS)
    assert turns.at_work == 0


def test_a_question_within_a_question_needs_no_second_turn():
    kept = Kept(1_000, Turns(1, 1))
    assert kept.get("outer", lambda: kept.get("inner", lambda: 2) + 1) == 3


def test_answers_that_need_each_others_parts_do_not_wait_for_ever():
    """One holds the only turn and needs a part that another asks for outright."""
    kept, begin = Kept(10_000, Turns(1, 1)), threading.Barrier(20)

    def outer():
        begin.wait()
        return kept.get("outer", lambda: time.sleep(0.01) or (kept.get("part", part), "outer"))

    def inner():
        begin.wait()
        return kept.get("part", part)

    def part():
        time.sleep(0.01)
        return "part"

    with ThreadPoolExecutor(20) as visitors:
        asked = [visitors.submit((outer, inner)[n % 2]) for n in range(20)]
        answers = {each.result(PATIENCE_SECONDS) for each in asked}
    assert answers == {"part", ("part", "outer")}


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400)), max_size=60))
def test_whatever_is_asked_what_is_kept_never_takes_more_than_it_may(asked):
    kept = Kept(600)
    for key, n_bytes in asked:
        kept.get(key, lambda n_bytes=n_bytes: bytes(n_bytes))
        assert 0 <= kept.held_bytes <= 600


def test_a_key_tells_apart_what_differs_and_only_that():
    assert frozen([1, {"a": (2, 3)}]) == frozen((1, {"a": [2, 3]}))
    assert frozen({"a": 1}) != frozen({"a": 2})
    assert frozen("1") != frozen(1)
    assert len({frozen({"a": [1]}), frozen({"a": [1]})}) == 1
