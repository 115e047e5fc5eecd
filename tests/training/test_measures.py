"""Gradients and updates part by part, by hand; and what a run's records say of them."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from slm import files
from slm.model.config import ModelConfig, flops_per_token
from slm.model.transformer import Transformer
from slm.training.measures import UpdateRatios, gradient_norms, part_of
from slm.training.peak import peak_of
from slm.training.rates import MACHINE
from slm.training.trainer import train
from tests.training.small_runs import SMALL_MODEL, MakeRun

PARTS = ["token_embedding", "blocks.0", "blocks.1", "output"]


def records(run: Path) -> list[dict[str, Any]]:
    return files.read_records(run / "metrics.jsonl").records


def test_every_parameter_belongs_to_a_part():
    for model in (SMALL_MODEL, SMALL_MODEL.replace(positions="learned", tie_embeddings=False)):
        names = [name for name, _ in Transformer(model).named_parameters()]
        assert list(dict.fromkeys(map(part_of, names))) == PARTS


def test_norms_add_in_squares_within_a_part():
    """The final norm has 16 weights; with a gradient of 3 in each, the norm is 3 · √16 = 12."""
    model = Transformer(SMALL_MODEL)
    model.final_norm.weight.grad = torch.full((16,), 3.0)
    assert gradient_norms(model) == {"output": pytest.approx(12.0)}


def test_an_update_is_measured_against_the_weights_before_it():
    """Norm weights are ones: moving each by a hundredth is a ratio of 0.01."""
    model = Transformer(SMALL_MODEL)
    before = UpdateRatios(model)
    with torch.no_grad():
        model.final_norm.weight.sub_(0.01)
    ratios = before.ratios()
    assert ratios["output"] == pytest.approx(0.01)
    assert ratios["blocks.0"] == ratios["token_embedding"] == 0.0


def test_records_tell_what_was_measured_and_when(make_run: MakeRun):
    run = make_run(steps=12)
    train(run)
    told = records(run)
    for record in told:
        measured = record["step"] in {10, 12}  # evaluations, but for the one before any update
        assert ("update_ratios" in record) == ("gradient_norms" in record) == measured
    assert list(told[10]["gradient_norms"]) == list(told[10]["update_ratios"]) == PARTS
    whole = math.sqrt(sum(norm**2 for norm in told[10]["gradient_norms"].values()))
    assert whole == pytest.approx(told[10]["gradient_norm"], rel=1e-4)
    assert all(0 < ratio < 1 for ratio in told[10]["update_ratios"].values())
    assert (told[0]["batch_size"], told[5]["batch_size"]) == (None, 8)
    ratio = told[5]["flops_per_second"] / told[5]["tokens_per_second"]
    assert ratio == pytest.approx(3 * flops_per_token(SMALL_MODEL), rel=1e-3)
    assert told[5]["muon_learning_rate"] == pytest.approx(1.5 * told[5]["learning_rate"])


def test_without_muon_its_rate_is_not_there(make_run: MakeRun):
    run = make_run(steps=2, optimizer="adamw")
    train(run)
    assert [record["muon_learning_rate"] for record in records(run)] == [None] * 3


def test_a_run_notes_the_peak_of_its_machine_once(make_run: MakeRun):
    run = make_run(steps=2)
    train(run)
    machine = files.read_json(run / MACHINE)
    assert machine["peak_flops"] == peak_of("cpu", torch.float32, 1).flops > 1e8
    assert (machine["peak_source"], machine["dtype"]) == ("measured", "float32")
    files.write_json(run / MACHINE, {**machine, "peak_flops": 7.0})
    train(run)
    assert files.read_json(run / MACHINE)["peak_flops"] == 7.0


def test_a_model_too_large_to_copy_goes_unmeasured(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("slm.training.trainer._COPY_SHARE", 0.0)
    run = make_run(steps=10)
    train(run)
    assert "update_ratios" not in records(run)[10] and "gradient_norms" in records(run)[10]


def test_measuring_changes_no_number(make_run: MakeRun):
    """Evaluated at every step and at the last alone, the losses are the same bit for bit."""
    often, seldom = (make_run(model=_dropping(), steps=8, evaluate_every=n) for n in (1, 8))
    train(often), train(seldom)
    losses = [[record["train_nats"] for record in records(run)] for run in (often, seldom)]
    assert losses[0] == losses[1]


def _dropping() -> ModelConfig:
    return SMALL_MODEL.replace(dropout=0.1)
