"""Verbs of a class: how far one is in the tour, challenges, and questions to the room."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from slm.errors import ConfigError
from slm.verbs.common import Context, Result, parse

if TYPE_CHECKING:
    from slm.workshop.made import Verdict
    from slm.workshop.tour import Step


@dataclass(frozen=True)
class Tour:
    """Which step to check."""

    step: str = ""
    """Check this step, by its id, and write down that it was done."""
    answer: str = ""
    """The answer to a step that asks for one."""
    run: str = ""
    """The model that the answer is computed with, by name or id. Default: the newest."""


def tour(arguments: Sequence[str], context: Context) -> Result:
    """The guided tour: its steps, which of them are done; with --step, whether one is."""
    from slm.workshop import progress
    from slm.workshop.tour import STEP_IDS, STEPS, find_step

    asked = parse(Tour, tour, arguments)
    told: Result = {}
    if asked.step:
        step = find_step(asked.step)
        if step is None:
            raise ConfigError(f"There is no step {asked.step!r}; there are: {', '.join(STEP_IDS)}.")
        told |= asdict(_verdict(step, asked.answer, asked.run, context))
        if told["done"]:
            progress.mark_done(context.workspace, step.id)
    held = progress.read_progress(context.workspace)
    counts = progress.count_room(context.workspace, STEP_IDS)
    told["steps"] = [
        {
            "step": step.id,
            "chapter": step.chapter,
            "task": step.task,
            "done": held.done.get(step.id),
            "done_by": list(count.done),
        }
        for step, count in zip(STEPS, counts, strict=True)
    ]
    return told


@dataclass(frozen=True)
class Race:
    """What is done with challenges."""

    close: str = ""
    """Close the challenge with this id: no model is taken in any more."""
    reopen: str = ""
    """Take models in again."""


def challenge(arguments: Sequence[str], context: Context) -> Result:
    """Begin a challenge on a corpus (--corpus), close one, or show all with their boards."""
    from slm.workshop import challenges
    from slm.workshop.challenges import ChallengeConfig

    @dataclass(frozen=True)
    class Challenge:
        race: Annotated[Race, tyro.conf.arg(name="")] = Race()
        settings: Annotated[ChallengeConfig, tyro.conf.arg(name="")] = ChallengeConfig()

    asked = parse(Challenge, challenge, arguments)
    here = context.workspace
    told: Result = {}
    if asked.race.close or asked.race.reopen:
        challenges.set_open(here, asked.race.close or asked.race.reopen, not asked.race.close)
    elif asked.settings.corpus:
        told["challenge"] = challenges.open_challenge(here, asked.settings).id
    told["challenges"] = [
        {
            "id": each.id,
            "title": each.config.title,
            "corpus": each.corpus_name,
            "budget": each.config.budget,
            "amount": each.config.amount,
            "open": each.open,
            "board": [
                {
                    "rank": place.rank,
                    "name": place.name,
                    "run": place.best.name,
                    "bits_per_byte": place.best.bits_per_byte,
                    "tokens": place.best.tokens,
                    "seconds": place.best.seconds,
                    "tries": place.tries,
                }
                for place in challenges.board(here, each.id)
            ],
        }
        for each in challenges.list_challenges(here)
    ]
    return told


@dataclass(frozen=True)
class HandedIn:
    """Which model takes part in what."""

    run: str
    """The run, by name or id."""
    challenge: str = ""
    """The challenge, by its id. Default: the newest."""


def enter(arguments: Sequence[str], context: Context) -> Result:
    """Take part in a challenge with a run, and have it judged on the held-out text."""
    from slm.workshop import challenges, judging

    asked = parse(HandedIn, enter, arguments)
    here = context.workspace
    all_of_them = challenges.list_challenges(here)
    if not asked.challenge and not all_of_them:
        raise ConfigError("There is no challenge yet. Begin one with: challenge --corpus NAME")
    chosen = asked.challenge or all_of_them[0].id
    one = challenges.entered(here, chosen, here.runs.get(asked.run))
    judged = judging.judge(here, chosen, one, context.report)
    return {**asdict(judged), "challenge": chosen}


@dataclass(frozen=True)
class Asking:
    """What a model is asked."""

    kind: Literal["next_token", "temperature", "certainty", "short_memory", "shuffled"]
    """Which of the ready questions."""
    run: str
    """The model that answers, by name or id."""
    text: str = ""
    """A prompt or a text of one's own."""


def question(arguments: Sequence[str], context: Context) -> Result:
    """A question for a class, with the answer that a model computes."""
    from slm.lab.reports import open_run
    from slm.workshop.asking import Basis, compute

    asked = parse(Asking, question, arguments)
    run = context.workspace.get_model(asked.run)
    opened = open_run(run)
    basis = Basis(context.workspace, run, opened.model, opened.tokenizer, asked.text)
    return compute(asked.kind, basis).to_json()


def _verdict(step: "Step", answer: str, run_name: str, context: Context) -> "Verdict":
    from slm.lab.reports import open_run
    from slm.workshop.checks import Asked, check_answer
    from slm.workshop.made import check_made

    here = context.workspace
    if step.evidence == "made":
        return check_made(step, here)
    if step.evidence == "text":
        raise ConfigError("This step is about a text that the app has written; check it there.")
    models = [each for each in here.all_models() if not each.problem]
    if not models:
        raise ConfigError("There is no model yet. Train one, or name one with --run.")
    run = here.get_model(run_name) if run_name else models[0]
    opened = open_run(run)
    parent = run.manifest.parents.get("corpus")
    corpus = here.corpora.find(parent.id) if parent is not None else None
    return check_answer(step, answer, Asked(opened.model, opened.tokenizer, corpus))
