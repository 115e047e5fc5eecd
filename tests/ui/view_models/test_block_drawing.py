"""The drawing of the model agrees with the model: shapes, and every learned number once."""

import pytest

from slm.model.config import PRESETS, ModelConfig, parameter_counts
from ui.view_models.block_drawing import block_drawing


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_parts_add_up_to_the_whole_model(preset):
    config = PRESETS[preset]
    assert block_drawing(config).parameters == sum(parameter_counts(config).values())


def test_shapes_follow_the_settings():
    """2 texts of 10 tokens, width 48, 6 heads of 8, sharing 2 key-value heads."""
    config = ModelConfig(
        vocab_size=100, context_length=32, n_heads=6, n_kv_heads=2, d_model=48, d_ff=64
    )
    drawing = block_drawing(config, batch_size=2, n_tokens=10)
    attention, mlp = drawing.branches
    shapes = {
        (part.name, shape.name): shape.sizes for part in attention.parts for shape in part.out
    }
    assert drawing.stream.sizes == (2, 10, 48)
    assert shapes["projections", "query"] == (2, 6, 10, 8)
    assert shapes["projections", "key, value"] == (2, 2, 10, 8)
    assert shapes["scores", "weights"] == (2, 6, 10, 10)
    assert shapes["mixture", ""] == (2, 10, 48)
    assert mlp.parts[1].out[0].sizes == (2, 10, 64)
    assert drawing.after[-1].out[0].sizes == (2, 10, 100)


def test_each_letter_has_one_size():
    for config in PRESETS.values():
        drawing = block_drawing(config, batch_size=3)
        parts = [*drawing.before, *drawing.after]
        parts += [part for branch in drawing.branches for part in branch.parts]
        for shape in (drawing.ids, drawing.stream, *(s for part in parts for s in part.out)):
            assert len(shape.letters.split("×")) == len(shape.sizes)


def test_only_what_the_model_has_is_drawn():
    gpt2 = block_drawing(PRESETS["gpt2-124m"])
    assert [part.name for part in gpt2.before] == ["token_embedding", "position_embedding"]
    assert "positions" not in [part.name for part in gpt2.branches[0].parts]
    assert gpt2.branches[0].parts[0].title == "LayerNorm"
    assert gpt2.branches[1].parts[1].title == "Up → GELU"


def test_a_window_is_said():
    windowed = block_drawing(ModelConfig(window=16))
    scores = next(part for part in windowed.branches[0].parts if part.name == "scores")
    assert "the last 16 positions" in scores.detail
