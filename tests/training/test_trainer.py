"""What one run writes, how it ends, and that looking at it changes nothing."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from slm import files
from slm.data.batches import TokenFile
from slm.data.windows import WindowMode
from slm.device import seed_everything
from slm.errors import ConfigError, DataError, DivergedError, JobError, WorkspaceError
from slm.locks import FileLock
from slm.model.checkpoint import checkpoints, load_checkpoint, newest_sound
from slm.model.config import ModelConfig
from slm.model.loss import mean_nats
from slm.model.transformer import Transformer
from slm.training.config import TrainConfig
from slm.training.events import request_change
from slm.training.ranks import share_of_rows
from slm.training.runs import RunSettings, create_run, tokens_folder
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, VOCAB, MakeRun, artefacts


def metrics(run: Path) -> list[dict[str, Any]]:
    return files.read_records(run / "metrics.jsonl").records


class StopAfter:
    """A reporter that asks to stop once it has been asked so many times."""

    def __init__(self, questions: int) -> None:
        self.left = questions
        self.told: list[tuple[float | None, str]] = []

    def __call__(self, fraction: float | None, message: str = "", **facts: Any) -> None:
        self.told.append((fraction, message))

    def plan(self, stages: Any) -> None:
        pass

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_a_run_learns_and_writes_what_it_did(make_run: MakeRun):
    """The chain's next token is known 9 times in 10, so the loss falls far below ln 24 = 3.18."""
    run = make_run(steps=60)
    outcome = train(run)
    records = metrics(run)
    assert outcome.state == "done" and outcome.step == 60
    assert [record["step"] for record in records] == list(range(61))
    assert records[0]["val_nats"] == pytest.approx(math.log(VOCAB), abs=0.15)
    assert outcome.val_nats is not None and outcome.val_nats < 1.5
    assert [r["step"] for r in records if r["val_nats"] is not None] == list(range(0, 61, 10))
    assert records[-1]["tokens"] == 60 * 8 * 16
    assert records[60]["learning_rate"] == pytest.approx(0.01 / 30)  # the last of 30 steps down
    assert all(record["gradient_norm"] > 0 for record in records[1:])
    assert [ref.step for ref in checkpoints(run)] == [30, 60]  # before the descent, and the end


def test_the_last_checkpoint_gives_the_last_logged_loss(make_run: MakeRun):
    run = make_run(steps=10, evaluation_tokens=0)
    outcome = train(run)
    model = load_checkpoint(newest_sound(run).folder)
    val = TokenFile(tokens_folder(run, RunSettings.read(run)) / "val.bin")
    nats = tokens = 0.0
    for ids_BT, targets_BT in val.windows(16, 7):
        logits_BTV = model(ids_BT)
        wanted = targets_BT >= 0
        log_probabilities = logits_BTV.log_softmax(-1)[wanted]
        nats -= log_probabilities.gather(-1, targets_BT[wanted][:, None]).sum().item()
        tokens += wanted.sum().item()
    assert tokens == len(val) - 1
    assert outcome.val_nats == pytest.approx(nats / tokens, abs=1e-6)


def test_the_same_seed_gives_the_same_run_and_another_seed_does_not(make_run: MakeRun):
    runs = [make_run(steps=5), make_run(steps=5), make_run(steps=5, seed=2)]
    losses = []
    for run in runs:
        train(run)
        losses.append([record["train_nats"] for record in metrics(run)])
    assert losses[0] == losses[1] != losses[2]


def test_micro_batches_give_the_losses_of_one_batch(make_run: MakeRun):
    whole, split = make_run(steps=6), make_run(steps=6, grad_accum_steps=4)
    train(whole), train(split)
    for one, other in zip(metrics(whole)[1:], metrics(split)[1:], strict=True):
        assert other["train_nats"] == pytest.approx(one["train_nats"], abs=1e-5)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)


