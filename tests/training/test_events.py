"""Settings that change in mid-run: asked for, logged, and met again at the same step."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from slm import files
from slm.data.batches import TokenFile
from slm.errors import ConfigError
from slm.training.config import TrainConfig
from slm.training.events import (
    CHANGEABLE,
    Event,
    config_at,
    latest_config,
    pending_requests,
    read_events,
    record_event,
    request_change,
    windows_read,
)
from slm.training.launch import train_in_processes
from slm.training.runs import RunSettings, tokens_folder
from slm.training.trainer import train
from tests.training.small_runs import MakeRun
from tests.training.test_resume import (
    DROPPING,
    assert_equal_runs,
    interrupted,
    kill_again_and_again,
)


class AskAt:
    """A reporter that asks for changes before the update of a step, as a person would."""

    def __init__(self, run: Path, wishes: dict[int, dict[str, Any]]) -> None:
        self.run, self.wishes, self.step = run, wishes, 0

    def __call__(self, fraction: float | None, message: str = "", **facts: Any) -> None:
        pass

    def plan(self, stages: Any) -> None:
        pass

    def should_stop(self) -> bool:
        if self.step in self.wishes:
            request_change(self.run, self.wishes.pop(self.step))
        self.step += 1
        return False


def metrics(run: Path) -> list[dict[str, Any]]:
    return files.read_records(run / "metrics.jsonl").records


def test_a_change_is_in_force_from_the_step_that_its_event_names():
    base = TrainConfig()
    events = [
        Event(step=10, field="learning_rate", old=0.01, new=0.02),
        Event(step=30, field="learning_rate", old=0.02, new=0.005),
        Event(step=0, field="threads", old=2, new=4),  # no setting that can change
    ]
    rates = [config_at(base, events, step).learning_rate for step in (0, 9, 10, 29, 30, 400)]
    assert rates == [0.01, 0.01, 0.02, 0.02, 0.005, 0.005]
    assert config_at(base, events, 400).threads is None


def test_batch_and_micro_batches_may_change_together():
    """8 in 8 parts after 12 in 6: in between, 8 in 6 parts would be refused."""
    base = TrainConfig(batch_size=12, grad_accum_steps=6)
    events = [
        Event(step=3, field="batch_size", old=12, new=8),
        Event(step=3, field="grad_accum_steps", old=6, new=8),
    ]
    changed = config_at(base, events, 3)
    assert (changed.batch_size, changed.grad_accum_steps) == (8, 8)


def test_windows_are_counted_batch_by_batch():
    """4 updates of 12 windows, 3 of 8, 3 of 16: 48 + 24 + 48."""
    events = [
        Event(step=4, field="batch_size", old=12, new=8),
        Event(step=7, field="batch_size", old=8, new=16),
    ]
    base = TrainConfig(batch_size=12)
    assert [windows_read(base, events, step) for step in (0, 4, 7, 10)] == [0, 48, 72, 120]


def test_a_request_waits_until_the_run_goes_on_and_is_logged_then(make_run: MakeRun):
    run = make_run(steps=4)
    request_change(run, {"learning_rate": 0.002})
    assert latest_config(run).learning_rate == 0.002 and read_events(run) == []
    train(run)
    (event,) = read_events(run)
    assert (event.step, event.field, event.old, event.new) == (0, "learning_rate", 0.01, 0.002)
    assert event.time.endswith("+00:00") and pending_requests(run) == []
    assert metrics(run)[1]["learning_rate"] == pytest.approx(0.002 / 2)  # the first of 2 up


def test_what_holds_already_is_not_asked_for(make_run: MakeRun):
    run = make_run(steps=4)
    request_change(run, {"learning_rate": 0.01, "gradient_clip": 1.0})
    assert pending_requests(run) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 2}, r"seed cannot change in mid-run; what can: batch_size, "),
        ({"evaluation_tokens": 64}, "evaluation_tokens cannot change"),
        ({"learning_rate": -1.0}, r"learning_rate is -1\.0; it must be greater than 0"),
        ({"grad_accum_steps": 3}, r"batch_size \(8\) must be a multiple of grad_accum_steps \(3\)"),
        ({"steps": 3}, "steps is 3, but 4 are done"),
        ({"colour": "red"}, "colour cannot change"),
    ],
)
def test_what_cannot_be_is_refused_with_the_value(
    make_run: MakeRun, changes: dict[str, Any], words: str
):
    run = make_run(steps=4)
    train(run)
    with pytest.raises(ConfigError, match=words):
        request_change(run, changes)
    assert pending_requests(run) == []


def test_every_changeable_setting_is_a_setting():
    assert set(TrainConfig.model_fields) >= CHANGEABLE


WISHES: dict[int, dict[str, Any]] = {
    5: {"learning_rate": 0.004, "muon_learning_rate": 0.03},
    9: {"batch_size": 12, "grad_accum_steps": 3},
    13: {"weight_decay": 0.1, "gradient_clip": 0.5, "muon_momentum": 0.9},
    17: {"steps": 34, "decay_fraction": 0.25, "evaluate_every": 7},
}


def test_changes_take_effect_at_their_steps(make_run: MakeRun):
    run = make_run(steps=24, warmup_steps=0)
    outcome = train(run, report=AskAt(run, dict(WISHES)))
    records = {record["step"]: record for record in metrics(run)}
    assert outcome.step == 34
    assert (records[5]["learning_rate"], records[6]["learning_rate"]) == (0.01, 0.004)
    assert (records[5]["muon_learning_rate"], records[6]["muon_learning_rate"]) == (0.015, 0.03)
    assert [records[step]["batch_size"] for step in (9, 10)] == [8, 12]
    assert records[34]["tokens"] == (9 * 8 + 25 * 12) * 16
    assert [s for s, r in records.items() if r["val_nats"] is not None] == [0, 10, 21, 28, 34]
    assert records[25]["learning_rate"] == 0.004  # level until 34 - 34 / 4
    assert {event.step for event in read_events(run)} == {5, 9, 13, 17}


def test_a_larger_batch_goes_on_where_the_smaller_one_stopped_reading(make_run: MakeRun):
    """With equal rates nothing is learned twice: 2 updates of 8 windows, then 1 of 16, read the
    same 32 windows as 4 updates of 8."""
    run, straight = make_run(steps=4), make_run(steps=4)
    train(run, report=AskAt(run, {2: {"batch_size": 16, "steps": 3}}))
    train(straight)
    assert metrics(run)[3]["tokens"] == metrics(straight)[4]["tokens"] == 32 * 16
    mine, theirs = metrics(run)[3], metrics(straight)[3:5]
    assert mine["train_nats"] == pytest.approx(
        sum(record["train_nats"] for record in theirs) / 2, abs=0.1
    )


def test_windows_come_in_one_order_whatever_the_batch(make_run: MakeRun):
    """The third and fourth batch of 8 are the second one of 16, also across an epoch's end."""
    run = make_run()
    tokens = TokenFile(tokens_folder(run, RunSettings.read(run)) / "train.bin")
    for read in (16, 248):  # an epoch has 250 windows
        ids_BT, _ = tokens.batch_from(1, read, 16, 16)
        halves = [tokens.batch_from(1, read + more, 8, 16)[0] for more in (0, 8)]
        assert torch.equal(ids_BT, torch.cat(halves))
    assert torch.equal(tokens.batch(1, 2, 8, 16)[0], tokens.batch_from(1, 16, 8, 16)[0])


