"""A challenge: who reaches the fewest bits per byte on a held-out text, under one budget.

    workshop/challenges/<id>.json            what holds for all: corpus, budget, open or closed
    workshop/challenges/<id>/<person>.json   one person's tries

The race is fair by what the server does itself: it measures every model on the same documents
(`judging`), and counts what each run has cost from the run's own record, the runs from which
it goes on included (`budgets`). No torch here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field

from slm import locks
from slm.config import Config
from slm.errors import DataError, RightsError, WorkspaceError
from slm.model.config import parameter_counts
from slm.training.runs import RunSettings
from slm.workshop import kept, people, room
from slm.workshop.budgets import Cost, cost_of
from slm.workspace import Artefact, Workspace, clean_name

WHAT = "challenges"
MOST_TRIES = 20
_DIGITS = 3  # of bits per byte: what is equal so far is a tie
TryState = Literal["waiting", "judged", "failed"]


class ChallengeConfig(Config):
    """What holds for everybody who takes part."""

    title: str = Field("Fewest bits per byte", max_length=80, description="What it is called.")
    corpus: str = Field("", description="The corpus that all models learn from, by name or id.")
    budget: Literal["tokens", "seconds"] = Field(
        "tokens",
        description="What is shared out alike. tokens: steps × batch × window. seconds: of "
        "training, which are shorter where the machine is busy.",
        json_schema_extra={"ui": {"options": ["tokens", "seconds"]}},
    )
    amount: int = Field(
        500_000,
        ge=1,
        le=10**13,
        description="How much of it a model may have cost, with all that it goes on from.",
        json_schema_extra={"ui": {"step": 100_000}},
    )
    most_parameters: int = Field(
        0,
        ge=0,
        le=10**12,
        description="Learned numbers that a model may have; 0: as many as it likes.",
        json_schema_extra={"ui": {"step": 100_000}},
    )
    judged_kilobytes: int = Field(
        100,
        ge=1,
        le=10_000,
        description="How much of the corpus's held-out text is judged, from its beginning.",
    )


@dataclass(frozen=True)
class Challenge:
    """A challenge as it stands. `corpus_id` and `corpus_sha256` name the text that was meant."""

    id: str
    config: ChallengeConfig
    corpus_id: str
    corpus_name: str
    corpus_sha256: str
    open: bool
    opened: str

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises: WorkspaceError when it is damaged; ConfigError for settings that cannot be."""
        try:
            return cls(
                str(values["id"]),
                ChallengeConfig.from_json(values["config"]),
                str(values["corpus_id"]),
                str(values["corpus_name"]),
                str(values["corpus_sha256"]),
                values["open"] is True,
                str(values["opened"]),
            )
        except (KeyError, TypeError) as error:
            raise WorkspaceError(f"The challenge is damaged: {error!r}. Begin another.") from None


@dataclass(frozen=True)
class Try:
    """One model that somebody took part with. `number` counts the tries of that person from 1."""

    person: str
    number: int
    run: str
    name: str
    step: int
    tokens: int
    seconds: float
    parameters: int
    asked: str
    state: TryState = "waiting"
    bits_per_byte: float | None = None
    problem: str = ""


@dataclass(frozen=True)
class Place:
    """One person's best try on the board. Equal figures share a rank, the earlier one first."""

    rank: int
    person: str
    name: str
    best: Try
    tries: int


def open_challenge(workspace: Workspace, config: ChallengeConfig) -> Challenge:
    """Begin a challenge for the room.

    Raises: RightsError for all but the presenter; WorkspaceError when there is no such corpus;
    DataError when nothing of it is held out.
    """
    room.require_presenter(workspace.actor)
    corpus = workspace.corpora.get(config.corpus)
    counts = corpus.details.get("val")
    if not isinstance(counts, Mapping) or not counts.get("documents"):
        raise DataError(f"Nothing of {corpus.name!r} is held out. Choose another corpus.")
    config = config.replace(title=clean_name(config.title), corpus=corpus.id)
    challenge_id = kept.new_id()
    told = {
        "config": config.to_json(),
        "corpus_id": corpus.id,
        "corpus_name": corpus.name,
        "corpus_sha256": corpus.manifest.digest,
        "open": True,
        "opened": kept.now(),
    }
    kept.write(workspace, WHAT, challenge_id, told)
    return read_challenge(workspace, challenge_id)


