import numpy as np
import pytest

from slm.sampling.filters import FILTERS, SamplingConfig, next_token_distribution
from ui.view_models.sampling import (
    choice_view,
    config_of,
    controls,
    write_order,
)

LOGITS_V = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
WORDS = [b"a", b" b", b" ", b"\n"]


def view(shown=20, vocab_size=4, **settings):
    config = SamplingConfig(**{"temperature": 1, "top_k": 0, **settings})
    distribution = next_token_distribution(LOGITS_V, config)
    return choice_view(distribution, config, WORDS.__getitem__, vocab_size, shown)


def test_bars_stand_in_the_models_order_with_visible_tokens():
    assert [bar.label for bar in view().bars] == ["a", "·b", "·", "⏎"]
    assert [round(bar.model, 3) for bar in view().bars] == [0.5, 0.3, 0.15, 0.05]


def test_bars_keep_their_places_while_settings_change():
    assert [b.label for b in view(temperature=0.2).bars] == [b.label for b in view().bars]


def test_a_cut_token_says_which_filter_cut_it():
    """Top-k 3 drops the last; top-p 0.7 needs 0.5 + 0.3, so the third goes too."""
    bars = view(top_k=3, top_p=0.7).bars
    assert [bar.cut_by for bar in bars] == [None, None, "top-p", "top-k"]
    assert [round(bar.final, 3) for bar in bars] == [0.625, 0.375, 0, 0]


def test_greedy_says_so_and_cuts_half_of_the_mass():
    greedy = view(temperature=0)
    assert [bar.cut_by for bar in greedy.bars] == [None, "greedy", "greedy", "greedy"]
    assert "greedy" in greedy.notes[0]
    assert "**50%** is cut" in greedy.summary


def test_tokens_that_are_not_shown_share_the_last_bar():
    bars = view(shown=2).bars
    assert bars[-1].label == "2 others"
    assert bars[-1].model == pytest.approx(0.2, abs=1e-6)
    assert bars[-1].cut_by is None
    assert view(shown=2, top_k=2).bars[-1].cut_by == "the filters"


def test_top_k_above_the_vocabulary_is_clamped_and_says_so():
    assert "above the vocabulary of 4" in view(top_k=9).notes[0]


def test_ids_beyond_the_tokenizer_have_a_name():
    assert view(vocab_size=3).bars[-1].label == "⟨id 3⟩"


def test_tokens_that_look_alike_keep_a_bar_each():
    config = SamplingConfig(temperature=1, top_k=0)
    distribution = next_token_distribution(LOGITS_V, config)
    same = choice_view(distribution, config, lambda token: b"x", 4)
    assert len({bar.label for bar in same.bars}) == 4


def test_the_summary_counts_choices_by_entropy():
    """Two equal tokens: ln 2 nats, as among 2."""
    config = SamplingConfig(temperature=1, top_k=0)
    halves = next_token_distribution(np.zeros(2, dtype=np.float32), config)
    told = choice_view(halves, config, WORDS.__getitem__, 2).summary
    assert "entropy 0.69 → **0.69** nats, as among 2.0 → **2.0** tokens" in told


def test_sliders_come_from_the_settings_declaration():
    asked = controls()
    assert set(asked) == set(SamplingConfig.model_fields) - {"order"}
    temperature = asked["temperature"]
    assert (temperature.low, temperature.high, temperature.step) == (0.0, 2.0, 0.05)
    assert temperature.default == SamplingConfig().temperature
    assert asked["top_k"].whole and not asked["top_p"].whole


def test_settings_are_read_from_session_state_and_else_default():
    config = config_of({"temperature": 0.3, "sampling_seed": 7, "seed": 99})
    assert (config.temperature, config.seed, config.top_k) == (0.3, 7, 50)


def test_an_order_of_filters_goes_through_the_address():
    turned = ("top_k", *(name for name in FILTERS if name != "top_k"))
    assert config_of({"filter_order": write_order(turned)}).order == turned
    assert write_order(FILTERS) == ""
    assert config_of({"filter_order": "top_k,top_k"}).order == FILTERS
