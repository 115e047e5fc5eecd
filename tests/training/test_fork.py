"""A run that begins where another one was, and what it knows of it."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slm import files
from slm.device import seed_everything
from slm.errors import CheckpointError, ConfigError, WorkspaceError
from slm.lab.snapshots import SnapshotObserver
from slm.model.checkpoint import load_checkpoint, newest_sound
from slm.training.events import read_events
from slm.training.fork import fork_run, forkable_steps
from slm.training.runs import RunSettings, create_run
from slm.training.trainer import train
from slm.workspace import Artefact, Workspace
from tests.training.small_runs import SHORT, artefacts
from tests.training.test_resume import DROPPING, assert_equal_runs, traces

CONFIG = SHORT.replace(steps=20, checkpoint_every=6)
TEXT_IDS_NT = np.arange(32).reshape(2, 16) % 24


@pytest.fixture()
def parent(workspace: Workspace) -> Artefact:
    """A run of 20 steps with checkpoints at 10 (before the rates fell), 12, 18 and 20."""
    run = create_run(workspace, DROPPING, CONFIG, name="parent", **artefacts(workspace))
    train(run.folder)
    return workspace.runs.get(run.id)


def test_a_fork_with_the_same_settings_repeats_its_parent(workspace: Workspace, parent: Artefact):
    fork = fork_run(workspace, parent, 12)
    assert traces(fork.folder) == traces(parent.folder)[:13]  # the curve so far
    train(fork.folder)
    assert_equal_runs(fork.folder, parent.folder)


def test_a_fork_knows_where_it_comes_from(workspace: Workspace, parent: Artefact):
    fork = fork_run(workspace, parent, 18, CONFIG.replace(steps=24), name="longer")
    settings = RunSettings.read(fork.folder)
    assert settings.forked_from == {"run": parent.id, "step": 18}
    assert set(fork.manifest.parents) == {"corpus", "tokenizer", "tokens", "run"}
    assert fork.manifest.parents["run"].id == parent.id
    assert set(fork.manifest.files) == {"config.json", "tokenizer/tokenizer.json"}
    (event,) = read_events(fork.folder)
    assert (event.step, event.field, event.old, event.new) == (18, "steps", 20, 24)
    assert train(fork.folder).step == 24
    assert RunSettings.read(parent.folder).forked_from is None


def test_a_fork_from_before_the_descent_goes_on_at_the_full_rate(
    workspace: Workspace, parent: Artefact
):
    """Of 20 steps the last 10 descend; of 40 the last 20: from step 10 on the rate stays."""
    fork = fork_run(workspace, parent, 10, CONFIG.replace(steps=40))
    train(fork.folder)
    records = files.read_records(fork.folder / "metrics.jsonl").records
    assert {record["learning_rate"] for record in records[10:21]} == {0.01}
    assert records[21]["learning_rate"] == 0.01 and records[22]["learning_rate"] < 0.01


def test_a_killed_fork_goes_on_from_its_own_first_checkpoint(
    workspace: Workspace, parent: Artefact
):
    fork = fork_run(workspace, parent, 18)
    assert newest_sound(fork.folder).step == 18
    assert [record[0] for record in traces(fork.folder)] == list(range(19))


def test_a_fork_from_a_snapshot_says_what_it_lacks(workspace: Workspace):
    """Half precision keeps 11 bits, so weights are off by at most a 2,000th; Adam begins anew."""
    config = CONFIG.replace(snapshots=4)
    run = create_run(workspace, DROPPING, config, name="parent", **artefacts(workspace))
    watcher = SnapshotObserver(run.folder, RunSettings.read(run.folder), TEXT_IDS_NT, [1], None)
    train(run.folder, observers=[watcher])
    assert forkable_steps(run.folder)[7] == "snapshot"
    fork = fork_run(workspace, workspace.runs.get(run.id), 7)
    (event,) = read_events(fork.folder)
    assert (event.step, event.field) == (7, "optimizer") and "begins anew" in event.note
    state = files.read_json(fork.folder / "ckpt" / "7" / "state.json")
    assert state["progress"]["tokens"] == 7 * 8 * 16 and state["progress"]["windows"] == 56
    theirs = load_checkpoint(run.folder / "snapshots" / "7").state_dict()
    mine = load_checkpoint(fork.folder / "ckpt" / "7").state_dict()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    assert train(fork.folder).step == 20


def test_another_optimizer_begins_anew(workspace: Workspace, parent: Artefact):
    fork = fork_run(workspace, parent, 12, CONFIG.replace(optimizer="adamw", learning_rate=0.002))
    rate, optimizer = read_events(fork.folder)
    assert (rate.field, rate.new, rate.note) == ("learning_rate", 0.002, "fork")
    assert (optimizer.field, optimizer.new) == ("optimizer", "adamw")
    assert "begins anew" in optimizer.note
    assert train(fork.folder).state == "done"


def test_what_cannot_be_forked_is_refused(workspace: Workspace, parent: Artefact):
    with pytest.raises(CheckpointError, match=r"step 9 of 'parent'; there are: 10, 12, 18, 20"):
        fork_run(workspace, parent, 9)
    with pytest.raises(ConfigError, match="steps is 20, but the fork begins at step 20"):
        fork_run(workspace, parent, 20)
    values = files.read_json(parent.folder / "config.json")
    files.write_json(parent.folder / "config.json", {**values, "schema": 2})
    with pytest.raises(WorkspaceError, match="later version"):
        fork_run(workspace, parent, 12)


def test_forking_leaves_the_random_numbers_alone(workspace: Workspace, parent: Artefact):
    seed_everything(3)
    expected = torch.rand(2)
    seed_everything(3)
    fork_run(workspace, parent, 12)
    assert torch.equal(torch.rand(2), expected)


def test_the_parent_stays_as_it_was(workspace: Workspace, parent: Artefact):
    before = {path: path.read_bytes() for path in files_of(parent.folder)}
    fork = fork_run(workspace, parent, 12)
    train(fork.folder)
    assert {path: path.read_bytes() for path in files_of(parent.folder)} == before


def files_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
