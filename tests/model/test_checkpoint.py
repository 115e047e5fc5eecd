"""Models come back from disk as they were, or say what is wrong."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from slm import files
from slm.errors import CheckpointError
from slm.model import checkpoint
from slm.model.checkpoint import (
    checkpoints,
    load_checkpoint,
    load_config,
    newest_sound,
    save_checkpoint,
    snapshots,
)
from slm.model.config import ModelConfig, RopeScaling
from slm.model.transformer import Transformer

CONFIG = ModelConfig(
    vocab_size=40, context_length=24, n_layers=2, n_heads=4, n_kv_heads=2, d_model=32, d_ff=48
)
IDS = torch.arange(12)[None]


@pytest.fixture
def model() -> Transformer:
    torch.manual_seed(0)
    return Transformer(CONFIG).eval().requires_grad_(False)


@pytest.fixture
def run(tmp_path: Path, model: Transformer) -> Path:
    """A run with checkpoints 5, 20 and 100, and snapshots 0 and 5."""
    for step in (5, 20, 100):
        save_checkpoint(model, tmp_path / "ckpt" / str(step), step=step)
    for step in (0, 5):
        save_checkpoint(model, tmp_path / "snapshots" / str(step), step=step, dtype=torch.float16)
    (tmp_path / "ckpt" / ".tmp-300-abc").mkdir()
    return tmp_path


def flip_a_bit(path: Path, position: int = -5) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        CONFIG.replace(tie_embeddings=False, rope_scaling=RopeScaling(kind="llama3")),
        CONFIG.replace(norm="layernorm", positions="learned", mlp="gelu", bias="all"),
    ],
)
def test_a_saved_model_comes_back_bit_for_bit(tmp_path: Path, config: ModelConfig) -> None:
    torch.manual_seed(0)
    model = Transformer(config).eval()
    save_checkpoint(model, tmp_path / "7", step=7)
    loaded = load_checkpoint(tmp_path / "7")
    assert loaded.config == config
    assert torch.equal(loaded(IDS), model(IDS))
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    assert not loaded.training


def test_a_half_precision_snapshot_loads_as_float32(run: Path, model: Transformer) -> None:
    loaded = load_checkpoint(run / "snapshots" / "5")
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded(IDS), model(IDS), atol=2e-3, rtol=0)
    reduced = load_checkpoint(run / "ckpt" / "5", dtype=torch.bfloat16)
    assert reduced(IDS).dtype == torch.bfloat16
    assert reduced.cosine is not None and reduced.cosine.dtype == torch.float32


def test_loading_draws_no_random_numbers(run: Path) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    load_checkpoint(run / "ckpt" / "5")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_lists_its_checkpoints_by_step_and_no_half_ones(run: Path) -> None:
    assert [ref.step for ref in checkpoints(run)] == [5, 20, 100]
    assert [ref.step for ref in snapshots(run)] == [0, 5]
    assert newest_sound(run).step == 100
    assert newest_sound(run).skipped == ()


def test_damaged_checkpoints_are_passed_over_and_named(run: Path) -> None:
    flip_a_bit(run / "ckpt" / "100" / "model.safetensors")
    (run / "ckpt" / "20" / "manifest.json").write_text("{ torn")
    ref = newest_sound(run)
    assert ref.folder == run / "ckpt" / "5"
    assert ref.skipped[0] == (
        "Checkpoint 100 is damaged: model.safetensors in 100 has changed since it was saved."
    )
    assert ref.skipped[1].startswith("Checkpoint 20 is damaged: manifest.json in 20 is damaged")


def test_a_large_checkpoint_is_read_once_until_it_changes(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every click asks for the newest sound one; half a gigabyte takes half a second to hash."""
    read: list[Path] = []
    whole = files.sha256_of
    monkeypatch.setattr(checkpoint, "_REMEMBERED_BYTES", 0)
    monkeypatch.setattr(files, "sha256_of", lambda path: (read.append(path), whole(path))[1])
    assert [newest_sound(run).step for _ in range(3)] == [100] * 3
    weights = run / "ckpt" / "100" / "model.safetensors"
    assert read.count(weights) == 1
    flip_a_bit(weights)
    os.utime(weights, ns=(1, 1))  # a later time, also where clocks are coarse
    assert newest_sound(run).step == 20
    assert read.count(weights) == 2


def test_without_checkpoints_the_newest_snapshot_serves_unless_refused(run: Path) -> None:
    for step in (5, 20, 100):
        (run / "ckpt" / str(step) / "model.safetensors").unlink()
    ref = newest_sound(run)
    assert ref.folder == run / "snapshots" / "5"
    assert len(ref.skipped) == 3
    with pytest.raises(CheckpointError, match="No checkpoint of this run can be used"):
        newest_sound(run, snapshots_too=False)


def test_a_run_without_any_says_so(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        newest_sound(tmp_path)


@pytest.mark.parametrize("position", [0, 4, 40, 200, -1])
def test_no_flipped_bit_goes_unnoticed(run: Path, position: int) -> None:
    flip_a_bit(run / "ckpt" / "100" / "model.safetensors", position)
    with pytest.raises(CheckpointError):
        load_checkpoint(run / "ckpt" / "100")


def test_a_truncated_file_is_refused_also_without_its_hash(run: Path) -> None:
    path = run / "ckpt" / "100" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="has not the size it was saved with"):
        load_checkpoint(run / "ckpt" / "100")
    with pytest.raises(CheckpointError, match="bytes where its header asks for"):
        load_checkpoint(run / "ckpt" / "100", verify=False)


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Change tensors of a checkpoint behind the back of its manifest."""
    path = folder / "model.safetensors"
    tensors = {**load_file(path), **changes}
    save_file({name: t for name, t in tensors.items() if t is not None}, path)


def test_weights_that_do_not_fit_the_settings_are_listed(run: Path) -> None:
    folder = run / "ckpt" / "100"
    rewrite(
        folder,
        **{
            "blocks.0.mlp.up.weight": None,
            "blocks.9.mlp.up.weight": torch.zeros(2),
            "final_norm.weight": torch.zeros(7),
        },
    )
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(folder, verify=False)
    message = str(caught.value)
    assert "missing: blocks.0.mlp.up.weight" in message
    assert "not part of this model: blocks.9.mlp.up.weight" in message
    assert "of another shape: final_norm.weight [7] for [32]" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(run: Path, value: float) -> None:
    folder = run / "ckpt" / "100"
    rewrite(folder, **{"final_norm.weight": torch.full((32,), value)})
    with pytest.raises(CheckpointError, match=r"not finite numbers: final_norm\.weight"):
        load_checkpoint(folder, verify=False)


def test_settings_of_a_later_version_are_refused_unread(run: Path) -> None:
    path = run / "ckpt" / "100" / "manifest.json"
    manifest = files.read_json(path)
    path.write_text(json.dumps({**manifest, "schema": 2}))
    with pytest.raises(CheckpointError, match="written by a later version"):
        load_config(path.parent)


def test_giant_settings_cost_nothing_but_a_sentence(run: Path) -> None:
    path = run / "ckpt" / "100" / "manifest.json"
    manifest = files.read_json(path)
    manifest["details"]["model"] |= {"d_model": 32_768, "d_ff": 262_144, "vocab_size": 1_000_000}
    path.write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match=r"of another shape: token_embedding\.weight"):
        load_checkpoint(path.parent)
    manifest["details"]["model"]["n_layers"] = 10**9
    path.write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="n_layers is 1000000000"):
        load_checkpoint(path.parent)