def read_challenge(workspace: Workspace, challenge_id: str) -> Challenge:
    """The challenge with that id.

    Raises: WorkspaceError when there is none, or it is damaged.
    """
    return Challenge.from_json(kept.read(workspace, WHAT, challenge_id))


def list_challenges(workspace: Workspace) -> list[Challenge]:
    """All of them, the newest first; damaged ones are left out."""
    found = []
    for challenge_id in kept.ids(workspace, WHAT):
        try:
            found.append(read_challenge(workspace, challenge_id))
        except WorkspaceError:
            continue
    return found


def set_open(workspace: Workspace, challenge_id: str, is_open: bool) -> None:
    """Close the challenge, or open it again. What was taken in before is still judged.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    kept.change(workspace, WHAT, challenge_id, lambda before: {**before, "open": is_open})


def remove_challenge(workspace: Workspace, challenge_id: str) -> None:
    """Take the challenge away with everybody's figures in it; the models stay.

    Raises: RightsError for all but the presenter.
    """
    with room.only_one(workspace, f"{WHAT}-{challenge_id}"):
        kept.remove(workspace, WHAT, challenge_id)


def enter(workspace: Workspace, challenge_id: str, run: Artefact) -> Try:
    """Take part with a run; it is judged later (`judging.judge`). The same model twice is one try.

    Raises: WorkspaceError when the challenge is closed or gone; RightsError for somebody else's
    run; DataError for a run that is not finished, has read another text, or is over the budget.
    """
    with room.only_one(workspace, f"{WHAT}-{challenge_id}"):
        challenge = read_challenge(workspace, challenge_id)
        if not challenge.open:
            raise WorkspaceError(
                f"{challenge.config.title!r} is closed: no model is taken in any more. Ask the "
                "presenter to open it again."
            )
        cost = _admitted(workspace, challenge, run)
        new = _try_with(run, workspace.actor, cost)
        tries = _tries_of(workspace, challenge_id, workspace.actor)
        same = [one for one in tries if (one.run, one.step) == (new.run, new.step)]
        if same and same[0].state != "failed":
            return same[0]
        if len(tries) >= MOST_TRIES:
            raise DataError(f"You have had {MOST_TRIES} tries, which is the most.")
        number = same[0].number if same else len(tries) + 1
        return _keep(workspace, challenge_id, _numbered(new, number))


def entered(workspace: Workspace, challenge_id: str, run: Artefact) -> Try:
    """The try with that run as it was taken in, however late it is judged; else takes it in now.

    Raises: as `enter`.
    """
    tries = _tries_of(workspace, challenge_id, workspace.actor)
    waiting = [one for one in tries if one.run == run.id and one.state == "waiting"]
    return waiting[-1] if waiting else enter(workspace, challenge_id, run)


def keep_verdict(
    workspace: Workspace, challenge_id: str, one: Try, bits: float | None, problem: str = ""
) -> Try:
    """Write down what the server measured of a try, or why it could not."""
    state: TryState = "judged" if bits is not None else "failed"
    values = {**_plain(one), "state": state, "bits_per_byte": bits, "problem": problem}
    return _keep(workspace, challenge_id, _read_try(one.person, values))


def all_tries(workspace: Workspace, challenge_id: str) -> list[Try]:
    """Everybody's tries, in the order in which they came."""
    found = kept.parts(workspace, WHAT, challenge_id)
    tries = [one for person, part in found.items() for one in _sound_tries(person, part)]
    return sorted(tries, key=lambda one: (one.asked, one.person, one.number))


def board(workspace: Workspace, challenge_id: str) -> tuple[Place, ...]:
    """Everybody's best try, fewest bits per byte first."""
    return ranked(all_tries(workspace, challenge_id), people.names(workspace))


def ranked(tries: Sequence[Try], names: Mapping[str, str]) -> tuple[Place, ...]:
    """The board from tries; a tie is what is equal to three digits behind the point."""
    by_person: dict[str, list[Try]] = {}
    for one in tries:
        by_person.setdefault(one.person, []).append(one)
    best = [
        min((one for one in own if one.bits_per_byte is not None), key=_figure, default=None)
        for own in by_person.values()
    ]
    found = sorted((one for one in best if one is not None), key=_figure)
    figures = [_figure(one)[0] for one in found]
    return tuple(
        Place(
            figures.index(_figure(one)[0]) + 1,
            one.person,
            names.get(one.person, "you"),
            one,
            len(by_person[one.person]),
        )
        for one in found
    )


