"""What does not fit is refused before it starts, with what would; a shortage is told in words."""

import pytest
import torch

from slm.errors import NoMemoryError
from slm.model.config import PRESETS
from slm.training import memory, trainer
from slm.training.config import TrainConfig
from slm.training.memory import fit, needed_bytes, require, wants_shares
from slm.training.trainer import train
from tests.training.small_runs import SMALL_MODEL, MakeRun

MODEL = PRESETS["mini"]
CONFIG = TrainConfig(batch_size=32)
FLOAT = torch.float32


def test_what_fits_fits():
    told = fit(MODEL, CONFIG, "cpu", FLOAT, free=10**12)
    assert told.fits and told.needed == needed_bytes(MODEL, CONFIG, FLOAT)


def test_smaller_micro_batches_are_proposed_that_do_fit():
    whole = needed_bytes(MODEL, CONFIG, FLOAT)
    told = fit(MODEL, CONFIG, "cpu", FLOAT, free=int(0.6 * whole))
    assert not told.fits and told.grad_accum_steps is not None
    split = CONFIG.replace(grad_accum_steps=told.grad_accum_steps)
    coarser = CONFIG.replace(grad_accum_steps=told.grad_accum_steps // 2)
    assert needed_bytes(MODEL, split, FLOAT) <= 0.6 * whole < needed_bytes(MODEL, coarser, FLOAT)


def test_a_smaller_preset_is_proposed_where_not_even_one_window_fits():
    one = needed_bytes(MODEL, CONFIG.replace(batch_size=1), FLOAT)
    told = fit(MODEL, CONFIG, "cpu", FLOAT, free=one - 1)
    assert told.grad_accum_steps is None and told.preset in {"nano", "micro"}


def test_the_refusal_names_need_and_remedy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available", lambda device: 3_000_000_000)
    with pytest.raises(
        NoMemoryError, match=r"takes about .* GB of memory with 32 windows of .* at"
    ):
        require(MODEL, CONFIG, "cpu", FLOAT)
    with pytest.raises(
        NoMemoryError, match=r"3\.0 GB are free on this machine\. Set grad_accum_steps to 2: i"
    ):
        require(MODEL, CONFIG, "cpu", FLOAT)
    monkeypatch.setattr(memory, "available", lambda device: 1_000)
    with pytest.raises(NoMemoryError, match="Choose a smaller model, such as a much smaller model"):
        require(MODEL, CONFIG, "cpu", FLOAT)


def test_a_run_that_does_not_fit_is_not_begun(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    run = make_run()
    monkeypatch.setattr(
        memory, "available", lambda device: needed_bytes(SMALL_MODEL, CONFIG, FLOAT) // 10
    )
    with pytest.raises(NoMemoryError):
        train(run)
    assert not (run / "ckpt").exists() and not (run / "metrics.jsonl").exists()


@pytest.mark.parametrize(
    "shortage",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
    ],
)
def test_memory_that_runs_out_names_the_batch_and_what_takes_less(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch, shortage: Exception
):
    run = make_run(steps=10, checkpoint_every=2)
    done = trainer._Training._gradients
    updates = 0

    def fails_at_last(self, *rest):
        nonlocal updates
        updates += 1
        if updates > 5:
            raise shortage
        return done(self, *rest)

    monkeypatch.setattr(trainer._Training, "_gradients", fails_at_last)
    with pytest.raises(NoMemoryError, match=r"near step 5, with 8 windows .* grad_accum_steps 2"):
        train(run)
    monkeypatch.undo()
    assert train(run).state == "done"


def test_another_error_is_left_alone(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch):
    def broken(self, *rest):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(trainer._Training, "_gradients", broken)
    with pytest.raises(RuntimeError, match="mat1"):
        train(make_run())


def test_processes_take_shares_where_the_whole_model_does_not_fit():
    """Weights, gradients and averages are cut in four; activations are those of fewer rows."""
    whole = needed_bytes(MODEL, CONFIG, FLOAT, processes=4)
    assert not wants_shares(MODEL, CONFIG, "cuda", FLOAT, free=whole, processes=4)
    assert wants_shares(MODEL, CONFIG, "cuda", FLOAT, free=whole - 1, processes=4)
    assert not wants_shares(MODEL, CONFIG, "cuda", FLOAT, free=1, processes=1)
    told = fit(MODEL, CONFIG, "cuda", FLOAT, free=whole - 1, processes=4)
    assert told.fits and told.in_shares and told.needed < whole
    refused = CONFIG.replace(sharding="none")
    assert not wants_shares(MODEL, refused, "cuda", FLOAT, free=1, processes=4)
    asked = CONFIG.replace(sharding="full")
    assert wants_shares(MODEL, asked, "cuda", FLOAT, free=10**12, processes=4)


def test_processes_on_a_processor_share_its_memory():
    each = needed_bytes(MODEL, CONFIG, FLOAT, processes=2)
    assert wants_shares(MODEL, CONFIG, "cpu", FLOAT, free=2 * each - 1, processes=2)
    assert not wants_shares(MODEL, CONFIG, "cpu", FLOAT, free=2 * each, processes=2)


def test_a_model_of_3_8_billion_fits_eight_gpus_in_shares_and_not_one():
    model, bfloat = PRESETS["phi-3-mini"], torch.bfloat16
    config = CONFIG.replace(batch_size=8)
    gpu = 80 * 10**9
    assert not fit(model, config, "cuda", bfloat, free=gpu).fits
    assert fit(model, config, "cuda", bfloat, free=gpu, processes=8).fits


def test_a_refusal_without_shares_names_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "available", lambda device: 1_000)
    with pytest.raises(NoMemoryError, match="With sharding auto or full"):
        require(MODEL, CONFIG.replace(sharding="none"), "cpu", FLOAT, processes=2)
