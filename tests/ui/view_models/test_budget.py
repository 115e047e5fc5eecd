"""“Enough text?” in words: the verdict, what helps, and where a time comes from."""

import pytest

from slm.model.config import PRESETS, parameter_counts
from slm.training.budget import Budget
from slm.training.config import TrainConfig, recipe_for
from slm.training.rates import Rate
from ui.figures.budget import gauge, worth
from ui.view_models import budget as words
from ui.view_models.budget import Plan

NANO = Plan("nano", PRESETS["nano"], recipe_for("nano"))


def budget(unique, steps=2_000):
    return Budget(1_000_000, unique, 10_000, steps)


@pytest.mark.parametrize(
    ("unique", "mood", "headline"),
    [
        (30_000_000, "good", "Plenty of text for this model"),
        (6_000_000, "good", "Enough text for this model"),
        (2_000_000, "fair", "Barely enough text for this model"),
        (100_000, "poor", "Too little text for this model"),
    ],
)
def test_the_verdict_is_the_texts(unique, mood, headline):
    found = words.verdict(budget(unique), bytes_per_token=3.0)
    assert (found.mood, found.headline) == (mood, headline)


def test_what_helps_is_told_with_amounts():
    """1 M parameters want 20 M tokens, so 5 M different ones; 3 M are missing, 3 bytes each."""
    found = words.verdict(budget(2_000_000), bytes_per_token=3.0)
    assert "about 9.0 MB more (3.00 M tokens)" in found.helps[0]
    assert "400.0 k parameters" in found.helps[1]
    short = words.verdict(budget(30_000_000, steps=100), bytes_per_token=3.0)
    assert short.mood == "fair" and "2,000 come to 20 tokens" in short.helps[0]
    repeats = words.verdict(budget(100_000, steps=100), bytes_per_token=3.0)
    assert not any("More steps" in each for each in repeats.helps)
    long = words.verdict(budget(100_000_000, steps=9_000), bytes_per_token=3.0)
    assert "Fewer steps, or a larger model" in long.helps[0]


def test_repeats_are_told_with_what_they_are_worth():
    found = words.verdict(budget(1_000_000), bytes_per_token=3.0)
    assert "reads the text 20.0 times, 20 tokens a parameter, worth 12 in fresh text" in found.text
    once = words.verdict(budget(20_000_000), bytes_per_token=3.0)
    assert "reads the text once, 20 tokens a parameter: about compute-optimal" in once.text


def test_counts_that_were_judged_from_a_part_say_so():
    shown = {f.label: f.value for f in words.figures(budget(5_000_000), counted=False)}
    assert shown["Tokens of text"] == "≈ 5.00 M" and shown["Epochs"] == "≈ 4.0"
    assert shown["Tokens per parameter"] == "20"


def test_the_marks_of_the_gauge_stay_on_it():
    once, read, fresh = words.marks(Budget(1_000_000_000, 10, 10, 1))
    assert once.value == read.value == fresh.value == words.zones()[0].low
    zones = words.zones()
    assert [zone.low for zone in zones[1:]] == [zone.high for zone in zones[:-1]] == [10, 40]
    figure = gauge(zones, words.marks(budget(5_000_000)), 20)
    assert [trace.x[0] for trace in figure.data] == [5, 20, pytest.approx(18.6, abs=0.1)]


def test_the_curve_ends_beyond_this_training():
    curve = words.curve(budget(100_000))
    assert curve.here[0] == 200 and curve.epochs[-1] == 250
    assert curve.here[1] == pytest.approx(16.39, abs=0.01)
    assert worth(curve).data[-1].x == (200,)


def test_time_is_measured_estimated_or_unknown_and_says_which():
    assert words.time_of(NANO, []).shown == "not measured"
    rate = Rate(10_000.0, "run", NANO.model, NANO.train, name="<b>first</b>")
    found = words.time_of(NANO, [rate])
    assert found.measured and found.shown == "2 min 3 s"  # 400 × 12 × 256 tokens
    assert "by the run <b>first</b>: 10,000 tokens/s" in found.source
    other = words.time_of(words.preset_plan("micro", 4096), [rate])
    assert not other.measured and other.shown.startswith("≈") and "estimate" in other.source


def test_a_probe_with_fewer_windows_than_training_takes_says_so():
    rate = Rate(10_000.0, "probe", NANO.model, NANO.train, rows=7)
    assert "7 windows at a time" in words.time_of(NANO, [rate]).source
    whole = Rate(10_000.0, "probe", NANO.model, NANO.train, rows=12)
    assert "at a time" not in words.time_of(NANO, [whole]).source


def test_every_preset_stands_in_the_table():
    rows = words.preset_rows(1_024, 1_000_000, [])
    assert rows["Preset"] == list(PRESETS) and len({len(column) for column in rows.values()}) == 1
    assert set(rows["Time"]) == {"not measured"}
    assert rows["Text"][0] == "barely" and rows["Text"][-1] == "too little"
    nano = sum(parameter_counts(PRESETS["nano"].replace(vocab_size=1_024)).values())
    assert rows["20 a parameter takes"][0] == f"{20 * nano / 1e6:.1f} epochs"


def test_commands_hold_what_differs_from_the_preset():
    plan = Plan("my <run>", PRESETS["nano"].replace(vocab_size=1_024), TrainConfig(steps=90))
    assert words.rate_argv(plan) == ["rate", "--preset=nano", "--vocab-size=1024", "--steps=90"]
    command = words.budget_argv(plan, "c", "t")
    assert command == ["budget", "--corpus=c", "--tokenizer=t", "--preset=nano", "--steps=90"]
