"""When the server looks for objects that nobody can reach any more: once for all runs together.

Streamlit would look through all objects after each run of a page or of a part of it, holding
the interpreter; with fifteen people at work that was half of the server's time. So that is
switched off (`runner.postScriptGC` in .streamlit/config.toml), and one thread does it once in a
moment, however many runs ended meanwhile. A large array that a page leaves behind in a cycle
goes with the next look. Nobody is at work, nothing is looked through.
"""

import gc
import threading
import time

PAUSE_SECONDS = 2.0
_LARGEST_PART = 0.05
"""Of the server's time, for looking, where there is so much that a look takes long."""


def collect_now_and_then(
    ended: threading.Event | None = None, pause_seconds: float = PAUSE_SECONDS
) -> threading.Thread:
    """Start the thread that collects, once for each server; it works until `ended` is set."""
    until = ended or threading.Event()
    thread = threading.Thread(
        target=_work, args=(until, pause_seconds), name="garbage", daemon=True
    )
    thread.start()
    return thread


def _work(ended: threading.Event, least_pause: float) -> None:
    pause, before = least_pause, -1
    while not ended.wait(pause):
        if _young_looks() == before:
            continue
        began = time.perf_counter()
        gc.collect()
        pause = max(least_pause, (time.perf_counter() - began) / _LARGEST_PART)
        before = _young_looks()


def _young_looks() -> int:
    """Grows while objects are made: the interpreter looks through its youngest by itself."""
    return int(gc.get_stats()[0]["collections"])
