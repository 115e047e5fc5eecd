"""The drawing agrees with the model: every part once, with its shape and its learned numbers."""

import pytest

from slm.model.config import PRESETS, ModelConfig, parameter_counts
from slm.model.parts import parts_of
from ui.view_models.architecture import drawing_of
from ui.view_models.jobs import count
from ui.view_models.part_words import title_of, words_of


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_part_of_the_model_is_drawn_once(preset):
    config = PRESETS[preset]
    drawing = drawing_of(config, 12)
    drawn = [node.name for node in (*drawing.before, *drawing.block, *drawing.after)]
    assert drawn == [part.name for part in parts_of(config)]
    counts = parameter_counts(config)
    inside = counts["attention"] + counts["feed_forward"] + counts["norms"]
    final = config.d_model * (2 if config.norm == "layernorm" and config.bias == "all" else 1)
    assert drawing.block_parameters == count((inside - final) / config.n_layers)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_wires_run_downwards_between_parts_that_are_there(preset):
    drawing = drawing_of(PRESETS[preset], 12)
    row = {node.name: node.row for node in drawing.block}
    assert drawing.edges
    for start, end in drawing.edges:
        assert row[start] < row[end]


def test_boxes_of_a_row_do_not_overlap():
    for config in PRESETS.values():
        cells = [
            (node.row, column)
            for node in drawing_of(config, 3).block
            for column in range(node.column, node.column + node.span)
        ]
        assert len(set(cells)) == len(cells)


def test_shapes_follow_the_settings_and_the_text():
    """10 tokens, width 48, 6 heads of 8, sharing 2 key-value heads."""
    config = ModelConfig(
        vocab_size=100, context_length=32, n_heads=6, n_kv_heads=2, d_model=48, d_ff=64
    )
    drawing = drawing_of(config, 10)
    sizes = {node.name: node.sizes for node in (*drawing.block, *drawing.after)}
    assert sizes["query"] == "6×10×8" and sizes["key_ready"] == "2×10×8"
    assert sizes["weights"] == "6×10×10" and sizes["gate"] == "10×64"
    assert sizes["logits"] == "10×100"


def test_only_what_the_model_has_is_drawn_and_named():
    gpt2 = PRESETS["gpt2-124m"]
    names = [node.name for node in drawing_of(gpt2, 5).block]
    assert "gate" not in names and "query_ready" not in names
    assert ("query", "scores") in drawing_of(gpt2, 5).edges
    assert title_of(gpt2, "attention_norm") == "Attention: LayerNorm"
    assert words_of(gpt2, "hidden").title == "GELU"
    windowed = ModelConfig(window=16)
    assert "16 positions" in words_of(windowed, "scores").note


def test_titles_tell_all_parts_of_a_model_apart():
    for config in PRESETS.values():
        titles = [title_of(config, part.name) for part in parts_of(config)]
        assert len(set(titles)) == len(titles)
