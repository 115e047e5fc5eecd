"""A run's snapshots in order: read one at a time, damaged ones told and passed over."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from slm.attention.timeline import PROBES, Timeline
from slm.errors import CheckpointError
from slm.model.checkpoint import save_checkpoint
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer

CONFIG = ModelConfig(vocab_size=9, context_length=8, n_layers=1, n_heads=2, d_model=8, d_ff=8)


def probes(step: int) -> dict[str, np.ndarray]:
    return {
        "text_ids_NT": np.array([[1, 2, 3], [4, 5, 6]]),
        "text_nats_NT": np.full((2, 2), 2.0 / (step + 1), dtype=np.float32),
        "repeat_ids_T": np.array([7, 8, 7, 8]),
        "repeat_nats_T": np.array([3.0, 2.0, 1.0], dtype=np.float32),
        "sample_ids": np.array([1, 2]),
        "head_scores_LHM": np.full((1, 2, 1), step / 10, dtype=np.float32),
        "measures": np.array(["induction"]),
    }


def add_snapshot(run: Path, step: int, **changed: np.ndarray) -> Path:
    torch.manual_seed(step)
    folder = run / "snapshots" / str(step)
    save_checkpoint(Transformer(CONFIG), folder, step=step, dtype=torch.float16)
    np.savez_compressed(folder / PROBES, allow_pickle=False, **{**probes(step), **changed})
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    for step in (10, 0, 2):
        add_snapshot(tmp_path, step)
    return tmp_path


def test_steps_are_in_order_and_each_moment_is_its_own(run: Path):
    timeline = Timeline(run)
    assert timeline.steps == (0, 2, 10)
    assert timeline.moment(2).text_nats_NT.mean() == pytest.approx(2 / 3)
    assert timeline.moment(10).head_scores_LHM.max() == pytest.approx(1.0)
    assert timeline.moment(0).measures == ("induction",)


def test_the_model_of_a_step_is_the_one_that_was_kept(run: Path):
    torch.manual_seed(2)
    kept = Transformer(CONFIG).state_dict()["token_embedding.weight"]
    loaded = Timeline(run).load_model(2).state_dict()["token_embedding.weight"]
    assert torch.equal(loaded, kept.half().float())


def test_a_snapshot_that_comes_later_is_seen_by_the_next_timeline(run: Path):
    add_snapshot(run, 30)
    assert Timeline(run).steps == (0, 2, 10, 30)


def test_disk_bytes_are_those_of_every_file(run: Path):
    files = [path for path in (run / "snapshots").rglob("*") if path.is_file()]
    assert Timeline(run).disk_bytes == sum(path.stat().st_size for path in files)


def test_an_unknown_step_says_which_there_are(run: Path):
    with pytest.raises(CheckpointError, match="there are: 0, 2, 10"):
        Timeline(run).moment(5)


@pytest.mark.parametrize(
    "changed",
    [
        {"text_nats_NT": np.zeros((2, 3), dtype=np.float32)},
        {"measures": np.array(["a", "b"])},
        {"sample_ids": np.array([["x"]])},
        {"sample_ids": np.array(["x"])},
    ],
)
def test_probes_that_do_not_fit_together_are_left_out_and_told(run: Path, changed):
    add_snapshot(run, 20, **changed)
    moments, problems = Timeline(run).moments()
    assert [moment.step for moment in moments] == [0, 2, 10]
    assert problems == ("The probes of snapshot 20 are damaged; it is left out.",)


def test_torn_lost_and_pickled_probes_are_left_out(run: Path):
    for step, act in (
        (0, lambda path: path.write_bytes(path.read_bytes()[:100])),
        (2, lambda path: path.unlink()),
        (10, lambda path: np.savez(path, text_ids_NT=np.array([{"a": 1}], dtype=object))),
    ):
        act(run / "snapshots" / str(step) / PROBES)
    moments, problems = Timeline(run).moments()
    assert moments == () and len(problems) == 3
    assert problems[1] == "Snapshot 2 has lost its probes.npz."


def test_a_snapshot_that_is_still_being_written_is_none(run: Path):
    folder = add_snapshot(run, 40)
    manifest = folder / "manifest.json"
    json.loads(manifest.read_text())
    manifest.unlink()
    assert 40 not in Timeline(run).steps
