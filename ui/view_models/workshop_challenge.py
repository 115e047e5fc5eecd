"""A challenge in words: its rules, its board, one's own tries.

Knows challenges and tries, not how a model is judged.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slm.workshop.challenges import Challenge, ChallengeConfig, Place, Try
from slm.workspace import Artefact
from ui.texts import plural, tr
from ui.view_models.jobs import count, duration
from ui.view_models.library import when
from ui.view_models.workshop import owner_name
from ui.view_models.workshop_tour import named

INTRODUCTION = tr(
    "Who reaches the fewest bits per byte on a text that no model saw, for the same price? The "
    "server measures every model on the same documents, and counts the price from what the run "
    "wrote down: what a model goes on from counts too."
)
NOBODY_YET = tr("Nobody's model is judged yet.")
WAITING_ROOM = tr("The presenter has not begun a challenge yet. It will appear here by itself.")
MOST_ROWS = 12
TABLE_HEIGHT = 460
"""Rows of a board that is shown whole, and the pixels of a longer one."""
CLOSED = tr("Closed: no model is taken in any more. What was handed in before is still judged.")
LABELS: Mapping[str, str] = {
    "title": tr("Title"),
    "budget": tr("Budget in"),
    "amount": tr("How much"),
    "most_parameters": tr("Largest model (0: any)"),
    "judged_kilobytes": tr("Kilobytes judged"),
}


@dataclass(frozen=True)
class BoardRow:
    """A line of the board. `name` and `model` are foreign text."""

    rank: int
    name: str
    bits_per_byte: float
    model: str
    price: str
    parameters: str
    tries: int
    own: bool


@dataclass(frozen=True)
class TryRow:
    """One of one's own tries; `model` is foreign text."""

    number: int
    model: str
    told: str


@dataclass(frozen=True)
class Hands:
    """What somebody can hand in: labels by the ids of runs, and a word on the others."""

    labels: Mapping[str, str]
    note: str


def label(challenge: Challenge) -> str:
    """How a challenge is called among others; foreign text."""
    return tr("{title} ({open})").format(
        title=challenge.config.title, open=tr("open") if challenge.open else tr("closed")
    )


def rules(challenge: Challenge) -> str:
    """What holds for all, in one line; holds the corpus's name, foreign text."""
    config = challenge.config
    size = (
        tr(", at most {most_parameters} learned numbers").format(
            most_parameters=count(config.most_parameters)
        )
        if config.most_parameters
        else ""
    )
    return tr(
        "Learn from {corpus_name} alone, for at most {config}{size}. "
        "Judged on its held-out text, the first {judged_kilobytes:,} kB."
    ).format(
        corpus_name=challenge.corpus_name,
        config=budget(config),
        size=size,
        judged_kilobytes=config.judged_kilobytes,
    )


def budget(config: ChallengeConfig) -> str:
    """The budget in words.

    >>> budget(ChallengeConfig(budget="tokens", amount=500_000))
    '500,000 tokens'
    >>> budget(ChallengeConfig(budget="seconds", amount=90))
    '1 min 30 s of training'
    """
    if config.budget == "tokens":
        return tr("{amount:,} tokens").format(amount=config.amount)
    return tr("{amount} of training").format(amount=duration(config.amount))


def corpus_labels(
    corpora: Sequence[Artefact], names: Mapping[str, str], looking: str
) -> dict[str, str]:
    """Corpora of which many may share a name, by id: whose each is, and how many documents; where
    that is not enough, when it was made too. One's own first, then what ships, then the others'."""

    def place(corpus: Artefact) -> int:
        return 1 if corpus.read_only else 0 if corpus.manifest.owner == looking else 2

    listed = sorted(corpora, key=place)  # within each group as they came: the newest first
    labels = {each.id: _corpus_label(each, names, looking) for each in listed}
    alike = Counter(labels.values())
    return {
        each.id: tr("{label}, {made}").format(
            label=labels[each.id], made=when(each.manifest.created)
        )
        if alike[labels[each.id]] > 1
        else labels[each.id]
        for each in listed
    }


def _corpus_label(corpus: Artefact, names: Mapping[str, str], looking: str) -> str:
    owner = corpus.manifest.owner
    whose = tr("the demo") if corpus.read_only else owner_name(names, owner, looking)
    documents = int(corpus.details.get("documents", 0))
    return plural(
        "{name} ({whose}, {documents} document)",
        "{name} ({whose}, {documents} documents)",
        documents,
    ).format(name=corpus.name, whose=whose, documents=count(documents))


