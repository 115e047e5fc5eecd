"""How often somebody may try the code: few wrong guesses a minute, for each and for all.

A code of six letters has 900 million values; at the most wrong guesses that are let through
in a minute, half of them take four years. Kept in memory: a server that is started again
begins anew, which takes longer than the minute it gives. A right code costs nothing.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

from slm.errors import RightsError

WINDOW_SECONDS = 60.0
MOST_BY_ONE = 10
MOST_BY_ALL = 200
_MOST_REMEMBERED = 1_000


class Guesses:
    """Wrong guesses of the last minute, by where they came from."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: deque[tuple[float, str]] = deque(maxlen=_MOST_REMEMBERED)

    def require_patience(self, source: str) -> None:
        """Let through whoever has not guessed wrong too often.

        Raises: RightsError that says how long to wait.
        """
        with self._lock:
            now = self._clock()
            while self._wrong and now - self._wrong[0][0] >= WINDOW_SECONDS:
                self._wrong.popleft()
            own = [at for at, who in self._wrong if who == source]
            most = len(own) >= MOST_BY_ONE or len(self._wrong) >= MOST_BY_ALL
            if most:
                oldest = own[-MOST_BY_ONE] if len(own) >= MOST_BY_ONE else self._wrong[0][0]
                wait = max(1, round(WINDOW_SECONDS - (now - oldest)))
                raise RightsError(
                    f"That were many wrong tries. Wait {wait} seconds, look at the code on the "
                    "presenter's screen, and try again."
                )

    def note_wrong(self, source: str) -> None:
        """Count a wrong guess."""
        with self._lock:
            self._wrong.append((self._clock(), source))
