"""A design in words, in an address, and in figures."""

import pytest

from slm.errors import ConfigError
from slm.model.config import PRESETS, ModelConfig
from ui.view_models import settings
from ui.view_models.model import (
    FIELDS,
    Design,
    changes_in_words,
    design_like,
    model_view,
    read_design,
    write_design,
)

NANO = PRESETS["nano"]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_comes_back_from_the_address(preset):
    design = Design(preset, PRESETS[preset].replace(n_layers=7, dropout=0.25, window=64))
    assert read_design(write_design(design)) == design


def test_an_automatic_setting_comes_back_from_the_address():
    design = Design("nano", NANO.replace(n_kv_heads=None, qk_norm=False, norm="layernorm"))
    assert write_design(design) == "nano,n_kv_heads:auto,norm:layernorm,qk_norm:False"
    assert read_design(write_design(design)) == design


@pytest.mark.parametrize(
    "text", ["", "mega", "nano,colour:red", "nano,n_heads:5", "nano,n_layers:many", "nano,x"]
)
def test_nonsense_in_the_address_is_a_sentence(text):
    with pytest.raises(ConfigError, match=r"\.$"):
        read_design(text)


def test_the_form_asks_for_every_setting_but_the_hidden_one():
    assert set(ModelConfig.model_fields) - set(FIELDS) == {"rope_scaling"}


def test_a_run_is_told_from_the_preset_that_it_is_nearest_to():
    config = PRESETS["gpt2-124m"].replace(n_layers=6)
    assert design_like(config).preset == "gpt2-124m"


def test_changes_are_told_with_both_values():
    design = Design("nano", NANO.replace(d_model=192, n_kv_heads=None))
    assert changes_in_words(design) == (
        "Changed from nano: key-value heads 2 → automatic, width 128 → 192."
    )
    assert changes_in_words(Design("nano", NANO)) == ""


def test_gpt2_has_the_published_size():
    view = model_view(PRESETS["gpt2-124m"], 16, 10**12)
    assert view.parameters == "124.44 M"
    assert "about as many parameters as GPT-2 (124 M)" in view.comparison
    assert sum(piece.share for piece in view.parameter_pieces) == pytest.approx(1)


def test_a_model_that_does_not_fit_says_what_would_help():
    """GPT-2's weights, gradients and two averages in float32: 16 bytes each, 1.99 GB."""
    config = PRESETS["gpt2-124m"]
    crowded = model_view(config, 64, 3 * 10**9)
    assert not crowded.fits and "fewer windows at once" in crowded.memory
    hopeless = model_view(config, 1, 10**9)
    assert not hopeless.fits and "smaller shape" in hopeless.memory
    assert model_view(NANO, 12, 8 * 10**9).fits


def test_a_word_that_reads_auto_is_no_automatic_number():
    """`device` knows the word auto; `threads` is automatic when it is None."""
    from slm.training.config import TrainConfig

    config = TrainConfig(threads=2).replace(threads=None, device="auto")
    base = TrainConfig(threads=2, device="cpu")
    text = settings.to_text(settings.changes(config, base))
    assert text == "threads:auto,device:auto"
    assert settings.from_text(text, base) == config
