"""The room in words: who is here, what is one's own, how one comes in."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from slm.jobs import Job
from slm.owners import LOCAL_OWNER
from slm.workshop import people
from slm.workshop.people import Person
from slm.workspace import Artefact, Workspace
from ui.texts import counted, plural, tr
from ui.view_models.jobs import duration, size

ALONE = tr(
    "This app runs for you alone: it listens on this computer only. To share it with a room, end "
    "it and start it again so. The terminal then shows an address, a code to come in, and a QR "
    "code for phones."
)
SHARE_LINE = "python dev.py app --share"
TRUST = tr(
    "Everybody in the room sees everything that is made here. Each changes and deletes their own "
    "work alone; the presenter may change everything. The connection is not encrypted: the room is "
    "for people who trust each other, on a network they trust."
)
TAKE_HOME = tr(
    "One zip with all that you made, and with what it was made from: corpora, tokenizers, runs, "
    "models. At home, open it here, on the Workshop page, or with "
    "`python -m slm open-archive my-work.zip`."
)
OPEN_HELP = tr(
    "The zip is checked whole before anything is taken over. What is here already stays as it is."
)
RETURN_HELP = tr(
    "Your browser is known again by a cookie. To come in from another one, or after its cookies "
    "were cleared, you need your name and this word. It is shown once; a new one makes it void."
)
_MOST_ROWS = 12
_KINDS: Mapping[str, Callable[[int], str]] = {
    "runs": lambda n: counted("{n} run", "{n} runs", n),
    "models": lambda n: counted("{n} imported model", "{n} imported models", n),
    "tokenizers": lambda n: counted("{n} tokenizer", "{n} tokenizers", n),
    "corpora": lambda n: counted("{n} corpus", "{n} corpora", n),
    "experiments": lambda n: counted("{n} experiment", "{n} experiments", n),
}


@dataclass(frozen=True)
class PersonRow:
    """Somebody in the room. `name` and `doing` hold foreign text."""

    id: str
    name: str
    here: str
    doing: str


@dataclass(frozen=True)
class OwnWork:
    """What one visitor made."""

    told: str
    size: str
    anything: bool


def greeting(person: Person | None) -> str:
    """Who looks; foreign text."""
    if person is None:
        return ""
    if person.presents and person.name.casefold() == "presenter":
        return tr("You are the presenter.")
    told = tr("You are {name}, the presenter.") if person.presents else tr("You are {name}.")
    return told.format(name=person.name)


def person_rows(workspace: Workspace, jobs: Sequence[Job], looking: str) -> tuple[PersonRow, ...]:
    """Everybody in the room, in the order in which they came."""
    alive = [job for job in jobs if job.status().alive]
    return tuple(
        PersonRow(
            id=person.id,
            name=_named(person, looking),
            here=presence(people.silent_seconds(workspace, person.id), person.id == looking),
            doing=", ".join(job.name for job in alive if job.owner == person.id),
        )
        for person in people.list_people(workspace)
    )


def _named(person: Person, looking: str) -> str:
    marks = [
        mark
        for mark, holds in (("presenter", person.presents), ("you", person.id == looking))
        if holds
    ]
    return person.name + (f" ({', '.join(marks)})" if marks else "")


HERE = tr("here")


def presence(silent_seconds: float | None, looks: bool = False) -> str:
    """Whether somebody is here.

    >>> presence(3.0), presence(120.0), presence(None)
    ('here', 'away for 2 min', 'not seen yet')
    """
    if looks:
        return HERE
    if silent_seconds is None:
        return tr("not seen yet")
    if silent_seconds <= people.HERE_SECONDS:
        return HERE
    return tr("away for {silent_seconds}").format(silent_seconds=duration(silent_seconds))


def headcount(rows: Sequence[PersonRow]) -> str:
    """How many are in the room, and how many of them are here now."""
    here = sum(row.here == HERE for row in rows)
    return plural(
        "{n} person has come in; {here} here now.",
        "{n} people have come in; {here} here now.",
        len(rows),
    ).format(n=len(rows), here=here)


def table_height(n_rows: int) -> int | Literal["content"]:
    """Pixels of the list of people: all of them, unless they are many."""
    return "content" if n_rows <= _MOST_ROWS else 420


def own_work(artefacts: Sequence[Artefact], owner: str, n_bytes: int) -> OwnWork:
    """What somebody made, counted by kind; the size counts what it was made from too."""
    own = [artefact for artefact in artefacts if artefact.manifest.owner == owner]
    own = [artefact for artefact in own if not artefact.read_only]
    counted = [
        told(n)
        for kind, told in _KINDS.items()
        if (n := sum(artefact.manifest.kind == kind for artefact in own))
    ]
    return OwnWork(", ".join(counted), size(n_bytes), bool(own))


def owner_name(names: Mapping[str, str], owner: str, looking: str) -> str:
    """How an owner is called in a list; foreign text.

    >>> owner_name({"p-1": "Ada"}, "p-1", "p-2"), owner_name({"p-1": "Ada"}, "p-1", "p-1")
    ('Ada', 'you')
    >>> owner_name({}, "local", "p-1"), owner_name({}, "p-9", "p-1")
    ('the presenter', 'somebody who left')
    """
    if owner == looking:
        return tr("you")
    if owner == LOCAL_OWNER:
        return names.get(owner, tr("the presenter"))
    return names.get(owner, tr("somebody who left"))


def names_in(workspace: Workspace) -> Mapping[str, str]:
    """The names of all owners, by their ids; foreign text."""
    return people.names(workspace)


def door_sentence() -> str:
    """How one comes in, to be read out beside the code."""
    return tr("Open the address in a browser and type the code, or scan the picture.")


def code_lines(root: str) -> str:
    """The lines of slm that take work home and open it."""
    return (
        "from pathlib import Path\n\n"
        "from slm.workshop.archive import pack_work, work_of\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}))\n"
        "print([artefact.name for artefact in work_of(workspace, 'local')])\n"
        "with Path('my-work.zip').open('wb') as sink:\n"
        "    for block in pack_work(workspace, 'local'):\n"
        "        sink.write(block)\n\n"
        "# at home:\n"
        "# from slm.workshop.opening import open_archive\n"
        "# open_archive(Workspace(Path('workspace')), Path('my-work.zip'))"
    )


@dataclass(frozen=True)
class Offer:
    """Something that the class does just now: the view of the Workshop page, and its button."""

    view: str
    told: str


NOTHING_ON = tr(
    "Nothing is asked or played just now. The **Tour** leads from a text to a model of your own; "
    "every chapter in the sidebar can be tried out."
)


def going_on(*, question: bool, game: bool, challenges: int) -> tuple[Offer, ...]:
    """What one can take part in: an unanswered question, a game, open challenges.

    >>> [offer.told for offer in going_on(question=True, game=False, challenges=1)]
    ['A question waits for your answer', 'A challenge is open']
    """
    found = []
    if question:
        found.append(Offer("questions", tr("A question waits for your answer")))
    if game:
        found.append(Offer("game", tr("A class game goes on")))
    if challenges:
        told = counted("A challenge is open", "{n} challenges are open", challenges)
        found.append(Offer("challenge", told))
    return tuple(found)
