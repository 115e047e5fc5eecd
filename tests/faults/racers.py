"""Races for one lock, again and again: who gets it writes so, and lets the next round begin.

    python -m tests.faults.racers FOLDER RACERS ROUNDS

Prints one line a round: how many racers owned the lock at that time.
"""

import os
import signal
import sys
import time
from pathlib import Path

from slm.locks import FileLock


def run(folder: Path, racer: int, rounds: range) -> None:
    """One racer: ready, wait for the start, try once, hold until everybody has tried."""
    for number in rounds:
        place = folder / str(number)
        (place / f"ready-{racer}").touch()
        wait(place, "go", 1)
        lock = FileLock(folder / "run.lock")
        won = lock.acquire()
        (place / f"{'won' if won else 'lost'}-{racer}").touch()
        wait(place, "over", 1)
        if won and number % 2:
            os.kill(os.getpid(), signal.SIGKILL)  # a lock goes by release, or by death
        lock.release()
        (place / f"left-{racer}").touch()


def start(folder: Path, racer: int, rounds: range) -> int:
    """A racer in a process of its own."""
    child = os.fork()
    if child == 0:
        run(folder, racer, rounds)
        os._exit(0)
    return child


def wait(place: Path, pattern: str, count: int) -> None:
    """Return when that many files are there."""
    while len(list(place.glob(pattern))) < count:
        time.sleep(0.001)


def main() -> None:
    folder, racers, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    for number in range(rounds):
        (folder / str(number)).mkdir()
    children = [start(folder, racer, range(rounds)) for racer in range(racers)]
    for number in range(rounds):
        place = folder / str(number)
        wait(place, "ready-*", racers)
        (place / "go").touch()
        wait(place, "[wl]o*-*", racers)
        winners = list(place.glob("won-*"))
        sys.stdout.write(f"{len(winners)}\n")
        (place / "over").touch()
        wait(place, "left-*", racers - number % 2)
        if number % 2:
            dead = int(winners[0].name.partition("-")[2])
            os.waitpid(children[dead], 0)
            children[dead] = start(folder, dead, range(number + 1, rounds))
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
