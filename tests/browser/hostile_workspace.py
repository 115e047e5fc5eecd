"""A workspace in which every foreign text means harm: names, documents, tokens, people, all of it.

All of it is real: a corpus of the payloads, a tokenizer that learned from them, a run that was
trained on both for a few steps, and a class that has joined, asks, plays and races.
"""

import json
import shutil
from itertools import cycle
from pathlib import Path

from slm import files
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.evaluation.shannon import Lexicon
from slm.lab import pipeline
from slm.lab.pipeline import BuildConfig, Recipe, build_model
from slm.lab.reports import open_run
from slm.lab.shannon_game import machine_plays, passage_of
from slm.model.config import ModelConfig
from slm.owners import LOCAL_OWNER
from slm.training.config import TrainConfig
from slm.workshop import asking, challenges, class_game, people, questions, room
from slm.workshop.challenges import ChallengeConfig
from slm.workshop.people import MAX_PERSON_NAME
from slm.workspace import Artefact, Workspace
from tests.browser.payloads import NAMES, PAYLOADS, Payload

_STORY = "Once upon a time a fox ran home through the snow, and slept until noon beside the stove."
_LONGEST_DOCUMENT = 2_000
RECIPE = Recipe(
    documents=100,
    vocab_size=768,
    model=ModelConfig(
        vocab_size=768, context_length=256, n_layers=2, n_heads=2, d_model=32, d_ff=64
    ),
    train=TrainConfig(steps=12, batch_size=2, snapshots=3, sample_every=6),
)


def text_of(payloads: tuple[Payload, ...]) -> str:
    """Payloads one after the other, as a text."""
    return "\n".join(payload.text[:_LONGEST_DOCUMENT] for payload in payloads)


def make(root: Path) -> Workspace:
    """Fill an empty folder; gives the workspace. The room's presenter is there already."""
    here = Workspace(root)
    names = cycle(NAMES)
    corpus = _corpus(here, next(names).text)
    run = _run(here, corpus, next(names).text)
    for made in (*here.tokenizers.list(), *here.tokens.list()):
        here.shelf(made.manifest.kind).rename(made.id, next(names).text)
    members = _class(here)
    for number, payload in enumerate(NAMES):
        copied(run, number, payload.text, members[number % len(members)])
    _lessons(here, corpus, run)
    return here


def copied(artefact: Artefact, number: int, name: str, owner: str) -> None:
    """The same artefact once more, under another name, as somebody else's."""
    folder = artefact.folder.with_name(f"20990101-000000-{number:06x}")
    shutil.copytree(artefact.folder, folder)
    told = files.read_json(folder / files.MANIFEST)
    told |= {"id": folder.name, "name": name, "owner": owner}
    files.write_json(folder / files.MANIFEST, told, checked=True)


def _corpus(here: Workspace, name: str) -> Artefact:
    """Every payload in two documents of its own, named by their sources as they are."""
    rows = [
        {"text": f"{payload.text[:_LONGEST_DOCUMENT]} {start}{_STORY}", "source": payload.what}
        for payload in PAYLOADS
        for start in ("", "And then: ")
    ]
    lines = "\n".join(json.dumps(row) for row in rows).encode()
    config = PrepareConfig(name=name, rules=("unicode_nfc",), validation_fraction=0.4)
    made = prepare_corpus(here, config, upload=("<img src=x onerror=alert(1)>.jsonl", lines))
    assert made is not None
    return made.artefact


def _run(here: Workspace, corpus: Artefact, name: str) -> Artefact:
    before = pipeline.RECIPES
    pipeline.RECIPES = {"first": RECIPE}
    try:
        made = build_model(here, BuildConfig(name=name, threads=1), made={"corpus": corpus.id})
    finally:
        pipeline.RECIPES = before
    return here.runs.get(made["run"])


def _class(here: Workspace) -> list[str]:
    room.open_room(here, ("http://127.0.0.1",), ("127.0.0.1",))
    people.let_presenter_in(here, "Presenter <b>x</b>"[:MAX_PERSON_NAME])
    short = [payload.text for payload in NAMES if len(payload.text) <= MAX_PERSON_NAME]
    return [people.join(here, name).id for name in short]


def _lessons(here: Workspace, corpus: Artefact, run: Artefact) -> None:
    """A question, a game and a race, each with texts that mean harm."""
    opened = open_run(run)
    text = text_of(PAYLOADS[:20])
    basis = asking.Basis(here, run, opened.model, opened.tokenizer, text[:400])
    asked = asking.compute("next_token", basis)
    questions.ask(here, asked)
    passage = passage_of(opened.model, opened.tokenizer, text, "tokens")
    lexicon = Lexicon(opened.tokenizer)
    plays = machine_plays(opened.model, opened.tokenizer, passage, lexicon)
    class_game.begin_game(here, passage, plays, run.name)
    config = ChallengeConfig(title=NAMES[0].text, corpus=corpus.id, judged_kilobytes=1)
    race = challenges.open_challenge(here, config).id
    for number, made in enumerate(here.runs.list()[:12]):
        if made.manifest.owner == LOCAL_OWNER:
            continue
        theirs = here.acting_as(made.manifest.owner)
        one = challenges.enter(theirs, race, made)
        bits = None if number % 3 == 2 else 2.0 + number / 10
        challenges.keep_verdict(theirs, race, one, bits, "" if bits else made.name)
