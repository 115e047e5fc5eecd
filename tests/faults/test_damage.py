"""Files of a run with any bytes in them cost that run alone, and reading changes nothing."""

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest

from slm import files
from slm.errors import SlmError, WorkspaceError
from slm.model.checkpoint import checkpoints, load_checkpoint, newest_sound
from slm.training.runs import RunSettings
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.training.small_runs import MakeRun

NAMES = ("config.json", "manifest.json", "metrics.jsonl", "ckpt/4/manifest.json")


def hashes(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes cut, flipped, repeated or overwritten somewhere."""
    at, to = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    noise = rng.randbytes(rng.randint(1, 8))
    return rng.choice(
        [data[:at], data[:at] + noise + data[at + len(noise) :], data[:to] + data[at:], b"", noise]
    )


def look(workspace: Workspace, run: Path) -> None:
    """All that pages read of a run; only words may come of it."""
    files.read_records(run / "metrics.jsonl")
    for read in (
        lambda: RunSettings.read(run),
        lambda: workspace.runs.get(run.name),
        lambda: load_checkpoint(newest_sound(run).folder),
    ):
        try:
            read()
        except SlmError as error:
            assert str(error)


def harm(make_run: MakeRun, workspace: Workspace, name: str, mutants: int) -> None:
    """Put any bytes into a file of one of two runs, and look at both."""
    sound, odd = make_run(steps=4), make_run(steps=4)
    train(sound)
    train(odd)
    whole, rng = (odd / name).read_bytes(), random.Random(name)
    for _ in range(mutants):
        (odd / name).write_bytes(mutated(whole, rng))
        before = hashes(odd)
        look(workspace, odd)
        problems = {run.id: run.problem for run in workspace.runs.list()}
        assert len(problems) == 2 and problems[sound.name] is None
        assert hashes(odd) == before


@pytest.mark.parametrize("name", NAMES)
def test_any_bytes_in_a_file_of_a_run_are_words_at_most_and_harm_no_other_run(
    make_run: MakeRun, workspace: Workspace, name: str
):
    harm(make_run, workspace, name, mutants=12)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_thousand_mutants_are_words_at_most(make_run: MakeRun, workspace: Workspace, name: str):
    harm(make_run, workspace, name, mutants=250)


def test_a_flipped_byte_in_a_checkpoint_is_never_taken_for_sound(make_run: MakeRun):
    run = make_run(steps=8, checkpoint_every=4)
    train(run)
    newest, rng = run / "ckpt" / "8", random.Random(8)
    for path in sorted(newest.iterdir()):
        whole = path.read_bytes()
        for _ in range(10):
            at = rng.randrange(len(whole))
            path.write_bytes(
                whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :]
            )
            found = newest_sound(run, snapshots_too=False)
            if path.name != "manifest.json":  # a flip there may change what nothing depends on
                assert found.step == 4 and "Checkpoint 8 is damaged" in found.skipped[0]
        path.write_bytes(whole)
    assert newest_sound(run).step == 8


@pytest.mark.parametrize("name", ["config.json", "manifest.json"])
def test_a_run_of_a_later_version_is_listed_refused_and_never_rewritten(
    make_run: MakeRun, workspace: Workspace, name: str
):
    run = make_run(steps=4)
    train(run)
    values = json.loads((run / name).read_text()) | {"schema": 99, "later": [1, 2]}
    (run / name).write_text(json.dumps(values))
    before = hashes(run)
    (listed,) = workspace.runs.list()
    assert listed.id == run.name
    with pytest.raises(WorkspaceError, match="later version"):
        if name == "config.json":
            train(run)
        else:
            workspace.runs.get(run.name)
    assert hashes(run) == before


def test_a_run_that_is_deleted_while_it_is_looked_at_is_words(
    make_run: MakeRun, workspace: Workspace
):
    run = make_run(steps=4)
    train(run)
    shutil.rmtree(run)
    assert files.read_records(run / "metrics.jsonl").records == []
    assert checkpoints(run) == []
    with pytest.raises(WorkspaceError, match="There is no"):
        workspace.runs.get(run.name)
