"""The server's collector: what a page leaves behind goes, though no run of a page asks for it."""

import gc
import threading
import time
import tomllib
import weakref
from pathlib import Path

import pytest

from ui import garbage

ROOT = Path(__file__).parents[2]


class Array:
    """Something large that stands in a cycle, as the globals of a page's script do."""

    def __init__(self) -> None:
        self.page = self


@pytest.fixture
def ended():
    event = threading.Event()
    yield event
    event.set()


def make_objects(seconds: float, until) -> None:
    """Be at work as a page is, so that young collections happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not until():
        kept = [[] for _ in range(2_000)]
        time.sleep(0.01)
        del kept


def test_a_cycle_that_has_grown_old_goes_at_the_next_look(ended):
    left_behind = Array()
    gone = weakref.ref(left_behind)
    gc.collect()  # now the cycle is among the old, where Python itself looks seldom
    del left_behind
    assert gone() is not None
    garbage.collect_now_and_then(ended, pause_seconds=0.02)
    make_objects(10, lambda: gone() is None)
    assert gone() is None


def test_where_nobody_is_at_work_nothing_is_looked_through(ended, monkeypatch):
    looked = []  # by thread: a server that an earlier test began has a collector of its own
    monkeypatch.setattr(garbage, "_young_looks", lambda: 7)
    monkeypatch.setattr(garbage.gc, "collect", lambda: looked.append(threading.current_thread()))
    thread = garbage.collect_now_and_then(ended, pause_seconds=0.01)
    latest = time.monotonic() + 10
    while thread not in looked and time.monotonic() < latest:
        time.sleep(0.01)
    time.sleep(0.2)
    ended.set()
    thread.join(5)
    assert looked.count(thread) == 1
    assert not thread.is_alive()


def test_streamlit_leaves_it_to_the_collector():
    told = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert told["runner"]["postScriptGC"] is False
