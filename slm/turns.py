"""Whose turn comes next in the line of heavy jobs: fair between people, not between clicks.

Everybody's first job comes before anybody's second: whoever has one at work stands behind
all who have none. Among equals it is for the one whose last turn is longest ago, so that three
quick clicks are not three turns in a row; then the earlier place in the line counts. On one's
own computer all jobs are one person's, so that this is the order of their places.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from slm.limits import Limits
from slm.owners import LOCAL_OWNER


class Placed(Protocol):
    """What the order looks at: whose it is, and where it stands. A place below 1 was given
    by the presenter and comes before all others."""

    @property
    def owner(self) -> str:
        """Id of the person."""

    @property
    def place(self) -> int:
        """Grows with each start."""


J = TypeVar("J", bound=Placed)


NEVER: Mapping[str, int] = {}
"""Nobody has had a turn yet."""


def order(
    waiting: Sequence[J],
    working: Sequence[Placed],
    limits: Limits,
    last_turns: Mapping[str, int] = NEVER,
) -> list[J]:
    """The jobs that wait, in the order in which their turns come.

    `last_turns` numbers the turns that have begun: for each person the last one of theirs.
    """
    moved = sorted((job for job in waiting if job.place <= 0), key=lambda job: job.place)
    rounds = Counter([job.owner for job in working] + [job.owner for job in moved])
    keyed = []
    for job in sorted((job for job in waiting if job.place > 0), key=lambda job: job.place):
        last = last_turns.get(job.owner, 0)
        keyed.append(((job.owner not in limits.first, rounds[job.owner], last, job.place), job))
        rounds[job.owner] += 1
    return moved + [job for _, job in sorted(keyed, key=lambda pair: pair[0])]


def beginning(
    waiting: Sequence[J],
    working: Sequence[Placed],
    limits: Limits,
    last_turns: Mapping[str, int] = NEVER,
) -> list[J]:
    """Those whose turn it is now: as many as slots are free, and as each person may have.

    While the line is held back the presenter's own jobs alone begin: what they show, and what
    whoever works alone on this computer later asks for.
    """
    if limits.paused:
        waiting = [job for job in waiting if job.owner == LOCAL_OWNER]
    at_work = Counter(job.owner for job in working)
    free = limits.slots - len(working)
    chosen: list[J] = []
    for job in order(waiting, working, limits, last_turns):
        most = limits.of(job.owner).running
        if len(chosen) < free and (most is None or at_work[job.owner] < most):
            chosen.append(job)
            at_work[job.owner] += 1
    return chosen