def budget_help(config: ChallengeConfig, batch_size: int, window: int, steps: int) -> str:
    """What the budget allows, for the settings that a training begins with."""
    if config.budget == "seconds":
        return tr(
            "The budget: {budget}. The run's page tells how long it has trained. Choose fewer "
            "steps to be sure."
        ).format(budget=budget(config))
    return plural(
        "The budget: {budget}, which are steps × batch × window. With a batch of {batch_size} and "
        "a window of {window}, it allows {steps:,} step.",
        "The budget: {budget}, which are steps × batch × window. With a batch of {batch_size} and "
        "a window of {window}, it allows {steps:,} steps.",
        steps,
    ).format(budget=budget(config), batch_size=batch_size, window=window, steps=steps)


def board_rows(places: Sequence[Place], looking: str, *, in_seconds: bool) -> tuple[BoardRow, ...]:
    """The board, the best first."""
    return tuple(
        BoardRow(
            place.rank,
            _name(place, looking),
            round(place.best.bits_per_byte or 0.0, 3),
            place.best.name,
            _price(place.best, in_seconds=in_seconds),
            count(place.best.parameters),
            place.tries,
            place.person == looking,
        )
        for place in places
    )


def lead(rows: Sequence[BoardRow]) -> str:
    """Who is ahead, for those in the last row of the room; foreign text."""
    if not rows:
        return NOBODY_YET
    best = rows[0]
    if len(rows) == 1:
        who = tr("Your best") if best.own else best.name
        return tr("{who}: {bits_per_byte:.3f} bits per byte").format(
            who=who, bits_per_byte=best.bits_per_byte
        )
    ahead = [row.name for row in rows if row.rank == best.rank]
    if len(ahead) > 1:
        return tr("A tie at {bits_per_byte:.3f} bits per byte: {ahead}").format(
            bits_per_byte=best.bits_per_byte, ahead=named(ahead)
        )
    behind = rows[1].bits_per_byte - best.bits_per_byte
    return tr("{name} leads with {bits_per_byte:.3f} bits per byte, {behind:.3f} ahead").format(
        name=best.name, bits_per_byte=best.bits_per_byte, behind=behind
    )


def being_judged(tries: Sequence[Try], names: Mapping[str, str], looking: str) -> str:
    """Whose models are judged now; foreign text. Empty when nobody's are."""
    waiting = [one for one in tries if one.state == "waiting"]
    who = sorted({_called(names, one.person, looking) for one in waiting})
    return tr("Still to be judged: {who}").format(who=named(who)) if who else ""


def try_rows(tries: Sequence[Try], person: str) -> tuple[TryRow, ...]:
    """One's own tries, the latest first."""
    own = [one for one in tries if one.person == person]
    return tuple(TryRow(one.number, one.name, _told(one)) for one in reversed(own))


def waiting_of(tries: Sequence[Try], person: str) -> Try | None:
    """One's own try that is not judged yet."""
    return next((one for one in tries if one.person == person and one.state == "waiting"), None)


def to_hand_in(runs: Sequence[Artefact], challenge: Challenge, person: str) -> Hands:
    """One's own runs on the challenge's text, newest first; the others are counted."""
    own = [
        run
        for run in runs
        if run.manifest.owner == person and not run.read_only and not run.problem
    ]
    fitting = [run for run in own if _corpus_of(run) == challenge.corpus_sha256]
    others = len(own) - len(fitting)
    note = (
        tr("{others} of your runs learned from another text.").format(others=others)
        if others > 1
        else tr("One of your runs learned from another text.")
        if others
        else ""
    )
    return Hands({run.id: run.name for run in fitting}, note)


def code_lines(root: str, challenge: Challenge) -> str:
    """The lines of slm that take part and show the board."""
    return (
        "from pathlib import Path\n\n"
        "from slm.workshop import challenges, judging\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}))\n"
        f"challenge = {challenge.id!r}\n"
        "# one = challenges.enter(workspace, challenge, workspace.runs.get('NAME OF A RUN'))\n"
        "# judging.judge(workspace, challenge, one)\n"
        "for place in challenges.board(workspace, challenge):\n"
        "    print(place.rank, place.name, place.best.bits_per_byte)"
    )


def _name(place: Place, looking: str) -> str:
    if place.person != looking or place.name == tr("you"):
        return place.name
    return tr("{name} (you)").format(name=place.name)


def _called(names: Mapping[str, str], person: str, looking: str) -> str:
    return tr("you") if person == looking else names.get(person, tr("somebody who left"))


def _price(one: Try, *, in_seconds: bool) -> str:
    return duration(one.seconds) if in_seconds else count(one.tokens)


def _told(one: Try) -> str:
    if one.state == "judged":
        return tr("{bits_per_byte:.3f} bits per byte at step {step:,}").format(
            bits_per_byte=one.bits_per_byte, step=one.step
        )
    return one.problem if one.state == "failed" else tr("waits to be judged")


def _corpus_of(run: Artefact) -> str:
    parent = run.manifest.parents.get("corpus")
    return parent.sha256 if parent is not None else ""
