"""Which way a step is computed, and that all ways compute the same step.

What needs a GPU is skipped without one; all of it was run on an H100.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from slm import files
from slm.errors import ConfigError
from slm.model.checkpoint import load_checkpoint
from slm.model.config import PRESETS
from slm.model.transformer import Transformer
from slm.training import compiling
from slm.training.compiling import Choice, Loss, choose_way
from slm.training.config import TRAIN_PRESETS, TrainConfig
from slm.training.gradients import Gradients
from slm.training.optimizer import Optimizers
from slm.training.runs import create_run
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, VOCAB, artefacts

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def test_a_processor_computes_operation_by_operation():
    assert choose_way(TrainConfig(), SMALL_MODEL, "cpu") == Choice(
        "plain", False, "compile is auto, on cpu"
    )


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "can_compile", lambda device: False)
    with pytest.raises(ConfigError, match="needs a C compiler"):
        choose_way(TrainConfig(compile="blocks"), SMALL_MODEL, "cpu")


def test_what_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "can_compile", lambda device: True)
    chosen = choose_way(TrainConfig(compile="blocks"), SMALL_MODEL, "cpu")
    assert (chosen.way, chosen.records) == ("blocks", False)
    chosen = choose_way(TrainConfig(compile="off"), SMALL_MODEL, "cuda")
    assert (chosen.way, chosen.records) == ("plain", False)
    chosen = choose_way(TrainConfig(compile="whole"), SMALL_MODEL, "cuda")
    assert (chosen.way, chosen.records) == ("whole", True)


def test_several_processes_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "can_compile", lambda device: True)
    chosen = choose_way(TrainConfig(compile="whole"), SMALL_MODEL, "cuda", processes=2)
    assert (chosen.way, chosen.records) == ("whole", False)


@pytest.mark.parametrize(("device", "processes"), [("cpu", 1), ("mps", 1), ("cuda", 2)])
def test_graphs_need_one_process_on_a_gpu(device: str, processes: int) -> None:
    with pytest.raises(ConfigError, match="Choose auto"):
        choose_way(TrainConfig(compile="graphs"), SMALL_MODEL, device, processes)


def test_the_loss_is_that_of_the_models_logits():
    torch.manual_seed(0)
    model = Transformer(SMALL_MODEL)
    ids_BT = torch.randint(VOCAB, (3, 8))
    targets_BT = ids_BT.roll(-1, dims=1)
    targets_BT[0, 5:] = -1
    log_p_BTV = model(ids_BT).log_softmax(-1)
    scored = targets_BT >= 0
    by_hand = -log_p_BTV[scored].gather(-1, targets_BT[scored][:, None]).sum()
    assert Loss(model, "plain")(ids_BT, targets_BT).item() == pytest.approx(by_hand.item())


def test_micro_batches_add_up_to_the_gradient_of_the_batch():
    torch.manual_seed(0)
    model = Transformer(SMALL_MODEL)
    ids_BT = torch.randint(VOCAB, (4, 8))
    targets_BT = ids_BT.roll(-1, dims=1)

    def gradient(rows: list[slice]) -> list[torch.Tensor]:
        gradients = Gradients(model, torch.float32, Choice("plain", False, ""))
        model.zero_grad()
        for number, part in enumerate(rows):
            last = number == len(rows) - 1
            gradients.add(ids_BT[part], targets_BT[part], 1 / 32, first=number == 0, last=last)
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    whole, in_parts = gradient([slice(0, 4)]), gradient([slice(0, 3), slice(3, 4)])
    for one, other in zip(whole, in_parts, strict=True):
        torch.testing.assert_close(other, one)


@needs_gpu
def test_auto_compiles_only_a_run_that_lasts_minutes():
    short = TrainConfig(steps=600, batch_size=64)
    assert choose_way(short, SMALL_MODEL, "cuda").way == "graphs"
    large = TRAIN_PRESETS["gpt2-124m"]
    assert choose_way(large, PRESETS["gpt2-124m"], "cuda").way == "whole"


def _losses(way: Any, steps: int = 8, **changes: Any) -> list[float]:
    """Losses of a few steps of two micro-batches each, one shorter than the other."""
    torch.manual_seed(3)
    model = Transformer(SMALL_MODEL.replace(**changes)).to("cuda")
    config = TrainConfig(compile=way)
    chosen = choose_way(config, SMALL_MODEL, "cuda")
    optimizers = Optimizers(model, config, record=chosen.records)
    gradients = Gradients(model, torch.float32, chosen)
    generator = torch.Generator().manual_seed(5)
    losses = []
    for step in range(steps):
        ids_BT = torch.randint(VOCAB, (7, 16), generator=generator)
        targets_BT = (2 * ids_BT + 1) % VOCAB
        nats = torch.zeros((), device="cuda")
        for rows in (slice(0, 4), slice(4, 7)):
            first = rows.start == 0
            nats += gradients.add(
                ids_BT[rows], targets_BT[rows], 1 / ids_BT.numel(), first=first, last=not first
            )
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizers.step(min(1.0, (step + 1) / 4))
        losses.append(nats.item() / ids_BT.numel())
    return losses


@needs_gpu
@pytest.mark.parametrize("way", ["graphs", "blocks", "whole"])
def test_every_way_learns_as_the_plain_one(way: str) -> None:
    plain, other = _losses("off"), _losses(way)
    assert other == pytest.approx(plain, rel=1e-3)
    assert other[-1] < other[0]


@needs_gpu
def test_recorded_dropout_draws_anew_at_every_step():
    """The same batch over and over, without updates: dropout alone makes losses differ."""
    torch.manual_seed(0)
    model = Transformer(SMALL_MODEL.replace(dropout=0.5)).to("cuda")
    gradients = Gradients(model, torch.float32, Choice("graphs", True, ""))
    ids_BT = torch.randint(VOCAB, (4, 16))
    seen = {gradients.add(ids_BT, ids_BT, 1.0, first=True, last=True).item() for _ in range(6)}
    assert len(seen) == 6


@needs_gpu
@pytest.mark.parametrize("way", ["graphs", "blocks"])
def test_a_recorded_run_goes_on_after_a_stop_and_can_be_loaded(way: str, tmp_path: Path) -> None:
    class StopAt:
        def __init__(self, calls: int) -> None:
            self.calls = calls

        def __call__(self, *args: object, **facts: object) -> None: ...
        def plan(self, stages: object) -> None: ...
        def should_stop(self) -> bool:
            self.calls -= 1
            return self.calls < 0

    config = SHORT.replace(device="cuda", compile=way, dtype="float32", threads=None)
    ends = []
    for name, stops in (("whole", [10_000]), ("in two", [12, 10_000])):
        workspace = Workspace(tmp_path / name)
        model = SMALL_MODEL.replace(dropout=0.1)
        run = create_run(workspace, model, config, name=name, **artefacts(workspace))
        for calls in stops:
            train(run.folder, report=StopAt(calls))
        records = files.read_records(run.folder / "metrics.jsonl").records
        assert [record["step"] for record in records] == list(range(31))
        ends.append(records[-1]["val_nats"])
        assert load_checkpoint(run.folder / "ckpt" / "30").n_parameters > 0
    assert ends[1] == pytest.approx(ends[0], rel=0.01)


@needs_gpu
def test_the_gpu_kernel_gives_the_nats_and_gradients_of_the_readable_one():
    from slm.model.head_loss import gradient_kernel, logits_to_gradient

    kernel = gradient_kernel()
    assert kernel is not None
    torch.manual_seed(0)
    wide = torch.randn(33, 20_096, device="cuda") * 3
    targets = torch.randint(20_000, (33,), device="cuda")
    targets[5] = -1
    mine, readable = wide.clone(), wide[:, :20_000].clone()
    nats = kernel(mine[:, :20_000], targets)
    torch.testing.assert_close(nats, logits_to_gradient(readable, targets))
    torch.testing.assert_close(mine[:, :20_000], readable)
    assert torch.equal(mine[:, 20_000:], wide[:, 20_000:])
