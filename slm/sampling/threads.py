"""How many cores suit work that comes in many short turns. Knows nothing of the work."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

_TRY_AFTER, _TRIALS, _LONGEST_WAIT = 8, 3, 1024  # turns


class ThreadChoice:
    """How many cores a turn is given: tried now and then, the faster number is kept.

    Two cores nearly halve a turn of many texts or of a large model; but where a job keeps both
    busy, a small model waits for the second core ten times longer than it computes. Each size of
    batch (by powers of two) is tried for itself, the less often the longer the same number wins.
    """

    def __init__(self, *numbers: int) -> None:
        self._numbers = tuple(dict.fromkeys(numbers))
        self._tried: dict[int, _Tried] = {}

    @contextmanager
    def timed(self, n_rows: int) -> Iterator[int]:
        """One turn, with the number of threads to use, which is also set."""
        tried = self._tried.setdefault(n_rows.bit_length(), _Tried(self._numbers[0]))
        number = tried.next(self._numbers)
        torch.set_num_threads(number)
        begin = time.perf_counter()
        yield number
        tried.took(number, time.perf_counter() - begin)


@dataclass
class _Tried:
    """The turns of one size of batch: which number is best, and when to try again."""

    best: int
    wait: int = _TRY_AFTER
    turn: int = 0
    seconds: dict[int, list[float]] = field(default_factory=dict)

    def next(self, numbers: tuple[int, ...]) -> int:
        if self.turn < self.wait or len(numbers) == 1:
            return self.best
        return numbers[(self.turn - self.wait) % len(numbers)]

    def took(self, number: int, seconds: float) -> None:
        self.turn += 1
        if self.turn <= self.wait:
            return
        self.seconds.setdefault(number, []).append(seconds)
        if len(self.seconds) > 1 and all(len(each) >= _TRIALS for each in self.seconds.values()):
            faster = min(self.seconds, key=lambda each: statistics.median(self.seconds[each]))
            same = faster == self.best
            self.best, self.turn, self.seconds = faster, 0, {}
            self.wait = min(_LONGEST_WAIT, 2 * self.wait) if same else _TRY_AFTER
