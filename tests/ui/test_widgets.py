"""Small things that every page needs, where no page is needed to try them."""

import inspect
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from ui import widgets


class Sum:
    def of(self, a: int, b: int) -> int:
        return a + b


def test_the_source_of_a_method_has_no_margin():
    assert widgets.source_of(Sum.of) == ("def of(self, a: int, b: int) -> int:\n    return a + b\n")


def test_a_source_is_read_once_whoever_asks_at_the_same_time(monkeypatch):
    def twice(a):
        return 2 * a

    read, together = [], Barrier(8)
    own = inspect.getsource
    monkeypatch.setattr(inspect, "getsource", lambda each: read.append(each) or own(each))

    def ask(_):
        together.wait(20)
        return widgets.source_of(twice)

    with ThreadPoolExecutor(8) as visitors:
        told = set(visitors.map(ask, range(8)))
    assert told == {"def twice(a):\n    return 2 * a\n"}
    assert read == [twice]
