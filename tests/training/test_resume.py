"""A killed run goes on bit for bit, and the tests that say so notice when it does not.

Real processes, real SIGKILLs, at named points and at any time.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from slm import files
from slm.errors import CheckpointError, ConfigError
from slm.model.checkpoint import checkpoints, load_checkpoint, newest_sound
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.training import resume
from slm.training.events import RESUMED, config_at, read_events
from slm.training.holding import Whole
from slm.training.launch import stop_file
from slm.training.optimizer import Optimizers
from slm.training.runs import RunSettings, restore_settings, settings_saved_at
from slm.training.trainer import train
from tests.training.small_runs import SMALL_MODEL, AsksAt, MakeRun

DROPPING = ModelConfig(**{**SMALL_MODEL.to_json(), "dropout": 0.1})
STEPS = 60
POINTS = (
    "train.step",
    "log.write",
    "commit.staged",
    "checkpoint.weights",
    "checkpoint.optimizer",
    "checkpoint.state",
    "commit.hash",
    "commit.manifest",
    "file.replace",
    "commit.rename",
    "commit.done",
    "checkpoint.prune",
    "resume.loaded",
    "resume.cleared",
)


def traces(run: Path) -> list[tuple[Any, ...]]:
    """All that a run logged, but for the times."""
    names = ("step", "tokens", "train_nats", "val_nats", "learning_rate", "gradient_norm")
    records = files.read_records(run / "metrics.jsonl").records
    return [tuple(record[name] for name in names) for record in records]


def assert_equal_runs(run: Path, other: Path) -> None:
    assert traces(run) == traces(other)
    ends = [load_checkpoint(newest_sound(folder).folder).state_dict() for folder in (run, other)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def kill_again_and_again(run: Path, plan: list[list[Any] | float]) -> int:
    command = [sys.executable, "-m", "tests.training.killed_trainer", str(run), json.dumps(plan)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_run_killed_at_named_points_and_at_any_time_equals_an_uninterrupted_one(
    make_run: MakeRun,
):
    killed, straight = (make_run(model=DROPPING, steps=STEPS, checkpoint_every=6) for _ in range(2))
    train(straight)
    plan: list[list[Any] | float] = [
        ["log.write", 5],  # before the first checkpoint
        ["commit.rename", 2],
        ["checkpoint.optimizer", 1],
        ["resume.cleared", 1],
        0.25,
        ["checkpoint.prune", 2],
        ["commit.manifest", 2],
    ]
    assert kill_again_and_again(killed, plan) >= 6
    assert_equal_runs(killed, straight)


@pytest.mark.slow
def test_two_hundred_kills_lose_nothing(make_run: MakeRun):
    rng = random.Random(5)
    straight = make_run(model=DROPPING, steps=STEPS, checkpoint_every=3)
    train(straight)
    struck = 0
    while struck < 200:
        run = make_run(model=DROPPING, steps=STEPS, checkpoint_every=3)
        plan: list[list[Any] | float] = [[point, rng.randint(1, 4)] for point in POINTS]
        plan += [rng.uniform(0.05, 0.4) for _ in range(6)]
        rng.shuffle(plan)
        struck += kill_again_and_again(run, plan)
        assert_equal_runs(run, straight)


class Interruption(BaseException):
    """Ends a run inside this process, at once, with nothing saved."""


def interrupted(run: Path, monkeypatch: pytest.MonkeyPatch, at_step: int) -> None:
    left = at_step

    def stand_in(name: str) -> None:
        nonlocal left
        left -= name == "train.step"
        if left < 0:
            raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(files, "at_point", stand_in)
        with pytest.raises(Interruption):
            train(run)


def nothing(*args: Any) -> None:
    """Stands in for a step that a mutant leaves out."""


@pytest.mark.parametrize(
    "break_it",
    [
        lambda patch: patch.setattr(resume, "_restore_generators", nothing),
        lambda patch: patch.setattr(Optimizers, "load", nothing),
        lambda patch: patch.setattr(files, "cut_records", nothing),
    ],
    ids=["generators not restored", "optimizer not restored", "log not cut"],
)
def test_a_mutant_that_forgets_something_is_caught(
    break_it: Callable[[pytest.MonkeyPatch], None],
    make_run: MakeRun,
    monkeypatch: pytest.MonkeyPatch,
):
    sound, mutant, straight = (
        make_run(model=DROPPING, steps=20, checkpoint_every=8) for _ in range(3)
    )
    train(straight)
    for run in (sound, mutant):
        interrupted(run, monkeypatch, at_step=11)
        assert newest_sound(run).step == 10
    train(sound)
    assert_equal_runs(sound, straight)
    break_it(monkeypatch)
    train(mutant)
    with pytest.raises(AssertionError):
        assert_equal_runs(mutant, straight)


def test_a_damaged_checkpoint_is_passed_over_and_made_anew(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run, straight = (make_run(model=DROPPING, steps=20, checkpoint_every=5) for _ in range(2))
    train(straight)
    interrupted(run, monkeypatch, at_step=12)
    weights = run / "ckpt" / "10" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x7f")
    train(run)
    assert_equal_runs(run, straight)


def test_a_run_with_only_damaged_checkpoints_is_not_begun_anew(make_run: MakeRun):
    """Starting over would quietly delete what a person may still want to rescue."""
    run = make_run(steps=4, decay_fraction=0)
    train(run)
    (run / "ckpt" / "4" / "optimizer.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"optimizer\.safetensors is missing"):
        train(run)
    assert [ref.step for ref in checkpoints(run)] == [4]


def test_a_changed_model_is_refused_and_a_changed_thread_count_is_noted(make_run: MakeRun):
    run = make_run(steps=4)
    train(run)
    values = files.read_json(run / "config.json")
    values["train"] |= {"threads": 2, "steps": 5}
    files.write_json(run / "config.json", values)
    train(run)
    noted = files.read_records(run / "events.jsonl").records[-1]
    assert (noted["field"], noted["old"], noted["new"]) == ("threads", 1, 2)
    assert noted["note"] == "exactness not guaranteed"
    values["model"]["n_layers"] = 1
    files.write_json(run / "config.json", values)
    with pytest.raises(ConfigError, match="model settings of this run changed"):
        train(run)


def test_where_a_run_went_on_and_how_far_it_had_come_is_written_down(make_run: MakeRun):
    """Stopped after 6 steps, its last checkpoint lost: steps 5 and 6 are made again."""
    run = make_run(steps=8, evaluate_every=2, checkpoint_every=4)
    train(run, observers=[AsksAt(stop_file(run), 6)])
    files.remove_folder(run / "ckpt" / "6")
    train(run)
    train(run)  # it is over: nothing goes on
    (event,) = read_events(run)
    assert (event.step, event.field, event.old, event.new) == (4, RESUMED, 6, 4)
    settings = RunSettings.read(run).train
    assert config_at(settings, [event], 5) == settings  # it changes nothing


def test_settings_that_were_damaged_come_back_from_a_checkpoint(make_run: MakeRun):
    run = make_run(steps=4)
    assert settings_saved_at(run) is None
    train(run)
    whole = (run / "config.json").read_bytes()
    (run / "config.json").write_bytes(whole[:40])
    assert settings_saved_at(run) == 4
    restore_settings(run)
    assert (run / "config.json").read_bytes() == whole


def test_a_full_disk_is_told_and_older_checkpoints_stay(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run = make_run(steps=10, checkpoint_every=4)
    interrupted(run, monkeypatch, at_step=5)
    monkeypatch.setattr(resume, "SPARE_BYTES", 10**18)
    with pytest.raises(files.WorkspaceError, match="A checkpoint needs"):
        train(run)
    assert newest_sound(run).step == 5


def test_saving_takes_at_most_a_fiftieth_of_the_time_between(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    """A commit of 4 s is due after 200 s; one of half a second, after the 60 s that are asked."""
    run = make_run(checkpoint_seconds=60)
    settings = RunSettings.read(run)
    model = Transformer(settings.model)
    store = resume.Store(run, settings, Whole(model, Optimizers(model, settings.train)), threads=1)
    begin = time.monotonic()
    waits = {}
    for cost in (0.5, 4.0):
        for waited in (59, 61, 199, 201):
            monkeypatch.setattr(time, "monotonic", lambda waited=waited: begin + waited)
            waits[cost, waited] = store.is_time(resume.Progress(commit_seconds=cost))
    assert [waits[0.5, waited] for waited in (59, 61)] == [False, True]
    assert [waits[4.0, waited] for waited in (61, 199, 201)] == [False, False, True]


def test_a_first_save_of_a_large_model_is_put_off_by_its_guessed_time(make_run: MakeRun):
    """At 100 MB a second, 3 GB take half a minute: a fiftieth of 25 minutes."""
    run = make_run(checkpoint_seconds=60)
    settings = RunSettings.read(run)
    model = Transformer(settings.model)
    store = resume.Store(run, settings, Whole(model, Optimizers(model, settings.train)), threads=1)
    assert store._guessed_seconds() == pytest.approx(3 * 4 * model.n_parameters / 100e6)


def test_the_checkpoint_from_before_the_descent_stays(make_run: MakeRun):
    run = make_run(steps=40, decay_fraction=0.75, checkpoint_every=5)
    train(run)
    state = files.read_json(run / "ckpt" / "40" / "state.json")
    assert state["progress"]["descent_step"] == 10
    assert 10 in [ref.step for ref in checkpoints(run)]
