"""What a run keeps to be looked back at, on a tiny run over characters."""

from pathlib import Path

import numpy as np
import pytest

from slm import files
from slm.attention.heads import MEASURES
from slm.attention.timeline import Timeline
from slm.data.batches import TokenFile
from slm.errors import WorkspaceError
from slm.lab.snapshots import (
    BUDGET_BYTES,
    SnapshotObserver,
    affordable_steps,
    observers_for,
    prompt_of,
    repeated_tokens,
)
from slm.model.checkpoint import load_checkpoint, newest_sound, snapshots
from slm.model.config import ModelConfig
from slm.tokenizer.characters import CharacterTokenizer
from slm.training.config import TrainConfig, snapshot_steps
from slm.training.runs import create_run
from slm.training.trainer import train
from slm.workspace import Workspace

TEXT = "the cat sat on the mat and the rat ran at the bat. " * 60
TRAIN = TrainConfig(
    steps=8,
    batch_size=4,
    evaluate_every=4,
    sample_every=4,
    sample_prompts=("the ", ""),
    sample_tokens=6,
    snapshots=4,
    threads=1,
    device="cpu",
)


@pytest.fixture(scope="module")
def tokenizer() -> CharacterTokenizer:
    return CharacterTokenizer.train([TEXT])


@pytest.fixture(scope="module")
def model_config(tokenizer: CharacterTokenizer) -> ModelConfig:
    return ModelConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=24,
        n_layers=2,
        n_heads=2,
        n_kv_heads=1,
        d_model=16,
        d_ff=24,
    )


def new_run(
    root: Path, tokenizer: CharacterTokenizer, model: ModelConfig, training: TrainConfig
) -> Path:
    workspace = Workspace(root)
    ids = np.array(tokenizer.encode(TEXT))
    with workspace.corpora.create("cats") as corpus:
        files.write_json(corpus.folder / "ledger.json", {})
    with workspace.tokenizers.create("cats") as saved:
        tokenizer.save(saved.folder)
    with workspace.tokens.create("cats") as tokens:
        TokenFile.write(tokens.folder / "train.bin", [ids[:2_500]], tokenizer.vocab_size)
        TokenFile.write(tokens.folder / "val.bin", [ids[2_500:]], tokenizer.vocab_size)
    parts = (
        workspace.corpora.get(corpus.id),
        workspace.tokenizers.get(saved.id),
        workspace.tokens.get(tokens.id),
    )
    return create_run(workspace, model, training, *parts, name="run").folder


@pytest.fixture(scope="module")
def run(
    tmp_path_factory: pytest.TempPathFactory,
    tokenizer: CharacterTokenizer,
    model_config: ModelConfig,
) -> Path:
    """A run trained to its end with all its observers."""
    folder = new_run(tmp_path_factory.mktemp("lab"), tokenizer, model_config, TRAIN)
    train(folder, observers=observers_for(folder))
    return folder


def test_snapshots_stand_at_the_log_spaced_steps_and_load_as_models(run: Path):
    refs = snapshots(run)
    assert tuple(ref.step for ref in refs) == snapshot_steps(8, 4) == (0, 1, 3, 8)
    last, kept = load_checkpoint(refs[-1].folder), load_checkpoint(newest_sound(run).folder)
    for name, weight in kept.state_dict().items():
        assert (last.state_dict()[name] - weight).abs().max() < 1e-3  # half precision


def test_probes_have_every_measure_of_every_head_and_every_tokens_nats(run: Path):
    (*_, last), problems = Timeline(run).moments()
    assert problems == ()
    assert last.head_scores_LHM.shape == (2, 2, len(MEASURES))
    assert last.measures == MEASURES
    assert last.text_ids_NT.shape == (4, 24) and last.text_nats_NT.shape == (4, 23)
    assert last.repeat_nats_T.shape == (len(last.repeat_ids_T) - 1,)
    assert last.sample_ids.size > 0
    assert np.isfinite(last.head_scores_LHM).all() and np.isfinite(last.text_nats_NT).all()


def test_the_probe_texts_are_the_same_at_every_snapshot_and_get_cheaper(run: Path):
    moments, _ = Timeline(run).moments()
    first, last = moments[0], moments[-1]
    assert np.array_equal(first.text_ids_NT, last.text_ids_NT)
    assert last.text_nats_NT.mean() < first.text_nats_NT.mean() - 0.1


