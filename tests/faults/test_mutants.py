"""Whatever becomes of a byte that was kept: it is read as it was written, refused, or told.

One file after the other of a workspace is cut, flipped, overwritten or partly doubled, and read
the way the app reads it. What comes of it must be a sentence, a mark that it is damaged, or the
very same meaning: never something else that is believed.
"""

import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from slm import files, jobs, limits, linked_texts
from slm.attention.timeline import Timeline
from slm.data.batches import TokenFile
from slm.data.corpus import open_corpus
from slm.errors import SlmError
from slm.exchange.importing import ImportConfig, import_model
from slm.exchange.pretrained import export_pretrained
from slm.lab.reports import open_run
from slm.model.checkpoint import load_checkpoint, newest_sound
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling import branch_files, presets
from slm.sampling.methods import WritingConfig
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.replay import merges_of
from slm.training.runs import RunSettings
from slm.workshop import class_game, kept, passes, people, progress, room
from slm.workspace import Workspace
from tests.faults.test_damage import mutated
from tests.workshop.test_class_game import PASSAGE, PERFECT

DAMAGED = "damaged"
"""What a reader gives that says so without raising."""
Read = Callable[[], object]


@dataclass(frozen=True)
class Subject:
    """A file, and what the app takes from it. `only_less`: a log, which may have lost its end."""

    path: Path
    read: Read
    only_less: bool = False


def _weights(model: Transformer) -> str:
    told = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        told.update(name.encode() + tensor.float().numpy().tobytes())
    return told.hexdigest()


def _checkpoint(run: Path) -> object:
    found = newest_sound(run, snapshots_too=False)
    return DAMAGED if found.skipped else (found.step, _weights(load_checkpoint(found.folder)))


def _tokenizer(folder: Path) -> object:
    tokenizer = load_tokenizer(folder)
    pieces = [tokenizer.token_bytes(each) for each in range(tokenizer.vocab_size)]
    return pieces, tokenizer.eos_id, tokenizer.encode("Once upon a time there was a fox")


def _counts(folder: Path) -> object:
    found = merges_of(load_tokenizer(folder))
    return DAMAGED if any(merge.count is None for merge in found) else found


def _records(path: Path) -> object:
    found = files.read_records(path)
    return DAMAGED if found.damaged else [json.dumps(record) for record in found.records]


def _moments(run: Path) -> object:
    moments, problems = Timeline(run).moments()
    return DAMAGED if problems else [repr(moment) for moment in moments]


def _manifest(workspace: Workspace, kind: str, artefact_id: str) -> object:
    return workspace.shelf(kind).get(artefact_id).manifest


def _presets(workspace: Workspace) -> object:
    shelf = presets.presets_of(workspace.root, "m")
    return DAMAGED if shelf.damaged else shelf.presets


def _or_damaged(read: Read) -> object:
    """Where a damaged file is passed over: nobody, nothing, an empty part."""
    found = read()
    return DAMAGED if found in (None, {}, progress.Progress("local")) else found


def _job(workspace: Workspace, job_id: str) -> object:
    job = jobs.get_job(workspace, job_id)
    return DAMAGED if job is None else (job.argv, job.name, job.owner, job.key)


