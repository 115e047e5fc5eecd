"""Fine-tuning a model that exists: all of its weights, or adapters beside them (LoRA)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slm import files
from slm.errors import CheckpointError, ConfigError
from slm.lab.snapshots import SnapshotObserver
from slm.model import checkpoint
from slm.model.config import PRESETS, parameter_counts
from slm.model.lora import AdaptedLinear, FrozenLinear, adapt, adapter_tensors, merged_with
from slm.model.lora_settings import LoraConfig
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer
from slm.training import finetune
from slm.training.fork import fork_run
from slm.training.memory import needed_bytes
from slm.training.runs import Beginning, RunSettings, create_run
from slm.training.trainer import train
from slm.workspace import Artefact, Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, AsksAt, artefacts
from tests.training.test_resume import assert_equal_runs, traces

FULL = SHORT.replace(optimizer="adamw", learning_rate=0.003, steps=20, checkpoint_every=6)
TEXT_IDS_NT = np.arange(32).reshape(2, 16) % 24
ADAPTED = FULL.replace(lora_rank=2, lora_alpha=4.0, lora_dropout=0.1, learning_rate=0.01)


@pytest.fixture()
def imported(workspace: Workspace) -> Artefact:
    """A model of the workspace, its weights in bfloat16, as most published ones are."""
    torch.manual_seed(5)
    with workspace.models.create("published") as draft:
        model = Transformer(SMALL_MODEL)
        checkpoint.write_weights(model, draft.folder, torch.bfloat16)
        (draft.folder / "tokenizer").mkdir()
        Tokenizer.from_learned([], ()).save(draft.folder / "tokenizer")
        draft.details.update(checkpoint.checkpoint_details(model, 0))
    return workspace.models.get(draft.id)


@pytest.fixture()
def parts(workspace: Workspace) -> dict[str, Artefact]:
    return artefacts(workspace)


def begun(workspace: Workspace, model: Artefact, parts: dict[str, Artefact], config=ADAPTED):
    """As `finetune_run`, with token files that need no tokenizer."""
    folder = finetune.source_folder(model)
    shape = checkpoint.load_config(folder)
    beginning = Beginning(
        model, finetune.step_of(model, folder), lambda to: finetune.write_base(folder, to)
    )
    return create_run(workspace, shape, config, name="tuned", beginning=beginning, **parts)


def weights_at(run: Artefact, step: int) -> dict[str, torch.Tensor]:
    return checkpoint.load_checkpoint(run.folder / "ckpt" / str(step)).state_dict()


@pytest.mark.parametrize("config", [FULL, ADAPTED], ids=["all weights", "adapters"])
def test_fine_tuning_begins_with_the_model_and_lowers_its_loss(workspace, imported, parts, config):
    run = begun(workspace, imported, parts, config)
    train(run.folder)
    records = files.read_records(run.folder / "metrics.jsonl").records
    losses = {r["step"]: r["val_nats"] for r in records if r["val_nats"] is not None}
    base = checkpoint.load_checkpoint(imported.folder)
    assert losses[0] == pytest.approx(loss_of(base, run, workspace), abs=1e-4)
    assert losses[20] < losses[0] - 0.05
    tuned = checkpoint.load_checkpoint(run.folder / "ckpt" / "20")
    assert losses[20] == pytest.approx(loss_of(tuned, run, workspace), abs=1e-4)
    assert run.manifest.parents["model"].id == imported.id


def loss_of(model: Transformer, run: Artefact, workspace: Workspace) -> float:
    """The validation loss as the trainer measures it, of a plain model."""
    from slm.data.batches import TokenFile
    from slm.model.loss import token_nats
    from slm.training.validation import validation_nats

    settings = RunSettings.read(run.folder)
    tokens = TokenFile(workspace.tokens.get(settings.tokens).folder / "val.bin")

    def summed(ids_BT, targets_BT):
        return token_nats(model(ids_BT), targets_BT).sum()

    return validation_nats(tokens, settings.model, 0, summed)


def test_only_adapters_have_gradients_averages_and_files(workspace, imported, parts):
    run = begun(workspace, imported, parts)
    train(run.folder)
    folder = run.folder / "ckpt" / "20"
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "adapter.safetensors", "optimizer.safetensors", "state.json", "manifest.json",
    }  # fmt: skip
    averages = checkpoint.stored_tensors(folder, "optimizer")
    assert averages and all(".lora_" in name for name in averages)
    assert (folder / "adapter.safetensors").stat().st_size < 20_000


def test_the_frozen_weights_stay_bit_for_bit_what_they_were(workspace, imported, parts):
    run = begun(workspace, imported, parts, ADAPTED.replace(lora_parts="qkv"))
    train(run.folder)
    mine = weights_at(run, 20)
    theirs = checkpoint.load_checkpoint(imported.folder).state_dict()
    changed = {name for name in theirs if not torch.equal(mine[name], theirs[name])}
    assert changed == {
        f"blocks.{layer}.attention.{part}.weight"
        for layer in (0, 1)
        for part in ("query", "key", "value")
    }
    stored = (imported.folder / "model.safetensors").read_bytes()
    assert (run.folder / "base" / "model.safetensors").read_bytes() == stored


def test_before_the_first_update_it_is_the_model_bit_for_bit(workspace, imported, parts):
    model = checkpoint.load_frozen(imported.folder)
    adapt(model, ADAPTED.lora, "base")
    plain = checkpoint.load_checkpoint(imported.folder)
    for name, layer in model.named_modules():
        if isinstance(layer, AdaptedLinear):
            assert torch.equal(layer.weight, plain.get_submodule(name).weight)
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert trained == set(adapter_tensors(model))


@pytest.mark.parametrize("config", [FULL, ADAPTED], ids=["all weights", "adapters"])
def test_a_stopped_fine_tuning_goes_on_bit_for_bit(workspace, imported, parts, config):
    """Dropout draws random numbers in the adapters, which must go on as well."""
    whole, halted = (begun(workspace, imported, parts, config) for _ in range(2))
    train(whole.folder)
    stop = AsksAt(halted.folder / "control" / "stop", step=10)
    assert train(halted.folder, observers=[stop]).state == "stopped"
    train(halted.folder)
    assert_equal_runs(halted.folder, whole.folder)


def test_a_fork_of_adapters_repeats_its_parent(workspace, imported, parts):
    run = begun(workspace, imported, parts)
    train(run.folder)
    fork = fork_run(workspace, run, 12)
    assert traces(fork.folder) == traces(run.folder)[:13]
    train(fork.folder)
    assert_equal_runs(fork.folder, run.folder)
    with pytest.raises(ConfigError, match="--from in place of --fork"):
        fork_run(workspace, run, 12, ADAPTED.replace(lora_rank=4))


def test_adapters_on_an_adapted_run_begin_with_its_merged_weights(workspace, imported, parts):
    first = begun(workspace, imported, parts)
    train(first.folder)
    second = begun(workspace, workspace.runs.get(first.id), parts)
    merged = checkpoint.load_checkpoint(second.folder / "base").state_dict()
    expected = weights_at(first, 20)
    assert all(torch.equal(merged[name], expected[name]) for name in expected)
    assert RunSettings.read(second.folder).finetuned_from["step"] == 20


def test_a_missing_or_other_base_is_told(workspace, imported, parts):
    run = begun(workspace, imported, parts)
    train(run.folder)
    manifest = run.folder / "base" / "manifest.json"
    kept = files.read_json(manifest)
    files.write_json(manifest, {**kept, "files": {}})
    with pytest.raises(CheckpointError, match="belongs to other weights"):
        checkpoint.load_checkpoint(run.folder / "ckpt" / "20")
    files.remove_folder(run.folder / "base")
    with pytest.raises(CheckpointError, match="Restore it, or fine-tune anew"):
        checkpoint.newest_sound(run.folder)


def test_settings_that_cannot_be_are_refused(workspace, imported, parts):
    with pytest.raises(ConfigError, match="want adamw"):
        ADAPTED.replace(optimizer="muon")
    with pytest.raises(ConfigError, match="has a rank of at most 8"):
        begun(workspace, imported, parts, ADAPTED.replace(lora_rank=9))
    with pytest.raises(ConfigError, match="window_length is 17, but the model reads 16"):
        begun(workspace, imported, parts, FULL.replace(window_length=17))
    with pytest.raises(ConfigError, match="begins with fresh weights"):
        create_run(workspace, SMALL_MODEL, ADAPTED, name="fresh", **parts)


def test_shorter_windows_leave_the_context_as_it_is(workspace, imported, parts):
    run = begun(workspace, imported, parts, FULL.replace(window_length=8, steps=2))
    train(run.folder)
    assert checkpoint.load_config(run.folder / "ckpt" / "2").context_length == 16
    state = files.read_json(run.folder / "ckpt" / "2" / "state.json")
    assert state["progress"]["tokens"] == 2 * 8 * 8


def test_the_model_may_be_deleted_afterwards(workspace, imported, parts):
    run = begun(workspace, imported, parts)
    workspace.models.delete(imported.id)
    assert train(run.folder).state == "done"
    assert Path(run.folder / "base" / "model.safetensors").is_file()


def test_the_memory_of_adapters_is_a_fraction_of_that_of_all_weights():
    """GPT-2 124M holds 16 bytes a parameter to train all; frozen, 4, and 4 more to be looked at."""
    shape = PRESETS["gpt2-124m"]
    n = sum(parameter_counts(shape).values())
    whole = FULL.replace(batch_size=1, window_length=64)
    adapted = whole.replace(lora_rank=8)
    spared = needed_bytes(shape, whole, torch.float32) - needed_bytes(shape, adapted, torch.float32)
    assert spared > 7.5 * n


def test_frozen_and_thin_matrices_multiply_as_one():
    """W = 1, B A = 2 · 3, alpha / rank = 4 / 1: what comes in as 5 leaves as (1 + 24) · 5."""
    one = torch.nn.Linear(1, 1, bias=False)
    one.weight.data.fill_(1.0)
    layer = AdaptedLinear(one, LoraConfig(rank=1, alpha=4.0))
    layer.lora_a.data.fill_(3.0)
    layer.lora_b.data.fill_(2.0)
    x = torch.tensor([[5.0]], requires_grad=True)
    layer(x).backward()
    assert layer(x).item() == 125.0 and layer.weight.item() == 25.0
    assert x.grad.item() == 25.0
    assert (layer.lora_a.grad.item(), layer.lora_b.grad.item()) == (40.0, 60.0)


def test_a_matrix_kept_in_fewer_bits_gives_the_gradient_of_its_wide_twin():
    torch.manual_seed(0)
    narrow = torch.nn.Linear(6, 4).to(torch.bfloat16).requires_grad_(False)
    narrow.bias = torch.nn.Parameter(narrow.bias.float(), requires_grad=False)
    frozen, x = FrozenLinear(narrow), torch.randn(3, 6, requires_grad=True)
    frozen(x).square().sum().backward()
    mine = x.grad.clone()
    x.grad = None
    (x @ frozen.weight.T + frozen.bias).square().sum().backward()
    assert torch.allclose(mine, x.grad, atol=1e-6)


@pytest.mark.parametrize("parts", ["all", "attention", "qkv", "mlp"])
def test_merged_and_beside_it_they_are_the_same(workspace, imported, parts):
    """With random B, logits of the adapted model and of the merged one agree within 1e-5."""
    torch.manual_seed(1)
    lora = LoraConfig(rank=3, parts=parts)
    model = checkpoint.load_frozen(imported.folder).eval()
    adapt(model, lora, "base")
    for name, tensor in adapter_tensors(model).items():
        if name.endswith("lora_b"):
            tensor.data.normal_(std=0.05)
    base = checkpoint.load_checkpoint(imported.folder).state_dict().items()
    plain = checkpoint.assemble(
        model.config, merged_with(base, adapter_tensors(model), model.config, lora)
    )
    ids_BT = torch.randint(24, (2, 16))
    with torch.no_grad():
        beside, merged = model(ids_BT), plain(ids_BT)
        unadapted = checkpoint.load_checkpoint(imported.folder)(ids_BT)
    assert torch.allclose(beside, merged, atol=1e-5)
    assert not torch.allclose(beside, unadapted, atol=1e-3)


def test_the_model_keeps_its_own_tokenizer(workspace, imported):
    made = finetune.own_tokenizer(workspace, imported)
    assert finetune.own_tokenizer(workspace, imported).id == made.id
    assert made.manifest.parents["model"].id == imported.id
    stored = (imported.folder / "tokenizer" / "tokenizer.json").read_bytes()
    assert (made.folder / "tokenizer.json").read_bytes() == stored


def test_snapshots_of_adapters_are_small_and_open_as_models(workspace, imported, parts):
    run = begun(workspace, imported, parts, ADAPTED.replace(snapshots=3))
    watcher = SnapshotObserver(run.folder, RunSettings.read(run.folder), TEXT_IDS_NT, [1], None)
    train(run.folder, observers=[watcher])
    first, *_, last = checkpoint.snapshots(run.folder)
    assert not (last.folder / "model.safetensors").exists()
    at_first = checkpoint.load_checkpoint(first.folder).state_dict()
    base = checkpoint.load_checkpoint(imported.folder).state_dict()
    assert all(torch.equal(at_first[name], base[name]) for name in base)
    at_last = checkpoint.load_checkpoint(last.folder).state_dict()
    trained = weights_at(run, 20)
    assert all(torch.equal(at_last[name], trained[name]) for name in trained)
