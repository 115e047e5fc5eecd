"""What the doctor finds in real runs that were broken on purpose, and that it else keeps quiet."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm import files
from slm.training.config import TrainConfig
from slm.training.doctor import Finding, Remedy, examine
from slm.training.events import Event
from slm.training.history import Curve, curve, read_history
from slm.training.runs import METRICS, RunSettings
from tests.training.gallery import Gallery, Patient
from tests.training.small_runs import SMALL_MODEL

DEMO = next((Path(__file__).parents[2] / "demo" / "runs").iterdir())


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return Gallery(tmp_path_factory.mktemp("gallery"))


def kinds(patient: Patient) -> list[str]:
    return [finding.kind for finding in examine(*patient)]


def only(patient: Patient, kind: str) -> Finding:
    (finding,) = [each for each in examine(*patient) if each.kind == kind]
    return finding


def settings(train: TrainConfig, **changes) -> RunSettings:
    """A run that is told in words, with a validation split."""
    token_files = {"train.bin": "0", "val.bin": "0"}
    given = {"corpus": "c", "tokenizer": "t", "tokens": "k", "token_files": token_files, **changes}
    return RunSettings(SMALL_MODEL, train, **given)


def record(step: int, nats: float | None, val: float | None = None, **more) -> dict:
    return {"step": step, "tokens": 100 * step, "train_nats": nats, "val_nats": val, **more}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75, 1.0])
def test_the_shipped_demo_run_is_healthy_at_every_stage_of_its_life(share):
    records = files.read_records(DEMO / METRICS).records
    assert examine(RunSettings.read(DEMO), records[: round(share * len(records))]) == ()


def test_a_healthy_run_gives_no_warning_at_any_step(gallery):
    settings, records = gallery.healthy
    for end in range(len(records) + 1):
        found = examine(settings, records[:end])
        assert {each.severity for each in found} <= {"info"}, (end, found)


def test_a_rate_far_too_low_is_found_before_a_third_of_the_run_and_raised(gallery):
    settings, records = gallery.creeping
    finding = only(Patient(settings, records[:34]), "rate_low")
    assert finding.evidence["update_ratio"] < 1e-3
    assert finding.evidence["way"] < 0.1
    assert finding.remedy is not None and finding.remedy.action == "change"
    assert 0.003 < finding.remedy.settings["muon_learning_rate"] < 0.03
    assert only(gallery.creeping, "rate_low").remedy.action == "new"  # it is over by then


def test_a_rate_far_too_high_is_found_and_lowered_from_the_start(gallery):
    settings, records = gallery.thrown_off
    early = examine(settings, records[:34])
    assert {each.kind for each in early} & {"rate_high", "diverging"}
    finding = early[0]
    assert finding.remedy is not None and finding.remedy.action == "new"
    assert finding.remedy.settings["learning_rate"] <= 0.1
    assert kinds(gallery.thrown_off) == ["rate_high"]


def test_a_text_learned_by_heart_is_found_where_its_validation_loss_turned(gallery):
    finding = only(gallery.learned_by_heart, "overfitting")
    val = curve(gallery.learned_by_heart.records, "val_nats")
    assert finding.first_step == val.steps[np.argmin(val.values)]
    assert finding.evidence["gap"] > 0.5
    assert finding.remedy == Remedy(
        "new", {"steps": finding.first_step, "weight_decay": 0.1}, finding.first_step
    )
    settings, records = gallery.learned_by_heart
    (midway,) = examine(settings, [each for each in records if each["step"] <= 100])
    assert midway.remedy == Remedy("stop", {}, finding.first_step)


def test_a_layer_that_learns_nothing_is_named(gallery):
    finding = only(gallery.with_a_dead_layer, "dead_layer")
    assert finding.evidence["layer"] == 1
    assert "gradient" in finding.evidence["signs"] and "share" in finding.evidence["signs"]


def test_a_run_that_ended_too_early_is_to_be_extended(gallery):
    patient = gallery.trained(steps=40, evaluate_every=2)
    finding = only(patient, "undertrained")
    assert finding.remedy == Remedy("extend", {"steps": 80}, 20)


def test_a_divergence_is_mended_from_before_it_with_lower_rates():
    config = TrainConfig(steps=400, optimizer="adamw", learning_rate=0.01, gradient_clip=0)
    records = [record(0, None, 7.0)]
    records += [record(step, 7.0 - 0.02 * step) for step in range(1, 151)]
    records += [record(step, 4.0 + 0.2 * (step - 150)) for step in range(151, 171)]
    records.append({"step": 171, "train_nats": None, "val_nats": None, "diverged": True})
    (finding,) = examine(settings(config), records)
    assert (finding.kind, finding.severity, finding.last_step) == ("diverged", "serious", 171)
    assert finding.remedy is not None and finding.remedy.at_step is not None
    assert 140 <= finding.remedy.at_step <= 158
    changed = {"learning_rate": 0.003, "gradient_clip": 1.0}
    assert (finding.remedy.action, dict(finding.remedy.settings)) == ("fork", changed)


def test_a_divergence_in_the_first_steps_is_mended_from_the_start():
    config = TrainConfig(steps=400, optimizer="adamw", learning_rate=0.3)
    records = [record(0, None, 7.0), record(1, 7.0)]
    records.append({"step": 2, "train_nats": None, "val_nats": None, "diverged": True})
    (finding,) = examine(settings(config), records)
    assert finding.remedy == Remedy("new", {"learning_rate": 0.03})


def test_a_loss_far_above_its_best_is_diverging_before_it_is_nan():
    config = TrainConfig(steps=400)
    rng = np.random.default_rng(0)
    nats = np.concatenate([np.linspace(7, 4, 100), np.linspace(4, 6, 60)])
    noisy = nats + 0.15 * rng.standard_normal(160)
    records = [record(step, float(value)) for step, value in enumerate(noisy, start=1)]
    (finding,) = examine(settings(config), records)
    assert finding.kind == "diverging"
    assert 85 <= finding.first_step <= 110
    assert "diverging" not in [each.kind for each in examine(settings(config), records[:105])]


def test_a_model_worse_than_counting_words_is_told_so_after_half_the_run():
    config = TrainConfig(steps=400)
    records = [record(0, None, 7.0, unigram_nats=5.9, bigram_nats=3.3)]
    records += [record(step, 6.2, 6.2 if step % 50 == 0 else None) for step in range(1, 251)]
    found = examine(settings(config), records)
    finding = next(each for each in found if each.kind == "below_baseline")
    assert (finding.evidence["baseline"], finding.severity) == ("unigram", "warning")
    early = examine(settings(config), records[:150])
    assert "below_baseline" not in [each.kind for each in early]


def test_a_plateau_at_the_peak_rate_suggests_to_descend_now():
    config = TrainConfig(steps=2_000, decay_fraction=0.2, warmup_steps=10)
    records = [record(step, None, 3.0) for step in range(0, 1_401, 50)]
    (finding,) = examine(settings(config), records)
    assert finding.kind == "plateau"
    assert (finding.first_step, finding.last_step) == (800, 1_400)
    assert finding.remedy == Remedy("change", {"decay_fraction": 0.3})
    falling = [{**each, "val_nats": 3.0 - each["step"] / 10_000} for each in records]
    assert examine(settings(config), falling) == ()


def test_noise_that_could_hide_a_fall_is_no_plateau():
    """With 0.3 nats of noise a fall of 0.02 nats over 30 records cannot be ruled out."""
    config = TrainConfig(steps=2_000, decay_fraction=0.2, log_every=20)
    noise = 0.3 * np.random.default_rng(1).standard_normal(70)
    records = [record(20 * (n + 1), 3.0 + float(x)) for n, x in enumerate(noise)]
    assert examine(settings(config), records) == ()


def test_leaps_of_loss_and_gradient_together_are_spikes_and_odd_batches_are_not():
    config = TrainConfig(steps=400, gradient_clip=0)
    noise = 0.05 * np.random.default_rng(2).standard_normal(200)
    calm = [
        record(step, 3.0 - 0.005 * step + float(x), gradient_norm=1.0)
        for step, x in enumerate(noise, start=1)
    ]
    leaps = [
        {**each, "train_nats": each["train_nats"] + 2, "gradient_norm": 9.0}
        if each["step"] in (60, 110, 160)
        else each
        for each in calm
    ]
    (finding,) = examine(settings(config), leaps)
    assert (finding.kind, finding.evidence["count"]) == ("spikes", 3)
    assert finding.remedy == Remedy("change", {"gradient_clip": 1.0})
    odd = [{**each, "gradient_norm": 1.0} for each in leaps]
    assert examine(settings(config), odd) == ()


def test_without_a_validation_text_epochs_are_counted_instead():
    config = TrainConfig(steps=100)
    records = [record(step, 3.0 - step / 100, tokens=20_000 * step) for step in range(1, 101)]
    bare = settings(config, token_files={"train.bin": "0"})
    found = {each.kind: each for each in examine(bare, records, train_tokens=100_000)}
    assert set(found) == {"no_validation", "many_epochs"}
    epochs = found["many_epochs"]
    assert (epochs.evidence["epochs"], epochs.severity, epochs.first_step) == (20, "warning", 20)


def test_two_measurements_in_a_whole_run_are_too_few():
    config = TrainConfig(steps=400, evaluate_every=200)
    (finding,) = examine(settings(config), [record(0, None, 7.0)])
    assert (finding.kind, finding.severity) == ("few_evaluations", "info")
    assert finding.remedy == Remedy("change", {"evaluate_every": 40})


def test_after_the_rates_were_changed_only_what_came_later_counts(gallery):
    """A run that crept for 60 steps, and whose rates were then raised, is not told to raise them
    again before its new updates were measured twice."""
    settings, records = gallery.creeping
    raised = [
        Event(60, "learning_rate", 0.0002, 0.01),
        Event(60, "muon_learning_rate", 0.0003, 0.015),
    ]
    assert "rate_low" in kinds(Patient(settings, records[:66]))
    found = examine(settings, records[:66], raised)
    assert "rate_low" not in [each.kind for each in found]
    refused = [Event(60, "learning_rate", 0.0002, 0.0002, note="refused: too few rows")]
    assert "rate_low" in [each.kind for each in examine(settings, records[:66], refused)]


def test_a_finding_is_plain_json(gallery):
    for patient in (gallery.creeping, gallery.with_a_dead_layer, gallery.learned_by_heart):
        for finding in examine(*patient):
            told = json.loads(json.dumps(finding.to_json(), allow_nan=False))
            assert told["kind"] == finding.kind


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(allow_nan=True), st.text(max_size=2)),
            st.one_of(st.none(), st.floats(0, 50)),
            st.one_of(st.none(), st.dictionaries(st.sampled_from(["blocks.0", "x"]), st.floats())),
        ),
        max_size=40,
    )
)
def test_no_record_however_odd_makes_the_doctor_fail(values):
    records = [
        {"step": step, "train_nats": train, "val_nats": val, "update_ratios": ratios}
        for step, (train, val, ratios) in enumerate(values)
    ]
    for finding in examine(settings(TrainConfig(steps=20)), records):
        assert finding.first_step <= finding.last_step


def test_noise_is_measured_around_a_slope():
    """Values that zigzag by ±1 around a line: second differences are ±4, of deviation 4 / √6."""
    steps = np.arange(50.0)
    zigzag = Curve(steps, 0.3 * steps + np.where(steps % 2 == 0, 1.0, -1.0))
    assert zigzag.noise == pytest.approx(4 / 0.6745 / math.sqrt(6))
    assert Curve(steps, 0.3 * steps).noise == pytest.approx(0, abs=1e-9)


def test_windows_hold_medians_so_that_one_wild_value_changes_none():
    wild = Curve(np.arange(10.0), np.array([1, 1, 99, 1, 1, 2, 2, 2, 2, -50.0]))
    assert list(wild.medians.values) == [1, 2]
    assert list(wild.medians.steps) == [2, 7]


def test_update_ratios_are_compared_at_the_peak_rate():
    """Half of the peak rate halves the update: 0.01 then is 0.02 at the peak."""
    config = TrainConfig(learning_rate=0.01)
    ratios = {"blocks.0": 0.01, "blocks.1": 0.03, "blocks.2": 0.01, "output": 9.0}
    (look,) = read_history(
        config, [record(5, 1.0, learning_rate=0.005, update_ratios=ratios)]
    ).looks
    assert look.block_ratio == pytest.approx(0.02)