def test_a_killed_run_meets_its_changes_again_at_the_same_steps(make_run: MakeRun):
    """Real kills, also while a change is taken up; then a fresh run replays the log."""
    killed, straight = (make_run(model=DROPPING, steps=24, checkpoint_every=6) for _ in range(2))
    wishes = json.dumps({str(step): wish for step, wish in WISHES.items()})
    (killed / "wishes.json").write_text(wishes)
    plan: list[list[Any] | float] = [
        ["event.logged", 1],  # of two settings asked for together, one is logged
        ["train.step", 8],
        ["event.logged", 2],
        ["request.done", 1],
        ["commit.rename", 1],
    ]
    assert kill_again_and_again(killed, plan) >= 4
    asked = {(event.field, json.dumps(event.new)) for event in read_events(killed)}
    assert asked >= {(f, json.dumps(v)) for wish in WISHES.values() for f, v in wish.items()}
    for event in read_events(killed):
        record_event(straight, event)
    train(straight)
    assert metrics(killed)[-1]["step"] == 34
    assert_equal_runs(killed, straight)


def test_a_change_past_the_restored_checkpoint_is_not_lost(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    run, straight = (make_run(model=DROPPING, steps=20, checkpoint_every=8) for _ in range(2))
    train(straight, report=AskAt(straight, {9: {"learning_rate": 0.003}}))
    record_event(run, Event(9, "learning_rate", 0.01, 0.003))
    interrupted(run, monkeypatch, at_step=9)  # the checkpoint is that of step 8
    train(run)
    assert_equal_runs(run, straight)


def test_a_request_that_fits_no_more_is_refused_in_the_log(make_run: MakeRun):
    run = make_run(steps=4)
    control = run / "control"
    control.mkdir()
    files.write_json(control / "change-1.json", {"changes": {"batch_size": 0}})
    (control / "change-2.json").write_text("{")
    train(run)
    (event,) = read_events(run)
    assert event.old == event.new == 8 and event.note.startswith("refused: batch_size is 0")
    assert list(control.glob("change-*")) == []


def test_a_finished_run_is_made_longer(make_run: MakeRun):
    run = make_run(steps=10)
    train(run)
    request_change(run, {"steps": 16})
    assert train(run).step == 16
    assert [record["step"] for record in metrics(run)] == list(range(17))
    told = [(event.step, event.field, event.new) for event in read_events(run)]
    assert told == [(10, "resumed", 10), (10, "steps", 16)]


def test_an_unchanged_run_computes_as_before(make_run: MakeRun):
    """Asking for what holds, and looking for requests, moves no number."""
    asked, straight = make_run(model=DROPPING, steps=6), make_run(model=DROPPING, steps=6)
    train(asked, report=AskAt(asked, {3: {"learning_rate": 0.01}}))
    train(straight)
    assert_equal_runs(asked, straight)


class AskLate:
    """A reporter of several processes that asks for changes once the run has begun."""

    def __init__(self, run: Path, changes: dict[str, Any]) -> None:
        self.run, self.changes = run, changes

    def __call__(self, fraction: float | None, message: str = "", **facts: Any) -> None:
        if self.changes and facts.get("step", 0) > 10:
            request_change(self.run, self.changes)
            self.changes = {}

    def plan(self, stages: Any) -> None:
        pass

    def should_stop(self) -> bool:
        return False


@pytest.mark.slow
def test_two_processes_take_up_a_change_at_the_same_step(make_run: MakeRun):
    run, replayed = (make_run(steps=400, evaluate_every=100) for _ in range(2))
    wishes = {"learning_rate": 0.003, "batch_size": 12, "steps": 300}
    train_in_processes(run, 2, report=AskLate(run, wishes))
    assert {event.field for event in read_events(run)} == set(wishes)
    for event in read_events(run):
        record_event(replayed, event)
    train_in_processes(replayed, 2)
    assert metrics(run)[-1]["step"] == 300
    assert_equal_runs(run, replayed)
