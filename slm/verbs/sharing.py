"""Verbs of a shared machine: what each person may take, and the line of heavy jobs."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

from slm.errors import ConfigError
from slm.verbs.common import Context, Result, parse


@dataclass(frozen=True)
class Sharing:
    """What is set. What is not named stays as it is."""

    person: str = ""
    """Name or id of the person whose limits are set. Default: everybody."""
    running: int | None = None
    """Heavy jobs of one person that work at once."""
    waiting: int | None = None
    """Heavy jobs of one person that wait in the line."""
    parameters: int | None = None
    """Parameters of the largest model."""
    steps: int | None = None
    """Training steps of one run."""
    minutes: float | None = None
    """Minutes of one turn; what is not done goes on later."""
    disk_mb: float | None = None
    """Disk space for all that one person makes, in MB."""
    lift: tuple[str, ...] = ()
    """Names of limits that hold no more."""
    slots: int | None = None
    """Heavy jobs of all people that work at once; 0 is what this machine carries."""
    hold: Literal["as_it_is", "all", "none"] = "as_it_is"
    """all: what runs saves and waits, nothing begins. none: it goes on."""
    first: Literal["as_it_is", "yes", "no"] = "as_it_is"
    """Whether the person's work comes before that of all others."""


_OWN = ("person", "lift", "slots", "hold", "first")


def limits(arguments: Sequence[str], context: Context) -> Result:
    """What each person of a room may take: show it, or set it as the presenter."""
    from slm import limits as sharing
    from slm.workshop import limits as shares
    from slm.workshop import people

    asked = parse(Sharing, limits, arguments)
    here = context.workspace
    person = _person(asked.person, context) if asked.person else ""
    values = {item.name: getattr(asked, item.name) for item in fields(asked)}
    told = {name: value for name, value in values.items() if name not in _OWN}
    changes = {name: value for name, value in told.items() if value is not None}
    changes |= dict.fromkeys(asked.lift)
    if changes and person:
        shares.set_for_one(here, person, **changes)
    elif changes:
        shares.set_for_all(here, **changes)
    if asked.slots is not None:
        shares.set_slots(here, asked.slots or None)
    if asked.first != "as_it_is":
        shares.set_first(here, person, asked.first == "yes")
    if asked.hold == "all":
        shares.hold_all(here)
    elif asked.hold == "none":
        shares.go_on(here)
    now, names = sharing.read(here.root), people.names(here)
    return {
        "slots": now.slots,
        "paused": now.paused,
        "first": [names.get(one, one) for one in now.first],
        "everybody": now.everybody.to_json(),
        "people": {one: share.to_json() for one, share in now.people.items()},
    }


@dataclass(frozen=True)
class Moved:
    """What is done with the line. Jobs are named by their ids."""

    up: str = ""
    """Let this job begin before the one ahead of it."""
    front: str = ""
    """Let this job be the next."""
    out: str = ""
    """Take this job out; it has not begun, so nothing is lost."""
    clear: bool = False
    """Take out everything that waits."""


def line(arguments: Sequence[str], context: Context) -> Result:
    """The line of heavy jobs: who works, who waits, and in how many seconds each begins."""
    from slm import queueing
    from slm.lab.queue_estimates import starts_in
    from slm.training.rates import known_rates
    from slm.workshop import people

    asked = parse(Moved, line, arguments)
    here = context.workspace
    for job_id, change in (
        (asked.up, queueing.move_up),
        (asked.front, queueing.move_to_front),
        (asked.out, queueing.take_out),
    ):
        if job_id:
            change(here, job_id)
    told: Result = {"taken_out": queueing.clear(here)} if asked.clear else {}
    standing, names = queueing.line(here), people.names(here)
    starts = starts_in(here, standing, known_rates(here))
    told["line"] = [
        {
            "job": each.job.id,
            "name": each.job.name,
            "verb": each.job.verb,
            "of": names.get(each.job.owner, each.job.owner),
            "ahead": each.ahead,
            "begins_in_seconds": start,
        }
        for each, start in zip(standing, starts, strict=True)
    ]
    return told


def _person(named: str, context: Context) -> str:
    """The id of the person of that name or id.

    Raises: ConfigError when there is none.
    """
    from slm.workshop import people

    here = people.list_people(context.workspace)
    found = [one.id for one in here if named in {one.id, one.name}]
    if not found:
        names = ", ".join(one.name for one in here) or "nobody"
        raise ConfigError(f"There is no {named!r} in the room; there are: {names}.")
    return found[0]
