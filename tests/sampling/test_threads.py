"""One core or all: the faster number is kept, and doubted now and then."""

import pytest
import torch

from slm.sampling import threads
from slm.sampling.threads import ThreadChoice


def test_the_faster_number_of_threads_is_kept_and_tried_again_ever_more_seldom(
    monkeypatch: pytest.MonkeyPatch,
):
    """One thread takes 2 s a turn, two take 1 s; later a job comes, and two take 9 s."""
    now, seconds = [0.0], {1: 2.0, 2: 1.0}
    used: list[int] = []
    monkeypatch.setattr(threads.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    choice = ThreadChoice(1, 2)

    def turns(n: int, n_rows: int = 4) -> list[int]:
        used.clear()
        for _ in range(n):
            with choice.timed(n_rows) as number:
                now[0] += seconds[number]
        return list(used)

    assert turns(8) == [1] * 8
    assert turns(6) == [1, 2] * 3
    assert turns(8) == [2] * 8
    assert turns(6) == [1, 2] * 3
    assert turns(16) == [2] * 16  # the same won: twice as long until the next trial
    seconds[2] = 9.0
    assert turns(6) == [1, 2] * 3
    assert turns(8) == [1] * 8
    assert turns(8, n_rows=1) == [1] * 8  # another size of batch knows nothing of it yet


def test_with_one_number_of_threads_nothing_is_tried(monkeypatch: pytest.MonkeyPatch):
    used: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", used.append)
    choice = ThreadChoice(1, 1)
    for _ in range(40):
        with choice.timed(2):
            pass
    assert used == [1] * 40