class Nosy:
    """An observer that draws random numbers and leaves the model in another mode."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, np.ndarray]:
        torch.rand(7)
        assert not model.training
        self.seen.append(step)
        return {"weights": np.zeros(3), "answer": np.float64(42.0)}


def test_observers_change_nothing_and_their_numbers_join_the_record(make_run: MakeRun):
    dropping = ModelConfig(**{**SMALL_MODEL.to_json(), "dropout": 0.2})
    watched, alone = (make_run(model=dropping, steps=12) for _ in range(2))
    observer = Nosy()
    train(watched, observers=[observer]), train(alone)
    assert observer.seen == [0, 10, 12]
    assert metrics(watched)[10]["answer"] == 42.0 and "weights" not in metrics(watched)[10]
    losses = [[record["train_nats"] for record in metrics(run)] for run in (watched, alone)]
    assert losses[0] == losses[1]


def test_a_stop_commits_and_the_next_call_goes_on(make_run: MakeRun):
    stopped, straight = make_run(), make_run()
    outcome = train(stopped, report=StopAfter(7))
    assert (outcome.state, outcome.step) == ("stopped", 7)
    assert newest_sound(stopped).step == 7
    assert train(stopped).state == "done"
    train(straight)
    losses = [[r["train_nats"] for r in metrics(run)] for run in (stopped, straight)]
    assert losses[0] == losses[1]


def test_a_finished_run_is_done_at_once(make_run: MakeRun):
    run = make_run(steps=3)
    train(run)
    before = (run / "metrics.jsonl").read_bytes()
    assert train(run).state == "done"
    assert (run / "metrics.jsonl").read_bytes() == before


def test_a_run_that_asks_for_more_steps_goes_on_and_says_so(make_run: MakeRun):
    run = make_run(steps=4)
    train(run)
    values = files.read_json(run / "config.json")
    values["train"]["steps"] = 6
    files.write_json(run / "config.json", values)
    assert train(run).step == 6
    events = files.read_records(run / "events.jsonl").records
    told = [(e["step"], e["field"], e["old"], e["new"]) for e in events]
    assert told == [(4, "resumed", 4, 4), (4, "steps", 4, 6)]


def test_a_run_of_a_later_version_is_looked_at_and_never_trained_or_rewritten(make_run: MakeRun):
    """It may have settings that this version does not know; what it does know, it shows."""
    run = make_run(steps=4)
    values = files.read_json(run / "config.json")
    values |= {"schema": 2, "train": {**values["train"], "warp": 9}, "mood": "good"}
    files.write_json(run / "config.json", values)
    written = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    settings = RunSettings.read(run)
    assert settings.later_schema == 2 and settings.train.steps == 4
    for refused in (lambda: train(run), lambda: request_change(run, {"steps": 8})):
        with pytest.raises(
            WorkspaceError, match=r"later version \(schema 2\); it can be looked at"
        ):
            refused()
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == written


def test_a_second_trainer_is_refused(make_run: MakeRun):
    run = make_run()
    lock = FileLock(run / "run.lock")
    assert lock.acquire()
    try:
        with pytest.raises(JobError, match="already running"):
            train(run)
    finally:
        lock.release()


class Poison:
    """An observer that makes a weight NaN from some step on, as an update too large would."""

    def __init__(self, from_step: int) -> None:
        self.from_step = from_step

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, np.ndarray]:
        if step >= self.from_step:
            with torch.no_grad():
                model.final_norm.weight[0] = math.nan
        return {}


def test_divergence_names_step_rate_and_norm_and_keeps_the_last_finite_checkpoint(
    make_run: MakeRun,
):
    """Checkpoints fall on 4, 8, 12, …; the weights are broken after step 10."""
    run = make_run(steps=40, checkpoint_every=4)
    with pytest.raises(DivergedError, match=r"step 11: loss nan, learning rate 0\.01, gradient n"):
        train(run, observers=[Poison(from_step=10)])
    last = newest_sound(run)
    assert last.step == 8
    assert all(torch.isfinite(p).all() for p in load_checkpoint(last.folder).parameters())
    assert metrics(run)[-1] == {"step": 11, "train_nats": None, "val_nats": None, "diverged": True}


def test_broken_weights_are_never_committed(make_run: MakeRun):
    """The weights break after step 10's loss was found finite, right before a checkpoint."""
    run = make_run(steps=40, checkpoint_every=5)
    with pytest.raises(DivergedError, match="step 10"):
        train(run, observers=[Poison(from_step=10)])
    assert newest_sound(run).step == 5


def test_only_the_newest_three_checkpoints_and_the_best_stay(make_run: MakeRun):
    run = make_run(steps=30, checkpoint_every=2)
    train(run)
    steps = [ref.step for ref in checkpoints(run)]
    state = files.read_json(run / "ckpt" / "30" / "state.json")
    best = state["progress"]["best_step"]
    assert steps == sorted({best, 15, 26, 28, 30})  # 15: from where the rates fall


def test_a_changed_or_missing_token_file_is_named(make_run: MakeRun):
    run = make_run()
    tokens = tokens_folder(run, RunSettings.read(run))
    original = (tokens / "val.bin").read_bytes()
    (tokens / "val.bin").write_bytes(original[:-1] + b"\x01")
    with pytest.raises(DataError, match=r"val\.bin .* changed"):
        train(run)
    (tokens / "val.bin").unlink()
    with pytest.raises(DataError, match=r"val\.bin of this run is gone"):
        train(run)