def _figure(one: Try) -> tuple[float, str, int]:
    assert one.bits_per_byte is not None
    return round(one.bits_per_byte, _DIGITS), one.asked, one.number


def _admitted(workspace: Workspace, challenge: Challenge, run: Artefact) -> Cost:
    """What the run has cost, once it is clear that it may take part."""
    if run.read_only or run.manifest.owner != workspace.actor:
        raise RightsError(f"{run.name!r} is not yours. Take part with a model that you trained.")
    cost = cost_of(workspace, run)
    if cost.corpora != {challenge.corpus_sha256}:
        raise DataError(
            f"{run.name!r} has read another text than {challenge.corpus_name!r}, itself or "
            "before. Train on that corpus alone."
        )
    if any(locks.is_held(lock) for lock in run.folder.glob("*.lock")):
        raise DataError(f"{run.name!r} is still being trained. Wait for its end, or stop it.")
    config = challenge.config
    parameters = sum(parameter_counts(RunSettings.read(run.folder).model).values())
    if config.most_parameters and parameters > config.most_parameters:
        raise DataError(
            f"{run.name!r} has {parameters:,} learned numbers; {config.most_parameters:,} are the "
            "most in this challenge. Train a smaller model."
        )
    spent = cost.tokens if config.budget == "tokens" else cost.seconds
    if spent > config.amount:
        others = " with the runs that it goes on from" if len(cost.runs) > 1 else ""
        remedy = "Train again with fewer steps." if not others else "Begin with fresh weights."
        raise DataError(
            f"{run.name!r} has cost {spent:,.0f} {config.budget}{others}; the budget is "
            f"{config.amount:,}. {remedy}"
        )
    return cost


def _try_with(run: Artefact, person: str, cost: Cost) -> Try:
    from slm.model.checkpoint import newest_sound

    settings = RunSettings.read(run.folder)
    return Try(
        person,
        0,
        run.id,
        run.name,
        newest_sound(run.folder).step,
        cost.tokens,
        round(cost.seconds, 1),
        sum(parameter_counts(settings.model).values()),
        kept.now(),
    )


def _numbered(one: Try, number: int) -> Try:
    return _read_try(one.person, {**_plain(one), "number": number})


def _tries_of(workspace: Workspace, challenge_id: str, person: str) -> list[Try]:
    return _sound_tries(person, kept.part_of(workspace, WHAT, challenge_id, person))


def _keep(workspace: Workspace, challenge_id: str, one: Try) -> Try:
    def changed(before: dict[str, Any]) -> dict[str, Any]:
        others = [each for each in _sound_tries(one.person, before) if each.number != one.number]
        tries = sorted([*others, one], key=lambda each: each.number)
        return {"tries": [_plain(each) for each in tries]}

    kept.change_part(workspace, WHAT, challenge_id, changed, person=one.person)
    return one


def _sound_tries(person: str, part: Mapping[str, Any]) -> list[Try]:
    listed = part.get("tries")
    found = []
    for values in listed if isinstance(listed, list) else []:
        try:
            found.append(_read_try(person, values))
        except (KeyError, TypeError, ValueError, AttributeError):
            continue
    return found


def _read_try(person: str, values: Mapping[str, Any]) -> Try:
    bits, state = values.get("bits_per_byte"), values["state"]
    if state not in {"waiting", "judged", "failed"}:
        raise ValueError(state)
    return Try(
        person,
        int(values["number"]),
        str(values["run"]),
        str(values["name"]),
        int(values["step"]),
        int(values["tokens"]),
        float(values["seconds"]),
        int(values["parameters"]),
        str(values["asked"]),
        state,
        None if bits is None else float(bits),
        str(values.get("problem", "")),
    )


def _plain(one: Try) -> dict[str, Any]:
    names = ("number", "run", "name", "step", "tokens", "seconds", "parameters", "asked")
    told = {name: getattr(one, name) for name in names}
    return {
        **told,
        "state": one.state,
        "bits_per_byte": one.bits_per_byte,
        "problem": one.problem,
    }
