import threading
import time

import pytest

from slm.errors import DataError
from slm.sampling.methods import Draft, WritingConfig
from slm.sampling.steps import Step
from slm.tokenizer.protocol import StreamDecoder
from ui.views.sampling.desk import Desk, Order

PATIENCE = 5.0


class Letters:
    """The part of a tokenizer that a stream of text needs."""

    eos_id = 0

    def decoder(self, after=()):
        return StreamDecoder(lambda token: bytes([token]))


def step(letter):
    return Step(ord(letter), -1.0, 0.5, 1, ())


def order(steps):
    return Order("model", "prompt", [], Letters(), steps)


def spelled(text):
    return order(lambda should_stop: iter([step(letter) for letter in text]))


def endless(gate=None):
    """Writes until it is told to stop; each letter waits for the gate, if there is one."""

    def steps(should_stop):
        while not should_stop():
            if gate is not None:
                gate.wait(0.05)
            time.sleep(0.002)
            yield step("a")

    return order(steps)


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it did not happen in time")


def state(desk, text_id):
    return desk.poll(text_id).state


def test_a_text_is_written_to_its_end():
    desk = Desk()
    text_id = desk.start(spelled("tale"))
    wait_for(lambda: state(desk, text_id) == "done")
    progress = desk.poll(text_id)
    assert (progress.text, len(progress.steps), progress.alive) == ("tale", 4, False)


def test_stopping_keeps_what_is_written():
    desk = Desk()
    text_id = desk.start(endless())
    wait_for(lambda: len(desk.poll(text_id).steps) > 3)
    desk.stop(text_id, wait_seconds=PATIENCE)
    stopped = desk.poll(text_id)
    assert stopped.state == "stopped" and stopped.text.startswith("aaa")
    time.sleep(0.05)
    assert desk.poll(text_id).text == stopped.text


def test_a_text_that_nobody_looks_at_stops():
    desk = Desk(patience_seconds=0.1)
    seen = threading.Event()

    def steps(should_stop):
        while not should_stop():
            time.sleep(0.005)
            yield step("a")
        seen.set()

    text_id = desk.start(order(steps))
    assert seen.wait(PATIENCE)
    wait_for(lambda: state(desk, text_id) == "left")


def test_a_text_that_is_looked_at_goes_on():
    desk = Desk(patience_seconds=2.0)
    text_id = desk.start(endless())
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        assert desk.poll(text_id).alive
        time.sleep(0.02)
    desk.stop(text_id)


def test_the_third_text_waits_until_a_seat_is_free():
    desk = Desk(seats=2)
    ids = [desk.start(endless()) for _ in range(2)]
    wait_for(lambda: all(state(desk, text_id) == "writing" for text_id in ids))
    third, fourth = desk.start(spelled("three")), desk.start(spelled("four"))
    wait_for(lambda: desk.poll(fourth).ahead == 2)
    assert (state(desk, third), desk.poll(third).ahead) == ("waiting", 1)
    desk.stop(ids[0])
    wait_for(lambda: state(desk, third) == "done" and state(desk, fourth) == "done")
    assert desk.poll(third).text == "three"
    desk.stop(ids[1])


def test_a_waiting_text_can_be_stopped_and_frees_the_line():
    desk = Desk(seats=1)
    first = desk.start(endless())
    wait_for(lambda: state(desk, first) == "writing")
    second, third = desk.start(endless()), desk.start(spelled("three"))
    desk.stop(second, wait_seconds=PATIENCE)
    assert state(desk, second) == "stopped" and desk.poll(second).text == ""
    desk.stop(first)
    wait_for(lambda: state(desk, third) == "done")


def test_a_mistake_that_a_person_can_mend_is_told():
    def steps(should_stop):
        raise DataError("Type at least one character.")

    desk = Desk()
    text_id = desk.start(order(steps))
    wait_for(lambda: state(desk, text_id) == "failed")
    assert desk.poll(text_id).problem == "Type at least one character."


def test_a_crash_frees_the_seat_and_points_to_the_log(monkeypatch):
    monkeypatch.setattr(threading, "excepthook", lambda crash: None)

    def steps(should_stop):
        raise RuntimeError("a bug")
        yield

    desk = Desk(seats=1)
    text_id = desk.start(order(steps))
    wait_for(lambda: state(desk, text_id) == "failed")
    assert "log" in desk.poll(text_id).problem
    after = desk.start(spelled("on"))
    wait_for(lambda: state(desk, after) == "done")


def test_what_was_never_asked_for_is_not_there():
    desk = Desk()
    assert desk.poll("nothing") is None and desk.order("nothing") is None
    desk.stop("nothing")


def test_only_so_many_texts_are_remembered():
    desk = Desk(seats=8)
    ids = [desk.start(spelled("a")) for _ in range(300)]
    wait_for(lambda: state(desk, ids[-1]) == "done")
    last = desk.start(spelled("b"))
    assert desk.poll(ids[0]) is None and desk.poll(last) is not None


def test_a_draft_takes_the_place_of_what_was_written():
    """A search writes "ab", turns to "xyz", and ends with steps for it."""
    items = [Draft((97, 98)), Draft((120, 121, 122)), Draft((120, 121), (step("x"), step("y")))]
    gate, seen = threading.Semaphore(0), []

    def steps(should_stop):
        for item in items:
            yield item
            gate.acquire()

    desk = Desk()
    text_id = desk.start(order(steps))
    for text in ("ab", "xyz", "xy"):
        wait_for(lambda text=text: desk.poll(text_id).text == text)
        seen.append((desk.poll(text_id).n_tokens, len(desk.poll(text_id).steps)))
        gate.release()
    wait_for(lambda: state(desk, text_id) == "done")
    assert seen == [(2, 0), (3, 0), (2, 2)]


def test_the_end_of_text_token_of_a_search_is_no_text():
    desk = Desk()
    text_id = desk.start(order(lambda should_stop: iter([Draft((97, 0))])))
    wait_for(lambda: state(desk, text_id) == "done")
    assert desk.poll(text_id).text == "a"


def test_a_text_ends_before_its_stop_string():
    steps = [step(letter) for letter in "one.\nTwo"]
    asked = Order("m", "p", [], Letters(), lambda _: iter(steps), WritingConfig(stop=("\n",)))
    desk = Desk()
    text_id = desk.start(asked)
    wait_for(lambda: state(desk, text_id) == "done")
    assert desk.poll(text_id).text == "one."


def test_a_search_takes_more_than_one_place_and_waits_for_them():
    """Of four places three are taken; a search needs two, and nobody passes it by."""
    desk = Desk(seats=4)
    ids = [desk.start(endless()) for _ in range(3)]
    wait_for(lambda: all(state(desk, text_id) == "writing" for text_id in ids))
    asked = Order("m", "p", [], Letters(), endless().steps, places=2)
    search, small = desk.start(asked), desk.start(spelled("small"))
    time.sleep(0.1)
    assert (state(desk, search), state(desk, small)) == ("waiting", "waiting")
    desk.stop(ids[0])
    wait_for(lambda: state(desk, search) == "writing")
    desk.stop(search)
    wait_for(lambda: state(desk, small) == "done")
    for text_id in ids:
        desk.stop(text_id)


def test_what_needs_more_places_than_there_are_is_written_alone():
    desk = Desk(seats=2)
    asked = Order("m", "p", [], Letters(), spelled("tale").steps, places=9)
    text_id = desk.start(asked)
    wait_for(lambda: state(desk, text_id) == "done")