def test_the_best_induction_score_is_in_the_metrics(run: Path):
    records = {r["step"]: r for r in files.read_records(run / "metrics.jsonl").records}
    for moment in Timeline(run).moments()[0]:
        best = moment.head_scores_LHM[..., moment.measures.index("induction")].max()
        assert records[moment.step]["induction"] == pytest.approx(float(best))


def test_samples_are_written_for_each_prompt_at_their_steps(
    run: Path, tokenizer: CharacterTokenizer
):
    records = files.read_records(run / "samples.jsonl").records
    assert [(r["step"], r["prompt"]) for r in records] == [
        (step, prompt) for step in (0, 4, 8) for prompt in ("the ", "")
    ]
    assert all(len(tokenizer.encode(r["text"])) <= 6 for r in records)


def test_watching_changes_no_weight(
    run: Path, tmp_path: Path, tokenizer: CharacterTokenizer, model_config: ModelConfig
):
    alone = new_run(tmp_path, tokenizer, model_config, TRAIN)
    train(alone)
    pairs = zip(
        load_checkpoint(newest_sound(run).folder).parameters(),
        load_checkpoint(newest_sound(alone).folder).parameters(),
        strict=True,
    )
    assert all((one == other).all() for one, other in pairs)


def test_a_killed_snapshot_is_made_anew_when_the_run_goes_on(
    tmp_path: Path,
    tokenizer: CharacterTokenizer,
    model_config: ModelConfig,
    monkeypatch: pytest.MonkeyPatch,
):
    """The disk fails while the second snapshot is written; nothing was committed yet."""
    folder = new_run(tmp_path, tokenizer, model_config, TRAIN)
    left = 2

    def fail(name: str) -> None:
        nonlocal left
        left -= name == "snapshot.probes"
        if left == 0:
            raise WorkspaceError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(files, "at_point", fail)
        with pytest.raises(WorkspaceError):
            train(folder, observers=observers_for(folder))
    assert [ref.step for ref in snapshots(folder)] == [0]
    train(folder, observers=observers_for(folder))
    assert [ref.step for ref in snapshots(folder)] == [0, 1, 3, 8]
    assert len(files.read_records(folder / "samples.jsonl").records) == 6


def test_the_disk_budget_thins_snapshots_and_keeps_the_last():
    """A tenth of the disk holds 5 of 16 snapshots: about 0.6 MB and 64 kB each."""
    config, model = TrainConfig(), ModelConfig()
    wanted = snapshot_steps(config.steps, config.snapshots)
    roomy = affordable_steps(config, model, free_bytes=10**12)
    tight = affordable_steps(config, model, free_bytes=100_000_000)
    assert roomy == set(wanted)
    assert 0 < len(tight) < len(wanted) and tight < set(wanted) and config.steps in tight
    assert affordable_steps(config, model, free_bytes=1_000_000) == set()
    giant = ModelConfig(n_layers=12, n_heads=12, n_kv_heads=12, d_model=768, d_ff=3072)
    total = len(affordable_steps(config, giant, free_bytes=10**13)) * 2 * 100_000_000
    assert total <= BUDGET_BYTES


def test_repeated_tokens_come_twice_and_never_end_a_text():
    config = ModelConfig(vocab_size=40, context_length=256)
    ids = repeated_tokens(config, eos_id=7)
    half = len(ids) // 2
    assert np.array_equal(ids[:half], ids[half:]) and len(set(ids[:half])) == half == 32
    assert 7 not in ids


def test_an_empty_prompt_begins_a_new_text(tokenizer: CharacterTokenizer):
    assert prompt_of("", tokenizer) == [tokenizer.eos_id]
    assert prompt_of("cat", tokenizer) == tokenizer.encode("cat")


def test_no_snapshots_are_kept_when_none_are_asked_for(
    tmp_path: Path, tokenizer: CharacterTokenizer, model_config: ModelConfig
):
    settings = TRAIN.replace(snapshots=0, sample_every=0, steps=2)
    folder = new_run(tmp_path, tokenizer, model_config, settings)
    observers = observers_for(folder)
    train(folder, observers=observers)
    assert isinstance(observers[0], SnapshotObserver)
    assert snapshots(folder) == [] and not (folder / "samples.jsonl").exists()
