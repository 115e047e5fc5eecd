"""The learning-rate finder: what it reads off a curve, and what it does on real tiny models."""

import json
import math
import shutil

import numpy as np
import pytest

from slm.__main__ import main
from slm.data.batches import TokenFile
from slm.errors import ConfigError
from slm.training import finder
from slm.training.config import TrainConfig
from slm.training.finder import find_rate
from slm.training.rate_curves import RateCurve, keep_curve, kept_curve, key_of, read_off
from slm.training.speed import Speed
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, VOCAB, chain

FACTORS = np.geomspace(0.01, 100, 100)


def valley(falls_at: float, rises_at: float) -> list[float]:
    """A loss that falls by 3 nats around one factor and rises steeply around another."""
    tens = np.log10(FACTORS)
    fall = 3 / (1 + np.exp(-6 * (tens - math.log10(falls_at))))
    rise = 8 / (1 + np.exp(-6 * (tens - math.log10(rises_at))))
    return list(7 - fall + rise)


@pytest.fixture()
def text(tmp_path) -> TokenFile:
    return TokenFile.write(tmp_path / "train.bin", [chain(4_000, seed=1)], VOCAB)


class Stops:
    """A reporter that asks to stop after some reports."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, *args, **facts) -> None:
        self.left -= 1

    def plan(self, stages) -> None:
        pass

    def should_stop(self) -> bool:
        return self.left < 0


def test_the_suggestion_is_midway_between_the_steepest_and_the_lowest_point():
    curve = read_off(FACTORS, valley(falls_at=1.0, rises_at=30.0), learning_rate=0.01)
    assert curve.steepest_factor == pytest.approx(1.0, rel=0.15)
    assert 3 < curve.lowest_factor < 12
    middle = math.sqrt(curve.steepest_factor * curve.lowest_factor)
    assert curve.suggested_factor == pytest.approx(middle)
    assert curve.suggested == {"learning_rate": pytest.approx(0.01 * middle, rel=0.01)}


def test_a_loss_that_never_rises_draws_the_suggestion_no_further_than_its_limit():
    curve = read_off(FACTORS, valley(falls_at=0.1, rises_at=1e9), learning_rate=0.01)
    assert curve.suggested_factor <= math.sqrt(30.0) * 0.1 * 1.3


def test_noise_hardly_moves_the_suggestion():
    clean = read_off(FACTORS, valley(1.0, 30.0)).suggested_factor
    for seed in range(20):
        noise = 0.1 * np.random.default_rng(seed).standard_normal(100)
        found = read_off(FACTORS, np.array(valley(1.0, 30.0)) + noise).suggested_factor
        assert 0.5 < found / clean < 2


def test_a_loss_that_does_not_fall_suggests_nothing():
    assert read_off(FACTORS, [7.0] * 100).suggested_factor is None
    assert read_off(FACTORS[:10], valley(1.0, 30.0)[:10]).suggested_factor is None


def test_rates_ten_times_too_low_or_too_high_are_corrected_on_a_real_model(text):
    """The usual recipe, a tenth of it and ten times it lead to about the same rates."""
    found = []
    for scale in (0.1, 1.0, 10.0):
        recipe = SHORT.replace(learning_rate=0.01 * scale, muon_learning_rate=0.015 * scale)
        curve = find_rate(SMALL_MODEL, recipe, text, seconds=1.0)
        assert curve is not None and curve.suggested is not None
        assert 50 < len(curve.factors) <= 100 and curve.rows >= 1
        found.append(curve.suggested["muon_learning_rate"])
    assert max(found) < 6 * min(found)
    assert 0.004 < found[1] < 0.3


def test_the_same_settings_give_the_same_curve(text):
    recipe = SHORT.replace(batch_size=2)
    one, two = (find_rate(SMALL_MODEL, recipe, text, seconds=60) for _ in range(2))
    assert one is not None and two is not None
    assert one.nats == two.nats


def test_asked_to_stop_it_gives_nothing(text):
    assert find_rate(SMALL_MODEL, SHORT, text, Stops(after=0)) is None
    assert find_rate(SMALL_MODEL, SHORT, text, Stops(after=30)) is None


def test_a_model_too_slow_for_this_machine_is_refused_in_words(text, monkeypatch):
    monkeypatch.setattr(finder, "LONGEST_SECONDS", 1e-6)
    with pytest.raises(ConfigError, match=r"trying 100 rates would take .* smaller model"):
        find_rate(SMALL_MODEL, SHORT, text)


def test_a_test_that_other_work_slowed_down_gives_no_half_a_curve(text, monkeypatch):
    """Fast enough by the first measurement, but too slow then: ten seconds pass at each step."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr(finder.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(finder, "measure_speed", lambda *a, **k: Speed(1e6, 8))
    with pytest.raises(ConfigError, match="of 100 rates were tried"):
        find_rate(SMALL_MODEL, SHORT, text)


def test_a_curve_is_found_again_and_also_after_its_rates_were_taken_over(tmp_path):
    here = Workspace(tmp_path / "workspace")
    told = {"learning_rate": 0.01, "muon_learning_rate": 0.015, "batch_size": 12, "rows": 12}
    curve = read_off(FACTORS, valley(1.0, 30.0), **told)
    recipe = TrainConfig()
    key = key_of(SMALL_MODEL, recipe, "text")
    assert kept_curve(here, key) is None
    keep_curve(here, key, curve)
    assert kept_curve(here, key) == curve
    assert key_of(SMALL_MODEL, recipe.replace(**curve.suggested), "text") == key
    assert key_of(SMALL_MODEL, recipe.replace(learning_rate=0.02), "text") != key
    assert key_of(SMALL_MODEL, recipe.replace(steps=9, seed=2), "text") == key
    assert key_of(SMALL_MODEL, recipe.replace(batch_size=24), "text") != key


@pytest.mark.parametrize("damage", ["{}", "no json", '{"schema": 1, "factors": [1], "nats": "x"}'])
def test_a_damaged_curve_is_as_if_there_were_none(tmp_path, damage):
    here = Workspace(tmp_path / "workspace")
    (here.root / "rates").mkdir(parents=True)
    (here.root / "rates" / "finder-abc.json").write_text(damage)
    assert kept_curve(here, "abc") is None


def test_the_verb_keeps_its_curve_and_touches_no_run(tiny_workspace, tmp_path, capsys):
    """On the command line, from a corpus by name, in JSON."""
    here = tmp_path / "workspace"
    shutil.copytree(tiny_workspace.root, here)
    before = sorted(path.name for path in (here / "runs").iterdir())
    (corpus,) = Workspace(here).corpora.list()
    shape = ["--context-length=32", "--d-model=16", "--n-layers=1", "--d-ff=32", "--threads=1"]
    status = main(
        [
            *("find-rate", "--corpus", corpus.id, "--seconds", "1", "--batch-size", "2", *shape),
            *("--workspace", str(here), "--json"),
        ]
    )
    assert status == 0
    told = json.loads(capsys.readouterr().out)
    assert isinstance(kept_curve(Workspace(here), told["key"]), RateCurve)
    assert sorted(path.name for path in (here / "runs").iterdir()) == before
    assert main(["doctor", "--run", "tiny", "--workspace", str(here), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["step"] == 12