def _train_less(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> jobs.Job:
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_spawn", lambda workspace, job: None)
        return jobs.start(workspace, ["train", "--resume", "tiny"], name="more")


def _made(workspace: Workspace) -> None:
    """What the tiny workspace has not: an imported model, and a room with people at work."""
    tokenizer = Tokenizer.train(["the cat sat on the mat"] * 9, vocab_size=265)
    shape = ModelConfig(
        vocab_size=265, context_length=16, n_layers=1, n_heads=2, d_model=8, d_ff=16
    )
    folder = workspace.root.parent / "published"
    export_pretrained(Transformer(shape), tokenizer, folder)
    import_model(workspace, ImportConfig(source=str(folder), name="from elsewhere"))
    room.open_room(workspace, ("http://10.0.0.1:8501",), ("10.0.0.1",))
    limits.write(workspace.root, limits.Limits(slots=2))
    progress.mark_done(workspace, "find-the-head")
    game = class_game.begin_game(workspace, PASSAGE, {"model": PERFECT}, "tiny")
    person = people.join(workspace, "Ada")
    kept.change_part(workspace, class_game.WHAT, game.id, lambda _: {"a": 1}, person=person.id)
    presets.keep_preset(workspace.root, "m", "Mine", WritingConfig())


def _subjects(here: Workspace, job: jobs.Job) -> Iterator[tuple[str, Subject]]:
    run, model = here.runs.list()[0], here.models.list()[0]
    corpus, tokenizer, tokens = (
        shelf.list()[0] for shelf in (here.corpora, here.tokenizers, here.tokens)
    )
    for artefact in (run, model, corpus, tokenizer, tokens):
        kind = artefact.manifest.kind
        read = partial(_manifest, here, kind, artefact.id)
        yield f"manifest of {kind}", Subject(artefact.folder / files.MANIFEST, read)
    yield (
        "settings of a run",
        Subject(run.folder / "config.json", partial(RunSettings.read, run.folder)),
    )
    for name in ("metrics.jsonl", "samples.jsonl"):
        yield name, Subject(run.folder / name, partial(_records, run.folder / name), only_less=True)
    step = max((run.folder / "ckpt").iterdir(), key=lambda each: int(each.name))
    for path in sorted(step.iterdir()):
        yield f"checkpoint: {path.name}", Subject(path, partial(_checkpoint, run.folder))
    shot = max((run.folder / "snapshots").iterdir(), key=lambda each: int(each.name))
    yield "probes", Subject(shot / "probes.npz", partial(_moments, run.folder))
    snapshot = lambda: _weights(Timeline(run.folder).load_model(int(shot.name)))  # noqa: E731
    yield "snapshot", Subject(shot / "model.safetensors", snapshot)
    yield "manifest of a snapshot", Subject(shot / files.MANIFEST, snapshot)
    own = run.folder / "tokenizer"
    yield "a run's tokenizer", Subject(own / "tokenizer.json", partial(_tokenizer, own))
    imported = lambda: _weights(open_run(here.get_model(model.id)).model)  # noqa: E731
    yield "an imported model", Subject(model.folder / "model.safetensors", imported)
    theirs = model.folder / "tokenizer"
    yield "its tokenizer", Subject(theirs / "tokenizer.json", partial(_tokenizer, theirs))
    yield (
        "tokenizer",
        Subject(tokenizer.folder / "tokenizer.json", partial(_tokenizer, tokenizer.folder)),
    )
    yield "merges", Subject(tokenizer.folder / "merges.jsonl", partial(_counts, tokenizer.folder))
    for name in ("train.bin", "val.bin"):
        path = tokens.folder / name
        yield name, Subject(path, lambda path=path: TokenFile(path).ids().tolist())
    (part,) = (corpus.folder / "documents").glob("*.parquet")
    yield "documents", Subject(part, lambda: list(open_corpus(here.corpora.get(corpus.id)).texts()))
    ledger = partial(lambda: open_corpus(here.corpora.get(corpus.id)).ledger())
    yield "ledger", Subject(corpus.folder / "ledger.jsonl", ledger)
    yield "job", Subject(job.folder / "job.json", partial(_job, here, job.id))
    yield from _room(here)
    yield from _texts(here)


def _room(here: Workspace) -> Iterator[tuple[str, Subject]]:
    place = room.folder(here)
    yield "room", Subject(place / "room.json", partial(room.read, here))
    yield "limits", Subject(here.root / limits.FILE, partial(limits.read, here.root))
    (ada,) = people.list_people(here)
    person = partial(_or_damaged, partial(people.find, here, ada.id))
    yield "person", Subject(place / "people" / f"{ada.id}.json", person)
    cookie = passes.issue(here, room.read(here), ada)
    holder = partial(_or_damaged, lambda: _holder(here, cookie))
    yield "key of the cookies", Subject(place / "cookie.key", holder)
    done = partial(_or_damaged, partial(progress.read_progress, here))
    yield "progress", Subject(place / progress.FOLDER / "local.json", done)
    (game,) = kept.ids(here, class_game.WHAT)
    path = place / class_game.WHAT / f"{game}.json"
    yield "game", Subject(path, partial(class_game.read_game, here, game))
    guesses = partial(_or_damaged, partial(kept.part_of, here, class_game.WHAT, game, ada.id))
    yield "guesses", Subject(path.with_suffix("") / f"{ada.id}.json", guesses)


def _holder(here: Workspace, cookie: str) -> object:
    passes._keys.clear()  # as a server does that was started again
    return passes.holder(here, room.read(here), cookie)


def _texts(here: Workspace) -> Iterator[tuple[str, Subject]]:
    (path,) = (here.root / presets.FOLDER / "m").iterdir()
    yield "preset", Subject(path, partial(_presets, here))
    name = linked_texts.keep_texts(here.root, {"text": "Once upon a time"})
    path = here.root / linked_texts.FOLDER / f"{name}.json"
    yield "linked text", Subject(path, partial(linked_texts.read_texts, here.root, name))
    tree = branch_files.Planted(branch_files.Tree((1, 2)), "Once", "run", 3, "cut", "mine")
    made = branch_files.keep(here.root, tree)
    path = here.root / branch_files.FOLDER / branch_files.NAMED / f"{made}.json"
    yield "tree", Subject(path, partial(branch_files.opened, here.root, made))


@pytest.fixture(scope="module")
def subjects(
    tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Subject]]:
    root = tmp_path_factory.mktemp("mutants") / "workspace"
    shutil.copytree(tiny_workspace.root, root)
    here = Workspace(root)
    with pytest.MonkeyPatch.context() as patch:
        _made(here)
        yield dict(_subjects(here, _train_less(here, patch)))


def _is_told_or_same(subject: Subject, sound: Any) -> bool:
    try:
        found = subject.read()
    except SlmError as error:
        return bool(str(error))
    if found in (DAMAGED, sound):
        return True
    return subject.only_less and set(found) <= set(sound)  # type: ignore[call-overload]


def _harm(name: str, subject: Subject, mutants: int) -> list[str]:
    """What was believed though it was changed: none."""
    sound, whole, rng = subject.read(), subject.path.read_bytes(), random.Random(name)
    assert sound != DAMAGED, name
    believed = []
    for number in range(mutants):
        changed = mutated(whole, rng)
        subject.path.write_bytes(changed)
        if changed != whole and not _is_told_or_same(subject, sound):
            believed.append(f"{name}, mutant {number}")
        subject.path.write_bytes(whole)
    assert subject.read() == sound, name
    return believed


def test_a_few_mutants_of_every_kept_file_are_told_or_mean_the_same(subjects: dict[str, Subject]):
    assert len(subjects) >= 30
    assert not [one for name, subject in subjects.items() for one in _harm(name, subject, 3)]


@pytest.mark.slow
def test_over_a_thousand_mutants_and_none_is_believed(subjects: dict[str, Subject]):
    assert 60 * len(subjects) >= 1_000
    assert not [one for name, subject in subjects.items() for one in _harm(name, subject, 60)]