def test_token_files_may_lie_elsewhere(make_run: MakeRun, tmp_path: Path):
    run = make_run(steps=2)
    shutil.move(tokens_folder(run, RunSettings.read(run)), tmp_path / "moved")
    assert train(run, tokens=tmp_path / "moved").state == "done"


@pytest.mark.parametrize(
    ("windows", "document_end"), [("documents", 0), ("packed", None), ("one_document", 0)]
)
def test_windows_begin_with_documents_unless_packed_is_asked_for(
    workspace: Workspace, windows: WindowMode, document_end: int | None
):
    """The first logged loss is that of fresh weights on just this batch, padding left out."""
    parts = artefacts(workspace, document_end=0)
    config = SHORT.replace(windows=windows, steps=1)
    run = create_run(workspace, SMALL_MODEL, config, name="run", **parts)
    train(run.folder)
    seed_everything(config.seed)
    model = Transformer(SMALL_MODEL)
    tokens = TokenFile(parts["tokens"].folder / "train.bin", document_end, windows)
    ids_BT, targets_BT = tokens.batch(config.seed, 0, config.batch_size, 16)
    with torch.no_grad():
        expected = mean_nats(model(ids_BT), targets_BT).item()
    record = metrics(run.folder)[1]
    assert record["train_nats"] == pytest.approx(expected, abs=1e-6)
    assert record["tokens"] == int((targets_BT >= 0).sum())
    assert (record["tokens"] < 8 * 16) == (windows == "one_document")


def test_padding_is_shared_out_between_micro_batches_and_survives_a_stop(workspace: Workspace):
    """Micro-batches hold unequal numbers of targets, and still add up to one step."""
    parts = artefacts(workspace, document_end=0)
    config = SHORT.replace(windows="one_document", steps=8)
    split = config.replace(grad_accum_steps=4)
    runs = [
        create_run(workspace, SMALL_MODEL, each, name="run", **parts).folder
        for each in (config, split, config)
    ]
    train(runs[0])
    train(runs[1])
    assert train(runs[2], report=StopAfter(3)).step == 3
    train(runs[2])
    whole, in_parts, resumed = (
        [(record["tokens"], record["train_nats"]) for record in metrics(run)[1:]] for run in runs
    )
    assert resumed == whole
    for one, other in zip(whole, in_parts, strict=True):
        assert one[0] == other[0] and one[1] == pytest.approx(other[1], abs=1e-5)


def test_documents_cannot_be_kept_apart_when_no_token_ends_them(workspace: Workspace):
    parts = artefacts(workspace)
    config = SHORT.replace(windows="one_document")
    with pytest.raises(DataError, match="Choose the separator end_of_text"):
        create_run(workspace, SMALL_MODEL, config, name="run", **parts)


def test_a_run_without_held_out_text_trains_all_the_same(workspace: Workspace):
    parts = artefacts(workspace)
    with workspace.tokens.create("no validation") as draft:
        TokenFile.write(draft.folder / "train.bin", [np.arange(200) % VOCAB], VOCAB)
        TokenFile.write(draft.folder / "val.bin", [np.arange(0)], VOCAB)
    parts["tokens"] = workspace.tokens.get(draft.id)
    config = TrainConfig(steps=2, snapshots=0, sample_every=0, threads=1)
    run = create_run(workspace, SMALL_MODEL, config, name="run", **parts)
    outcome = train(run.folder)
    assert outcome.val_nats is None and outcome.train_nats is not None


def test_a_run_that_does_not_fit_its_tokens_is_refused_with_the_numbers(workspace: Workspace):
    parts = artefacts(workspace)
    wrong = ModelConfig(**{**SMALL_MODEL.to_json(), "vocab_size": 99})
    with pytest.raises(ConfigError, match=r"vocab_size of the model is 99.* vocabulary of 24"):
        create_run(workspace, wrong, TrainConfig(), name="run", **parts)
    long = ModelConfig(**{**SMALL_MODEL.to_json(), "context_length": 5_000})
    with pytest.raises(DataError, match=r"holds 4,000 tokens; a context of 5,000 needs"):
        create_run(workspace, long, TrainConfig(), name="run", **parts)


def test_a_run_remembers_its_parents_and_carries_its_tokenizer(workspace: Workspace):
    parts = artefacts(workspace)
    run = create_run(workspace, SMALL_MODEL, TrainConfig(), name="first", **parts)
    assert {role: parent.id for role, parent in run.manifest.parents.items()} == {
        role: part.id for role, part in parts.items()
    }
    assert (run.folder / "tokenizer" / "tokenizer.json").exists()
    assert RunSettings.read(run.folder).model == SMALL_MODEL


def test_rows_are_shared_without_gap_or_overlap():
    assert share_of_rows(10, 4) == [slice(0, 2), slice(2, 5), slice(5, 7), slice(7, 10)]
