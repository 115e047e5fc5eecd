"""One part beside the drawing, in words."""

import numpy as np

from slm.model.config import PRESETS, ModelConfig
from slm.model.parts import PARTS
from slm.model.pictures import picture
from ui.view_models import part_panel as words

NANO = PRESETS["nano"]
GPT = PRESETS["gpt2-124m"]


def test_numbers_of_another_shape_say_whose_they_are():
    same = words.whose_numbers("Demo", 3600, NANO, NANO, ", block 1")
    assert same == "Numbers of Demo, step 3,600, block 1."
    other = words.whose_numbers("Demo", 3600, NANO, GPT, "")
    assert "another shape than the drawing (3 blocks of width 128" in other


def test_the_block_and_head_shown_are_told_where_there_are_any():
    assert words.place_in_words(NANO, PARTS["gate"], 2, 0) == ", block 2"
    assert words.place_in_words(NANO, PARTS["logits"], 2, 0) == ""


def test_short_code_is_shown_whole():
    assert words.code_height("a\n" * 3) == "content"
    assert words.code_height("a\n" * 80) == 420


def test_a_part_that_the_trained_model_lacks_says_so():
    assert words.missing_there(PARTS["gate"], NANO, NANO) is None
    told = words.missing_there(PARTS["gate"], GPT, NANO)
    assert told is not None and told.startswith("Feed-forward: Gate is a part of your design")


def test_blocks_and_heads_beyond_the_trained_model_fall_back_to_its_last():
    assert words.place_there(NANO, PARTS["query"], 11, 11) == (2, 3)
    assert words.place_there(NANO, PARTS["value"], 0, 3) == (0, 1)
    assert words.place_there(NANO, PARTS["gate"], 1, 3) == (1, 0)


def test_figures_name_what_the_picture_leaves_out():
    matrix = np.zeros((30, 10))
    matrix[0, 0], matrix[1, 1] = 9.0, np.nan
    matrix[2, :] = 1.0
    told = words.figures_of(picture(matrix, cell="mean"))
    assert "largest 9" in told and "1 lies beyond the colours' ends (±1)" in told
    assert "1 are hidden" in told


def test_the_weights_of_a_part_are_listed_with_their_shapes():
    rows = words.shape_rows(GPT, PARTS["query"], 3, 7)
    assert rows["Tensor"] == [
        "what leaves it",
        "blocks.3.attention.query.weight",
        "blocks.3.attention.query.bias",
    ]
    assert rows["Shape"] == ["12 × 7 × 64", "768 × 768", "768"]
    assert rows["Parameters"][1] == "589,824"


def test_attention_has_tokens_on_both_sides_and_a_scale_from_zero():
    shown = picture(np.eye(2), cell="mean")
    heat = words.values_heat(shown, PARTS["weights"], ["a", "b"], "mean")
    assert heat.shares and heat.row_names == heat.column_names == ("a", "b")
    stream = words.values_heat(shown, PARTS["stream"], ["a", "b"], "largest")
    assert not stream.shares and stream.column_names == ()
    assert stream.column_title == "dimension of the stream"


def test_only_what_shares_a_matrix_by_head_says_which_head():
    assert words.head_note(NANO, PARTS["query"], 2) == ", rows of head 2"
    assert words.head_note(NANO, PARTS["attention_output"], 2) == ", columns of head 2"
    assert words.head_note(NANO, PARTS["gate"], 0) == ""
    assert words.head_note(ModelConfig(n_heads=1), PARTS["query"], 0) == ""


def test_a_long_text_says_that_its_beginning_is_shown():
    assert words.cut_note(24, 24) is None
    assert words.cut_note(63, 24) == "The text has 63 tokens; the first 24 are shown."
