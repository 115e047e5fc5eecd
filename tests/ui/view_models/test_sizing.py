"""The dial, the last change and the machines, in words."""

import pytest

from slm.model.config import PRESETS, ModelConfig, parameter_counts
from slm.model.fits import MACHINES, fits
from ui.view_models import sizing

NANO = PRESETS["nano"]


@pytest.mark.parametrize("vocab_size", [None, 1024, 50_257])
def test_the_dial_stands_where_the_design_is(vocab_size):
    for preset in ("micro", "small", "tinyllama-1.1b"):
        dial = sizing.dial(PRESETS[preset], vocab_size)
        assert dial.here in dial.places
    design = sizing.design_of_size(dial.places[-10], vocab_size)
    assert sizing.dial(design.config, vocab_size).here == dial.places[-10]


def test_the_dial_takes_the_recipe_of_the_preset_of_that_size():
    design = sizing.design_of_size(12_000_000, 1024)
    assert design.preset == "mini"
    assert sum(parameter_counts(design.config).values()) == pytest.approx(12e6, rel=0.05)


def test_a_change_without_cost_says_unchanged():
    """Without query/key norm the matrices stay as they are: a few norms fewer, no FLOP less."""
    told = sizing.effects(NANO.replace(qk_norm=False), NANO, 12, "muon")
    by_label = {effect.label: effect for effect in told.figures}
    assert by_label["FLOPs per token"].moved == "unchanged"
    assert by_label["FLOPs per token"].direction == "off"
    assert by_label["Parameters"].moved == "-0.02%"
    assert by_label["Parameters"].direction == "down"
    assert by_label["Memory, training"].moved.startswith("-")


def test_fewer_key_value_heads_halve_the_cache():
    told = sizing.effects(NANO.replace(n_kv_heads=1), NANO, 12, "muon")
    assert told.cache.endswith("196.6 kB (-50%).")


def test_before_the_first_change_nothing_moved():
    told = sizing.effects(NANO, None, 12, "muon")
    assert all(effect.moved is None for effect in told.figures)
    assert sizing.last_change(None, NANO) == sizing.last_change(NANO, NANO) == ""
    assert sizing.last_change(NANO, NANO.replace(n_kv_heads=None)) == (
        "Last change: key-value heads 2 → automatic."
    )


def test_a_fall_to_a_fraction_points_down_and_says_how_many_times():
    told = sizing.effects(NANO, PRESETS["phi-3-mini"], 12, "muon")
    parameters = told.figures[0]
    assert (parameters.moved, parameters.direction) == ("÷3,948", "down")  # 3.82 B to 967.7 k
    back = sizing.effects(PRESETS["phi-3-mini"], NANO, 12, "muon").figures[0]
    assert (back.moved, back.direction) == ("×3,948", "up")


def test_many_changes_at_once_are_told_in_one_line():
    told = sizing.last_change(NANO, PRESETS["gpt2-124m"])
    assert told.count("→") == 4
    assert told.endswith("settings more.")


def test_the_table_says_what_fits_and_what_does_not():
    rows = sizing.fit_rows(fits(PRESETS["medium"], 16, MACHINES))
    assert rows["Machine"][0] == "Laptop, 8 GB"
    assert rows["Training"][0].startswith("fewer windows")
    assert rows["Training"][-1].startswith("✓")
    hopeless = sizing.fit_rows(fits(PRESETS["phi-3-mini"], 4, MACHINES[:1]))
    assert hopeless["Training"][0].startswith("✗ not even one window")
    assert hopeless["Writing"][0].startswith("✗")
    one = sizing.fit_rows(fits(ModelConfig(), 1, MACHINES[:1]))
    assert "texts at once" in one["Writing"][0]
